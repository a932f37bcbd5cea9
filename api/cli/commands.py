"""The commands of `quintet`: what each takes, and what it prints.

Exit codes: 0 done, 1 it could not be done, 2 the command or the configuration is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from functools import wraps
from pathlib import Path

from api.cli.printing import fail, print_line, say, write
from api.dialects import built
from api.logs import configure
from api.logs.filter import LogFilter, parse_time
from api.logs.lines import LEVELS
from api.logs.viewer import follow, lines_of, view, view_timeline
from api.process.secret_store import DataDirError, Secrets
from api.process.version import quintet_version
from api.settings import ConfigError, LogSettings, Settings, config_path, load_settings
from api.settings.old_names import old_names_hints


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return the exit code."""
    options = _parser().parse_args(arguments)
    # Warnings must not mix with the answer; `serve` then logs as its settings say.
    configure(LogSettings(level="warning", format="console"), handle=2)
    try:
        code: int = options.command(options)
    except ConfigError as error:
        return fail(f"the configuration is wrong:\n{error}", 2)
    except DataDirError as error:
        return fail(str(error), 1)
    except BrokenPipeError:  # `quintet logs … | head`
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        return 0
    except KeyboardInterrupt:
        return 130
    return code


def serve(options: argparse.Namespace) -> int:
    """Run the server until it is told to stop."""
    settings = _settings(options)
    from api.process import server  # the other commands do without all that it imports

    try:
        return server.run(settings)
    except (server.StartError, server.StoreAway) as error:
        return fail(str(error), 1)
    except server.StoreWrong as error:
        return fail(str(error), 2)


def check_config(options: argparse.Namespace) -> int:
    """Say whether a configuration can be used."""
    settings = _settings(options)
    served = "; ".join(
        f"{'https' if each.secure else 'http'}://{each.bind} {', '.join(each.dialects)}"
        for each in settings.listeners
    )
    of_dialects = (hint for dialect in built() for hint in dialect.hints(settings))
    for hint in (*old_names_hints(settings.old_names), *of_dialects):
        say(f"quintet: warning: {hint}")
    print_line(f"{settings.file or 'embedded defaults'}: ok ({served})")
    return 0


def show_secrets(options: argparse.Namespace) -> int:
    """Print the secrets in use, generating those that are missing."""
    settings = _settings(options)
    if options.instead is not None:
        code: int = options.instead(settings)
        return code
    store = Secrets(settings.server.data_dir)
    found: dict[str, str] = {}
    for dialect in built():
        found |= dialect.secrets(settings, store)
    found = dict(sorted((store.all() | found).items()))
    if options.name:
        if options.name not in found:
            return fail(f"no secret is called {options.name!r}; there are: {', '.join(found)}", 2)
        print_line(found[options.name])
        return 0
    width = max(map(len, found))
    for name, value in found.items():
        print_line(f"{name:<{width}}  {value}")
    return 0


def show_logs(options: argparse.Namespace) -> int:
    """Print chosen log entries for people."""
    wanted = LogFilter(
        room=options.timeline or options.room,
        peer=options.peer,
        dialect=options.dialect,
        actor=options.actor,
        level=options.level,
        event=options.event,
        since=options.since,
        until=options.until,
    )
    show = view_timeline if options.timeline else view
    colour = sys.stdout.isatty()
    try:
        if options.file == "-":
            show(lines_of(sys.stdin.buffer), wanted, write, colour=colour)
        elif options.follow:
            show(follow(Path(options.file)), wanted, write, colour=colour)
        else:
            with Path(options.file).open("rb") as file:
                show(lines_of(file), wanted, write, colour=colour)
    except BrokenPipeError:
        raise
    except OSError as error:
        return fail(f"cannot read {options.file}: {error.strerror}", 1)
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    return load_settings(config_path(options.config))


def _with_settings(
    run: Callable[[Settings, argparse.Namespace], int],
) -> Callable[[argparse.Namespace], int]:
    """Return a dialect's command as one that reads the settings first."""

    @wraps(run)
    def command(options: argparse.Namespace) -> int:
        return run(_settings(options), options)

    return command


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="quintet", description="A server for real-time communication."
    )
    parser.add_argument("--version", action="version", version=f"quintet {quintet_version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    config = argparse.ArgumentParser(add_help=False)
    config.add_argument(
        "--config",
        type=Path,
        metavar="FILE",
        help="TOML file; else the one QUINTET_CONFIG names, else embedded defaults",
    )

    def add(
        name: str,
        command: Callable[[argparse.Namespace], int],
        parents: Sequence[argparse.ArgumentParser] = (),
    ) -> argparse.ArgumentParser:
        text = command.__doc__ or ""
        each = commands.add_parser(name, help=text, description=text, parents=list(parents))
        each.set_defaults(command=command)
        return each

    add("serve", serve, [config])
    check = add("check-config", check_config)
    check.add_argument("config", nargs="?", type=Path, metavar="FILE", help="as serve --config")
    kept = add("secrets", show_secrets, [config])
    kept.add_argument("name", nargs="?", help="print the value of this one only")
    kept.set_defaults(instead=None)
    for option in (option for dialect in built() for option in dialect.secrets_options):
        kept.add_argument(
            option.flag, dest="instead", action="store_const", const=option.run, help=option.help
        )
    _add_log_options(add("logs", show_logs))
    for command in (command for dialect in built() for command in dialect.commands):
        command.add_options(add(command.name, _with_settings(command.run), [config]))
    return parser


def _add_log_options(logs: argparse.ArgumentParser) -> None:
    logs.add_argument("file", metavar="FILE|-", help="JSON lines of ours; - is standard input")
    for name, text in (
        ("room", "of this room"),
        ("peer", "of this peer"),
        ("dialect", "of this dialect"),
        ("actor", "of the actor at this path, and of all below it"),
        ("event", "of this event, such as peer.joined or room.*"),
    ):
        logs.add_argument(f"--{name}", default="", help=f"only entries {text}")
    logs.add_argument("--level", choices=list(LEVELS), default="", help="this bad or worse")
    for name, text in (("since", "not before"), ("until", "not after")):
        logs.add_argument(
            f"--{name}",
            type=_moment,
            metavar="T",
            help=f"{text}: 10m (ago; s, m, h, d), 14:30, or an ISO time; in UTC",
        )
    logs.add_argument("-f", "--follow", action="store_true", help="wait for more")
    logs.add_argument("--timeline", metavar="ROOM", default="", help="one room's life, in seconds")


def _moment(text: str) -> datetime:
    try:
        return parse_time(text, datetime.now(UTC))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"cannot read the time {text!r}") from None
