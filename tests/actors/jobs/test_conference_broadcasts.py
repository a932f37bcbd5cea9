"""Streams out of a room: what starts, changes and ends them, and who is told what."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core.errors import Refused
from actors.jobs.broadcast import Broadcast
from actors.jobs.media_job import DoWork
from actors.room.room import Room
from actors.streams.services import StreamingPlan, TargetSink, UploadWanted
from actors.words.broadcasts import (
    BroadcastView,
    ChangeBroadcast,
    EndBroadcast,
    GetBroadcasts,
    Outlet,
    StartBroadcast,
)
from actors.words.conference_refusals import (
    BroadcastUnknown,
    EmptySubscription,
    TargetUnsatisfying,
)
from actors.words.media_refusals import CannotBroadcast, NoCapacity
from actors.words.orders import CloseRoom, Unpublish
from actors.words.refusals import Busy
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    ParametersChange,
    Resolution,
    SourceChange,
    VideoFormat,
    VideoParameters,
    VideoWanted,
)
from media.contract.jobs import (
    COMMON,
    PICTURE,
    AudioTarget,
    BroadcastWanted,
    OtherSound,
    TranscodeWanted,
    sink_of,
    sound_name,
    source_of,
)
from media.contract.streaming import OutsideTrouble, TargetFlows, TargetLost
from tests.actors.core.puppet import logged
from tests.support.actors import settle
from tests.support.conference import MANAGED, Meeting, Member, conference_spec, open_meeting, pause
from tests.support.mixes import AUTO, COMMON_MIX, MIXED, running, the_mix, the_transcode
from tests.support.saboteur import Saboteur

SECRET = "sesame"
RTMP = Outlet("rtmp", f"rtmp://ann:{SECRET}@203.0.113.7/live/{SECRET}?token={SECRET}")
HLS = Outlet("hls", f"https://ann:{SECRET}@198.51.100.1/a/index.m3u8?t={SECRET}", "POST", 4.0, 3)
AAC, CB = AudioFormat("aac", 48_000, 2), VideoFormat("h264", "CB")
GONE = TargetLost(OutsideTrouble.UNREACHABLE, "nobody answers there")
OVER = TargetLost(OutsideTrouble.NOT_ALLOWED, "it may not be reached", over=True)


async def come(meeting: Meeting, *names: str, rules: Any = MIXED) -> list[Member]:
    return [await meeting.member(name, spec=conference_spec(rules)) for name in names]


def the_broadcast(meeting: Meeting) -> tuple[str, BroadcastWanted]:
    """Return the one job that sends outside."""
    (found,) = running(meeting.engine, BroadcastWanted)
    return found


def send(outlet: Outlet, audio: str | None, video: str | None) -> StartBroadcast:
    return StartBroadcast(
        outlet, AudioWanted(audio) if audio else None, VideoWanted(video) if video else None
    )


@asynccontextmanager
async def starting(meeting: Meeting, order: StartBroadcast) -> AsyncIterator[list[Any]]:
    """Have one start; the list gets its view, or what it was refused with, when that is known."""
    told: list[Any] = []

    async def ask() -> None:
        try:
            told.append(await meeting.room.ask(order, within=100))
        except Refused as refusal:
            told.append(refusal)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(ask)
        await settle()
        yield told
        await settle()
        nursery.cancel_scope.cancel()


async def start(meeting: Meeting, order: StartBroadcast) -> BroadcastView:
    """Have one flow."""
    before = dict(running(meeting.engine, BroadcastWanted))
    async with starting(meeting, order) as told:
        (job,) = dict(running(meeting.engine, BroadcastWanted)).keys() - before.keys()
        assert told == []
        meeting.engine.tell_of_job(job, TargetFlows())
        await settle()
    (view,) = told
    assert isinstance(view, BroadcastView)
    return view


async def test_what_comes_as_h264_is_sent_as_it_comes_and_sound_is_encoded() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        sound, picture = await ann.publish("audio"), await bob.publish(codecs=("opus", "h264"))
        view = await start(meeting, send(RTMP, sound, picture))
        job, wanted = the_broadcast(meeting)
        encoder, encoded = the_transcode(meeting.engine)
        assert encoded.target == AudioTarget("aac", 48_000, 2)
        assert wanted.protocol == "rtmp"
        assert wanted.target is not None
        assert wanted.target.url == RTMP.url
        assert [(it.id, it.codec, it.publisher) for it in wanted.inputs] == [
            ("audio", "aac", "server"),
            ("video", "h264", picture),
        ]
        assert (wanted.inputs[0].clock_rate, wanted.inputs[0].channels) == (48_000, 2)
        sinks = meeting.sinks()
        assert sinks[sink_of(job, "audio")] == source_of(encoder, COMMON)
        assert sinks[sink_of(job, "video")] == f"{picture}/in/1"
        assert (view.audio_format, view.video_format) == (AAC, VideoFormat("h264", "CB"))
        assert await meeting.manage(GetBroadcasts()) == (view,)
        await meeting.manage(EndBroadcast(view.id))
        assert await meeting.manage(GetBroadcasts()) == ()
        assert not list(running(meeting.engine, BroadcastWanted))


async def test_a_mix_is_encoded_as_aac_and_h264() -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann", rules=AUTO)
        await ann.publish()
        view = await start(meeting, send(RTMP, COMMON_MIX, COMMON_MIX))
        job, wanted = the_broadcast(meeting)
        (mix, _), (picture, _) = the_mix(meeting.engine), the_transcode(meeting.engine)
        sound = sound_name(OtherSound(AudioTarget("aac", 48_000, 2)))
        assert meeting.sinks()[sink_of(job, "audio")] == source_of(mix, sound)
        assert meeting.sinks()[sink_of(job, "video")] == source_of(picture, PICTURE)
        assert {it.publisher for it in wanted.inputs} == {"server"}
        assert "profile-level-id=42e01f" in wanted.inputs[1].fmtp
        assert view.video_format == CB


@pytest.mark.parametrize(
    ("audio", "video", "refusal"),
    [
        (AudioWanted("1"), None, TargetUnsatisfying),
        (None, None, EmptySubscription),
        (AudioWanted(COMMON_MIX, AudioFormat("opus")), None, CannotBroadcast),
        (None, VideoWanted(COMMON_MIX, VideoFormat("vp8")), CannotBroadcast),
        (None, VideoWanted(COMMON_MIX, VideoFormat("h264", "H")), TargetUnsatisfying),
    ],
)
async def test_what_cannot_be_sent_is_refused_at_once(
    audio: AudioWanted | None, video: VideoWanted | None, refusal: type[Refused]
) -> None:
    async with open_meeting() as meeting:
        await come(meeting, "ann")
        with pytest.raises(refusal):
            await meeting.manage(StartBroadcast(RTMP, audio, video))
        assert meeting.engine.jobs.jobs == {}


async def test_without_transcoding_there_is_no_aac() -> None:
    async with open_meeting() as meeting:
        (ann,) = await meeting.members("ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        with pytest.raises(TargetUnsatisfying, match="audio: format"):
            await meeting.manage(send(RTMP, stream, None))
        await start(meeting, send(RTMP, None, stream))


async def test_there_is_an_end_to_streams_out() -> None:
    async with open_meeting(streaming=StreamingPlan(per_room=1)) as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        view = await start(meeting, send(RTMP, None, stream))
        with pytest.raises(Busy):
            await meeting.manage(send(RTMP, None, stream))
        await meeting.manage(EndBroadcast(view.id))
        await start(meeting, send(RTMP, None, stream))


async def test_without_processing_power_nothing_is_started() -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        meeting.engine.jobs.places = 1
        with pytest.raises(NoCapacity):  # for one of the two processes only
            await meeting.manage(send(RTMP, stream, stream))
        assert await meeting.manage(GetBroadcasts()) == ()
        await start(meeting, send(RTMP, None, stream))


# --- what does not start


@pytest.mark.parametrize("trouble", [GONE, OVER], ids=["lost", "over"])
async def test_a_target_that_takes_nothing_ends_it_with_the_reason(trouble: TargetLost) -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            (ann,) = await come(meeting, "ann")
            stream = await ann.publish(codecs=("opus", "h264"))
            async with starting(meeting, send(RTMP, None, stream)) as told:
                meeting.engine.tell_of_job(the_broadcast(meeting)[0], trouble)
                await settle()
                (refusal,) = told
                assert isinstance(refusal, CannotBroadcast)
                assert str(refusal) == trouble.detail
            assert await meeting.manage(GetBroadcasts()) == ()
            assert meeting.engine.jobs.jobs == {}
    (lost,) = [line for line in lines if line["event"] == "streaming_out.lost"]
    assert (lost["reason"], lost["over"]) == (trouble.reason.value, trouble.over)
    (ended,) = [line for line in lines if line["event"] == "streaming_out.ended"]
    assert ended["reason"] == trouble.reason.value


async def test_what_does_not_flow_in_time_is_ended(autojump_clock: MockClock) -> None:
    async with open_meeting(streaming=StreamingPlan(open_seconds=7)) as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        began = trio.current_time()
        with pytest.raises(CannotBroadcast, match="nothing was sent in time"):
            await meeting.manage(send(RTMP, None, stream), within=20)
        assert trio.current_time() - began == pytest.approx(7)
        await settle()
        assert meeting.engine.jobs.jobs == {}


async def test_who_leaves_before_it_flows_has_it_ended(autojump_clock: MockClock) -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            (ann,) = await come(meeting, "ann")
            stream = await ann.publish(codecs=("opus", "h264"))
            async with starting(meeting, send(RTMP, None, stream)):
                assert the_broadcast(meeting)
            await pause(1)
            assert meeting.engine.jobs.jobs == {}
    assert [line["reason"] for line in lines if line["event"] == "streaming_out.ended"] == [
        "caller_left"
    ]


async def test_one_that_does_not_flow_yet_is_not_listed_and_not_changed() -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        async with starting(meeting, send(RTMP, None, stream)) as told:
            assert await meeting.manage(GetBroadcasts()) == ()
            id_ = the_broadcast(meeting)[0].partition(":")[2]
            for order in (EndBroadcast(id_), ChangeBroadcast(id_, ())):
                with pytest.raises(BroadcastUnknown):
                    await meeting.manage(order)
            await ann.order(Unpublish(stream))
            await settle()
            (refusal,) = told
            assert isinstance(refusal, CannotBroadcast)


# --- at work


async def test_it_outlives_losses_of_its_target_until_one_is_for_good() -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            (ann,) = await come(meeting, "ann")
            stream = await ann.publish(codecs=("opus", "h264"))
            view = await start(meeting, send(RTMP, None, stream))
            job, _ = the_broadcast(meeting)
            for event in (GONE, TargetFlows(), GONE):
                meeting.engine.tell_of_job(job, event)
                await settle()
            assert await meeting.manage(GetBroadcasts()) == (view,)
            meeting.engine.tell_of_job(job, OVER)
            await settle()
            assert await meeting.manage(GetBroadcasts()) == ()
            assert meeting.engine.jobs.jobs == {}
            await start(meeting, send(RTMP, None, stream))
    names = [line["event"] for line in lines if line["event"].startswith("streaming_out.")]
    assert names[:7] == [
        "streaming_out.started", "streaming_out.flows", "streaming_out.lost",
        "streaming_out.flows", "streaming_out.lost", "streaming_out.lost", "streaming_out.ended",
    ]  # fmt: skip
    assert SECRET not in str(lines)


async def test_it_takes_from_another_stream_and_with_other_parameters() -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        one = await ann.publish(codecs=("opus", "h264"))
        two = await bob.publish(codecs=("opus", "vp8"))
        view = await start(meeting, send(RTMP, one, one))
        job, _ = the_broadcast(meeting)
        changed = await meeting.manage(ChangeBroadcast(view.id, (SourceChange("video", two),)))
        assert changed.video is not None
        assert (changed.video.source, changed.video_format) == (two, CB)
        work = {it.input.kind: id_ for id_, it in running(meeting.engine, TranscodeWanted)}
        assert meeting.sinks()[sink_of(job, "video")] == source_of(work["video"], PICTURE)
        assert the_broadcast(meeting)[1].inputs[1].publisher == "server"
        slower = ParametersChange(VideoParameters(framerate=12))
        changed = await meeting.manage(ChangeBroadcast(view.id, (slower,)))
        assert changed.video.parameters == VideoParameters(framerate=12, keyframe_interval=2)
        refused = (
            ChangeBroadcast(view.id, (slower, SourceChange("video", "1"))),
            ChangeBroadcast(view.id, (ParametersChange(VideoParameters(Resolution(8, 8))),)),
        )
        for order in refused:
            with pytest.raises(TargetUnsatisfying):
                await meeting.manage(order)
        assert await meeting.manage(GetBroadcasts()) == (changed,)
        with pytest.raises(BroadcastUnknown):
            await meeting.manage(EndBroadcast("1"))


async def test_it_goes_on_with_the_source_that_is_left() -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            ann, bob = await come(meeting, "ann", "bob")
            sound, picture = await ann.publish("audio"), await bob.publish(codecs=("opus", "h264"))
            await start(meeting, send(RTMP, sound, picture))
            job, wanted = the_broadcast(meeting)
            await ann.order(Unpublish(sound))
            await settle()
            (left,) = await meeting.manage(GetBroadcasts())
            assert (left.audio, left.audio_format) == (None, None)
            assert the_broadcast(meeting) == (job, wanted)  # the target has been told of both
            assert sink_of(job, "audio") not in meeting.sinks()
            await bob.leave()
            await settle()
            assert await meeting.manage(GetBroadcasts()) == ()
            assert not list(running(meeting.engine, BroadcastWanted))
    assert [line["reason"] for line in lines if line["event"] == "streaming_out.ended"] == [
        "source_lost"
    ]


async def test_keyframes_are_asked_for_as_often_as_is_usual_or_said(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        ann, bob = await come(meeting, "ann", "bob")
        one, two = [await it.publish(codecs=("opus", "h264")) for it in (ann, bob)]
        await start(meeting, send(RTMP, None, one))
        said = VideoWanted(two, None, VideoParameters(keyframe_interval=5))
        await start(meeting, StartBroadcast(RTMP, None, said))
        asked = meeting.engine.keyframes_requested
        asked.clear()
        await pause(40)
        assert {it: asked.count(it) for it in set(asked)} == {
            f"{one}/in/1": pytest.approx(20, abs=1),
            f"{two}/in/1": pytest.approx(8, abs=1),
        }


async def test_a_room_that_all_have_left_lives_as_long_as_it_sends(
    autojump_clock: MockClock,
) -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann", rules=AUTO)
        view = await start(meeting, send(RTMP, COMMON_MIX, COMMON_MIX))
        await ann.leave()
        await pause(200)
        assert await meeting.manage(GetBroadcasts()) == (view,)
        await meeting.manage(EndBroadcast(view.id))
        await pause(100)
        assert meeting.house.system.registry.find(MANAGED) is None


async def test_closing_the_room_ends_it_and_tells_who_waits() -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        await start(meeting, send(RTMP, None, stream))
        async with starting(meeting, send(RTMP, None, stream)) as told:
            await meeting.room.ask(CloseRoom(), within=5)
            await settle()
            (refusal,) = told
            assert isinstance(refusal, CannotBroadcast)
        assert meeting.engine.jobs.jobs == {}


async def test_a_process_that_ends_is_started_again() -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        view = await start(meeting, send(RTMP, None, stream))
        job, wanted = the_broadcast(meeting)
        meeting.engine.end_job(job, "stalled")
        await settle()
        assert the_broadcast(meeting) == (job, wanted)
        assert meeting.sinks()[sink_of(job, "video")] == f"{stream}/in/1"
        assert await meeting.manage(GetBroadcasts()) == (view,)


async def test_an_encoder_that_is_started_again_is_taken_again() -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        await start(meeting, send(RTMP, stream, stream))
        job, _ = the_broadcast(meeting)
        encoder, _ = the_transcode(meeting.engine)
        before = meeting.sinks()
        meeting.engine.end_job(encoder, "killed")
        await settle()
        assert meeting.sinks() == before
        assert before[sink_of(job, "audio")] == source_of(encoder, COMMON)


async def test_a_job_whose_processes_end_too_often_ends() -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        async with starting(meeting, send(RTMP, None, stream)) as told:
            for _ in range(4):
                meeting.engine.end_job(the_broadcast(meeting)[0], "stalled")
                await settle()
            (refusal,) = told
            assert str(refusal) == "the job that sends it has ended"
        assert await meeting.manage(GetBroadcasts()) == ()


@pytest.mark.parametrize("kind", [Room, Broadcast], ids=["room", "job"])
async def test_a_crash_ends_it_with_a_line_in_the_log(
    monkeypatch: pytest.MonkeyPatch, kind: type[Room | Broadcast]
) -> None:
    with logged() as lines:
        async with open_meeting() as meeting:
            (ann,) = await come(meeting, "ann")
            stream = await ann.publish(codecs=("opus", "h264"))
            view = await start(meeting, send(RTMP, None, stream))
            path = MANAGED if kind is Room else f"{MANAGED}/broadcast:{view.id}"
            Saboteur(monkeypatch, kind, path).crash("handle")
            order = GetBroadcasts() if kind is Room else DoWork(the_broadcast(meeting)[1], {})
            meeting.house.find(path).tell(order)
            await settle()
            assert await meeting.manage(GetBroadcasts()) == ()
            assert not list(running(meeting.engine, BroadcastWanted))
            assert len([line for line in lines if line["event"] == "actor.crashed"]) == 1
    assert len([line for line in lines if line["event"] == "streaming_out.ended"]) == 1


# --- files


async def test_files_are_uploaded_from_a_private_folder_that_goes_with_them(
    tmp_path: Path,
) -> None:
    work = tmp_path / "work"
    uploads: list[FakeUpload] = []

    def upload(wanted: UploadWanted, events: TargetSink) -> FakeUpload:
        uploads.append(FakeUpload(wanted, events))
        return uploads[-1]

    plan = StreamingPlan(networks=("198.51.100.0/24",), work=work)
    async with open_meeting(streaming=plan, upload=upload) as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        async with starting(meeting, send(HLS, None, stream)) as told:
            await until(lambda: bool(list(running(meeting.engine, BroadcastWanted))))
            job, wanted = the_broadcast(meeting)
            (folder,) = work.iterdir()
            assert {it.stat().st_mode & 0o777 for it in (work, folder)} == {0o700}
            assert wanted.target is None
            assert (wanted.folder, wanted.playlist) == (str(folder), "index.m3u8")
            assert (wanted.segment_seconds, wanted.window) == (4.0, 3)
            (uploading,) = uploads
            assert uploading.wanted == UploadWanted(
                folder, "index.m3u8", HLS.url, "POST", 4.0, plan.networks
            )
            assert SECRET not in repr(uploading.wanted)
            meeting.engine.tell_of_job(job, TargetFlows())  # a playlist, here only
            await settle()
            assert told == []
            uploading.events(TargetFlows())
            await settle()
            (view,) = told
        (folder / "0.ts").write_bytes(b"segment")
        async with trio.open_nursery() as nursery:
            nursery.start_soon(meeting.manage, EndBroadcast(view.id))
            await uploading.stopping.wait()
            assert not list(running(meeting.engine, BroadcastWanted))  # it writes no more
            assert list(work.iterdir()) == [folder]
            uploading.events(TargetLost(OutsideTrouble.SILENT, "too late to matter"))
            uploading.all_taken.set()
        assert list(work.iterdir()) == []


async def test_an_upload_that_is_refused_ends_it(tmp_path: Path) -> None:
    async with open_meeting(streaming=StreamingPlan(work=tmp_path / "work")) as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        with pytest.raises(CannotBroadcast, match="nothing is uploaded here"):
            await meeting.manage(send(HLS, None, stream))
        await until(lambda: list((tmp_path / "work").iterdir()) == [])


async def test_a_local_playlist_lies_where_the_request_says(tmp_path: Path) -> None:
    async with open_meeting(streaming=StreamingPlan(folder=tmp_path)) as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        outlet = Outlet("dash", (tmp_path / "new" / "show.mpd").as_uri())
        async with starting(meeting, send(outlet, None, stream)):
            await until(lambda: bool(list(running(meeting.engine, BroadcastWanted))))
            _, wanted = the_broadcast(meeting)
            assert (wanted.folder, wanted.playlist) == (str(tmp_path / "new"), "show.mpd")
            for protocol, url in (("dash", "new/show.mpd"), ("hls", "new/../new/show.mpd")):
                with pytest.raises(CannotBroadcast, match="another stream is sent into this file"):
                    await meeting.manage(send(Outlet(protocol, url), None, stream))
        await until(lambda: not list(running(meeting.engine, BroadcastWanted)))
        (tmp_path / "new" / "show.mpd").touch()
        with pytest.raises(CannotBroadcast, match="the file is there already"):
            await meeting.manage(send(outlet, None, stream))
        for url in ("/etc/show.mpd", f"{tmp_path}/../show.mpd", "file:///etc/show.mpd"):
            with pytest.raises(CannotBroadcast, match="no local file"):
                await meeting.manage(send(Outlet("dash", url), None, stream))
        assert (tmp_path / "new").is_dir()


async def test_of_two_that_want_the_same_file_at_once_one_has_it(tmp_path: Path) -> None:
    async with open_meeting(streaming=StreamingPlan(folder=tmp_path)) as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        order = send(Outlet("hls", "show.m3u8"), None, stream)
        async with starting(meeting, order) as one, starting(meeting, order) as other:
            await until(lambda: bool(one or other))  # who is refused may be so before it runs
            await until(lambda: bool(list(running(meeting.engine, BroadcastWanted))))
            ((job, _),) = running(meeting.engine, BroadcastWanted)
            meeting.engine.tell_of_job(job, TargetFlows())
            await until(lambda: bool(one and other))
        (refused,) = (it for it in (*one, *other) if isinstance(it, Refused))
        (view,) = (it for it in (*one, *other) if isinstance(it, BroadcastView))
        assert "another stream is sent into this file" in str(refused)
        await meeting.manage(EndBroadcast(view.id))
        async with starting(meeting, order):  # it was free again, and nothing had been written
            await until(lambda: bool(list(running(meeting.engine, BroadcastWanted))))


async def test_without_a_folder_nothing_is_written_here(tmp_path: Path) -> None:
    async with open_meeting() as meeting:
        (ann,) = await come(meeting, "ann")
        stream = await ann.publish(codecs=("opus", "h264"))
        outlet = Outlet("hls", str(tmp_path / "a.m3u8"))
        with pytest.raises(CannotBroadcast, match="no local file"):
            await meeting.manage(send(outlet, None, stream))
    assert files_in(tmp_path) == []


def files_in(folder: Path) -> list[Path]:
    return list(folder.iterdir())


class FakeUpload:
    """Goes on until it was stopped, and all that is there was taken."""

    def __init__(self, wanted: UploadWanted, events: TargetSink) -> None:
        self.wanted = wanted
        self.events = events
        self.stopping, self.all_taken = trio.Event(), trio.Event()

    async def run(self) -> None:
        await self.all_taken.wait()

    def stop(self) -> None:
        self.stopping.set()


async def until(so: Callable[[], bool]) -> None:
    """Wait for what threads do."""
    with trio.fail_after(30):
        while not so():
            await trio.sleep(0.01)
