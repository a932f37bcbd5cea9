"""Echo, as the server knows it."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from api.cli.printing import print_line
from api.dialect import Dialect, DialectCommand
from api.settings.fields import Positive, Secret, Section
from api.settings.findings import Found

if TYPE_CHECKING:
    from api.http.mounts import Mount, Place, Services
    from api.process.secret_store import Secrets
    from api.settings import Settings


class EchoSettings(Section):
    """The section [echo]."""

    greeting: str = "hello"
    longest: Positive = 1000
    key: Secret = ""


def problems(settings: Settings) -> Found:
    """Find a greeting that no client could send back."""
    echo = settings.section(EchoSettings)
    if len(echo.greeting.encode()) > echo.longest:
        yield ("echo", "greeting"), f"is longer than echo.longest ({echo.longest})"


def kept_secrets(settings: Settings, store: Secrets) -> Mapping[str, str]:
    return {"echo.key": store.text("echo.key", settings.section(EchoSettings).key)}


def echo_greeting(settings: Settings, options: Namespace) -> int:
    """Print what a client is greeted with."""
    print_line(" ".join([settings.section(EchoSettings).greeting] * options.times))
    return 0


def add_options(parser: ArgumentParser) -> None:
    parser.add_argument("--times", type=int, default=1, help="how often (1)")


def open_echo(services: Services) -> Callable[[Place], Mount]:
    from api.echo.mount import open_mount  # commands do without it
    from api.echo.state import EchoState

    state = EchoState.open(services)
    return lambda place: open_mount(state, place)


ECHO = Dialect(
    name="echo",
    open=open_echo,
    section=EchoSettings,
    prefixes=("/echo",),
    reloadable=("greeting",),
    problems=problems,
    secrets=kept_secrets,
    commands=(DialectCommand("echo-greeting", echo_greeting, add_options),),
)
