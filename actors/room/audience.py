"""The peers that a room tells things: who can be reached, and what becomes of who cannot."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress

from actors.core import Actor, ActorError, ActorStopped, MailboxFull, Message, Ref, StopChild
from actors.streams.from_room import FromRoom as FromRoom
from actors.words.facts import Dropped, Fact, PermissionSet, RoomClosed
from actors.words.keys import MEMBERS
from actors.words.rooms import Notice

DECIDED = (Dropped, PermissionSet, RoomClosed)  # by a management


class Audience:
    """Belongs to one incarnation of a room. `refs` are its members' peers by id, all watched.

    Those who are deaf are told what a management decides of them alone: nobody else's talk may fill
    their mailboxes.
    """

    __slots__ = ("_ask_seconds", "_deaf", "_ending", "_room", "refs")

    def __init__(
        self, room: Actor[Message], refs: dict[str, Ref[Message]], ask_seconds: float
    ) -> None:
        self._room = room
        self._ask_seconds = ask_seconds
        self._ending: set[Ref[Message]] = set()  # peers too slow, being ended
        self._deaf: set[Ref[Message]] = set()
        self.refs = refs

    def watch_again(self) -> None:
        """Watch those that a former incarnation has left; a Down is due for each that has ended."""
        for ref in self.refs.values():
            self._room.ctx.watch(ref)

    def add(self, peer: str, ref: Ref[Message], *, deaf: bool = False) -> None:
        """Take in a peer, instead of one that had its id before."""
        known = self.refs.get(peer)
        if known is not None and known != ref:
            self._room.ctx.unwatch(known)
        self.refs[peer] = ref
        if deaf:
            self._deaf.add(ref)
        self._room.ctx.watch(ref)

    def remove(self, peer: str) -> None:
        """Forget a peer; an unknown one changes nothing."""
        ref = self.refs.pop(peer, None)
        if ref is not None:
            self._deaf.discard(ref)
            self._room.ctx.unwatch(ref)

    def tell(self, notices: Iterable[Notice]) -> None:
        """Tell facts to those they are for."""
        for notice in notices:
            if notice.among is not None:
                refs = self.refs
                self._pass(notice.fact, [refs[id_] for id_ in notice.among if id_ in refs])
            elif notice.to is None:
                self._pass(notice.fact, self.refs.values(), but=self.refs.get(notice.but or ""))
            elif notice.to in self.refs:
                self._pass(notice.fact, (self.refs[notice.to],))

    def inform(self, peer: Ref[Message], fact: Fact) -> None:
        """Tell somebody who may be no member."""
        self._pass(fact, (peer,))

    def _pass(
        self, fact: Fact, peers: Iterable[Ref[Message]], but: Ref[Message] | None = None
    ) -> None:
        """Tell peers; one that cannot even keep up with its own mailbox ends, the room goes on."""
        told, decided = FromRoom(self._room.ctx.self_ref, fact), isinstance(fact, DECIDED)
        for peer in peers:
            if peer is but or (peer in self._deaf and not decided):
                continue
            try:
                peer.tell(told)
            except ActorStopped:
                pass  # its Down is on the way
            except MailboxFull:
                if peer not in self._ending:
                    self._ending.add(peer)
                    self._room.ctx.start_task(self._end, peer)

    async def _end(self, slow: Ref[Message]) -> None:
        members = self._room.ctx.registry.find(MEMBERS)
        if members is not None:
            with suppress(ActorError):  # the next fact that it cannot take tries again
                await members.ask(StopChild(slow.name, "too_slow"), within=self._ask_seconds)
        self._ending.discard(slow)
