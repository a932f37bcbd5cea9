"""Recordings of AAC: what its source says of it stands in the file, once."""

from __future__ import annotations

import json
import subprocess
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
import trio

from media.contract.codec import Codec
from media.contract.errors import CodecMismatch
from media.contract.recordings import Container, RecordingState
from media.recording.container import CODECS, goes_on
from media.recording.recorder import Recorder
from media.recording.recordings import Recordings
from media.rtp.aac import aac_fmtp
from media.rtp.router import Router
from media.rtp.rtp_source import RtpSource
from tests.support.encoded import beeps_in
from tests.support.media_file import errors_in, look_into
from tests.support.programs import need
from tests.support.recording import feed, frames_of, plan, record, sending, writing
from tests.support.rtp import Sender
from tests.support.rtp_stream import AAC, OPUS

MKV, MP4 = Container.MKV, Container.MP4
BOTH = pytest.mark.parametrize("container", [MKV, MP4])
SINGLE = Codec("aac", 44_100, 97, 1, aac_fmtp(44_100, 1))


def source(codec: Codec) -> RtpSource:
    return RtpSource("mic", "audio", codec, 1, Sender())


def sound_of(path: Path) -> tuple[str, str, str, int]:
    """Return what ffprobe says: codec, profile, rate and channels."""
    command = [need("ffprobe"), "-v", "error", "-of", "json", "-show_streams", str(path)]
    found = subprocess.run(command, capture_output=True, check=True, timeout=60)
    (stream,) = json.loads(found.stdout)["streams"]
    return stream["codec_name"], stream["profile"], stream["sample_rate"], stream["channels"]


@BOTH
@pytest.mark.parametrize("codec", [AAC, SINGLE])
def test_rate_and_channels_are_those_of_the_source(
    tmp_path: Path, container: Container, codec: Codec
) -> None:
    recorder = Recorder(plan(tmp_path, container, (codec,)))
    with writing(recorder):
        recorder.taps[0].source_changed(source(codec))
        feed(recorder, sending(codec, frames_of(codec, 3.0, (1.0, 2.0))))
    path = recorder.status().path
    assert path is not None
    assert errors_in(path) == ""
    assert sound_of(path) == ("aac", "LC", str(codec.clock_rate), codec.channels)
    assert beeps_in(path) == pytest.approx([1.0, 2.0], abs=0.015)
    times = look_into(path).packets["aac"]
    steps = {round(after - before, 3) for before, after in pairwise(times)}
    step = 1024 / codec.clock_rate
    assert all(abs(each - step) < 0.0015 for each in steps)


@BOTH
def test_a_pause_and_another_source_alike_leave_sound_in_place(
    tmp_path: Path, container: Container
) -> None:
    first, second = (sending(AAC, frames_of(AAC, 2.0, (1.0,))) for _ in range(2))
    second.late = 3.5
    recorder = Recorder(plan(tmp_path, container, (AAC,)))
    with writing(recorder):
        recorder.taps[0].source_changed(source(AAC))
        feed(recorder, first)
        recorder.taps[0].source_changed(source(replace(AAC, payload_type=99)))
        feed(recorder, second)
    status = recorder.status()
    assert (status.state, status.reason) == (RecordingState.FINALISED, "stopped")
    assert status.path is not None
    assert errors_in(status.path) == ""
    assert beeps_in(status.path) == pytest.approx([1.0, 4.5], abs=0.015)


@BOTH
@pytest.mark.parametrize("other", [SINGLE, replace(AAC, fmtp=aac_fmtp(48_000, 1)), OPUS])
def test_a_source_that_the_file_cannot_tell_of_ends_the_recording(
    tmp_path: Path, container: Container, other: Codec
) -> None:
    recorder = Recorder(plan(tmp_path, container, (AAC,)))
    with writing(recorder):
        recorder.taps[0].source_changed(source(AAC))
        feed(recorder, sending(AAC, frames_of(AAC, 1.0)))
        recorder.taps[0].source_changed(source(other))
        assert recorder.wait_ended(10.0)
    status = recorder.status()
    assert (status.state, status.reason) == (RecordingState.FINALISED, "codec_changed")
    assert status.path is not None
    assert errors_in(status.path) == ""


async def test_a_source_that_the_file_cannot_tell_of_is_refused(tmp_path: Path) -> None:
    def never(error: BaseException, what: str) -> None:
        raise AssertionError(what) from error

    router, wanted = Router(), plan(tmp_path, MP4, (AAC,))
    for id, codec in (("two", AAC), ("one", SINGLE), ("he", replace(AAC, fmtp="config=2990"))):
        router.add_source(RtpSource(id, "audio", codec, 1, Sender()))
    async with trio.open_nursery() as nursery:
        recordings = Recordings(router, nursery, never)
        with pytest.raises(CodecMismatch):
            recordings.start(wanted, {"audio": "he"}, lambda _: None)
        sinks = recordings.start(wanted, {"audio": "two"}, lambda _: None)
        recordings.check_source("two", sinks["audio"])
        for other in ("one", "he"):
            with pytest.raises(CodecMismatch, match="another aac to a recording of aac"):
                recordings.check_source(other, sinks["audio"])
        await recordings.stop("test", "stopped")


def test_what_is_no_access_unit_is_left_out_and_counted(tmp_path: Path) -> None:
    sent = sending(AAC, frames_of(AAC, 2.0))
    at, broken = sent.packets[40]
    sent.packets[40] = (at, broken[:-1])
    status = record(plan(tmp_path, MP4, (AAC,)), sent)
    assert status.path is not None
    assert (status.lost_packets, status.dropped_frames) == (0, 1)
    assert len(look_into(status.path).packets["aac"]) == len(sent.packets) - 1


@pytest.mark.parametrize(
    ("before", "after", "fits"),
    [
        (CODECS["aac"], AAC, True),
        (CODECS["aac"], SINGLE, True),
        (CODECS["aac"], replace(AAC, fmtp=""), True),
        (CODECS["aac"], replace(AAC, fmtp="config=2990"), False),
        (CODECS["aac"], OPUS, False),
        (AAC, replace(AAC, fmtp=f"{AAC.fmtp}56E500"), True),
        (AAC, replace(AAC, fmtp=""), True),
        (replace(AAC, fmtp=""), SINGLE, False),
        (AAC, SINGLE, False),
        (OPUS, replace(OPUS, channels=1, fmtp="useinbandfec=1"), True),
    ],
)
def test_aac_goes_on_only_as_it_was(before: Codec, after: Codec, fits: bool) -> None:
    assert goes_on(before, after) is fits
