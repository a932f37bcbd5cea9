"""Media through the portal, for real: aiortc clients publish, subscribe, and lose their way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest
import trio

from actors.streams.connection import AddCandidate
from media.contract.candidates import Candidate
from media.local_engine import open_local_engine
from media.webrtc.bridge import MediaLoop, open_media_loop
from media.webrtc.peer_facts import IceConfig
from tests.support.actors import poison
from tests.support.owt import OwtServer, owt_server, owt_settings
from tests.support.owt_media import calling
from tests.support.owt_portal import connection, guest, live_room, until_away

LOOPBACK = IceConfig(listen_ips=("127.0.0.1",))


@pytest.fixture
async def loop() -> AsyncIterator[MediaLoop]:
    async with open_media_loop() as found:
        yield found
    assert found.stray_errors == 0


@pytest.fixture
async def server(tmp_path: Path, loop: MediaLoop) -> AsyncIterator[OwtServer]:
    settings = owt_settings(owt={"messages_per_second": 0})
    async with open_local_engine(loop, LOOPBACK) as engine:
        async with owt_server(tmp_path, settings=settings, engine=engine) as found:
            yield found
        assert engine.sessions == 0


@pytest.fixture
async def room(server: OwtServer) -> str:
    return str((await server.manager().create_room())["_id"])


@pytest.mark.parametrize(("video", "protocol"), [("vp8", "1.1"), ("h264", "1.0")])
async def test_what_one_publishes_the_other_sees(
    server: OwtServer, room: str, loop: MediaLoop, video: str, protocol: str
) -> None:
    codecs = ("opus", video)
    async with guest(server, room, protocol=protocol) as one, guest(server, room) as two:
        async with calling(one, loop) as ann, calling(two, loop) as bob:
            stream = await ann.publish(video=200, codecs=codecs)
            for each in (one, two):
                added = await each.told("stream", id=stream, status="add")
                media = added["data"]["media"]
                kind = media["video"] if each.protocol == "1.0" else media["video"]["original"][0]
                assert kind["format"]["codec"] == video
                assert media["audio"]["format"]["codec"] == "opus"
                assert added["data"]["info"]["owner"] == one.id
            subscription = await bob.subscribe(stream, stream, codecs)
            assert abs(await bob.frames(subscription) - 200) < 20
            await bob.frames(subscription, "audio")
            async with guest(server, room) as late:
                listed = [each["id"] for each in late.welcome["room"]["streams"]]
                assert listed == [f"{room}-common", stream]
            await two.ok("unsubscribe", {"id": subscription})
            await one.ok("unpublish", {"id": stream})
            assert await two.told("stream") == {"id": stream, "status": "remove"}


async def test_audio_from_one_and_video_from_another_paused_and_played(
    server: OwtServer, room: str, loop: MediaLoop
) -> None:
    async with guest(server, room) as one, guest(server, room) as two:
        async with calling(one, loop) as ann, calling(two, loop) as bob:
            bright = await ann.publish(video=220)
            dark = await ann.publish(audio=False, video=30)
            for stream in (bright, dark):
                await two.told("stream", id=stream)
            subscription = await bob.subscribe(bright, dark)
            assert abs(await bob.frames(subscription) - 30) < 20
            await bob.frames(subscription, "audio")

            pause = {"id": subscription, "operation": "pause", "data": "video"}
            await two.ok("subscription-control", pause)
            assert await bob.frozen(subscription, "video")
            await two.ok("subscription-control", pause | {"operation": "play"})
            await bob.frames(subscription)

            change = {"video": {"from": bright}}
            await two.ok(
                "subscription-control",
                {"id": subscription, "operation": "update", "data": change},
            )
            with trio.fail_after(30):
                while abs(await bob.frames(subscription, more=1) - 220) > 20:
                    pass

            await one.ok("stream-control", {"id": bright, "operation": "pause", "data": "av"})
            told = [await two.told("stream", id=bright, status="update") for _ in range(2)]
            assert {each["data"]["field"] for each in told} == {"audio.status", "video.status"}
            assert {each["data"]["value"] for each in told} == {"inactive"}
            assert await bob.frozen(subscription, "video")
            words = await two.refused(
                "stream-control", {"id": bright, "operation": "play", "data": "av"}
            )
            assert words == "unauthorized"


async def test_media_goes_on_while_a_socket_is_lost(
    server: OwtServer, room: str, loop: MediaLoop
) -> None:
    async with guest(server, room) as two:
        async with guest(server, room) as one:
            async with calling(one, loop) as ann, calling(two, loop) as bob:
                stream = await ann.publish(video=200)
                back = await bob.publish(video=50)
                taken = await bob.subscribe(stream, stream)
                returned = await ann.subscribe(back, back)
                await one.drop()
                await until_away(server, one.id)
                await two.ok("text", {"to": "all", "message": "gone?"})
                await bob.frames(taken, more=20)
                await ann.frames(returned, more=20)
                async with connection(server) as again:
                    await again.ok("relogin", one.ticket)
                    assert (await again.told("text"))["message"] == "gone?"
                    await bob.frames(taken, more=20)
                    await ann.frames(returned, more=20)
                    await again.ok("unpublish", {"id": stream})
                    told = await two.told("progress", id=taken, status="error")
                    assert told["data"] == "Source stream loss"


async def test_a_crash_of_the_room_ends_its_media_in_words(
    server: OwtServer, room: str, loop: MediaLoop
) -> None:
    async with guest(server, room) as one, guest(server, room) as two:
        async with calling(one, loop) as ann, calling(two, loop) as bob:
            stream = await ann.publish()
            taken = await bob.subscribe(stream, stream)
            for each in (one, two):
                await each.told("stream", id=stream, status="add")
            live_room(server, room).tell(poison())
            ended = {"status": "error", "data": "Access node exited unexpectedly"}
            assert await one.told("progress") == {"id": stream} | ended
            assert await two.told("progress") == {"id": taken} | ended
            for each in (one, two):
                assert await each.told("stream") == {"id": stream, "status": "remove"}
                await each.told("stream", id=f"{room}-common", status="update")
            again = await ann.publish()
            await two.told("stream", id=again, status="add")
            await bob.frames(await bob.subscribe(again, again))


async def test_a_crash_of_a_connection_ends_its_stream_in_words(
    server: OwtServer, room: str, loop: MediaLoop
) -> None:
    async with guest(server, room) as one, guest(server, room) as two:
        async with calling(one, loop) as ann, calling(two, loop) as bob:
            doomed, other = await ann.publish(), await ann.publish(video=30)
            taken, kept = await bob.subscribe(doomed, doomed), await bob.subscribe(other, other)
            for stream in (doomed, other):
                await two.told("stream", id=stream, status="add")
            ref = server.system.registry.find(f"{live_room(server, room).path}/{doomed}")
            assert ref is not None
            ref.tell(AddCandidate(cast("Candidate", None)))
            ended = await one.told("progress", id=doomed, status="error")
            assert ended["data"] == "Access node exited unexpectedly"
            assert await two.told("stream") == {"id": doomed, "status": "remove"}
            ended = await two.told("progress", id=taken, status="error")
            assert ended["data"] == "Source stream loss"
            await bob.frames(kept)


@pytest.mark.slow
@pytest.mark.parametrize("first", ["word", "close"])
async def test_a_normal_stop_is_no_error(
    server: OwtServer, room: str, loop: MediaLoop, first: str
) -> None:
    """SDKs say so over the socket and close the connection in one moment."""
    async with guest(server, room) as one, guest(server, room) as two:
        async with calling(one, loop) as ann, calling(two, loop) as bob:
            for _ in range(3):
                stream = await ann.publish(video=None)
                await two.told("stream", id=stream, status="add")
                taken = await bob.subscribe(stream)
                for caller, request, id_ in (
                    (bob, "unsubscribe", taken),
                    (ann, "unpublish", stream),
                ):
                    if first == "close":
                        await caller.hang_up(id_)
                        await until_ended(server, f"{live_room(server, room).path}/{id_}")
                    await caller.guest.ok(request, {"id": id_})
                    if first == "word":
                        await caller.hang_up(id_)
                assert await two.told("stream") == {"id": stream, "status": "remove"}
                await one.told("stream", id=stream, status="add")
                assert await one.told("stream") == {"id": stream, "status": "remove"}
            for each in (one, two):
                await each.ok("refreshReconnectionTicket")  # behind whatever was sent before
                assert not [packet for packet in each.client.packets if '"error"' in packet]


async def until_ended(server: OwtServer, path: str) -> None:
    """Wait until an actor is no more."""
    with trio.fail_after(30):
        while server.system.registry.find(path) is not None:
            await trio.sleep(0.01)


async def test_muting_what_a_stream_has_not_leaves_it_alone(
    server: OwtServer, room: str, loop: MediaLoop
) -> None:
    words = "Stream does NOT contain valid track to mute/unmute"
    async with guest(server, room) as one, guest(server, room) as two:
        async with calling(one, loop) as ann, calling(two, loop) as bob:
            stream = await ann.publish(video=None)
            await two.told("stream", id=stream, status="add")
            mute = {"id": stream, "operation": "pause", "data": "video"}
            assert await one.refused("stream-control", mute) == words
            assert await one.refused("stream-control", mute | {"operation": "play"}) == words
            video = {"op": "replace", "path": "/media/video/status", "value": "inactive"}
            path = f"/v1/rooms/{room}/streams/{stream}"
            answer = await server.manager().ask("PATCH", path, [video])
            assert (answer.status_code, words in answer.text) == (500, True)
            await bob.frames(await bob.subscribe(stream), "audio")
            await one.ok("stream-control", mute | {"data": "av"})
            told = await two.told("stream", id=stream, status="update")
            assert told["data"] == {"field": "audio.status", "value": "inactive"}


async def test_a_codec_that_is_in_the_room_but_not_forwarded_is_refused_in_words(
    server: OwtServer, room: str, loop: MediaLoop
) -> None:
    """VP9 is among a room's codecs, as in the original; what streams offer beside their own is
    what can be had."""
    shown = (await server.manager().ask("GET", f"/v1/rooms/{room}")).json()
    assert {"codec": "vp9"} in shown["mediaIn"]["video"]
    assert {"codec": "vp9"} in shown["mediaOut"]["video"]["format"]
    async with guest(server, room) as one, guest(server, room) as two:
        async with calling(one, loop) as ann:
            wanted = {"media": {"audio": False, "video": {"source": "camera"}}}
            id_ = (await one.ok("publish", wanted))["id"]
            offer = {"type": "offer", "sdp": await ann.offer_video(id_, "VP9")}
            await one.ok("soac", {"id": id_, "signaling": offer})
            ended = await one.told("progress", id=id_, status="error")
            assert ended["data"] == "No proper video codec"
            stream = await ann.publish()
            media = (await two.told("stream", id=stream, status="add"))["data"]["media"]
            for kind in ("audio", "video"):
                for each in media[kind]["optional"]["format"]:
                    taken = {kind: {"from": stream, "format": each}}
                    nothing = {"audio": False, "video": False}
                    await two.ok("subscribe", {"media": nothing | taken})
                assert "vp9" not in [each["codec"] for each in media[kind]["optional"]["format"]]
            vp9 = {"from": stream, "format": {"codec": "vp9"}}
            words = await two.refused("subscribe", {"media": {"audio": False, "video": vp9}})
            assert words == "Target video stream does NOT satisfy:Format is not acceptable"
