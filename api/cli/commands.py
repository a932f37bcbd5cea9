"""The commands of `quintet`: what each takes, and what it prints.

Exit codes: 0 done, 1 it could not be done, 2 the command or the configuration is wrong.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from functools import wraps
from io import TextIOWrapper
from pathlib import Path

from api.cli.live import LiveError
from api.cli.live_parsers import add_live_commands, with_marked_ids
from api.cli.log_command import add_log_command
from api.cli.papers import example_config, systemd_unit
from api.cli.printing import fail, print_line, say
from api.cli.server_place import settings_of_server, which_config
from api.dialect import DialectCommand
from api.dialects import built
from api.logs import configure
from api.process.secret_store import DataDirError, NoDataDir, Secrets
from api.process.version import quintet_version
from api.settings import ConfigError, LogSettings, Settings, config_path, load_settings, settings_of
from api.settings.hints import hints
from api.settings.old_names import old_names_hints


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return the exit code."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # names may be in any script, terminals not
            stream.reconfigure(errors="backslashreplace")
    options = _parser().parse_args(with_marked_ids(arguments))
    # Warnings must not mix with the answer; `serve` then logs as its settings say.
    configure(LogSettings(level="warning", format="console"), handle=2)
    try:
        code: int = options.command(options)
    except ConfigError as error:
        return fail(f"the configuration is wrong:\n{error}", 2)
    except LiveError as error:
        return fail(str(error), error.exit_code)
    except NoDataDir as error:
        if config_path(options.config) is None:
            return fail(f"{error}; {which_config()}", 2)
        return fail(str(error), 1)
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
    for hint in (*old_names_hints(settings.old_names), *hints(settings), *of_dialects):
        say(f"quintet: warning: {hint}")
    print_line(f"{settings.file or 'embedded defaults'}: ok ({served})")
    return 0


def show_secrets(options: argparse.Namespace) -> int:
    """Print the secrets in use; those missing in an existing data_dir are generated."""
    settings = settings_of_server(options.config)
    if options.instead is not None:
        code: int = options.instead(settings)
        return code
    store = Secrets(settings.server.data_dir)
    found: dict[str, str] = {}
    missing: NoDataDir | None = None
    for dialect in built():
        try:
            found |= dialect.secrets(settings, store)
        except NoDataDir as error:  # all that are configured are known without it
            missing = error
    found = dict(sorted((store.all() | found).items()))
    if missing is not None and options.name not in found:
        raise missing
    if options.name:
        if options.name not in found:
            return fail(f"no secret is called {options.name!r}; there are: {', '.join(found)}", 2)
        print_line(found[options.name])
        return 0
    width = max(map(len, found))
    for name, value in found.items():
        print_line(f"{name:<{width}}  {value}")
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    return load_settings(config_path(options.config))


def _of_dialect(command: DialectCommand) -> Callable[[argparse.Namespace], int]:
    """Return a dialect's command as one that takes its options only."""

    @wraps(command.run)
    def run(options: argparse.Namespace) -> int:
        needed = command.reads_config
        settings = settings_of_server(options.config) if needed else settings_of({})
        return command.run(settings, options)

    return run


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
    add_log_command(add, config)
    add_live_commands(add, config)
    add("example-config", example_config)
    add("systemd-unit", systemd_unit)
    for command in (command for dialect in built() for command in dialect.commands):
        command.add_options(add(command.name, _of_dialect(command), [config]))
    return parser
