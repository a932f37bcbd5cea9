"""The connectivity checks of one ICE connection, watched: who proves to be the other side is heard.

Like `aiortc_seam.py` it knows private names of aioice; the same contract tests hold them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aioice.ice import Connection, StunProtocol
from aioice.stun import Message

from media.webrtc.stun_screen import is_worth_reading, may_be_stun

MAX_REFLEXIVE = 64  # addresses nobody told of, from which the other side has checked


def watch_checks(
    connection: Connection, heard: Callable[[], None], is_denied: Callable[[str], bool]
) -> None:
    """Have `heard` called for each check of the other side that is authentic (RFC 8445, 7.3).

    Those from a new address are passed over when there are MAX_REFLEXIVE, or when candidates there
    are denied: aioice would keep each one, and try it, for as long as the connection lasts.
    """
    watched: Any = connection
    take = watched.check_incoming

    def check_incoming(message: Message, address: tuple[str, int], protocol: StunProtocol) -> None:
        heard()
        if not is_denied(address[0]) and _may_come_from(connection, address):
            take(message, address, protocol)

    watched.check_incoming = check_incoming


def watch_answers(protocol: StunProtocol, heard: Callable[[], None]) -> None:
    """Have `heard` called for each authentic answer to a check, or to a question for consent."""
    watched: Any = protocol
    ask = watched.request

    async def request(message: Message, *where: Any, **how: Any) -> Any:
        answer = await ask(message, *where, **how)
        if how.get("integrity_key") is not None:
            heard()
        return answer

    watched.request = request


class OtherSide:
    """The addresses of the other side of one connection: those it told, and those it checked from.

    DTLS is not authentic before its handshake is over, where one datagram of a stranger ends it: so
    what comes from anywhere else is nobody's. A check from a new address, which proves the
    password, is all that the other side needs when it moves.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._addresses: set[tuple[str, int]] = set()

    def is_at(self, address: tuple[Any, ...]) -> bool:
        """Tell whether the other side is at this address (the first two of an IPv6 one count)."""
        remote = self._connection._remote_candidates  # only ever grows
        if len(self._addresses) != len(remote):
            self._addresses = {(known._network_host, known.port) for known in remote}
        where = (address[0], address[1])
        return where in self._addresses or (
            not self._connection._early_checks_done
            and any(where == checked for _, checked, _ in self._connection._early_checks)
        )

    def heed_alone(self, protocol: StunProtocol) -> None:
        """Let only STUN of others through to a protocol that does not look itself (TURN's)."""
        heeding: Any = protocol
        take = heeding.datagram_received
        username = f"{self._connection.local_username}:".encode()

        def datagram_received(data: bytes, address: tuple[Any, ...]) -> None:
            if may_be_stun(data):
                heeded = is_worth_reading(data, username, protocol.transactions)
            else:
                heeded = self.is_at(address)
            if heeded:
                take(data, address)

        heeding.datagram_received = datagram_received


def _may_come_from(connection: Connection, address: tuple[str, int]) -> bool:
    reflexive = 0
    for candidate in connection._remote_candidates:
        if (candidate._network_host, candidate.port) == address:
            return True
        reflexive += candidate.type == "prflx"
    return reflexive < MAX_REFLEXIVE
