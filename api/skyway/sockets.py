"""The UDP sockets of programs: opened, found and freed."""

from __future__ import annotations

from collections.abc import Iterable

from actors.core import ActorStopped
from actors.device.socket import FreeSocket, SocketFacts, find_socket, open_socket
from actors.words.device_refusals import NoSocketFree
from api.http.asking import ask, budget, client
from api.skyway.errors import RestRefused, refuse_if
from api.skyway.ids import is_of, new_id
from api.skyway.rest import accepting
from api.skyway.state import SkywayState

UNKNOWN = "there is no such socket of that kind"


async def opened(state: SkywayState, prefix: str) -> SocketFacts:
    """Open a socket. Raises NoSocketFree, Busy, ShuttingDown."""
    accepting(state)
    services, id_ = state.services, new_id(prefix)
    if not state.openers.begin(id_, client().address, state.settings.of_one_address):
        raise NoSocketFree
    try:
        facts = await open_socket(
            services.system.registry,
            services.media,
            id_,
            state.socket_wanted(),
            budget(),
            lambda: state.settings.socket_idle_seconds,
        )
    finally:
        state.openers.end(id_)
    state.bound(facts)
    return facts


async def freed(state: SkywayState, field: str, id_: str, *prefixes: str) -> None:
    """Free a socket that no connection uses. Raises RestRefused, SocketInUse."""
    socket = find_socket(state.services.system.registry, id_) if is_of(id_, *prefixes) else None
    if socket is None:
        raise RestRefused(404, (field, UNKNOWN))
    try:
        await ask(socket, FreeSocket())
    except ActorStopped:
        raise RestRefused(404, (field, UNKNOWN)) from None


def check_sockets(state: SkywayState, named: Iterable[tuple[str, str, str]]) -> None:
    """Make sure that there are sockets of these ids: field, kind, id. Raises RestRefused."""
    registry = state.services.system.registry
    refuse_if(
        ((field, UNKNOWN) for field, kind, id_ in named
         if not is_of(id_, kind) or find_socket(registry, id_) is None),
        404,
    )  # fmt: skip
