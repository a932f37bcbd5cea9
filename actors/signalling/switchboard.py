"""The switchboard: what one peer signals reaches another by its id, or waits for it.

A peer is whatever the directory has under its key, a member with a browser or an actor of a device:
both are told `Signalled`, and `Unreached` where they wait for somebody in vain. There is one
switchboard a process, or several over one `AbsentPeers`; nothing else is remembered.
"""

from __future__ import annotations

from contextlib import suppress

import trio

from actors.core import STRANGERS_SPARE, ActorError, ActorStopped
from actors.directory.directory import Directory
from actors.signalling.absent import AbsentPeers
from actors.words.facts import Signalled, Unreached
from actors.words.keys import MemberKey


class Switchboard:
    """Knows who is there by the directory, and what waits by `absent`."""

    __slots__ = ("_directory", "absent")

    def __init__(self, directory: Directory, absent: AbsentPeers) -> None:
        self._directory = directory
        self.absent = absent

    async def signal(
        self, to: MemberKey, signal: Signalled, address: str, wait_seconds: float
    ) -> bool:
        """Tell a peer, or have it wait for one that is absent for so long (0: not at all).

        False where neither can be, and the sender is to be told so; later it is told by itself.
        """
        peer = await self._directory.member(to)
        if peer is not None:
            try:
                peer.tell(signal, spare=STRANGERS_SPARE)
            except ActorStopped:
                pass  # it ends just now
            except ActorError:
                return False  # it has more to read than it may
            else:
                return True
        if not wait_seconds:
            return False
        return self.absent.hold(to, signal, address, trio.current_time() + wait_seconds)

    async def expire(self) -> None:
        """Tell those who have waited long enough; to be called about once a second."""
        for pair in self.absent.expire(trio.current_time()):
            await self.refuse(MemberKey(pair.to.realm, pair.sender), pair.to.id)

    async def refuse(self, sender: MemberKey, called: str) -> None:
        """Tell a peer that what it has signalled to another one is not taken there."""
        peer = await self._directory.member(sender)
        if peer is not None:
            with suppress(ActorError):  # it has ended, or hears nothing at all just now
                peer.tell(Unreached(called))
