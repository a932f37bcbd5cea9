"""SkyWay WebRTC Gateway, as the server knows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from api.dialect import Dialect
from api.skyway.settings import PREFIXES, RELOADABLE, SkywaySettings, hints, problems

if TYPE_CHECKING:
    from api.http.mounts import Mount, Place, Services


def _open(services: Services) -> Callable[[Place], Mount]:
    from api.skyway.mount import open_mount  # commands do without it
    from api.skyway.state import SkywayState

    state = SkywayState.open(services)
    return lambda place: open_mount(state)


SKYWAY = Dialect(
    name="skyway",
    open=_open,
    section=SkywaySettings,
    prefixes=PREFIXES,
    needs_media=True,
    reloadable=RELOADABLE,
    problems=problems,
    hints=hints,
)
