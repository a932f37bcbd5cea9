"""The commands of `quintet`: what each takes, and what it prints.

Exit codes: 0 done, 1 it could not be done, 2 the command or the configuration is wrong.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

from api.logs import configure
from api.logs.filter import LogFilter, parse_time
from api.logs.lines import LEVELS
from api.logs.viewer import follow, lines_of, view, view_timeline
from api.process.secret_store import DataDirError, Secrets
from api.process.version import quintet_version
from api.settings import ConfigError, LogSettings, Settings, config_path, load_settings
from api.settings.hints import hints

_DAY = 86_400


def run(arguments: Sequence[str]) -> int:
    """Carry out one command line and return the exit code."""
    options = _parser().parse_args(arguments)
    # Warnings must not mix with the answer; `serve` then logs as its settings say.
    configure(LogSettings(level="warning", format="console"), handle=2)
    try:
        code: int = options.command(options)
    except ConfigError as error:
        return _fail(f"the configuration is wrong:\n{error}", 2)
    except DataDirError as error:
        return _fail(str(error), 1)
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
        return _fail(str(error), 1)
    except server.StoreWrong as error:
        return _fail(str(error), 2)


def check_config(options: argparse.Namespace) -> int:
    """Say whether a configuration can be used."""
    settings = _settings(options)
    served = "; ".join(
        f"{'https' if each.secure else 'http'}://{each.bind} {', '.join(each.dialects)}"
        for each in settings.listeners
    )
    for hint in hints(settings):
        _say(f"quintet: warning: {hint}")
    _print(f"{settings.file or 'embedded defaults'}: ok ({served})")
    return 0


def show_secrets(options: argparse.Namespace) -> int:
    """Print the secrets in use, generating those that are missing."""
    settings = _settings(options)
    if options.rotate_auvious_key:
        return _rotate_auvious_key(settings)
    store = Secrets(settings.server.data_dir)
    found = {
        name: store.text(name, configured) for name, configured in _secrets_of(settings).items()
    }
    found |= _owt_services(store, settings)
    found = dict(sorted((store.all() | found).items()))
    if options.name:
        if options.name not in found:
            return _fail(f"no secret is called {options.name!r}; there are: {', '.join(found)}", 2)
        _print(found[options.name])
        return 0
    width = max(map(len, found))
    for name, value in found.items():
        _print(f"{name:<{width}}  {value}")
    return 0


def _rotate_auvious_key(settings: Settings) -> int:
    from api.auvious.keys import rotate  # the other commands do without the dialect

    _print(rotate(settings.server.data_dir))
    _say("note: a running server signs with it after a SIGHUP")
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
            show(lines_of(sys.stdin.buffer), wanted, _write, colour=colour)
        elif options.follow:
            show(follow(Path(options.file)), wanted, _write, colour=colour)
        else:
            with Path(options.file).open("rb") as file:
                show(lines_of(file), wanted, _write, colour=colour)
    except BrokenPipeError:
        raise
    except OSError as error:
        return _fail(f"cannot read {options.file}: {error.strerror}", 1)
    return 0


def spreed_user(options: argparse.Namespace) -> int:
    """Print the useridcombo and secret with which a user signs in to Spreed WebRTC."""
    from api.spreed.auth import make_login  # the other commands do without the dialect

    settings = _settings(options)
    users = settings.spreed.users
    key = Secrets(settings.server.data_dir).text("spreed.users.shared_secret", users.shared_secret)
    expiry = int(time.time()) + options.days * _DAY
    login = make_login(options.userid, key, expiry)
    answer = {"useridcombo": login.combo, "secret": login.secret}
    if options.json:
        whole = {"userid": options.userid, **answer, "timestamp": expiry}
        _print(json.dumps(whole, ensure_ascii=False))
    else:
        for name, value in answer.items():
            _print(f"{name}: {value}")
    if not (users.enabled and users.mode == "sharedsecret"):
        _say(
            "note: the server takes this once [spreed.users] has enabled = true, mode sharedsecret"
        )
    return 0


def _secrets_of(settings: Settings) -> dict[str, str]:
    """Return the secrets that what is built may need: name, and the configured value if any."""
    clients = [client for client in settings.auvious.clients if not client.public]
    return {
        "operator.token": settings.operator.token,
        "spreed.session_key": "",
        "spreed.users.shared_secret": settings.spreed.users.shared_secret,
        **{client.secret_name: client.secret for client in clients},
    }


def _owt_services(store: Secrets, settings: Settings) -> dict[str, str]:
    """Return ids and keys of the OWT services that are always there, in the original's names."""
    from api.owt.bootstrap import sample_credentials, super_credentials

    first, sample = super_credentials(store, settings.owt), sample_credentials(store, settings.owt)
    return {
        "owt.super_service_id": first.id,
        "owt.super_service_key": first.key,
        "owt.sample_service_id": sample.id,
        "owt.sample_service_key": sample.key,
    }


def owt_sign(options: argparse.Namespace) -> int:
    """Print an Authorization header that signs one request to the OWT management API."""
    from api.owt.management.mauth import make_header

    settings = _settings(options)
    service, key = options.service, options.key
    if bool(service) != bool(key):
        return _fail("--service and --key go together", 2)
    if not service:
        known = _owt_services(Secrets(settings.server.data_dir), settings)
        kind = "super" if options.super else "sample"
        service, key = known[f"owt.{kind}_service_id"], known[f"owt.{kind}_service_key"]
    if bool(options.user) != bool(options.role):
        return _fail("--user and --role go together", 2)
    milliseconds = time.time_ns() // 1_000_000
    nonce = secrets.token_hex(8)
    header = make_header(service, key, milliseconds, nonce, options.user, options.role)
    _print(f"Authorization: {header}")
    return 0


def _settings(options: argparse.Namespace) -> Settings:
    return load_settings(config_path(options.config))


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
    kept.add_argument(
        "--rotate-auvious-key",
        action="store_true",
        help="make a new key that signs the tokens of Auvious, and print its id",
    )
    _add_log_options(add("logs", show_logs))
    user = add("spreed-user", spreed_user, [config])
    user.add_argument("userid", type=_userid, metavar="USERID")
    user.add_argument("--days", type=_days, default=30, help="how long it is good for (30)")
    user.add_argument("--json", action="store_true", help="print one JSON object")
    sign = add("owt-sign", owt_sign, [config])
    sign.add_argument("--service", default="", metavar="ID", help="else the sample service")
    sign.add_argument("--key", default="", help="its key; else that of the sample service")
    sign.add_argument("--super", action="store_true", help="sign as the super service")
    sign.add_argument("--user", default="", help="the user of a token, with --role")
    sign.add_argument("--role", default="", help="the role of a token, with --user")
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


def _userid(text: str) -> str:
    if not text or ":" in text or not text.isprintable():
        raise argparse.ArgumentTypeError("a user id is not empty and has no colon")
    return text


def _days(text: str) -> int:
    days = int(text)
    if not 0 < days <= 36_500:
        raise argparse.ArgumentTypeError("must be from 1 to 36500")
    return days


def _moment(text: str) -> datetime:
    try:
        return parse_time(text, datetime.now(UTC))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"cannot read the time {text!r}") from None


def _write(text: str) -> None:
    sys.stdout.write(text)
    sys.stdout.flush()


def _print(text: str) -> None:
    _write(text + "\n")


def _say(text: str) -> None:
    sys.stderr.write(text + "\n")


def _fail(text: str, code: int) -> int:
    _say(f"quintet: {text}")
    return code
