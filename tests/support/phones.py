"""Telephones that call a room of mixed views, and are called, on a fake engine and a fake line."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import trio

from actors.core import ActorError
from actors.directory.messages import OpenRoom
from actors.words.calls import (
    CallDescription,
    CallSection,
    CallView,
    GetCalls,
    StartCall,
    TakeCall,
)
from actors.words.facts import Presence
from actors.words.keys import DIRECTORY
from actors.words.orders import GetParticipants, GetStreams
from actors.words.permission import Permission
from actors.words.rooms import ConferenceRules
from actors.words.streams import AudioWanted, Stream, VideoWanted
from media.contract.codec import Codec
from media.contract.plans import Remote
from media.contract.session import Direction
from tests.fakes.media import FakeEngine, FakePort
from tests.fakes.telephone import FakeLeg, FakeTelephone, all_over
from tests.support.actors import settle
from tests.support.conference import EVERYTHING, Meeting, conference_spec, open_meeting
from tests.support.mixes import COMMON_MIX, MIXED

PCMU = Codec("pcmu", 8000, 0)
PCMA = Codec("pcma", 8000, 8)
OPUS_CODEC = Codec("opus", 48_000, 107, channels=2)
VP8_CODEC = Codec("vp8", 90_000, 120)
PEER = "sip:+4930123456@pbx.example"
numbers = count(1)


def sound_section(
    *codecs: Codec, direction: Direction = Direction.BOTH, port: int = 4000
) -> CallSection:
    return CallSection("audio", codecs, Remote(("127.0.0.1", port)), direction, 101)


def picture_section(*codecs: Codec, direction: Direction = Direction.BOTH) -> CallSection:
    return CallSection("video", codecs, Remote(("127.0.0.1", 4002)), direction)


def sections(*them: CallSection) -> CallDescription:
    return CallDescription(them)


OFFER = sections(sound_section(PCMU))


@dataclass
class Dialling:
    """A request to call somebody, as it is answered."""

    answer: CallView | None = None
    refusal: ActorError | None = None
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)

    @property
    def waits(self) -> bool:
        return self.answer is None and self.refusal is None


@dataclass
class Exchange:
    """A room, and the telephones that called it: `legs` are all there were."""

    meeting: Meeting
    telephone: FakeTelephone
    nursery: trio.Nursery
    called: list[FakeLeg] = field(default_factory=list)

    @property
    def engine(self) -> FakeEngine:
        return self.meeting.engine

    @property
    def legs(self) -> list[FakeLeg]:
        return [*self.called, *self.telephone.legs]

    async def ring(
        self,
        id: str,
        offer: CallDescription | None = OFFER,
        permission: Permission = EVERYTHING,
    ) -> FakeLeg:
        """Have a telephone call the room. Raises what refuses it, and hangs up as signalling."""
        leg = FakeLeg()
        presence = Presence(id, "Phone", role="sip", permission=permission)
        self.called.append(leg)
        try:
            await self.meeting.room.ask(TakeCall(leg, presence, PEER, offer), within=5)
        except ActorError:
            leg.end()
            raise
        await settle()
        return leg

    async def talk(self, id: str, *codecs: Codec, video: bool = False) -> FakeLeg:
        """Have a telephone call, and its call be confirmed."""
        offered = [sound_section(*(codecs or (PCMU,)))]
        if video:
            offered.append(picture_section(VP8_CODEC))
        leg = await self.ring(id, sections(*offered))
        leg.confirm()
        await settle()
        return leg

    async def call(self, id: str = "out", **changes: Any) -> Dialling:
        """Have somebody called, and go on."""
        dialling = Dialling()
        self.nursery.start_soon(self._call, dialling, id, changes)
        await settle()
        return dialling

    async def views(self) -> tuple[CallView, ...]:
        found: tuple[CallView, ...] = await self.meeting.manage(GetCalls())
        return found

    async def members(self) -> list[str]:
        return [it.peer for it in await self.meeting.manage(GetParticipants())]

    async def stream(self, owner: str) -> Stream:
        """Return the only stream of a member."""
        streams = await self.meeting.manage(GetStreams())
        (found,) = [it for it in streams if isinstance(it, Stream) and it.owner == owner]
        assert isinstance(found, Stream)
        return found

    def ports(self, call: str) -> dict[str, FakePort]:
        """Return the ports of a call by kind."""
        return {
            id_.rpartition(":")[2]: port
            for id_, port in self.engine.ports.items()
            if id_.startswith(f"call:{call}:")
        }

    def heard(self, call: str, kind: str = "audio") -> str | None:
        """Return what is sent to a call."""
        sink = self.ports(call)[kind].facts.sink
        return None if sink is None else self.meeting.sinks().get(sink)

    async def _call(self, dialling: Dialling, id: str, changes: dict[str, Any]) -> None:
        order: dict[str, Any] = {
            "uri": PEER,
            "presence": Presence(id, "Phone", role="sip", permission=EVERYTHING),
            "video": False,
            "hears": AudioWanted(COMMON_MIX),
            "sees": None,
        }
        with dialling.scope:
            try:
                request = StartCall(**(order | changes))
                dialling.answer = await self.meeting.room.ask(request, within=600)
            except ActorError as error:
                dialling.refusal = error


SEEN = VideoWanted(COMMON_MIX)


@asynccontextmanager
async def open_exchange(
    rules: ConferenceRules = MIXED, spec: dict[str, Any] | None = None, **media: Any
) -> AsyncIterator[Exchange]:
    """Run a room with a telephone; nothing of any call may be left over."""
    telephone = FakeTelephone()
    async with (
        open_meeting(telephone=telephone, **media) as meeting,
        trio.open_nursery() as nursery,
    ):
        opened = OpenRoom(conference_spec(rules, **(spec or {})))
        await meeting.house.find(DIRECTORY).ask(opened, within=5)
        exchange = Exchange(meeting, telephone, nursery)
        yield exchange
        nursery.cancel_scope.cancel()
    assert meeting.engine.ports == {}, "a port was left open"
    assert all_over(exchange.legs), "a leg was left ringing"
    assert meeting.engine.jobs.jobs == {}, "a process was left over"
