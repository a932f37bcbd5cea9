"""Recording what a test sends, with no router and no network between."""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from media.contract.codec import Codec
from media.contract.recordings import Container, RecordingPlan, RecordingStatus, TrackPlan
from media.recording.container import Sample
from media.recording.recorder import Recorder
from tests.support import encoded
from tests.support.encoded import EncodedFrame
from tests.support.rtp_stream import RtpStream

START = 1000.0  # the clock of arrivals when the first frame was captured
ON_THE_WAY = 0.05
END_SECONDS = 20.0


@dataclass
class Sending:
    """One stream: its packets with the time of their frame, as they reach the recorder."""

    stream: RtpStream
    packets: list[tuple[float, bytes]]
    late: float = 0.0  # more than ON_THE_WAY

    @property
    def kind(self) -> str:
        return "video" if self.stream.codec.clock_rate == 90_000 else "audio"


def sending(codec: Codec, frames: Iterable[EncodedFrame], **options: float) -> Sending:
    """Pack frames for a recorder."""
    stream = RtpStream(codec)
    return Sending(stream, list(stream.pack_all(frames)), **options)


def frames_of(codec: Codec, seconds: float, signals: tuple[float, ...] = ()) -> list[EncodedFrame]:
    """Encode with any codec; it flashes or beeps at `signals`."""
    if codec.name in ("vp8", "h264"):
        return encoded.video(codec.name, seconds, flashes=signals)
    if codec.name == "opus":
        return encoded.opus(seconds, beeps=signals)
    if codec.name == "aac":
        return encoded.aac(seconds, codec.clock_rate, codec.channels, beeps=signals)
    return encoded.g711(codec.name, seconds, beeps=signals)


def plan(
    folder: Path, container: Container, codecs: Sequence[Codec], **options: float
) -> RecordingPlan:
    """Plan a recording of one publisher."""
    tracks = tuple(
        TrackPlan("video" if codec.clock_rate == 90_000 else "audio", codec.name, "ann")
        for codec in codecs
    )
    return RecordingPlan("test", container, tracks, folder, **options)  # type: ignore[arg-type]


@contextmanager
def writing(recorder: Recorder) -> Iterator[Recorder]:
    """Run a recorder's thread around a block, and stop it."""
    thread = threading.Thread(target=recorder.run, daemon=True)
    thread.start()
    try:
        yield recorder
    finally:
        recorder.stop()
        thread.join(END_SECONDS)
        assert not thread.is_alive(), "the recorder's thread does not end"


def feed(recorder: Recorder, *sendings: Sending) -> None:
    """Let all packets arrive, in the order of their arrival."""
    taps = {tap.kind: tap for tap in recorder.taps}
    arrivals = [
        (START + time + ON_THE_WAY + sending.late, taps[sending.kind], packet)
        for sending in sendings
        for time, packet in sending.packets
    ]
    for arrival, tap, packet in sorted(arrivals, key=lambda each: each[0]):
        tap.take(packet, arrival)


def until_written(recorder: Recorder) -> RecordingStatus:
    """Wait for the thread's next turn; return how the recording stands then, or ended."""
    turned = threading.Event()
    recorder._muxing.post(0, turned.set)
    while not turned.wait(0.01) and not recorder.wait_ended(0.0):
        pass
    return recorder.status()


def samples_of(recording_plan: RecordingPlan, *sendings: Sending) -> list[Sample]:
    """Return what a recorder would write of these."""
    samples: list[Sample] = []
    recorder = Recorder(recording_plan)
    muxing = recorder._muxing
    muxing.post = lambda size, call, *arguments: call(*arguments)  # type: ignore[method-assign]
    muxing.write = samples.append  # type: ignore[method-assign]
    for tap in recorder.taps:
        tap._post = muxing.post
    feed(recorder, *sendings)
    return samples


def record(recording_plan: RecordingPlan, *sendings: Sending) -> RecordingStatus:
    """Record these and return how it ended."""
    recorder = Recorder(recording_plan)
    with writing(recorder):
        feed(recorder, *sendings)
    return recorder.status()
