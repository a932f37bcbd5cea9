"""The connections of one peer, found by their id, by their actor, or by what the frames say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field

from actors.core import ActorError, Message, Ref
from actors.device.events import Closed, DeviceEvent, Observer
from actors.device.messages import FromPeer

MOST_FRAMES = 128  # half of what a mailbox holds: there is always room for what others tell
MOST_BYTES = 262_144  # a description of the longest, and more candidates than are ever used


@dataclass(slots=True)
class OtherSaid:
    """How much the other side has said of one connection."""

    frames: int = 0
    bytes: int = 0


@dataclass(frozen=True, slots=True)
class ConnectionTie:
    """A connection with `remote`, which the frames between the two call `their_id`.

    `incoming`: the other side began it.
    """

    id: str
    remote: str
    their_id: str
    actor: Ref[Message]
    incoming: bool = False
    heard: OtherSaid = field(default_factory=OtherSaid)

    def tell(self, message: Message) -> None:
        """Tell it; one that has ended misses it."""
        with suppress(ActorError):
            self.actor.tell(message)

    def tell_frame(self, frame: FromPeer) -> None:
        """Tell what the other side says, within MOST_FRAMES and MOST_BYTES in all its life."""
        heard, size = self.heard, len(frame.payload)
        if heard.frames < MOST_FRAMES and heard.bytes + size <= MOST_BYTES:
            heard.frames += 1
            heard.bytes += size
            self.tell(frame)


class PeerConnections:
    """In the order in which they began."""

    __slots__ = ("_by_actor", "_by_frames")

    def __init__(self) -> None:
        self._by_actor: dict[Ref[Message], ConnectionTie] = {}
        self._by_frames: dict[tuple[str, str], ConnectionTie] = {}

    def __len__(self) -> int:
        return len(self._by_actor)

    def __iter__(self) -> Iterator[ConnectionTie]:
        return iter(tuple(self._by_actor.values()))

    def add(self, tie: ConnectionTie) -> None:
        """Take one in; no other of that remote goes by that name."""
        self._by_actor[tie.actor] = tie
        self._by_frames[tie.remote, tie.their_id] = tie

    def remove(self, actor: Ref[Message]) -> ConnectionTie | None:
        """Forget one that has ended."""
        tie = self._by_actor.pop(actor, None)
        if tie is not None:
            del self._by_frames[tie.remote, tie.their_id]
        return tie

    def find(self, remote: str, their_id: str | None) -> ConnectionTie | None:
        """Find the one that a frame of this remote is about."""
        return None if their_id is None else self._by_frames.get((remote, their_id))

    def begun_by(self, remote: str) -> int:
        """Return how many connections one other peer has begun."""
        return sum(tie.incoming for tie in self.with_remote(remote))

    def with_remote(self, remote: str) -> list[ConnectionTie]:
        """Return all connections with one other peer."""
        return [tie for tie in self if tie.remote == remote]


class ShownEnds:
    """The observer of a peer's connections: it knows whose end it has not been shown yet.

    A connection shows its end as the last thing of its teardown. One that crashes in that, or is
    killed, does not, and its peer makes up for it.
    """

    __slots__ = ("_lives", "_observer")

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._lives: dict[str, bool] = {}  # and whether `Closed` was shown

    def appeared(self, id: str, actor: Ref[Message]) -> None:
        self._lives[id] = False
        self._observer.appeared(id, actor)

    def happened(self, id: str, event: DeviceEvent) -> None:
        if id in self._lives and isinstance(event, Closed):
            self._lives[id] = True
        self._observer.happened(id, event)

    def ended(self, id: str) -> None:
        self._lives.pop(id, None)
        self._observer.ended(id)

    def make_sure(self, id: str) -> None:
        """Show the end of a connection that is no more, unless it was shown."""
        closed = self._lives.get(id)
        if closed is None:
            return
        if not closed:
            self.happened(id, Closed())
        self.ended(id)
