"""The book of what happens to devices: by id, for whoever polls. It is the actors' observer.

An event stays in its place until a poll has taken it: a poll is given the oldest one to send, and
only says afterwards whether it went out. Until then no other poll of that id gets any. What nobody
reads is dropped some time after the end, and all is limited in number and bytes.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import structlog
import trio

from actors.core import ActorError, Message, Ref
from actors.device.events import Closed, Connected, ConnectionFailed, DeviceEvent
from actors.words.keys import MemberKey
from media.contract.plans import Address

log = structlog.get_logger(__name__)

GRACE_SECONDS = 60.0  # that what has ended can still be read
VANISHED_SECONDS = 40.0  # until an actor that is stopped, and says nothing of its end, is closed
# A peer may take that long: what a connection does, its teardown, and then its own.
LOOK_SECONDS = 1.0  # how often that is looked at
EVENT_BYTES = 200  # of one in memory, about, beside its words
LONGEST_WORDS = 300
TOKEN = "pt-"  # noqa: S105  what ids of peers begin with here


class NothingYet(Exception):
    """No event has come in time."""


class Draining(Exception):
    """The server goes, and there is nothing more to be told."""


@dataclass(frozen=True, slots=True)
class BookLimits:
    """How many events one id may have unread, and how many ended ids and bytes there are in all."""

    events: int = 256
    ended: int = 10_000
    bytes: int = 33_554_432


@dataclass(slots=True, eq=False)
class Entry:
    """One peer or connection. `redirects` are where its media was asked to be sent."""

    id: str
    actor: Ref[Message]
    peer_id: str = ""
    redirects: frozenset[Address] = frozenset()
    events: deque[DeviceEvent] = field(default_factory=deque)
    turn: trio.Semaphore = field(default_factory=lambda: trio.Semaphore(1))
    news: trio.Event = field(default_factory=trio.Event)
    ended: trio.Event = field(default_factory=trio.Event)
    due: float = float("inf")  # when nobody can read it any more
    vanished: float = float("inf")  # since when its actor lives no more
    closed: bool = False  # `Closed` is among the events, or was
    lent: bool = False  # the first event is being sent


class Given:
    """The oldest event of an id, given to a poll, which has to call `settle` once."""

    __slots__ = ("_book", "_entry", "event")

    def __init__(self, book: Book, entry: Entry) -> None:
        self._book = book
        self._entry = entry
        self.event = entry.events[0]
        entry.lent = True

    def settle(self, sent: bool) -> None:
        """Say whether it was sent: it is taken out then, or else the next poll's."""
        self._book.settled(self._entry, sent)


class Book:
    """Every peer by its token, and every connection by its id."""

    def __init__(
        self,
        limits: BookLimits | None = None,
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self._limits = limits or BookLimits()
        self._clock = clock
        self._entries: dict[str, Entry] = {}
        self._ended: OrderedDict[str, Entry] = OrderedDict()
        self._peer_ids: Counter[str] = Counter()
        self._abandoned: OrderedDict[str, Message] = OrderedDict()
        self._draining = trio.Event()
        self._peers: dict[str, Entry] = {}  # that live, by the path of their actor
        self._looked = clock()
        self.bytes = 0
        self.dropped = 0

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def peers(self) -> int:
        """How many peers live."""
        self._forget()
        return len(self._peers)

    def find(self, id: str) -> Entry | None:
        """Find a peer by its token, or a connection; also an ended one that was not read."""
        self._forget()
        return self._entries.get(id)

    def knows_peer(self, peer_id: str) -> bool:
        """Tell whether some peer has that id, of whichever key."""
        self._forget()
        return peer_id in self._peer_ids

    def living(self) -> Iterator[Ref[Any]]:
        """Return the peers that live."""
        yield from [entry.actor for entry in self._peers.values()]

    def peer_of(self, entry: Entry) -> Ref[Any] | None:
        """Return the peer that a connection is a child of, if that lives; a peer is its own."""
        if entry.peer_id:
            return entry.actor
        peer = self._peers.get(entry.actor.path.rpartition("/")[0])
        return peer.actor if peer is not None else None

    def drop(self, entry: Entry) -> None:
        """Forget what its program has ended; a poll that waits for it is still told the end."""
        if entry.turn.value:
            self._remove(entry)

    def abandon(self, id: str, goodbye: Message) -> None:
        """Have whoever appears, or has appeared, under that id end: nobody will know of it."""
        entry = self._entries.get(id)
        if entry is not None:
            with suppress(ActorError):
                entry.actor.tell(goodbye)
            return
        self._abandoned[id] = goodbye
        while len(self._abandoned) > self._limits.events:
            self._abandoned.popitem(last=False)

    # --- the observer

    def appeared(self, id: str, actor: Ref[Message]) -> None:
        if id in self._entries:
            return
        entry = Entry(id, actor)
        if id.startswith(TOKEN):
            entry.peer_id = MemberKey.from_slug(actor.name).id
            self._peer_ids[entry.peer_id] += 1
            self._peers[actor.path] = entry
        self._entries[id] = entry
        goodbye = self._abandoned.pop(id, None)
        if goodbye is not None:
            with suppress(ActorError):
                actor.tell(goodbye)

    def happened(self, id: str, event: DeviceEvent) -> None:
        entry = self._entries.get(id)
        if entry is None or entry.closed:
            return
        entry.closed = isinstance(event, Closed)
        if isinstance(event, ConnectionFailed):
            event = ConnectionFailed(event.words[:LONGEST_WORDS])
        if len(entry.events) >= self._limits.events:
            self._drop_one(entry)
        entry.events.append(event)
        self.bytes += weight(event)
        while self.bytes > self._limits.bytes and self._drop_somewhere(entry):
            pass
        self._tell(entry)

    def ended(self, id: str) -> None:
        entry = self._entries.get(id)
        if entry is None or entry.ended.is_set():
            return
        self.happened(id, Closed())  # does nothing where it was said already
        entry.ended.set()
        entry.due = self._clock() + GRACE_SECONDS
        self._ended[id] = entry
        if self._peers.get(entry.actor.path) is entry:
            del self._peers[entry.actor.path]
        while len(self._ended) > self._limits.ended:
            self._remove(next(iter(self._ended.values())))
        self._tell(entry)

    # --- polls

    async def next(self, entry: Entry, seconds: float) -> Given | None:
        """Wait for the oldest event; None where there is none any more, as `Closed` was read.

        Raises NothingYet after so many seconds, and Draining. Polls of one id take turns.
        """
        with trio.move_on_after(seconds):
            await entry.turn.acquire()
            try:
                while not entry.events and entry.id in self._entries:
                    self._look(entry)
                    if self._draining.is_set() and not entry.events:
                        raise Draining
                    if not entry.events:
                        await self._wait(entry)
                if entry.events and entry.id in self._entries:
                    return Given(self, entry)
            except BaseException:
                entry.turn.release()
                raise
            entry.turn.release()
            return None
        raise NothingYet

    async def until_ended(self, entry: Entry, seconds: float) -> bool:
        """Wait until all that it had is free; False where that takes longer."""
        with trio.move_on_after(seconds):
            while not entry.ended.is_set():
                self._look(entry)
                with trio.move_on_after(LOOK_SECONDS):
                    await entry.ended.wait()
        return entry.ended.is_set()

    def settled(self, entry: Entry, sent: bool) -> None:
        """Let the next poll of this id have its turn; see `Given`."""
        entry.lent = False
        if sent and entry.events:
            event = entry.events.popleft()
            self.bytes -= weight(event)
            if isinstance(event, Closed):
                self._remove(entry)
        entry.turn.release()

    def drain(self) -> None:
        """Have polls end at once, those that wait and those to come."""
        self._draining.set()
        for entry in self._entries.values():
            self._tell(entry)

    # ---

    async def _wait(self, entry: Entry) -> None:
        with trio.move_on_after(LOOK_SECONDS):
            await entry.news.wait()

    def _tell(self, entry: Entry) -> None:
        entry.news.set()
        entry.news = trio.Event()

    def _look(self, entry: Entry) -> None:
        """Notice an actor that has ended without a word."""
        if entry.actor.alive or entry.ended.is_set():
            return
        now = self._clock()
        entry.vanished = min(entry.vanished, now)
        if now - entry.vanished >= VANISHED_SECONDS:
            log.warning("device.vanished", kind=entry.actor.kind)
            self.ended(entry.id)

    def _forget(self) -> None:
        """Drop what has ended long enough ago, and now and then look for who has vanished."""
        now = self._clock()
        if now - self._looked >= VANISHED_SECONDS:
            self._looked = now
            for entry in list(self._entries.values()):
                self._look(entry)
        while self._ended:
            oldest = next(iter(self._ended.values()))
            if oldest.due > now:
                return
            self._remove(oldest)

    def _remove(self, entry: Entry) -> None:
        if self._entries.pop(entry.id, None) is None:
            return
        self._ended.pop(entry.id, None)
        self.bytes -= sum(map(weight, entry.events))
        entry.events.clear()
        if entry.peer_id:
            self._peer_ids[entry.peer_id] -= 1
            if not self._peer_ids[entry.peer_id]:
                del self._peer_ids[entry.peer_id]
        self._tell(entry)

    def _drop_one(self, entry: Entry) -> bool:
        """Drop the oldest event that is not being sent, nor the last that there will be."""
        place = 1 if entry.lent else 0
        if len(entry.events) <= place or isinstance(entry.events[place], Closed):
            return False
        self.bytes -= weight(entry.events[place])
        del entry.events[place]
        self.dropped += 1
        return True

    def _drop_somewhere(self, entry: Entry) -> bool:
        for ended in self._ended.values():
            if not ended.lent and ended is not entry:
                self._remove(ended)
                return True
        return self._drop_one(entry)


def weight(event: DeviceEvent) -> int:
    """Return how many bytes an event takes, about."""
    words = event.words if isinstance(event, ConnectionFailed) else ""
    words = event.connection if isinstance(event, Connected) else words
    return EVENT_BYTES + len(words)
