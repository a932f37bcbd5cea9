"""Which server a command is about: its configuration, the address it is met at, and its token."""

from __future__ import annotations

import argparse
import getpass
import os
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from api.cli.live import Live, LiveError, url_of
from api.cli.printing import say
from api.operator.settings import OperatorSettings
from api.process.secret_store import NoDataDir, Secrets
from api.settings import ListenerSettings, Settings, config_path, load_settings

SYSTEM_CONFIG = Path("/etc/quintet/config.toml")
_MARKS = ("secrets.toml", "lock")  # what a server leaves in its data_dir
_LONGEST_NAME = 64


def settings_of_server(given: Path | None) -> Settings:
    """Return the settings of the server that a command is about.

    They are those of the file that is given, or of QUINTET_CONFIG. Without either, a server that
    was started in this folder has the embedded defaults, and anywhere else SYSTEM_CONFIG is read,
    which is said. Raises ConfigError, and NoDataDir where a folder has the name of data_dir only.
    """
    path = config_path(given)
    if path is not None:
        return load_settings(path)
    settings = load_settings(None)
    data_dir = settings.server.data_dir
    if any((data_dir / mark).exists() for mark in _MARKS):
        return settings
    if SYSTEM_CONFIG.exists():
        say(f"note: the configuration is {SYSTEM_CONFIG}")
        return load_settings(SYSTEM_CONFIG)
    if data_dir.exists():
        raise NoDataDir(f"no server has used {data_dir} as its data_dir")
    return settings


def which_config() -> str:
    """Say what a command needs that found no server's data."""
    return (
        "which configuration does your server have? Name it by --config or QUINTET_CONFIG "
        f"({SYSTEM_CONFIG} is not there)"
    )


def live_server(options: argparse.Namespace) -> Live:
    """Return the running server, on loopback or at `--url`, with the operator's token.

    Raises ConfigError, DataDirError, LiveError.
    """
    if options.url and options.token_file:
        return Live(options.url, _token_of(options.token_file), _user())
    settings = settings_of_server(options.config)
    name = str(settings.file or "the embedded defaults")
    url, certificate = options.url, None
    if not url:
        listener = operator_listener(settings.listeners, name)
        url, certificate = local_url(listener), listener.tls_certfile
    if options.token_file:
        token = _token_of(options.token_file)
    else:
        kept = Secrets(settings.server.data_dir)
        token = kept.known("operator.token", settings.section(OperatorSettings).token)
        if not token:
            raise LiveError(f"the server of {name} has no operator's token yet: is it running?", 1)
    return Live(url, token, _user(), certificate)


def operator_listener(listeners: tuple[ListenerSettings, ...], name: str) -> ListenerSettings:
    """Return the listener over which this machine reaches the operator's paths. Raises LiveError.

    `name` is what the configuration is called.
    """
    serving = [each for each in listeners if "operator" in each.dialects]
    if not serving:
        raise LiveError(f'no listener of {name} has "operator" among its dialects', 2)
    near = [each for each in serving if each.loopback or _is_wildcard(each.host)]
    if not near:
        url = url_of(serving[0].secure, serving[0].host, serving[0].port)
        raise LiveError(f"{name} serves operator beyond loopback only: say --url {url}", 2)
    known = [each for each in near if each.port]
    if not known:
        raise LiveError(f"the listener of {name} has port 0, which says nothing: say --url", 2)
    return min(known, key=lambda each: not each.loopback)


def local_url(listener: ListenerSettings) -> str:
    """Return the address of a listener on this machine: loopback, where it takes any."""
    host = listener.host
    if _is_wildcard(host):
        host = "::1" if ":" in host else "127.0.0.1"
    return url_of(listener.secure, host, listener.port)


def web_address(text: str) -> str:
    """Check the value of `--url`; returns it without a trailing slash."""
    try:
        parts = urlsplit(text)
        good = parts.scheme in ("http", "https") and parts.hostname and parts.port != 0
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or "@" in parts.netloc:
        raise argparse.ArgumentTypeError('must be like "https://rtc.example.org"')
    return text.rstrip("/")


def _is_wildcard(host: str) -> bool:
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False


def _token_of(file: Path) -> str:
    try:
        token = file.read_text("ascii").strip()
    except OSError as error:
        raise LiveError(f"cannot read {file}: {error.strerror}", 1) from None
    except ValueError:
        token = ""
    if not token or not token.isprintable():
        raise LiveError(f"{file} does not hold a token", 1)
    return token


def _user() -> str:
    """Return who orders, as the log of the server names them: who called sudo, else the user."""
    name = os.environ.get("SUDO_USER", "")
    try:
        name = name or getpass.getuser()
    except (OSError, KeyError):  # a user without a name, as in a container
        name = f"user {os.getuid()}"
    return "".join(char for char in name if " " <= char <= "~")[:_LONGEST_NAME]
