"""Senders and receivers of RTP for tests of the router: packets made and read by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from struct import pack, unpack

from media.rtp.leg_numbers import LegNumbers
from media.rtp.router import Codec, RtpSink, RtpSource, SenderClock

VP8 = Codec("vp8", 90_000, 96)
H264 = Codec("h264", 90_000, 102, fmtp="packetization-mode=1;profile-level-id=42e01f")
OPUS = Codec("opus", 48_000, 111, channels=2)


def rtp(
    sequence: int,
    timestamp: int = 0,
    payload: bytes = b"media",
    *,
    payload_type: int = 96,
    ssrc: int = 1,
    marker: bool = False,
    padding: int = 0,
) -> bytes:
    """Make one packet; `padding` bytes are added behind the payload."""
    head = pack(
        "!BBHII",
        0x80 | (0x20 if padding else 0),
        payload_type | (0x80 if marker else 0),
        sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )
    return head + payload + (bytes(padding - 1) + bytes([padding]) if padding else b"")


def vp8(picture: int, body: bytes = b"", *, keyframe: bool = False, start: bool = True) -> bytes:
    """Make a VP8 payload with a picture id of 15 bits and TL0PICIDX."""
    head = bytes([0x90 if start else 0x80, 0xE0]) + (0x8000 | picture & 0x7FFF).to_bytes(2)
    return head + bytes([picture & 0xFF, 0x20, 0x00 if keyframe else 0x01]) + body


@dataclass(frozen=True)
class Got:
    """One packet as a receiver reads it."""

    sequence: int
    timestamp: int
    payload_type: int
    marker: bool
    ssrc: int
    extension: bytes
    payload: bytes


def read(data: bytes) -> Got:
    """Read a packet without padding or contributing sources."""
    first, second, sequence, timestamp, ssrc = unpack("!BBHII", data[:12])
    assert first in (0x80, 0x90)
    start = 12
    if first & 0x10:
        start += 4 + 4 * int.from_bytes(data[14:16])
    return Got(
        sequence,
        timestamp,
        second & 0x7F,
        bool(second & 0x80),
        ssrc,
        data[12:start],
        data[start:],
    )


@dataclass
class Sender:
    """Whoever sends to a source: notes what it is asked for."""

    keyframes: int = 0
    asked: list[int] = field(default_factory=list)
    limits: list[int] = field(default_factory=list)

    def request_keyframe(self, ssrc: int) -> None:
        self.keyframes += 1

    def request_packets(self, ssrc: int, lost: Sequence[int]) -> None:
        self.asked.extend(lost)

    def limit_bitrate(self, bits_per_second: int, ssrc: int) -> None:
        self.limits.append(bits_per_second)


def let_flow(sink: RtpSink, bits_per_second: int, now: float) -> None:
    """Have a leg find, at `now`, that so much flows."""
    sink.beat(now - 1.0)
    sink.counts.octets += bits_per_second // 8
    sink.beat(now)


class Time:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Receiver:
    """Whoever a sink sends to. `full` makes the way refuse."""

    def __init__(self) -> None:
        self.data: list[bytes] = []
        self.reports: list[bytes] = []
        self.full = False

    def send(self, packet: bytes) -> None:
        if self.full:
            raise BlockingIOError
        self.data.append(packet)

    @property
    def got(self) -> list[Got]:
        return [read(data) for data in self.data]

    @property
    def sequences(self) -> list[int]:
        return [packet.sequence for packet in self.got]


def a_source(
    name: str = "camera",
    codec: Codec = VP8,
    *,
    sender: Sender | None = None,
    time: Time | None = None,
    ssrc: int | None = 1,
    shared: SenderClock | None = None,
    **options: object,
) -> RtpSource:
    """Make a source; its clock is `time`, and `shared` that of its sender."""
    kind = "video" if codec.clock_rate == 90_000 else "audio"
    return RtpSource(
        name,
        kind,
        codec,
        ssrc,
        sender or Sender(),
        time or Time(),
        sender=shared,
        **options,  # type: ignore[arg-type]
    )


def a_sink(
    name: str = "screen",
    codec: Codec = VP8,
    *,
    receiver: Receiver | None = None,
    time: Time | None = None,
    first_sequence: int | None = None,
    rtx: tuple[int, int] | None = None,
    **options: object,
) -> RtpSink:
    """Make a sink with SSRC 77; its clock is `time`, `rtx` what it sends again under."""
    kind = "video" if codec.clock_rate == 90_000 else "audio"
    receiver = receiver or Receiver()
    sink = RtpSink(
        name,
        kind,
        codec,
        77,
        receiver.send,
        receiver.reports.append,
        clock=time or Time(),
        **{"numbers": LegNumbers(first_sequence), **options},  # type: ignore[arg-type]
    )
    sink.send_again_as(rtx)
    return sink
