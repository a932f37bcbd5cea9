"""`python -m bench.recording`: CPU per recorded second of 720p30 at 2.5 Mbit/s with its sound.

Some publishers send to a router, once with nobody listening and once with a recorder each; the
difference is what recording costs, threads and disk included. They send in real time, when most of
the work finds cold caches, and without pauses, as on a machine with as much to do as it can.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from media.contract.recordings import Container, RecordingPlan, RecordingState, TrackPlan
from media.recording.recorder import Recorder
from media.rtp.router import Codec, Router, RtpSource
from media.rtp.rtp_packet import write_packet

FRAMES, PACKETS, PAYLOAD_BYTES = 30, 10, 1040  # a second, a frame, a packet
VIDEO = {"vp8": Codec("vp8", 90_000, 96), "h264": Codec("h264", 90_000, 102)}
AUDIO = {"opus": Codec("opus", 48_000, 111, channels=2), "pcmu": Codec("pcmu", 8000, 0)}
KINDS = (
    (Container.WEBM, "vp8", "opus"),
    (Container.MKV, "h264", "opus"),
    (Container.MKV, "h264", "pcmu"),
    (Container.MP4, "h264", "opus"),
)
# The parameter sets of a picture of 1280×720, and the beginnings of frames.
SPS = bytes.fromhex("6742c01fda014016e9b808080a0000030002000003007908")
PPS = bytes.fromhex("68ce3c80")
VP8_KEYFRAME = b"\x10\x00\x00\x9d\x01\x2a\x00\x05\xd0\x02"


class Nobody:
    """A sender that hears nothing."""

    def request_keyframe(self, ssrc: int) -> None: ...

    def request_packets(self, ssrc: int, lost: Sequence[int]) -> None: ...

    def limit_bitrate(self, bits_per_second: int, ssrc: int) -> None: ...


@dataclass
class Stage:
    """A router with the sources of many publishers, and all they are to send."""

    router: Router
    arrivals: list[tuple[float, RtpSource, bytes]]

    def send(self, *, pauses: bool) -> float:
        """Send, in real time with `pauses`; return the CPU time it took this process."""
        start, cpu = time.monotonic(), time.process_time()
        for at, source, packet in self.arrivals:
            wait = start + at - time.monotonic()
            if pauses and wait > 0:
                time.sleep(wait)
            source.feed(packet, start + at)
        return time.process_time() - cpu


def stage(video: str, audio: str, publishers: int, seconds: float) -> Stage:
    """Return a stage whose publishers begin one after the other, within a frame's time."""
    router = Router()
    arrivals = []
    for kind, codec in (("video", VIDEO[video]), ("audio", AUDIO[audio])):
        packets = list(pictures(codec, seconds) if kind == "video" else sounds(codec, seconds))
        for number in range(publishers):
            source = RtpSource(f"{kind}-{number}", kind, codec, 1, Nobody())
            router.add_source(source)
            late = number / publishers / FRAMES
            arrivals += [(at + late, source, packet) for at, packet in packets]
    return Stage(router, sorted(arrivals, key=lambda arrival: arrival[0]))


def pictures(codec: Codec, seconds: float) -> Iterator[tuple[float, bytes]]:
    """Return packets of frames, of which only the first is a keyframe."""
    pack = {"vp8": vp8_payloads, "h264": h264_payloads}[codec.name]
    sequence = 0
    for number in range(round(seconds * FRAMES)):
        payloads = pack(keyframe=number == 0)
        for at, payload in enumerate(payloads, 1):
            sequence += 1
            marker = 0x80 if at == len(payloads) else 0
            packet = write_packet(codec.payload_type, marker, sequence, number * 3000, 1, payload)
            yield number / FRAMES, packet


def vp8_payloads(*, keyframe: bool) -> list[bytes]:
    first = (VP8_KEYFRAME if keyframe else b"\x11").ljust(PAYLOAD_BYTES, b"\x55")
    rest = b"\x80\x80\x80\x01" + bytes(PAYLOAD_BYTES)
    return [b"\x90\x80\x80\x01" + first, *[rest] * (PACKETS - 1)]


def h264_payloads(*, keyframe: bool) -> list[bytes]:
    sets = b"\x78" + b"".join(len(nal).to_bytes(2) + nal for nal in (SPS, PPS))
    kind = 5 if keyframe else 1
    heads = [0x80 | kind, *[kind] * (PACKETS - 2), 0x40 | kind]
    parts = [bytes((0x7C, head)) + bytes(PAYLOAD_BYTES) for head in heads]
    return [sets, *parts] if keyframe else parts


def sounds(codec: Codec, seconds: float) -> Iterator[tuple[float, bytes]]:
    step = codec.clock_rate // 50
    payload = b"\xfc" + bytes(79 if codec.name == "opus" else step - 1)
    for number in range(round(seconds * 50)):
        packet = write_packet(codec.payload_type, 0, number, number * step, 1, payload)
        yield number / 50, packet


def recorders(here: Stage, container: Container, tracks: Sequence[str], to: Path) -> list[Recorder]:
    """Return a recorder for each publisher, listening."""
    video, audio = tracks
    plans = (TrackPlan("video", video, "ann"), TrackPlan("audio", audio, "ann"))
    made = []
    for number in range(len(here.router.stats().sources) // 2):
        recorder = Recorder(RecordingPlan(f"{number}", container, plans, to))
        for tap in recorder.taps:
            here.router.add_tap(tap)
            here.router.attach(f"{tap.kind}-{number}", tap.id)
        made.append(recorder)
    return made


def recording(here: Stage, made: list[Recorder], *, pauses: bool) -> float:
    """Return the CPU time of sending and recording, finalising included."""
    threads = [threading.Thread(target=recorder.run, daemon=True) for recorder in made]
    for thread in threads:
        thread.start()
    cpu = here.send(pauses=pauses)
    ending = time.process_time()
    for recorder, thread in zip(made, threads, strict=True):
        recorder.stop()
        thread.join()
        status = recorder.status()
        if status.state is not RecordingState.FINALISED or status.dropped_frames:
            raise RuntimeError(f"not recorded: {status}")
    return cpu + time.process_time() - ending


def cost(
    container: Container, tracks: Sequence[str], size: tuple[int, float], *, pauses: bool
) -> float:
    """Return CPU milliseconds per recorded second; `size` is publishers and seconds."""
    idle, busy = (stage(*tracks, *size) for _ in range(2))
    with tempfile.TemporaryDirectory() as folder:
        made = recorders(busy, container, tracks, Path(folder))
        spent = recording(busy, made, pauses=pauses) - idle.send(pauses=pauses)
    publishers, seconds = size
    return spent / publishers / seconds * 1000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.recording", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each container (3)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (5)")
    parser.add_argument("--publishers", type=int, default=4, help="who send at once (4)")
    options = parser.parse_args()
    print("| container | codecs | in real time | range | without pauses | range |")
    print("|---|---|---|---|---|---|")
    size = (options.publishers, options.seconds)
    for container, *tracks in KINDS:
        cells = [container.value, ", ".join(tracks)]
        for pauses in (True, False):
            costs = [cost(container, tracks, size, pauses=pauses) for _ in range(options.rounds)]
            cells += [f"{median(costs):.2f} ms", f"{min(costs):.2f} – {max(costs):.2f}"]
        print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
