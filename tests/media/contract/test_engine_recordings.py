"""Recordings as every media engine offers them, the real one and the fake."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from media.contract.codec import Codec
from media.contract.engine import MediaEngine
from media.contract.errors import (
    CannotRecord,
    CodecMismatch,
    IdTaken,
    UnknownRecording,
    UnknownSource,
    WrongState,
)
from media.contract.paths import PathTrouble
from media.contract.plans import PortReceives, PortWanted
from media.contract.recordings import Container, RecordingPlan, RecordingState, RecordingStatus
from media.local_engine import LocalEngine, open_local_engine
from media.recording.matroska import MatroskaWriter
from media.rtp.router import RtpSource
from media.webrtc.bridge import MediaLoop, open_media_loop
from tests.support.encoded import flashes_in
from tests.support.media_file import errors_in, look_into
from tests.support.paths import lead, trouble_with
from tests.support.recording import frames_of, plan
from tests.support.rtp_stream import OPUS, PCMU, VP8, RtpStream

SOURCES = {"audio": "ann/in", "video": "camera/in"}


class Ends:
    """Takes how recordings end."""

    def __init__(self) -> None:
        self.told: list[RecordingStatus] = []
        self._one = trio.Event()

    def __call__(self, status: RecordingStatus) -> None:
        self.told.append(status)
        self._one.set()

    async def first(self) -> RecordingStatus:
        with trio.fail_after(30):
            await self._one.wait()
        return self.told[0]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


async def open_sources(engine: MediaEngine) -> None:
    """Open three streams to record, of which nothing comes yet."""
    for port, kind, codec in (
        ("ann", "audio", OPUS), ("camera", "video", VP8), ("old", "audio", PCMU),
    ):  # fmt: skip
        wanted = PortWanted("127.0.0.1", mux=True, receives=PortReceives(kind, codec))
        await engine.open_port(port, wanted)


async def test_a_recording_says_where_it_stands_until_it_ends(
    any_engine: MediaEngine, tmp_path: Path
):
    await open_sources(any_engine)
    wanted = plan(tmp_path, Container.WEBM, (VP8, OPUS))
    await any_engine.check_recording(wanted, SOURCES)
    sinks = await any_engine.start_recording(wanted, SOURCES, ends := Ends())
    assert sinks == {"audio": "test.audio", "video": "test.video"}
    assert (await any_engine.recording_status("test")).state is RecordingState.STARTING
    assert (await any_engine.stats()).recordings == 1
    status = await any_engine.stop_recording("test")
    assert (status.state, status.reason) == (RecordingState.FAILED, "no_media")
    assert await ends.first() == status
    assert len(ends.told) == 1
    assert (await any_engine.stats()).recordings == 0


async def test_what_has_ended_is_forgotten(any_engine: MediaEngine, tmp_path: Path):
    await open_sources(any_engine)
    wanted = plan(tmp_path, Container.WEBM, (VP8, OPUS))
    sinks = await any_engine.start_recording(wanted, SOURCES, Ends())
    with pytest.raises(IdTaken):
        await any_engine.start_recording(wanted, SOURCES, Ends())
    await any_engine.stop_recording("test")
    with pytest.raises(UnknownRecording):
        await any_engine.stop_recording("test")
    with pytest.raises(UnknownRecording):
        await any_engine.recording_status("test")
    assert await trouble_with(any_engine, "ann/in", sinks["audio"]) is PathTrouble.SINK_GONE
    await any_engine.start_recording(wanted, SOURCES, Ends())


async def test_keyframes_are_asked_for_no_more_than_once_a_second(
    any_engine: MediaEngine, tmp_path: Path
):
    await open_sources(any_engine)
    wanted = plan(tmp_path, Container.WEBM, (VP8, OPUS), keyframe_seconds=0.5)
    with pytest.raises(CannotRecord, match="less than 1 s apart"):
        await any_engine.start_recording(wanted, SOURCES, Ends())
    wanted = replace(wanted, keyframe_seconds=2.0)
    await any_engine.start_recording(wanted, SOURCES, Ends())
    for seconds in (1.0, 0.0, 30.0):
        await any_engine.pace_keyframes("test", seconds)
    for seconds in (0.9, -1.0, float("nan")):
        with pytest.raises(CannotRecord):
            await any_engine.pace_keyframes("test", seconds)
    await any_engine.stop_recording("test")
    with pytest.raises(UnknownRecording):
        await any_engine.pace_keyframes("test", 2.0)


async def test_its_sinks_are_attached_and_paused_like_all_others(
    any_engine: MediaEngine, tmp_path: Path
):
    await open_sources(any_engine)
    wanted = plan(tmp_path, Container.MKV, (VP8, OPUS))
    sinks = await any_engine.start_recording(wanted, {"audio": "ann/in"}, Ends())
    await lead(any_engine, "camera/in", sinks["video"])
    await lead(any_engine, "camera/in", sinks["video"], flows=False)
    await lead(any_engine, "camera/in", sinks["video"])
    await lead(any_engine, None, sinks["audio"])
    for source in ("old/in", "camera/in"):
        assert await trouble_with(any_engine, source, sinks["audio"]) is PathTrouble.CODEC_MISMATCH
    assert await trouble_with(any_engine, "nobody", sinks["audio"]) is PathTrouble.SOURCE_GONE
    assert (await any_engine.recording_status("test")).state is RecordingState.STARTING


@pytest.mark.parametrize("id", ["../up", "", "a.b"])
async def test_an_id_that_names_no_file_is_refused(
    any_engine: MediaEngine, tmp_path: Path, id: str
):
    await open_sources(any_engine)
    wanted = replace(plan(tmp_path, Container.WEBM, (OPUS,)), id=id)
    with pytest.raises(CannotRecord):
        await any_engine.start_recording(wanted, SOURCES, Ends())


@pytest.mark.parametrize(
    ("container", "codecs", "sources", "refusal"),
    [
        (Container.MP4, (VP8, OPUS), SOURCES, CannotRecord),
        (Container.WEBM, (PCMU,), {"audio": "old/in"}, CannotRecord),
        (Container.WEBM, (), SOURCES, CannotRecord),
        (Container.WEBM, (OPUS,), {"audio": "old/in"}, CodecMismatch),
        (Container.WEBM, (OPUS,), {"audio": "camera/in"}, CodecMismatch),
        (Container.WEBM, (VP8, OPUS), {**SOURCES, "video": "nobody"}, UnknownSource),
    ],
)
async def test_what_cannot_be_recorded_is_refused_at_start(
    any_engine: MediaEngine,
    tmp_path: Path,
    container: Container,
    codecs: tuple[Codec, ...],
    sources: dict[str, str],
    refusal: type[Exception],
):
    await open_sources(any_engine)
    wanted = plan(tmp_path, container, codecs)
    for step in (
        lambda: any_engine.check_recording(wanted, sources),
        lambda: any_engine.start_recording(wanted, sources, Ends()),
    ):
        with pytest.raises(refusal):
            await step()
    assert (await any_engine.stats()).recordings == 0
    assert names_in(tmp_path) == []
    await any_engine.start_recording(plan(tmp_path, Container.WEBM, (OPUS,)), SOURCES, Ends())


async def test_a_closing_engine_ends_its_recordings(any_engine: MediaEngine, tmp_path: Path):
    await open_sources(any_engine)
    wanted = plan(tmp_path, Container.WEBM, (OPUS,))
    await any_engine.start_recording(wanted, SOURCES, ends := Ends())
    await any_engine.close()
    assert (await ends.first()).state is RecordingState.FAILED
    with pytest.raises(WrongState):
        await any_engine.start_recording(wanted, SOURCES, Ends())


# What a file holds: the real engine only.


class Silent:
    """A sender that hears nothing."""

    def request_keyframe(self, ssrc: int) -> None: ...

    def request_packets(self, ssrc: int, lost: Sequence[int]) -> None: ...

    def limit_bitrate(self, bits_per_second: int, ssrc: int) -> None: ...


class Sender:
    """A source whose time goes as fast as a test likes: `start` is when its recording began."""

    def __init__(self, engine: LocalEngine, id: str, codec: Codec, start: float) -> None:
        kind = "video" if codec.clock_rate == 90_000 else "audio"
        self._source = RtpSource(id, kind, codec, 1, Silent())
        self._stream = RtpStream(codec)
        self._codec = codec
        self._start = start
        engine.router.add_source(self._source)

    def send(self, seconds: float, at: float = 0.0, signals: tuple[float, ...] = ()) -> None:
        for when, packet in self._stream.pack_all(frames_of(self._codec, seconds, signals)):
            self._source.feed(packet, self._start + at + when)


async def record(engine: LocalEngine, wanted: RecordingPlan, ends: Ends) -> dict[str, str]:
    sources = {track.kind: track.kind for track in wanted.tracks}
    return await engine.start_recording(wanted, sources, ends)


async def test_a_track_goes_over_to_another_source_and_keeps_its_time(
    media_loop: MediaLoop, tmp_path: Path
):
    async with open_local_engine(media_loop) as engine:
        start = time.monotonic()
        first, other = Sender(engine, "video", VP8, start), Sender(engine, "other", VP8, start)
        wanted = plan(tmp_path, Container.WEBM, (VP8,))
        sinks = await record(engine, wanted, Ends())
        first.send(1.0, signals=(0.5,))
        await lead(engine, "other", sinks["video"])
        other.send(1.0, at=1.5, signals=(0.5,))
        status = await engine.stop_recording("test", "enough")
    assert (status.state, status.reason) == (RecordingState.FINALISED, "enough")
    assert status.path is not None
    assert errors_in(status.path) == ""
    assert flashes_in(status.path) == pytest.approx([0.5, 2.0], abs=0.02)
    assert status.lost_packets == 0


async def test_what_comes_while_a_track_is_paused_is_neither_recorded_nor_lost(
    media_loop: MediaLoop, tmp_path: Path
):
    async with open_local_engine(media_loop) as engine:
        sender = Sender(engine, "audio", OPUS, time.monotonic())
        sinks = await record(engine, plan(tmp_path, Container.WEBM, (OPUS,)), Ends())
        sender.send(1.0)
        await lead(engine, "audio", sinks["audio"], flows=False)
        for number in range(1, 21):  # long enough that what comes then could not be put in order
            sender.send(1.0, at=number)
        await lead(engine, "audio", sinks["audio"])
        sender.send(1.0, at=21.0)
        status = await engine.stop_recording("test")
    assert status.path is not None
    found = look_into(status.path)
    assert len(found.packets["opus"]) == 100
    assert found.duration == pytest.approx(22.0, abs=0.1)
    assert (status.lost_packets, status.dropped_frames) == (0, 0)


async def test_a_source_that_ends_during_a_pause_is_let_go(media_loop: MediaLoop, tmp_path: Path):
    async with open_local_engine(media_loop) as engine:
        start = time.monotonic()
        sender = Sender(engine, "audio", OPUS, start)
        other = Sender(engine, "other", OPUS, start)
        sinks = await record(engine, plan(tmp_path, Container.WEBM, (OPUS,)), Ends())
        await lead(engine, "audio", sinks["audio"], flows=False)
        engine.router.remove_source("audio")
        sender.send(1.0)
        await lead(engine, None, sinks["audio"])
        await lead(engine, "other", sinks["audio"])
        other.send(1.0)
        status = await engine.stop_recording("test")
    assert status.path is not None
    assert len(look_into(status.path).packets["opus"]) == 50


@pytest.mark.parametrize(
    ("limit", "reason"),
    [({"max_seconds": 0.6}, "max_seconds"), ({"min_free_bytes": 1 << 62}, "disk_nearly_full")],
)
async def test_the_limits_of_a_plan_end_it_by_themselves(
    media_loop: MediaLoop, tmp_path: Path, limit: dict[str, float], reason: str
):
    async with open_local_engine(media_loop) as engine:
        sender = Sender(engine, "audio", OPUS, time.monotonic())
        await record(engine, plan(tmp_path, Container.WEBM, (OPUS,), **limit), ends := Ends())
        sender.send(2.0)
        status = await ends.first()
        assert not engine.router._taps
        with pytest.raises(UnknownRecording):
            await engine.stop_recording("test")
    assert (status.state, status.reason) == (RecordingState.FINALISED, reason)
    assert status.path is not None
    assert errors_in(status.path) == ""
    if reason == "max_seconds":
        assert look_into(status.path).duration == pytest.approx(0.6, abs=0.05)


async def test_a_closing_engine_finalises_what_was_recorded(media_loop: MediaLoop, tmp_path: Path):
    async with open_local_engine(media_loop) as engine:
        sender = Sender(engine, "audio", OPUS, time.monotonic())
        await record(engine, plan(tmp_path, Container.WEBM, (OPUS,)), ends := Ends())
        sender.send(1.0)
    assert [status.reason for status in ends.told] == ["the server is closing"]
    assert errors_in(tmp_path / "test.webm") == ""


async def test_a_bug_in_one_recording_is_counted_and_leaves_the_others_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def buggy(self: MatroskaWriter) -> None:
        raise RuntimeError("a bug")

    def badly(status: RecordingStatus) -> None:
        raise RuntimeError("another one")

    async with open_media_loop() as loop, open_local_engine(loop) as engine:
        sender = Sender(engine, "audio", OPUS, time.monotonic())
        wanted = plan(tmp_path, Container.WEBM, (OPUS,))
        for id, ended in (("one", badly), ("other", Ends())):
            await engine.start_recording(replace(wanted, id=id), {"audio": "audio"}, ended)
        sender.send(1.0)
        with monkeypatch.context() as patched:
            patched.setattr(MatroskaWriter, "finish", buggy)
            status = await engine.stop_recording("one")
        assert (status.state, status.reason) == (RecordingState.PARTIAL, "crashed")
        assert (await engine.stop_recording("other")).state is RecordingState.FINALISED
        assert (await engine.stats()).stray_errors == 2
