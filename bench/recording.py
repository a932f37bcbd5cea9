"""`python -m bench.recording`: CPU per recorded second of 720p30 at 2.5 Mbit/s with its sound.

Twenty publishers send to a router in real time, once with nobody listening and once with a recorder
each; the difference is what recording costs, threads and disk included. With one publisher alone,
most of the figure would be what it costs the machine to wake up.
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

from media.container import Container
from media.muxing import State
from media.recorder import Recorder, RecordingPlan, TrackPlan
from media.router import Codec, Router, RtpSource
from media.rtp_packet import write_packet

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

    def send(self) -> float:
        """Send in real time; return the CPU time it took this process."""
        start, cpu = time.monotonic(), time.process_time()
        for at, source, packet in self.arrivals:
            wait = start + at - time.monotonic()
            if wait > 0:
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


def recording(here: Stage, container: Container, video: str, audio: str, to: Path) -> float:
    """Return the CPU time with a recorder for each publisher, finalising included."""
    tracks = (TrackPlan("video", video, "ann"), TrackPlan("audio", audio, "ann"))
    recorders = []
    threads = []
    for number in range(len(here.router.stats().sources) // 2):
        recorder = Recorder(RecordingPlan(f"{number}", container, tracks, to))
        for tap in recorder.taps:
            here.router.add_tap(tap)
            here.router.attach(f"{tap.kind}-{number}", tap.id)
        recorders.append(recorder)
        threads.append(threading.Thread(target=recorder.run, daemon=True))
        threads[-1].start()
    cpu = here.send()
    ending = time.process_time()
    for recorder, thread in zip(recorders, threads, strict=True):
        recorder.stop()
        thread.join()
        status = recorder.status()
        if status.state is not State.FINALISED or status.dropped_frames:
            raise RuntimeError(f"not recorded: {status}")
    return cpu + time.process_time() - ending


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.recording", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="runs of each container (3)")
    parser.add_argument("--seconds", type=float, default=5.0, help="of each run (5)")
    parser.add_argument("--publishers", type=int, default=20, help="who send at once (20)")
    options = parser.parse_args()
    print("| container | codecs | CPU ms per recorded second | range |")
    print("|---|---|---|---|")
    for container, video, audio in KINDS:
        costs = []
        for _ in range(options.rounds):
            idle, busy = (stage(video, audio, options.publishers, options.seconds) for _ in "12")
            with tempfile.TemporaryDirectory() as folder:
                spent = recording(busy, container, video, audio, Path(folder)) - idle.send()
            costs.append(spent / options.publishers / options.seconds * 1000)
        names = f"{video}, {audio}"
        spread = f"{min(costs):.2f} – {max(costs):.2f}"
        print(f"| {container.value} | {names} | {median(costs):.2f} | {spread} |", flush=True)


if __name__ == "__main__":
    main()
