"""Cameras whose packets a job takes, and an outside that keeps what it sends."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from itertools import count

import av
import numpy as np
from av.video.frame import PictureType

from media.contract.codec import Codec
from media.contract.jobs import WorkEvent
from media.job.composing import colour_of, planes_of
from media.job.picture_packets import payload_maker
from media.job.work import Work
from media.rtp.depayload import RtpPayload, depayloader_for
from media.rtp.h264 import with_start_codes
from media.rtp.rtp_packet import MARKER, write_packet

RED, GREEN, BLUE, WHITE = (220, 20, 20), (20, 200, 20), (30, 30, 220), (235, 235, 235)
BLACK = (0, 0, 0)
_ENCODERS = {
    "vp8": ("libvpx", {"deadline": "realtime", "cpu-used": "8", "lag-in-frames": "0"}),
    "h264": (
        "libx264",
        {"preset": "ultrafast", "tune": "zerolatency", "x264-params": "scenecut=0:keyint=infinite"},
    ),
}

Colour = tuple[int, int, int]


@dataclass
class Sent:
    """One packet as a job sent it."""

    name: str
    payload: bytes
    timestamp: int
    marker: bool


@dataclass
class KeptOutside:
    """Keeps what a job does; `room` says for each packet whether there is any."""

    sent: list[Sent] = field(default_factory=list)
    clocks: list[tuple[str, int, float]] = field(default_factory=list)
    keyframes: list[str] = field(default_factory=list)
    told: list[WorkEvent] = field(default_factory=list)
    room: Callable[[], bool] = lambda: True
    marked: str = ""

    def send(self, name: str, payload: bytes, timestamp: int, *, marker: bool) -> bool:
        """Keep a packet if there is room."""
        if not self.room():
            return False
        self.sent.append(Sent(name, payload, timestamp, marker))
        return True

    def clock(self, name: str, timestamp: int, moment: float) -> None:
        """Keep a moment."""
        self.clocks.append((name, timestamp, moment))

    def request_keyframe(self, input: str) -> None:
        """Keep a request."""
        self.keyframes.append(input)

    def mark(self, input: str) -> None:
        """Keep what is worked on."""
        self.marked = input

    def wake(self) -> None: ...

    def tell(self, event: WorkEvent) -> None:
        """Keep an event."""
        self.told.append(event)


class Camera:
    """Encodes pictures of one colour, with some texture; its encoder is not the job's."""

    def __init__(
        self,
        codec: str = "vp8",
        size: tuple[int, int] = (320, 180),
        colour: Colour = RED,
        *,
        rate: int = 24,
    ) -> None:
        self.codec = codec
        self.colour = colour
        self.rate = rate
        self.timestamp = 4_294_900_000  # it wraps within the first second
        self._cut = payload_maker(codec)
        self._sequences = count(65_500)
        self._pts = count()
        self.resize(size)

    def resize(self, size: tuple[int, int]) -> None:
        """Send pictures of another size from now on."""
        self.size = size
        name, options = _ENCODERS[self.codec]
        encoder = av.CodecContext.create(name, "w")
        assert isinstance(encoder, av.VideoCodecContext)
        encoder.width, encoder.height = size
        encoder.pix_fmt = "yuv420p"
        encoder.framerate, encoder.time_base = Fraction(self.rate), Fraction(1, self.rate)
        encoder.bit_rate, encoder.gop_size = 600_000, 1_000_000
        encoder.options = options
        encoder.thread_count = 1
        self._encoder = encoder

    def picture(self, *, keyframe: bool = False) -> list[bytes]:
        """Return the packets of the next picture."""
        frame = picture_of(self.size, self.colour)
        luma = planes_of(frame)[0]
        number = next(self._pts)
        luma[:, number * 2 % luma.shape[1]] += 6
        frame.pts = number
        frame.pict_type = PictureType.I if keyframe else PictureType.NONE
        payloads = [p for packet in self._encoder.encode(frame) for p in self._cut(bytes(packet))]
        self.timestamp += 90_000 // self.rate
        return [
            write_packet(
                96,
                MARKER if payload is payloads[-1] else 0,
                next(self._sequences),
                self.timestamp,
                77,
                payload,
            )
            for payload in payloads
        ]


def picture_of(size: tuple[int, int], colour: Colour) -> av.VideoFrame:
    """Return a picture of one colour."""
    frame = av.VideoFrame(*size, "yuv420p")
    for plane, value in zip(planes_of(frame), colour_of(*colour), strict=True):
        plane.fill(value)
    return frame


def run(work: Work, cameras: dict[str, Camera], start: float, seconds: float) -> float:
    """Let cameras send to a job, on a clock of its own that the job's ticks go by; return the end.

    All cameras send at the rate of the first one.
    """
    rate = next(iter(cameras.values())).rate if cameras else 24
    end = start + seconds
    for number in range(round(seconds * rate)):
        now = start + number / rate
        tick_until(work, now)
        for id, camera in cameras.items():
            for packet in camera.picture():
                work.take(id, packet, now)
    tick_until(work, end)
    return end


def tick_until(work: Work, end: float) -> None:
    """Call a job when it wants to be, up to a time."""
    while (due := work.due()) <= end:
        now = due or end  # 0 is at once
        work.tick(now)
        assert work.due() > now, "a job that is always due"


def decoded(codec: str, sent: list[Sent]) -> list[tuple[int, av.VideoFrame]]:
    """Decode all that was sent; raises where anything of it cannot be."""
    return list(_decoded(codec, sent))


def _decoded(codec: str, sent: list[Sent]) -> Iterator[tuple[int, av.VideoFrame]]:
    depayloader = depayloader_for(Codec(codec, 90_000, 96))
    decoder = av.CodecContext.create(codec, "r")
    assert isinstance(decoder, av.VideoCodecContext)
    decoder.thread_count = 1
    for sequence, packet in enumerate(sent):
        assert 0 < len(packet.payload) <= 1200
        payload = RtpPayload(sequence, packet.timestamp, packet.marker, packet.payload, 0.0)
        for frame in depayloader.push(payload, whole=True):
            data = with_start_codes(frame.data) if codec == "h264" else frame.data
            for shown in decoder.decode(av.Packet(data)):
                yield frame.timestamp, shown
    assert depayloader.dropped == 0


def keyframes_in(codec: str, sent: list[Sent]) -> list[int]:
    """Return the timestamps of keyframes."""
    depayloader = depayloader_for(Codec(codec, 90_000, 96))
    return [
        frame.timestamp
        for sequence, packet in enumerate(sent)
        for frame in depayloader.push(
            RtpPayload(sequence, packet.timestamp, packet.marker, packet.payload, 0.0), whole=True
        )
        if frame.keyframe
    ]


def colour_at(frame: av.VideoFrame, x: float, y: float) -> tuple[int, ...]:
    """Return the mean colour (luma and two differences) around a place in fractions."""
    found = []
    for plane in planes_of(frame):
        row, column = int(y * plane.shape[0]), int(x * plane.shape[1])
        found.append(round(float(np.mean(plane[row - 2 : row + 3, column - 2 : column + 3]))))
    return tuple(found)


def looks(frame: av.VideoFrame, x: float, y: float, colour: Colour) -> bool:
    """Tell whether a place has a colour, as well as encoding keeps it."""
    pairs = zip(colour_at(frame, x, y), colour_of(*colour), strict=True)
    return all(abs(seen - meant) <= 10 for seen, meant in pairs)
