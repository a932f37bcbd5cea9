"""The program's side of a call: which sockets it has, and where what comes is sent on."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import ip_network
from typing import Any

import pytest

from actors.core import ChildSpec, Message, Ref, Refused, Request
from actors.device.connection import DeviceConnection
from actors.device.medium import MediumWanted, by_kind
from actors.device.services import ConnectionSpec, DeviceLimits, DeviceServices
from actors.device.socket import ShowSocket, find_socket
from actors.device.udp_side import UdpSide
from actors.words.device_refusals import RedirectForbidden, SocketInUse, SocketUnknown
from actors.words.keys import MemberKey
from actors.words.refusals import Busy
from media.contract.errors import NoFreePort
from media.contract.plans import PortWanted
from media.contract.session import Direction, SessionWanted, Track, TrackWanted
from tests.fakes.media import FakeEngine
from tests.support.actors import settle
from tests.support.device_calls import CrossedLine
from tests.support.devices import LIMITS, Shown, Yard, open_yard

HERE = ("127.0.0.1", 20_000)
HERE_RTCP = ("127.0.0.1", 20_001)
AWAY = ("192.0.2.9", 20_000)
BOTH = (
    TrackWanted("audio", Direction.BOTH, ("opus",)),
    TrackWanted("video", Direction.BOTH, ("vp8",)),
)
MEDIA = by_kind(
    (
        MediumWanted("audio", "au-1", receives=True, redirect=HERE),
        MediumWanted(
            "video", "vi-1", receives=True, redirect=("127.0.0.1", 20_010), rtcp_redirect=HERE_RTCP
        ),
    )
)


@dataclass(frozen=True, slots=True)
class Do(Request[Any]):
    """Have a connection do something in its handler."""

    work: Callable[[], Awaitable[Any]]


class Doer(DeviceConnection):
    """Does what it is asked to."""

    accepts = (Do,)

    async def answer(self, message: Message) -> object:
        assert isinstance(message, Do)
        return await message.work()


class Side:
    """The side of a call, used within the handlers of its connection."""

    ref: Ref[Any]

    def __init__(self, yard: Yard, name: str, limits: DeviceLimits) -> None:
        services = DeviceServices(yard.engine, Shown(), lambda: limits, lambda spec: CrossedLine())
        key = MemberKey("peers.key", "ann")
        self.doer = Doer(
            ConnectionSpec(name, key, "ben", "mc_wire", CrossedLine(), services), incoming=False
        )
        self.yard = yard
        self.engine: Any = yard.engine
        self.it = UdpSide(self.doer)
        self.spec = ChildSpec(name, lambda: self.doer)

    async def do(self, work: Any) -> Any:
        return await self.ref.ask(Do(work), within=20)

    async def end(self) -> None:
        """Close the ports, and release the sockets."""
        await self.do(self.it.close_ports)
        for id_ in tuple(self.doer.sockets):
            await self.do(partial(self.doer.release_socket, id_))

    async def claim(self, *media: MediumWanted) -> None:
        await self.do(lambda: self.it.claim(by_kind(media)))

    async def session(self) -> tuple[Track, ...]:
        """Connect a session of this engine, which gives the call tracks."""
        one = await self.engine.open_session("one", SessionWanted(BOTH), lambda event: None)
        two = await self.engine.open_session("two", SessionWanted(BOTH), lambda event: None)
        await one.accept_answer((await two.accept_offer((await one.create_offer()).sdp)).sdp)
        tracks: tuple[Track, ...] = one.tracks
        return tracks


@asynccontextmanager
async def open_side(limits: DeviceLimits = LIMITS) -> AsyncIterator[Side]:
    async with open_yard(FakeEngine()) as yard:
        side = Side(yard, "mc-1", limits)
        side.ref = await yard.spawn(side.spec)
        yield side


async def users(yard: Yard, id: str) -> int:
    socket = find_socket(yard.system.registry, id)
    assert socket is not None
    return (await socket.ask(ShowSocket(), within=5)).users


async def test_sockets_are_used_for_their_codec_and_freed_with_the_call():
    async with open_side() as side:
        await side.yard.socket("au-1")
        await side.yard.socket("vi-1")
        await side.claim(*MEDIA.values())
        receives = side.engine.ports["vi-1"].wanted.receives
        assert (receives.codec.name, receives.codec.payload_type) == ("vp8", 96)
        assert receives.feedback == (HERE_RTCP,)
        assert side.engine.ports["au-1"].wanted.receives.feedback == ()
        await side.end()
        assert side.engine.ports == {}
        await settle()
        assert not side.yard.has("vi-1")


@pytest.mark.parametrize(
    ("wrong", "refusal", "field"),
    [
        (MediumWanted("video", "vi-9"), SocketUnknown, "video.socket"),
        (MediumWanted("video", "au-1"), SocketUnknown, "video.socket"),
        (MediumWanted("video", rtcp_socket="rc-9"), SocketUnknown, "video.rtcp_socket"),
        (MediumWanted("video", rtcp_socket="vi-1"), SocketUnknown, "video.rtcp_socket"),
        (MediumWanted("video", "mc-1"), SocketUnknown, "video.socket"),
        (MediumWanted("video", "../x"), SocketUnknown, "video.socket"),
        (MediumWanted("video", redirect=AWAY), RedirectForbidden, "video.redirect"),
        (MediumWanted("video", rtcp_redirect=AWAY), RedirectForbidden, "video.rtcp_redirect"),
    ],
)
async def test_what_is_refused_leaves_every_socket_as_it_was(
    wrong: MediumWanted, refusal: type[Refused], field: str
):
    async with open_side() as side:
        await side.yard.socket("au-1")
        await side.yard.socket("vi-1")
        with pytest.raises(refusal, match=f"^{field}$"):
            await side.claim(MediumWanted("audio", "au-1"), wrong)
        assert [await users(side.yard, id) for id in ("au-1", "vi-1")] == [0, 0]
        assert side.engine.ports["au-1"].wanted.receives is None
        await side.claim(*MEDIA.values())
        assert await users(side.yard, "au-1") == 1


async def test_a_socket_that_another_call_has_for_another_codec_is_in_use():
    async with open_side() as side:
        await side.yard.socket("au-1")
        await side.yard.socket("vi-1")
        await side.claim(MediumWanted("video", "vi-1", codecs=("vp8",)))
        other = Side(side.yard, "mc-2", LIMITS)
        other.ref = await side.yard.spawn(other.spec)
        with pytest.raises(SocketInUse, match=r"^video\.socket$"):
            await other.claim(
                MediumWanted("audio", "au-1"), MediumWanted("video", "vi-1", codecs=("h264",))
            )
        assert await users(side.yard, "au-1") == 0
        await other.claim(MediumWanted("video", "vi-1", codecs=("vp8",)))
        await side.end()
        assert await users(side.yard, "vi-1") == 1


async def test_a_socket_that_does_not_answer_is_busy():
    async with open_side(replace(LIMITS, ask_seconds=0.0)) as side:
        await side.yard.socket("vi-1")
        with pytest.raises(Busy):
            await side.claim(MediumWanted("video", "vi-1"))


async def test_media_flows_both_ways():
    async with open_side() as side:
        await side.yard.socket("au-1")
        await side.yard.socket("vi-1")
        await side.claim(*MEDIA.values())
        tracks = await side.session()
        assert await side.do(lambda: side.it.connect(tracks)) is None
        assert side.engine.attached == {
            "one/out/0": "au-1/in",
            "one/out/1": "vi-1/in",
            "mc-1/audio/out": "one/in/0",
            "mc-1/video/out": "one/in/1",
        }
        assert side.it.ports == 2
        video = side.engine.ports["mc-1/video"].wanted
        assert (video.address, video.mux) == ("127.0.0.1", True)
        assert (video.sends.remote.rtp, video.sends.remote.rtcp) == (
            ("127.0.0.1", 20_010),
            HERE_RTCP,
        )
        assert not side.engine.ports["mc-1/audio"].wanted.sends.reports
        await side.end()
        assert side.engine.ports == {}


async def test_a_port_that_cannot_be_opened_leaves_none():
    async with open_side() as side:
        await side.yard.socket("au-1")
        await side.yard.socket("vi-1")
        await side.claim(*MEDIA.values())
        tracks = await side.session()
        open_port = side.engine.open_port

        async def full(port_id: str, wanted: PortWanted) -> Any:
            if port_id == "mc-1/video":
                raise NoFreePort("none")
            return await open_port(port_id, wanted)

        side.engine.open_port = full
        with pytest.raises(NoFreePort):
            await side.it.connect(tracks)
        await side.end()
        assert side.engine.ports == {}


async def test_an_end_of_a_medium_is_known_by_its_address():
    async with open_side() as side:
        audio = await side.yard.socket("au-1")
        video = await side.yard.socket("vi-1")
        await side.claim(*MEDIA.values())
        found = side.it.kind_at
        assert found(("127.0.0.1", 20_010)) == "video"
        assert found(HERE) == "audio"
        assert found(("192.0.2.1", video.address[1])) == "video"
        assert found(audio.address) == "audio"
        assert found(("127.0.0.2", 20_010)) is None
        assert found(HERE_RTCP) is None


async def test_redirects_that_are_forbidden_later_end_and_the_rest_goes_on():
    async with open_side() as side:
        await side.yard.socket("vi-1")
        await side.claim(
            MediumWanted("audio", receives=True, redirect=("::1", 20_000)),
            replace(MEDIA["video"], rtcp_redirect=("::1", 20_011)),
        )
        tracks = await side.session()
        await side.do(lambda: side.it.connect(tracks))
        await side.do(lambda: side.it.keep_within((ip_network("127.0.0.0/8"),)))
        assert set(side.engine.ports) == {"vi-1", "mc-1/video"}
        sends = side.engine.ports["mc-1/video"].wanted.sends
        assert (sends.remote.rtcp, sends.reports) == (None, False)
        assert side.engine.ports["vi-1"].wanted.receives.feedback == ()
        assert side.engine.attached == {"one/out/1": "vi-1/in", "mc-1/video/out": "one/in/1"}
        await side.do(lambda: side.it.keep_within(()))
        assert set(side.engine.ports) == {"vi-1"}
        assert side.it.kind_at(("127.0.0.1", 20_010)) is None


async def test_rtcp_of_the_program_is_about_what_it_sends_and_is_sent():
    async with open_side() as side:
        routed: dict[str, list[tuple[str, ...]]] = {}
        route_rtcp = side.engine.route_rtcp

        async def note(port_id: str, streams: tuple[str, ...]) -> None:
            routed.setdefault(port_id, []).append(streams)
            await route_rtcp(port_id, streams)

        side.engine.route_rtcp = note
        for id_ in ("au-1", "vi-1", "rc-1"):
            await side.yard.socket(id_)
        await side.claim(*(replace(it, rtcp_socket="rc-1") for it in MEDIA.values()))
        tracks = await side.session()
        await side.do(lambda: side.it.connect(tracks))
        await side.do(lambda: side.it.keep_within(()))
        sent = ("au-1/in", "vi-1/in")
        assert routed["rc-1"] == [
            sent,
            ("au-1/in", "mc-1/audio/out", "vi-1/in", "mc-1/video/out"),
            sent,
        ]
        side.it.forget("vi-1")
        assert side.it.media["video"].socket is None
        await side.end()
        await settle()
        assert side.engine.ports == {}
        assert not side.yard.has("rc-1")
