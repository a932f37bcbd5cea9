"""What a job makes is recorded: sound beside its picture, and pictures that change their size."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest

from media.contract.codec import Codec
from media.contract.jobs import (
    COMMON,
    PICTURE,
    AudioTarget,
    Composition,
    JobInput,
    MixWanted,
    Place,
    SoundMix,
    TranscodeWanted,
    VideoTarget,
    WorkEvent,
)
from media.contract.recordings import Container, RecordingState
from media.job.mix import MixWork
from media.job.pcm import RATE
from media.job.sound_transcode import SoundTranscode
from media.job.work import Work
from media.recording.recorder import Recorder
from media.recording.recorder_tap import RecorderTap
from media.rtp import rtcp
from media.rtp.aac import aac_fmtp
from media.rtp.router import Router
from media.rtp.rtp_packet import MARKER, write_packet
from media.rtp.rtp_source import RtpSource
from media.rtp.sender_clock import OurClock, ntp_time
from media.worker.job_codecs import codec_sent
from tests.support.encoded import FLASH_SECONDS, beeps_in, flashes_in
from tests.support.media_file import errors_in, look_into
from tests.support.picture_jobs import RED, WHITE, Camera, tick_until
from tests.support.recording import plan, writing
from tests.support.rtp import Sender
from tests.support.sound import BEGIN, Mono, Talk, Talker

SIGNALS = (2.0, 4.0, 5.0)
SSRC = 9
TOGETHER = 0.08  # seconds between sound and picture that nobody notices


class Studio:
    """Sources of which a recorder takes; what jobs do, goes out by them at once."""

    def __init__(self, recorder: Recorder, *codecs: Codec) -> None:
        self.recorder = recorder
        self.now = BEGIN
        self._router = Router(lambda: self.now)
        self._sources: dict[str, RtpSource] = {}
        self._sequences: dict[str, int] = {}
        for tap, codec in zip(recorder.taps, codecs, strict=True):
            name = COMMON if tap.kind == "audio" else PICTURE
            source = RtpSource(name, tap.kind, codec, SSRC, Sender(), sender=OurClock())
            self._take_from(name, source, tap)

    def replace(self, name: str, source: RtpSource) -> None:
        """Have a track take from somebody else."""
        self._router.add_source(source)
        (tap,) = (tap for tap in self.recorder.taps if tap.kind == source.kind)
        self._router.attach(source.id, tap.id)
        self._sources[name] = source

    def tick(self, time: float) -> None:
        """Let it be so many seconds after the begin."""
        self.now = BEGIN + time
        self.recorder.tick(self.now)

    def send(self, name: str, payload: bytes, timestamp: int, *, marker: bool) -> bool:
        sequence = self._sequences[name] = self._sequences.get(name, 65_530) + 1
        mark, wrapped = MARKER if marker else 0, timestamp & 0xFFFFFFFF
        packet = write_packet(96, mark, sequence, wrapped, SSRC, payload)
        self._sources[name].feed(packet, self.now)
        return True

    def clock(self, name: str, timestamp: int, moment: float) -> None:
        report = rtcp.SenderReport(SSRC, ntp_time(moment), timestamp & 0xFFFFFFFF, 0, 0)
        self._sources[name].feed_rtcp(rtcp.write_sender_report(report, "job"), self.now)

    def request_keyframe(self, input: str) -> None: ...

    def mark(self, input: str) -> None: ...

    def wake(self) -> None: ...

    def tell(self, event: WorkEvent) -> None: ...

    def _take_from(self, name: str, source: RtpSource, tap: RecorderTap) -> None:
        self._router.add_tap(tap)
        self.replace(name, source)


def finalised(recorder: Recorder) -> Path:
    """Return the file, which is whole, and of which nothing is missing."""
    status = recorder.status()
    assert (status.state, status.reason) == (RecordingState.FINALISED, "stopped")
    assert (status.lost_packets, status.dropped_frames) == (0, 0)
    assert status.path is not None
    assert errors_in(status.path) == ""
    return status.path


def assert_together(path: Path, within: float = TOGETHER) -> None:
    """See that each flash has its beep."""
    flashes, sounds = flashes_in(path), beeps_in(path)
    assert len(flashes) == len(SIGNALS)
    assert flashes == pytest.approx(sounds, abs=within)


class Timed:
    """A work that tells its studio the time."""

    def __init__(self, work: Work, studio: Studio) -> None:
        self.figures = work.figures
        self.change, self.take_report = work.change, work.take_report
        self.keyframe_wanted, self.due, self.take = work.keyframe_wanted, work.due, work.take
        self._work = work
        self._studio = studio

    def tick(self, now: float) -> None:
        self._studio.tick(now - BEGIN)
        self._work.tick(now)


def is_on(time: float) -> bool:
    return any(begin <= time + 1e-9 < begin + FLASH_SECONDS for begin in SIGNALS)


def beeps(times: Mono) -> Mono:
    """Return a tone that sounds while the camera shows white."""
    heard = np.array([is_on(time) for time in times])
    return np.where(heard, 0.4 * np.sin(2 * np.pi * 880 * times), 0.0)


def mixed_view(sound: AudioTarget, codec: str) -> MixWanted:
    whole = VideoTarget(codec, 640, 360, 24, 900)
    return MixWanted(
        (
            JobInput("mic", "audio", "opus", "", "ann", 2, 48_000),
            JobInput("camera", "video", "vp8", publisher="ann"),
        ),
        Composition(whole, (Place("camera", 0, 0, 1, 1),)),
        SoundMix(sound),
    )


@pytest.mark.parametrize(
    ("container", "codec", "sound"),
    [
        (Container.MP4, "h264", AudioTarget("aac")),
        (Container.MKV, "h264", AudioTarget("aac", channels=1)),
        (Container.MKV, "vp8", AudioTarget("aac")),
        (Container.WEBM, "vp8", AudioTarget("opus")),
    ],
)
def test_a_mixed_view_is_recorded_with_its_sound_beside_its_picture(
    tmp_path: Path, container: Container, codec: str, sound: AudioTarget
) -> None:
    wanted = mixed_view(sound, codec)
    assert wanted.video is not None
    codecs = (codec_sent(sound), codec_sent(wanted.video.target))
    recorder = Recorder(plan(tmp_path, container, codecs))
    studio, camera = Studio(recorder, *codecs), Camera("vp8", (320, 180), RED)
    with writing(recorder):
        work = MixWork(studio)
        work.change(wanted)
        talk = Talk(Timed(work, studio), [Talker("mic", beeps)])
        for number in range(6 * camera.rate):
            time = number / camera.rate
            talk.run(time)
            if time == 3.0:
                camera.resize((640, 360))
            camera.colour = WHITE if is_on(time) else RED
            for packet in camera.picture():
                work.take("camera", packet, BEGIN + time)
    path = finalised(recorder)
    found = look_into(path)
    assert set(found.packets) == {codec, sound.codec}
    assert found.sizes == {codec: (640, 360)}
    assert found.duration == pytest.approx(6.0, abs=0.2)
    assert_together(path)


@pytest.mark.parametrize(("container", "ahead"), [(Container.MP4, 0.0), (Container.MKV, 3600.0)])
def test_sound_that_is_encoded_anew_stays_beside_the_picture_that_comes(
    tmp_path: Path, container: Container, ahead: float
) -> None:
    """`ahead` is by how many seconds the publisher's clock differs from ours."""
    target = AudioTarget("aac")
    codecs = (codec_sent(target), codec_sent(VideoTarget("h264", 320, 180, 24, 600)))
    wanted = plan(tmp_path, container, codecs)
    sound, picture = wanted.tracks
    recorder = Recorder(replace(wanted, tracks=(replace(sound, publisher="server"), picture)))
    studio, camera = Studio(recorder, *codecs), Camera("h264", (320, 180), RED)
    theirs = RtpSource("camera", "video", codecs[1], 77, Sender())
    studio.replace(PICTURE, theirs)
    talker = Talker("mic", beeps)
    with writing(recorder):
        work = SoundTranscode(studio)
        work.change(TranscodeWanted(JobInput("mic", "audio", "opus", "", "ann", 2), target))
        talk = Talk(Timed(work, studio), [talker])
        for number in range(6 * camera.rate):
            time = number / camera.rate
            talk.run(time)
            studio.now = BEGIN + time
            camera.colour = WHITE if is_on(time) else RED
            for packet in camera.picture():
                theirs.feed(packet, studio.now)
            if number % camera.rate == 6:  # the server learns of both, and tells the job of sound
                report = rtcp.SenderReport(
                    77, ntp_time(BEGIN + time + ahead), camera.timestamp, 0, 0
                )
                theirs.feed_rtcp(rtcp.write_sender_report(report, "ann"), studio.now)
                heard = talker.timestamp + round(time * RATE) & 0xFFFFFFFF
                work.take_report("mic", heard, BEGIN + time)
    assert_together(finalised(recorder), within=0.05)


@pytest.mark.parametrize(
    ("container", "codec"),
    [(Container.MKV, "vp8"), (Container.MKV, "h264"), (Container.MP4, "h264")],
)
def test_a_mix_that_is_laid_out_in_other_sizes_can_be_played(
    tmp_path: Path, container: Container, codec: str
) -> None:
    sizes = ((320, 180), (640, 360), (160, 90), (320, 180))
    first = codec_sent(VideoTarget(codec, *sizes[0], 24, 600))
    recorder = Recorder(plan(tmp_path, container, (first,)))
    studio, camera = Studio(recorder, first), Camera("vp8", (320, 180), RED)
    with writing(recorder):
        work = MixWork(studio)
        for second, size in enumerate(sizes):
            place = Place("camera", 0, 0, 1, 1)
            whole = Composition(VideoTarget(codec, *size, 24, 600), (place,))
            work.change(MixWanted((JobInput("camera", "video", "vp8"),), whole))
            for picture in range(camera.rate):
                time = second + picture / camera.rate
                studio.tick(time)
                tick_until(work, BEGIN + time)
                for packet in camera.picture():
                    work.take("camera", packet, BEGIN + time)
    found = look_into(finalised(recorder))
    assert found.sizes == {codec: sizes[0]}  # players scale what comes later
    times = found.packets[codec]
    assert len(times) >= 4 * camera.rate - 2
    assert max(later - before for before, later in pairwise(times)) < 0.2


def test_parameters_of_aac_are_written_alike_by_both_sides() -> None:
    for channels in (1, 2):
        sent = codec_sent(AudioTarget("aac", channels=channels))
        told = Codec("aac", 48_000, 96, channels, aac_fmtp(48_000, channels))
        assert sent.parameters()["config"] == told.parameters()["config"]
        assert replace(sent, fmtp=told.fmtp) == told
