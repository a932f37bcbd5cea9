"""What tests of media sessions share: a sink that remembers, and two sessions put together."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import trio

from media.contract.engine import MediaEngine
from media.contract.session import (
    ChannelOpened,
    Direction,
    Event,
    MediaSession,
    SessionWanted,
    State,
    StateChanged,
    TracksChanged,
    TrackWanted,
)

E = TypeVar("E", bound=Event)

SENDS = (
    TrackWanted("audio", Direction.SEND, ("opus",)),
    TrackWanted("video", Direction.SEND, ("vp8",)),
)
TAKES = (TrackWanted("audio", Direction.RECEIVE), TrackWanted("video", Direction.RECEIVE))


class Told:
    """A sink of events that can be waited on."""

    def __init__(self) -> None:
        self.events: list[Event] = []
        self._more = trio.Event()

    def __call__(self, event: Event) -> None:
        self.events.append(event)
        self._more.set()
        self._more = trio.Event()

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    async def until(self, kind: type[E], where: Callable[[E], bool] = lambda _: True) -> E:
        """Return the first event of a kind that meets a condition, waiting for it."""
        with trio.fail_after(60):
            while True:
                for event in self.of(kind):
                    if where(event):
                        return event
                await self._more.wait()

    async def state(self, state: State) -> StateChanged:
        return await self.until(StateChanged, lambda event: event.state is state)

    @property
    def states(self) -> list[State]:
        return [event.state for event in self.of(StateChanged)]

    def source(self, kind: str) -> str:
        """Return the id of the source of a kind."""
        return next(t.source for t in self._tracks() if t.kind == kind and t.source)

    def sink(self, kind: str) -> str:
        return next(t.sink for t in self._tracks() if t.kind == kind and t.sink)

    def _tracks(self):
        return self.of(TracksChanged)[-1].tracks


async def negotiate(offerer: MediaSession, answerer: MediaSession) -> None:
    offer = await offerer.create_offer()
    answer = await answerer.accept_offer(offer.sdp)
    await offerer.accept_answer(answer.sdp)


class Pair:
    """Two sessions: the first offers `SENDS` and data channels, the second takes all."""

    def __init__(self, first: MediaSession, second: MediaSession, told: tuple[Told, Told]) -> None:
        self.first = first
        self.second = second
        self.first_told, self.second_told = told

    async def connected(self) -> None:
        await self.first_told.state(State.CONNECTED)
        await self.second_told.state(State.CONNECTED)

    async def channel(self, wanted) -> tuple[str, str]:
        """Open a data channel from the first; return its ids on both sides."""
        mine = await self.first.open_channel(wanted)
        await self.first_told.until(ChannelOpened, lambda event: event.channel == mine)
        theirs = await self.second_told.until(
            ChannelOpened, lambda event: event.wanted.label == wanted.label
        )
        return mine, theirs.channel


async def open_pair(
    engine: MediaEngine,
    name: str = "pair",
    first: SessionWanted | None = None,
    second: SessionWanted | None = None,
) -> Pair:
    told = (Told(), Told())
    pair = Pair(
        await engine.open_session(
            f"{name}/first", first or SessionWanted(SENDS, data=True), told[0]
        ),
        await engine.open_session(f"{name}/second", second or SessionWanted(TAKES), told[1]),
        told,
    )
    await negotiate(pair.first, pair.second)
    return pair
