"""The broker of PeerJS, as the server knows it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from api.dialect import Dialect
from api.peerjs.paths import HOME
from api.peerjs.settings import RELOADABLE, PeerJsSettings, hints

if TYPE_CHECKING:
    from api.http.mounts import Mount, Place, Services


def _open(services: Services) -> Callable[[Place], Mount]:
    from api.peerjs.mount import open_mount  # commands do without it
    from api.peerjs.state import PeerJsState

    state = PeerJsState.open(services)
    return lambda place: open_mount(state, place)


PEERJS = Dialect(
    name="peerjs",
    open=_open,
    section=PeerJsSettings,
    prefixes=(HOME,),
    base_key="path",
    reloadable=RELOADABLE,
    hints=hints,
)
