"""The connectivity checks of one ICE connection, watched: who proves to be the other side is heard.

Like `aiortc_seam.py` it knows private names of aioice; the same contract tests hold them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from aioice.ice import Connection, StunProtocol
from aioice.stun import Message

MAX_REFLEXIVE = 64  # addresses nobody told of, from which the other side has checked


def watch_checks(connection: Connection, heard: Callable[[], None]) -> None:
    """Have `heard` called for each check of the other side that is authentic (RFC 8445, 7.3).

    Those from a new address are passed over when there are MAX_REFLEXIVE: aioice would keep each
    one, and try it, for as long as the connection lasts.
    """
    watched: Any = connection
    take = watched.check_incoming

    def check_incoming(message: Message, address: tuple[str, int], protocol: StunProtocol) -> None:
        heard()
        if _may_come_from(connection, address):
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


def _may_come_from(connection: Connection, address: tuple[str, int]) -> bool:
    reflexive = 0
    for candidate in connection._remote_candidates:
        if (candidate._network_host, candidate.port) == address:
            return True
        reflexive += candidate.type == "prflx"
    return reflexive < MAX_REFLEXIVE
