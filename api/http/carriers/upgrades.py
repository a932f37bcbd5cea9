"""What both carriers of a websocket share: the request, the choice of a route, the boundary.

An upgrade is described (`read_upgrade`), granted or refused (`decide`) and served
(`serve_within_boundary`) by the same code, whichever carrier speaks the protocol.
"""

from __future__ import annotations

import sys
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from functools import partial
from ipaddress import IPv4Network, IPv6Network
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, unquote

import structlog
import trio

from api.http.devices import device_of
from api.http.proxies import client_of
from api.http.sockets import Rejection, Socket, SocketClosed, Upgrade, WebsocketRoute

if TYPE_CHECKING:
    from api.http.metrics import Traffic, WebsocketTally

log = structlog.get_logger(__name__)

Networks = Sequence[IPv4Network | IPv6Network]

QUERY_FIELDS = 64
HANDSHAKE_HEADERS = {
    "connection",
    "upgrade",
    "sec-websocket-extensions",
    "sec-websocket-key",
    "sec-websocket-version",
}
NO_ROUTE = Rejection(404, "no_route")
NO_SUBPROTOCOL = Rejection(400, "subprotocol_not_offered")
CRASHED = Rejection(500, "crashed")


class WebsocketRoutes:
    """The websocket paths of one listener, found with and without a trailing slash."""

    def __init__(self, routes: Iterable[WebsocketRoute]) -> None:
        self._by_path: dict[str, list[WebsocketRoute]] = {}
        for route in routes:
            self._by_path.setdefault(_bare(route.path), []).append(route)

    def __contains__(self, path: str) -> bool:
        return _bare(path) in self._by_path

    def __iter__(self) -> Iterator[WebsocketRoute]:
        return (route for found in self._by_path.values() for route in found)

    @property
    def paths(self) -> list[str]:
        """Every path once, without a trailing slash."""
        return list(self._by_path)

    @property
    def largest_message(self) -> int:
        """The largest message that any route may ever take, 0 without any."""
        return max((route.limits().largest for route in self), default=0)

    @property
    def ping_seconds(self) -> float:
        """The shortest ping interval of all routes; a minute without any."""
        return min((route.limits().ping_seconds for route in self), default=60.0)

    def find(self, path: str, offered: tuple[str, ...]) -> WebsocketRoute | Rejection:
        """Choose the route of an offered subprotocol, else the one that asks for none."""
        found = self._by_path.get(_bare(path))
        if found is None:
            return NO_ROUTE
        for route in found:
            if route.subprotocol is not None and route.subprotocol in offered:
                return route
        for route in found:
            if route.subprotocol is None:
                return route
        return NO_SUBPROTOCOL


def merge_headers(pairs: Iterable[tuple[str, str]]) -> dict[str, str]:
    """Give each header once, in lower case, repeated ones joined as RFC 9110 (5.3) has it.

    Those of the handshake itself are left out. They are kept as long as the connection, so names
    are interned: thousands of connections have the same.
    """
    merged: dict[str, str] = {}
    for name, value in pairs:
        key = sys.intern(name.lower())
        if key in HANDSHAKE_HEADERS:
            continue
        if key in merged:
            separator = "; " if key == "cookie" else ", "
            value = f"{merged[key]}{separator}{value}"
        merged[key] = value
    return merged


def read_upgrade(
    target: str,
    headers: Mapping[str, str],
    *,
    peer: str,
    secure: bool,
    trusted: Networks,
) -> Upgrade:
    """Describe an upgrade from its request target and its headers (names in lower case)."""
    path, _, query = target.partition("?")
    client = client_of(peer, headers, secure, trusted)
    offered = headers.get("sec-websocket-protocol", "")
    return Upgrade(
        path=unquote(path),
        query=_first_values(query),
        headers=headers,
        address=client.address,
        host=client.host or headers.get("host", ""),
        secure=client.secure,
        subprotocols=tuple(name for part in offered.split(",") if (name := part.strip())),
        trusted=client.trusted,
        device=device_of(headers.get("user-agent", "")),
    )


def decide(
    routes: WebsocketRoutes, upgrade: Upgrade, invalid: Rejection | None, traffic: Traffic
) -> WebsocketRoute | Rejection:
    """Return the route that takes this upgrade, or why it is refused, which is also logged.

    `invalid` is what the carrier found wrong with the handshake itself.
    """
    route = routes.find(upgrade.path, upgrade.subprotocols)
    if isinstance(route, Rejection):
        return _refuse(upgrade, invalid or route, None, traffic)
    rejection = invalid or _judge(route, upgrade)
    if rejection is not None:
        return _refuse(upgrade, rejection, route.dialect, traffic)
    return route


def _judge(route: WebsocketRoute, upgrade: Upgrade) -> Rejection | None:
    """Ask the dialect; a crash of its `admit` refuses this one upgrade with 500."""
    try:
        return route.admit(upgrade)
    except Exception:
        log.exception("connection.crashed", dialect=route.dialect, path=route.path, at="admit")
        return CRASHED


def _refuse(
    upgrade: Upgrade, rejection: Rejection, dialect: str | None, traffic: Traffic
) -> Rejection:
    traffic.websocket(dialect or "").refused += 1
    log.info(
        "websocket.refused",
        dialect=dialect,
        path=upgrade.path,
        status=rejection.status,
        reason=rejection.reason,
        address=upgrade.address,
    )
    return rejection


async def serve_within_boundary(
    route: WebsocketRoute, socket: Socket, tally: WebsocketTally
) -> None:
    """Run the dialect's handler; whatever it raises ends this connection alone (close 1011)."""
    await within_boundary(
        partial(route.serve, socket), partial(end_crashed, route, socket, tally, "serve")
    )


async def within_boundary(
    serve: Callable[[], Awaitable[None]], crashed: Callable[[Exception], None]
) -> None:
    """Run what serves one connection; hand what it raises to `crashed`, which ends that one.

    SocketClosed is its normal end.
    """
    try:
        await serve()
    except SocketClosed:
        return
    except Exception as error:  # noqa: BLE001  the connection boundary
        crashed(error)
    except BaseExceptionGroup as group:
        cancelled, rest = group.split(trio.Cancelled)
        if rest is not None and isinstance(rest, ExceptionGroup):
            crashed(rest)
            if cancelled is not None:
                raise cancelled from None
        else:
            raise


def end_crashed(
    route: WebsocketRoute, socket: Socket, tally: WebsocketTally, at: str, error: Exception
) -> None:
    """Log what a part of one connection raised, and close that one."""
    tally.crashed += 1
    log.error("connection.crashed", dialect=route.dialect, path=route.path, at=at, exc_info=error)
    socket.close(1011, "internal error")


def _bare(path: str) -> str:
    return path.rstrip("/") or "/"


def _first_values(query: str) -> dict[str, str]:
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=QUERY_FIELDS)
    except ValueError:
        return {}
    values: dict[str, str] = {}
    for name, value in pairs:
        values.setdefault(name, value)
    return values
