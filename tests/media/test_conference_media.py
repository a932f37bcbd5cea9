"""A room with streams on the real engine: real encoders and decoders, over real sockets."""

from __future__ import annotations

import time
from contextlib import suppress
from pathlib import Path

import pytest
import trio

from actors.streams.connection import MeasureTraffic, MediaConnection
from actors.words.facts import Restarted, RoomClosed, SessionEnded, StreamAdded, StreamRemoved
from actors.words.orders import (
    ChangeRecording,
    CloseRoom,
    ControlStream,
    ControlSubscription,
    EndRecording,
    StartRecording,
    Unpublish,
)
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    RecordingView,
    SessionEnd,
    SourceChange,
    StatusChange,
    VideoFormat,
    VideoWanted,
)
from media.contract.errors import UnknownRecording
from media.local_engine import LocalEngine
from media.webrtc.bridge import MediaLoop
from tests.actors.core.puppet import logged
from tests.support.actors import poison
from tests.support.conference import MANAGED
from tests.support.conference_media import MediaMember, open_media_meeting
from tests.support.media_file import errors_in, look_into
from tests.support.saboteur import Saboteur

HOLD = (StatusChange("video", False),)
PLAY = (StatusChange("video", True),)


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the clients use loopback too, which is there on any machine."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


def record(stream: str, container: str = "auto") -> StartRecording:
    return StartRecording(container, AudioWanted(stream), VideoWanted(stream))


async def recorded(engine: LocalEngine, view: RecordingView, seconds: float) -> None:
    """Wait until a recording is that long: it begins by itself, and with a keyframe."""
    length = 0.0
    with trio.fail_after(60):
        while length < seconds:
            await trio.sleep(0.02)
            with suppress(UnknownRecording):
                length = (await engine.recording_status(view.id)).seconds


async def still(member: MediaMember, session: str, kind: str = "video") -> bool:
    """Tell whether nothing comes any more, but what was under way: on a busy machine for long."""
    seen = member.clients[session].seen[kind]
    with trio.move_on_after(5):
        while True:
            before = seen.frames
            await trio.sleep(0.7)
            if seen.frames == before:
                return True
    return False


async def more(member: MediaMember, session: str, kind: str = "video", count: int = 5) -> None:
    """Wait for more frames than there were."""
    client = member.clients[session]
    await client.frames(kind, client.seen[kind].frames + count)


@pytest.mark.parametrize(
    ("codecs", "audio", "video"),
    [
        (("opus", "vp8"), AudioFormat("opus", 48_000, 2), VideoFormat("vp8")),
        (("pcmu", "h264"), AudioFormat("pcmu"), VideoFormat("h264", "CB")),
    ],
)
async def test_two_subscribers_see_and_hear_a_publisher(
    media_loop: MediaLoop,
    engine: LocalEngine,
    codecs: tuple[str, ...],
    audio: AudioFormat,
    video: VideoFormat,
) -> None:
    async with open_media_meeting(engine, "ann", "bob", "cid") as (_, (ann, bob, cid)):
        stream = await ann.send(media_loop, "audio", "video", codecs=codecs)
        (added,) = bob.told(StreamAdded)
        assert added.stream.audio is not None
        assert added.stream.video is not None
        assert (added.stream.audio.format, added.stream.video.format) == (audio, video)
        for member in (bob, cid):
            taken = await member.take(media_loop, stream, stream, codecs)
            pictures = await member.clients[taken].frames("video", 20)
            sounds = await member.clients[taken].frames("audio", 20)
            assert pictures.missing == sounds.missing == 0
            assert abs(pictures.grey - 60) < 12
        await ann.order(Unpublish(stream))
        ended = await cid.until(SessionEnded)
        assert ended.why is SessionEnd.SOURCE_LOST
        with trio.fail_after(30):
            while engine.sessions:
                await trio.sleep(0.02)


async def test_audio_comes_from_one_stream_and_video_from_another(
    media_loop: MediaLoop, engine: LocalEngine
) -> None:
    async with open_media_meeting(engine, "ann", "bob", "cid") as (_, (ann, bob, cid)):
        sound = await ann.send(media_loop, "audio")
        dark = await ann.send(media_loop, "video", grey=60)
        bright = await bob.send(media_loop, "video", grey=180)
        taken = await cid.take(media_loop, sound, dark)
        client = cid.clients[taken]
        assert abs((await client.frames("video", 10)).grey - 60) < 12
        await client.frames("audio", 10)
        switch = (SourceChange("video", bright),)
        await cid.order(ControlSubscription(taken, switch))
        with trio.fail_after(30):
            while abs(client.seen["video"].grey - 180) > 12:
                await trio.sleep(0.02)
        assert client.seen["video"].missing == 0
        await ann.order(Unpublish(dark))
        await more(cid, taken)
        assert cid.told(SessionEnded) == []


@pytest.mark.slow
async def test_what_is_held_at_either_end_stops_and_goes_on(
    media_loop: MediaLoop, engine: LocalEngine
) -> None:
    async with open_media_meeting(engine, "ann", "bob") as (_, (ann, bob)):
        stream = await ann.send(media_loop, "audio", "video")
        taken = await bob.take(media_loop, stream, stream)
        await more(bob, taken)
        await bob.order(ControlSubscription(taken, HOLD))
        assert await still(bob, taken)
        await more(bob, taken, "audio")
        await bob.order(ControlSubscription(taken, PLAY))
        await more(bob, taken)
        await ann.order(ControlStream(stream, HOLD))
        assert await still(bob, taken)
        await ann.order(ControlStream(stream, PLAY))
        await more(bob, taken)
        assert bob.clients[taken].seen["video"].missing == 0


async def test_who_comes_late_sees_a_frame_at_once(
    media_loop: MediaLoop, engine: LocalEngine
) -> None:
    async with open_media_meeting(engine, "ann", "bob", "cid") as (_, (ann, bob, cid)):
        stream = await ann.send(media_loop, "video")
        first = await bob.take(media_loop, video=stream)
        await bob.clients[first].frames("video", 20)
        late = await cid.take(media_loop, video=stream)
        ready = time.monotonic()
        seen = await cid.clients[late].frames("video", 1)
        assert seen.first - ready < 5.0  # no keyframe comes by itself in that time


async def test_a_publisher_that_hangs_up_is_gone_for_all(
    media_loop: MediaLoop, engine: LocalEngine
) -> None:
    async with open_media_meeting(engine, "ann", "bob") as (_, (ann, bob)):
        stream = await ann.send(media_loop, "audio", "video")
        await bob.take(media_loop, stream, stream)
        await ann.clients[stream].close()
        await bob.until(StreamRemoved)
        assert (await bob.until(SessionEnded)).why is SessionEnd.SOURCE_LOST
        assert (await ann.until(SessionEnded)).why is SessionEnd.HUNG_UP


@pytest.mark.slow
@pytest.mark.parametrize(
    ("codecs", "container", "names"),
    [
        (("opus", "vp8"), "auto", {"opus", "vp8"}),
        (("opus", "h264"), "mp4", {"opus", "h264"}),
    ],
)
async def test_a_recording_can_be_played(
    media_loop: MediaLoop,
    engine: LocalEngine,
    codecs: tuple[str, ...],
    container: str,
    names: set[str],
) -> None:
    async with open_media_meeting(engine, "ann", "bob") as (meeting, (ann, bob)):
        one = await ann.send(media_loop, "audio", "video", codecs=codecs)
        two = await bob.send(media_loop, "video", codecs=codecs, grey=180)
        view = await meeting.room.ask(record(one, container), within=30)
        began = trio.current_time()
        await recorded(engine, view, 1.5)
        change = ChangeRecording(view.id, (SourceChange("video", two),))
        await meeting.room.ask(change, within=30)
        await recorded(engine, view, 3.5)
        await meeting.room.ask(EndRecording(view.id), within=30)
        seconds = trio.current_time() - began
        path = Path(view.file)
        assert errors_in(path) == ""
        found = look_into(path)
        assert set(found.packets) == names
        assert 2.0 < found.duration < seconds + 1.5
        assert max(found.packets[codecs[1]]) > 2.0, "the second picture is not in it"


async def test_a_recording_outlives_its_publisher_by_its_file_only(
    media_loop: MediaLoop, engine: LocalEngine
) -> None:
    async with open_media_meeting(engine, "ann") as (meeting, (ann,)):
        stream = await ann.send(media_loop, "audio")
        view = await meeting.room.ask(StartRecording("auto", AudioWanted(stream), None), within=30)
        await recorded(engine, view, 1.0)
        await ann.order(Unpublish(stream))
        with trio.fail_after(30):
            while not await trio.Path(view.file).exists():
                await trio.sleep(0.02)
        assert errors_in(Path(view.file)) == ""


# --- wrecks


async def test_a_connection_that_crashes_in_a_call_takes_its_stream_along(
    media_loop: MediaLoop, engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_media_meeting(engine, "ann", "bob") as (meeting, (ann, bob)):
        stream = await ann.send(media_loop, "audio", "video")
        taken = await bob.take(media_loop, stream, stream)
        await more(bob, taken)
        with logged() as lines:
            crash = Saboteur(monkeypatch, MediaConnection, f"{MANAGED}/{stream}")
            crash.crash("handle")
            meeting.house.find(f"{MANAGED}/{stream}").tell(MeasureTraffic())
            assert (await bob.until(SessionEnded)).why is SessionEnd.SOURCE_LOST
            assert (await ann.until(SessionEnded)).why is SessionEnd.MEDIA_LOST
            await bob.until(StreamRemoved)
        assert [it["kind"] for it in lines if it["event"] == "actor.crashed"] == ["connection"]
        again = await ann.send(media_loop, "video")
        await more(bob, await bob.take(media_loop, video=again))


async def test_a_room_that_crashes_in_a_call_finalises_its_recordings_and_goes_on(
    media_loop: MediaLoop, engine: LocalEngine
) -> None:
    async with open_media_meeting(engine, "ann", "bob") as (meeting, (ann, bob)):
        stream = await ann.send(media_loop, "audio", "video")
        await bob.take(media_loop, stream, stream)
        view = await meeting.room.ask(record(stream), within=30)
        await recorded(engine, view, 1.0)
        with logged() as lines:
            meeting.room.tell(poison())
            await ann.until(Restarted)
            await bob.until(Restarted)
        assert [it["kind"] for it in lines if it["event"] == "actor.crashed"] == ["room"]
        assert engine.sessions == 0
        assert errors_in(Path(view.file)) == ""
        again = await ann.send(media_loop, "video")
        await more(bob, await bob.take(media_loop, video=again))


async def test_a_room_that_is_closed_finalises_its_recordings_before_it_says_so(
    media_loop: MediaLoop, engine: LocalEngine
) -> None:
    async with open_media_meeting(engine, "ann", "bob") as (meeting, (ann, bob)):
        stream = await ann.send(media_loop, "audio", "video")
        await bob.take(media_loop, stream, stream)
        view = await meeting.room.ask(record(stream), within=30)
        await recorded(engine, view, 1.0)
        await meeting.room.ask(CloseRoom(), within=30)
        assert errors_in(Path(view.file)) == ""
        assert engine.sessions == 0
        await bob.until(RoomClosed)
