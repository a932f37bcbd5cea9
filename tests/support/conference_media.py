"""Members of a room with streams whose media is real: aiortc connections on the real engine."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any, TypeVar

import trio
from aiortc import MediaStreamTrack, RTCSessionDescription

from actors.words.facts import (
    Fact,
    OrderDone,
    OrderRefused,
    SessionAnswered,
    SessionReady,
)
from actors.words.orders import Offer, Order, Placed
from media.contract.engine import MediaEngine
from media.webrtc.bridge import MediaLoop
from tests.media.clients import Client, Hum, Picture
from tests.support.actors import open_house
from tests.support.conference import Hand, Meeting, Member, publish, subscribe
from tests.support.sessions import Told

F = TypeVar("F", bound=Fact)

WAIT_SECONDS = 60
deal = count(1)


@dataclass(eq=False)
class MediaMember(Member):
    """Waits for facts in real time. `clients` are its connections by session."""

    clients: dict[str, Client] = field(default_factory=dict)
    _more: trio.Event = field(default_factory=trio.Event)

    async def hear(self, fact: Fact) -> None:
        self.facts.append(fact)
        self._more.set()
        self._more = trio.Event()

    async def until(self, kind: type[F], where: Callable[[F], bool] = lambda _: True) -> F:
        """Return the first fact of a kind that meets a condition, waiting for it."""
        with trio.fail_after(WAIT_SECONDS):
            while True:
                for fact in self.told(kind):
                    if where(fact):
                        return fact
                await self._more.wait()

    async def order(self, order: Order) -> str | None:
        tag = f"media {next(deal)}"
        self.ref.tell(Hand(Placed(self.id, tag, order)))
        done = await self.until(Fact, lambda fact: getattr(fact, "tag", "") == tag)
        if isinstance(done, OrderRefused):
            raise done.refusal
        assert isinstance(done, OrderDone)
        return done.value

    async def send(
        self,
        loop: MediaLoop,
        *kinds: str,
        codecs: tuple[str, ...] = ("opus", "vp8"),
        grey: int = 60,
    ) -> str:
        """Publish real audio and video of one grey level; return the stream's id once ready."""
        id_ = await self.order(publish(*kinds))
        tracks: list[MediaStreamTrack] = []
        if "audio" in kinds:
            tracks.append(Hum())
        if "video" in kinds:
            tracks.append(Picture(grey))
        assert id_ is not None
        await self._connect(loop, id_, tracks, [], codecs)
        return id_

    async def take(
        self,
        loop: MediaLoop,
        audio: str | None = None,
        video: str | None = None,
        codecs: tuple[str, ...] = ("opus", "vp8"),
    ) -> str:
        """Subscribe; return the subscription's id once ready."""
        id_ = await self.order(subscribe(audio, video))
        kinds = [kind for kind, source in (("audio", audio), ("video", video)) if source]
        assert id_ is not None
        await self._connect(loop, id_, [], kinds, codecs)
        return id_

    async def _connect(
        self,
        loop: MediaLoop,
        session: str,
        tracks: list[MediaStreamTrack],
        kinds: list[str],
        codecs: tuple[str, ...],
    ) -> None:
        client = RoomClient(loop)
        await client.run(client._make, tracks, kinds, codecs)
        self.clients[session] = client
        await self.order(Offer(session, await client.run(client._offer)))
        answer = await self.until(SessionAnswered, lambda fact: fact.session == session)
        await client.run(client._accept, answer.sdp)
        await self.until(SessionReady, lambda fact: fact.session == session)

    async def hang_up(self) -> None:
        for client in self.clients.values():
            await client.close()


class RoomClient(Client):
    """An aiortc connection that negotiates with a room."""

    def __init__(self, loop: MediaLoop) -> None:
        super().__init__(loop, None, Told())  # type: ignore[arg-type]  # the room has the session

    async def close(self) -> None:
        await self.run(self._close)

    async def answer(self, sdp: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))


@asynccontextmanager
async def open_media_meeting(
    engine: MediaEngine, *names: str, **media: Any
) -> AsyncIterator[tuple[Meeting, list[MediaMember]]]:
    """Run a house on a real engine, with these members in its room; they hang up in the end."""
    async with open_house(engine=engine, **media) as house:
        meeting = Meeting(house, engine)  # type: ignore[arg-type]  # nothing of the fake is used
        members = []
        for name in names:
            member = await meeting.member(name, kind=MediaMember)
            assert isinstance(member, MediaMember)
            members.append(member)
        try:
            yield meeting, members
        finally:
            with trio.CancelScope(shield=True):
                for member in members:
                    await member.hang_up()
