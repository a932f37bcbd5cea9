"""A peer's line: its way to other peers, here or at a broker elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from actors.device.events import Trouble
from actors.signalling.absent import AbsentPeers
from actors.signalling.frames import CALLING, is_id
from actors.signalling.switchboard import Switchboard
from actors.words.facts import Signalled
from actors.words.keys import MemberKey

OURS = "127.0.0.1"
"""Where a device connects from: its media is this machine's, wherever its program is."""


@dataclass(frozen=True, slots=True)
class LineEvent:
    """Base of what a line tells its peer."""


@dataclass(frozen=True, slots=True)
class LineUp(LineEvent):
    """The peer can be reached; told again when it can be reached again."""


@dataclass(frozen=True, slots=True)
class LineDown(LineEvent):
    """The peer cannot be reached for now; the line tries again by itself."""

    trouble: Trouble


@dataclass(frozen=True, slots=True)
class LineRefused(LineEvent):
    """The peer cannot be reached under its id or key: the line has given up."""

    trouble: Trouble


@dataclass(frozen=True, slots=True)
class LineFrame(LineEvent):
    """A frame for the peer, as in `actors.signalling.frames`.

    `address` is where the sender connects from, None where nobody knows.
    """

    frame: bytes = field(repr=False)
    address: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class LineUnreached(LineEvent):
    """Nobody of that id was there to take what the peer has signalled.

    Told by a line to a broker elsewhere; the switchboard tells the peer `Unreached` itself.
    """

    peer: str


Told = Callable[[LineEvent], None]


class Line(Protocol):
    """One peer's line."""

    async def run(self, told: Told) -> None:
        """Keep the peer reachable; a helper task of the peer's, which ends with it."""

    async def signal(self, kind: str, to: str, frame: bytes) -> bool:
        """Send a frame; False where it cannot reach that peer, nor wait for it."""

    async def refuse(self, to: str) -> None:
        """Tell another peer, if it can be told just now, that what it has offered is not taken."""


class LocalLine:
    """By way of the switchboard: the peer is in the directory, and is told `Signalled` itself.

    `wait_seconds` is how long what is signalled waits for somebody absent; `address` whose it is.
    """

    __slots__ = ("_absent", "_address", "_key", "_switchboard", "_wait_seconds")

    def __init__(
        self,
        switchboard: Switchboard,
        key: MemberKey,
        address: str,
        wait_seconds: Callable[[], float],
    ) -> None:
        self._switchboard = switchboard
        self._absent: AbsentPeers = switchboard.absent
        self._key = key
        self._address = address
        self._wait_seconds = wait_seconds

    async def run(self, told: Told) -> None:
        """Tell that the peer can be reached, and what has waited for it."""
        told(LineUp())
        for signal in self._absent.take(self._key):
            told(LineFrame(signal.body, signal.address))

    async def signal(self, kind: str, to: str, frame: bytes) -> bool:
        wait_seconds = self._wait_seconds() if kind in CALLING else 0.0
        return is_id(to) and await self._switchboard.signal(
            MemberKey(self._key.realm, to),
            Signalled(self._key.id, frame, OURS),
            self._address,
            wait_seconds,
        )

    async def refuse(self, to: str) -> None:
        await self._switchboard.refuse(MemberKey(self._key.realm, to), self._key.id)
