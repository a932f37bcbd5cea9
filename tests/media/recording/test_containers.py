"""A file can be played whenever its writing ends, and finished it is what others would write."""

from __future__ import annotations

from pathlib import Path

import av
import pytest

from media.contract.codec import Codec
from media.contract.errors import CannotRecord
from media.contract.recordings import Container
from media.recording.container import Sample, Writer
from media.recording.matroska import MatroskaWriter
from media.recording.mp4 import Mp4Writer
from media.rtp import h264
from media.rtp.depayload import CodedVideo
from tests.support import encoded
from tests.support.media_file import errors_in, look_into
from tests.support.recording import frames_of, plan, samples_of, sending
from tests.support.rtp_stream import AAC, H264, OPUS, PCMU, VP8, nals_of

HOUR = 3600.0
KINDS = [
    (Container.WEBM, VP8, OPUS),
    (Container.MKV, H264, PCMU),
    (Container.MKV, VP8, AAC),
    (Container.MP4, H264, OPUS),
    (Container.MP4, H264, AAC),
]


class Memory:
    """An output that remembers how the file looked after every write."""

    def __init__(self) -> None:
        self.position = 0
        self.now = bytearray()
        self.states: list[bytes] = []

    def append(self, *parts: bytes) -> None:
        self.now += b"".join(parts)
        self.position = len(self.now)
        self.states.append(bytes(self.now))

    def patch(self, at: int, data: bytes) -> None:
        assert at + len(data) <= len(self.now)
        self.now[at : at + len(data)] = data
        self.states.append(bytes(self.now))


def writer_of(container: Container, output: Memory, codecs: list[Codec]) -> Writer:
    if container is Container.MP4:
        return Mp4Writer(output, codecs)
    return MatroskaWriter(output, container, codecs)


def write_all(writer: Writer, samples: list[Sample], every: float = 0.5) -> None:
    flushed = 0.0
    for sample in samples:
        writer.write(sample)
        if sample.time - flushed >= every:
            writer.flush()
            flushed = sample.time
    writer.flush()


@pytest.mark.parametrize("container", [Container.MKV, Container.MP4])
def test_the_longest_parameter_sets_that_are_taken_fit_into_the_file(container: Container) -> None:
    frames = encoded.video("h264", 0.1)
    sps = next(nal for nal in nals_of(frames[0].data) if h264.kind_of(nal) == h264.SPS)
    longest = sps + bytes(h264.LONGEST_SET - len(sps))
    private = h264.configuration(longest, bytes(h264.LONGEST_SET))
    writer = writer_of(container, output := Memory(), [H264, OPUS])
    writer.write(Sample(0, 0.0, b"picture", True, CodedVideo(320, 240, private)))
    writer.write(Sample(1, 0.0, b"sound", True))
    writer.finish()
    assert private in bytes(output.now)


@pytest.mark.parametrize(("container", "video", "audio"), KINDS)
def test_a_file_can_be_read_after_every_write(
    tmp_path: Path, container: Container, video: Codec, audio: Codec
) -> None:
    # One keyframe, and the picture pauses while sound goes on: nothing may be held back for it.
    sendings = [sending(video, frames_of(video, 1.0)), sending(audio, frames_of(audio, 6.0))]
    samples = samples_of(plan(tmp_path, container, (video, audio)), *sendings)
    output = Memory()
    writer = writer_of(container, output, [video, audio])
    writer.write(samples[0])
    writer.flush()
    begun = len(output.states)  # before, there is nothing to play
    write_all(writer, samples[1:])
    last = len(output.states)
    writer.finish()
    path = tmp_path / f"cut.{container.value}"
    checked = {*range(begun, last, max(1, last // 12)), last, *range(last + 1, len(output.states))}
    for state in sorted(checked):
        path.write_bytes(output.states[state - 1])
        assert errors_in(path) == ""
    path.write_bytes(output.states[last - 1])
    times = look_into(path).packets
    latest = max(sample.time for sample in samples)
    assert latest > 5.9
    assert max(map(max, times.values())) == pytest.approx(latest, abs=0.01)
    assert sum(map(len, times.values())) == len(samples)


@pytest.mark.parametrize(("container", "video", "audio"), KINDS)
def test_a_finished_file_tells_its_length_and_can_be_searched(
    tmp_path: Path, container: Container, video: Codec, audio: Codec
) -> None:
    pictures = encoded.video(video.name, 6.0, keyframes=(2.0, 4.0))
    sendings = [sending(video, pictures), sending(audio, frames_of(audio, 6.0))]
    samples = samples_of(plan(tmp_path, container, (video, audio)), *sendings)
    output = Memory()
    writer = writer_of(container, output, [video, audio])
    write_all(writer, samples)
    writer.finish()
    path = tmp_path / f"whole.{container.value}"
    path.write_bytes(output.now)
    with av.open(str(path)) as file:
        assert file.duration is not None
        assert file.duration / 1e6 == pytest.approx(6.0, abs=0.05)
        stream = file.streams.video[0]
        file.seek(int(4.5 / stream.time_base), stream=stream)
        frame = next(file.decode(stream))
        assert frame.time == pytest.approx(4.0, abs=0.01)


def test_pictures_in_the_order_of_decoding_keep_their_times(tmp_path: Path) -> None:
    frames = encoded.with_backward_pictures(3.0)
    for container in (Container.MKV, Container.MP4):
        samples = samples_of(plan(tmp_path, container, (H264,)), sending(H264, frames))
        output = Memory()
        writer = writer_of(container, output, [H264])
        write_all(writer, samples)
        writer.finish()
        path = tmp_path / f"backward.{container.value}"
        path.write_bytes(output.now)
        assert errors_in(path) == ""
        times = look_into(path).packets["h264"]
        assert times != sorted(times)
        assert sorted(times) == pytest.approx([number / 30 for number in range(90)], abs=0.002)


@pytest.mark.parametrize("container", [Container.MKV, Container.MP4])
def test_a_night_without_a_picture_keeps_its_time(tmp_path: Path, container: Container) -> None:
    frames = encoded.video("h264", 1.0, keyframes=(0.5,))
    first, last = samples_of(plan(tmp_path, container, (H264,)), sending(H264, frames))[::15]
    output = Memory()
    writer = writer_of(container, output, [H264])
    for sample in (first, last._replace(time=10 * HOUR)):
        writer.write(sample)
        writer.flush()
    writer.finish()
    path = tmp_path / f"night.{container.value}"
    path.write_bytes(output.now)
    assert errors_in(path) == ""
    assert look_into(path).packets["h264"] == pytest.approx([0.0, 10 * HOUR], abs=0.01)
    with av.open(str(path)) as file:
        assert file.duration is not None
        assert file.duration / 1e6 == pytest.approx(10 * HOUR, abs=0.11)


def test_a_pause_that_an_mp4_file_cannot_tell_is_refused() -> None:
    writer = writer_of(Container.MP4, Memory(), [OPUS])
    writer.write(Sample(0, 0.0, b"frame", True))
    with pytest.raises(CannotRecord):
        writer.write(Sample(0, 25 * HOUR, b"frame", True))


@pytest.mark.parametrize("container", [Container.MKV, Container.MP4])
def test_parameter_sets_that_are_too_large_are_refused(container: Container) -> None:
    writer = writer_of(container, Memory(), [H264])
    huge = CodedVideo(320, 240, bytes(5000))
    with pytest.raises(CannotRecord):
        writer.write(Sample(0, 0.0, b"frame", True, huge))
        writer.flush()
