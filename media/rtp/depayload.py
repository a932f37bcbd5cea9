"""RTP payloads of one stream, put together to frames as a decoder takes them.

One class per way of packing: VP8 (RFC 7741), H.264 (RFC 6184, non-interleaved mode), and audio, of
which a packet is a frame (opus, RFC 7587; G.711, RFC 3551; AAC, RFC 3640). They take packets in
order and are told where some are missing; a video frame of which a part is missing is dropped, and
so are all after it up to the next keyframe: a decoder would only draw garbage from them.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import NamedTuple, Protocol

from media.contract.codec import Codec
from media.rtp import aac, g711, h264
from media.rtp.rtp_packet import HEADER, HEADER_BYTES, VERSION

_PLAIN = 0x80  # first byte of a packet with nothing but its header before the payload
_STAP_A, _FU_A = 24, 28
_FRAME_LIMIT = 8 << 20  # bytes of one frame; a sender that never ends a frame is cut off here
_UNIT_LIMIT = 16_384  # NAL units of one frame: each takes memory beyond its bytes, which may be few


@dataclass(frozen=True, slots=True)
class CodedVideo:
    """What a keyframe says of the frames behind it; `private` is the decoder's configuration."""

    width: int
    height: int
    private: bytes = b""


@dataclass(frozen=True, slots=True)
class CodedSound:
    """What a decoder must know of sound that does not say it itself: AAC."""

    sample_rate: int
    channels: int


class RtpPayload(NamedTuple):
    """What is recorded of a packet; `arrival` is in seconds."""

    sequence: int
    timestamp: int
    marker: bool
    payload: bytes
    arrival: float


_from_parts = tuple.__new__


class Frame(NamedTuple):
    """One encoded frame; `timestamp` is its packets', `format` stands on keyframes of video
    and on all frames of AAC."""

    timestamp: int
    data: bytes
    keyframe: bool
    format: CodedVideo | CodedSound | None


class Depayloader(Protocol):
    """Turns packets to frames; `waiting` while it needs a keyframe, `dropped` counts frames."""

    waiting: bool
    dropped: int

    def push(self, packet: RtpPayload, *, whole: bool) -> list[Frame]:
        """Take the next packet; `whole` tells that none is missing before it."""
        ...


def open_packet(data: bytes, arrival: float) -> RtpPayload | None:
    """Return what is in an RTP packet (RFC 3550, 5.1) without padding; None if it is none.

    Half the cost of `rtp_packet.parse_packet`, which notes much that a recording has no use for.
    """
    if len(data) < HEADER_BYTES:
        return None
    first, second, sequence, timestamp, _ = HEADER.unpack_from(data)
    if first == _PLAIN:
        parts = (sequence, timestamp, second >= 0x80, data[HEADER_BYTES:], arrival)
        return _from_parts(RtpPayload, parts)  # half the time of RtpPayload(…)
    start, end = HEADER_BYTES + 4 * (first & 0x0F), len(data)
    if first & 0x10:
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4])
    if first & 0x20:
        end -= data[-1]
    if first >> 6 != VERSION or start > end:
        return None
    return RtpPayload(sequence, timestamp, second >= 0x80, data[start:end], arrival)


def depayloader_for(codec: Codec) -> Depayloader:
    """Return a fresh one.

    Raises KeyError for a codec that cannot be recorded, ValueError for AAC that cannot.
    """
    makers: dict[str, Callable[[], Depayloader]] = {
        "vp8": Vp8Depayloader,
        "h264": partial(H264Depayloader, codec.parameters().get("sprop-parameter-sets", "")),
        "opus": AudioDepayloader,
        "aac": lambda: AacDepayloader(*aac.sound_described(codec)),
        "pcmu": partial(AudioDepayloader, g711.expand_mu_law),
        "pcma": partial(AudioDepayloader, g711.expand_a_law),
    }
    return makers[codec.name]()


class AudioDepayloader:
    """A packet is a frame, each can be decoded; `expand` turns it into what is recorded."""

    def __init__(self, expand: Callable[[bytes], bytes] = bytes) -> None:
        self.waiting = False
        self.dropped = 0
        self._expand = expand

    def push(self, packet: RtpPayload, *, whole: bool) -> list[Frame]:
        """Return the packet's frame; nothing for one without."""
        if not packet.payload:
            return []
        return [Frame(packet.timestamp, self._expand(packet.payload), True, None)]


class AacDepayloader:
    """A packet is an access unit (RFC 3640, AAC-hbr); others, in parts or several, are dropped."""

    def __init__(self, sample_rate: int, channels: int) -> None:
        self.waiting = False
        self.dropped = 0
        self._format = CodedSound(sample_rate, channels)

    def push(self, packet: RtpPayload, *, whole: bool) -> list[Frame]:
        """Return the packet's access unit; nothing for one without."""
        if not packet.payload:
            return []
        unit = aac.unpack_unit(packet.payload)
        if not unit:
            self.dropped += 1
            return []
        return [Frame(packet.timestamp, unit, True, self._format)]


class _VideoDepayloader(ABC):
    """Collects the packets of one timestamp; subclasses read them."""

    def __init__(self) -> None:
        self.waiting = True
        self.dropped = 0
        self._timestamp: int | None = None  # of the frame being collected
        self._broken = False  # part of it is missing, or cannot be read
        self._size = 0

    def push(self, packet: RtpPayload, *, whole: bool) -> list[Frame]:
        """Return the frames that end with this packet, or before it."""
        frames: list[Frame] = []
        if not whole:
            self.waiting = True
        if packet.timestamp != self._timestamp:
            if self._timestamp is not None:  # no marker came: it is lost, or none is ever set
                self._broken |= not whole
                self._finish(frames)
            if not packet.payload:  # only padding, which probes a path
                return frames
            self._timestamp = packet.timestamp
            self._broken = not whole and not self._begins(packet.payload)
        elif not whole:
            self._broken = True
        payload = packet.payload
        self._size += len(payload)
        if payload and not self._broken:
            self._broken = not self._add(payload) or self._size > _FRAME_LIMIT
        if packet.marker:
            self._finish(frames)
        return frames

    def _finish(self, frames: list[Frame]) -> None:
        timestamp, self._timestamp, self._size = self._timestamp or 0, None, 0
        try:
            frame = None if self._broken else self._frame(timestamp)
        except ValueError:
            self._broken = True
        self._forget()
        if self._broken:
            self.dropped += 1
            self.waiting = True
        elif frame is not None:
            if self.waiting and frame.format is None:
                self.dropped += 1
            else:
                self.waiting = False
                frames.append(frame)

    @abstractmethod
    def _begins(self, payload: bytes) -> bool:
        """Tell whether a frame surely begins with this packet."""

    @abstractmethod
    def _add(self, payload: bytes) -> bool:
        """Take the next packet of the frame; False if it does not fit."""

    @abstractmethod
    def _forget(self) -> None:
        """Forget the frame being collected."""

    @abstractmethod
    def _frame(self, timestamp: int) -> Frame | None:
        """Return the frame, or None if there is nothing to show; `format` if it can be decoded
        by itself. Raises ValueError for one that cannot be read."""


class Vp8Depayloader(_VideoDepayloader):
    """VP8: each payload has a descriptor of 1 to 6 bytes in front."""

    def __init__(self) -> None:
        super().__init__()
        self._parts: list[bytes] = []

    def _begins(self, payload: bytes) -> bool:
        return payload[0] & 0x17 == 0x10  # start of partition, which is number 0

    def _add(self, payload: bytes) -> bool:
        start = _after_descriptor(payload)
        if start >= len(payload) or (payload[0] & 0x17 == 0x10) == bool(self._parts):
            return False
        self._parts.append(payload[start:])
        return True

    def _forget(self) -> None:
        self._parts = []

    def _frame(self, timestamp: int) -> Frame | None:
        data = b"".join(self._parts)
        if data[0] & 1:
            return Frame(timestamp, data, False, None)
        if len(data) < 10 or data[3:6] != b"\x9d\x01\x2a":
            raise ValueError("a keyframe without its start code")
        width, height = (int.from_bytes(data[at : at + 2], "little") & 0x3FFF for at in (6, 8))
        return Frame(timestamp, data, True, CodedVideo(width, height))


def _after_descriptor(payload: bytes) -> int:
    """Return where the VP8 data begins; behind the end if the descriptor is cut short."""
    if not payload[0] & 0x80:
        return 1
    if len(payload) < 3:
        return 3
    has = payload[1]
    start = 2
    if has & 0x80:  # a picture number of 7 or 15 bits
        start += 2 if payload[2] & 0x80 else 1
    return start + (has >> 6 & 1) + (has & 0x30 != 0)


class H264Depayloader(_VideoDepayloader):
    """H.264: single NAL units, several in one packet (STAP-A), one over several (FU-A).

    Frames carry their NAL units behind 4-byte lengths. `told` are the first parameter sets as a
    session description tells them: in base64, with commas.
    """

    def __init__(self, told: str = "") -> None:
        super().__init__()
        self._nals: list[bytes] = []
        self._fragments: list[bytes] = []  # of a NAL unit that comes in several packets
        self._parameters: dict[int, bytes] = {}  # the latest of each kind
        for nal in _decoded(told):
            if len(nal) <= h264.LONGEST_SET:
                self._remember(nal)

    def _begins(self, payload: bytes) -> bool:
        first = payload[3:4] if h264.kind_of(payload) == _STAP_A else payload
        return bool(first) and h264.kind_of(first) in (h264.SPS, h264.DELIMITER)

    def _add(self, payload: bytes) -> bool:
        kind = payload[0] & 0x1F
        if len(self._nals) > _UNIT_LIMIT:
            return False
        if kind == _FU_A:
            return self._add_fragment(payload)
        if kind == _STAP_A:
            return self._add_aggregate(payload)
        if not 0 < kind < _STAP_A or self._fragments:
            return False
        self._nals.append(payload)
        return True

    def _add_aggregate(self, payload: bytes) -> bool:
        at = 1
        while at + 2 < len(payload):
            end = at + 2 + int.from_bytes(payload[at : at + 2])
            nal = payload[at + 2 : end]
            if not nal or end > len(payload):
                return False
            self._nals.append(nal)
            at = end
        return at == len(payload)

    def _add_fragment(self, payload: bytes) -> bool:
        if len(payload) < 3:
            return False
        head = payload[1]
        if head & 0x80:
            if self._fragments:
                return False
            self._fragments = [bytes(((payload[0] & 0xE0) | (head & 0x1F),))]
        elif not self._fragments:
            return False
        self._fragments.append(payload[2:])
        if head & 0x40:
            self._nals.append(b"".join(self._fragments))
            self._fragments = []
        return True

    def _forget(self) -> None:
        self._nals = []
        self._fragments = []

    def _frame(self, timestamp: int) -> Frame | None:
        if self._fragments:
            raise ValueError("a NAL unit without its end")
        kinds = [h264.kind_of(nal) for nal in self._nals]
        for nal in self._nals:
            self._remember(nal)
        if not any(1 <= kind <= h264.IDR for kind in kinds):
            return None  # parameter sets that come by themselves
        nals = [nal for nal, kind in zip(self._nals, kinds, strict=True) if kind != h264.DELIMITER]
        if h264.IDR not in kinds:
            return Frame(timestamp, h264.with_lengths(nals), False, None)
        sps, pps = self._parameters.get(h264.SPS), self._parameters.get(h264.PPS)
        if sps is None or pps is None:
            return Frame(timestamp, h264.with_lengths(nals), True, None)
        if h264.SPS not in kinds:
            nals = [sps, pps, *nals]
        video = CodedVideo(*h264.picture_size(sps), h264.configuration(sps, pps))
        return Frame(timestamp, h264.with_lengths(nals), True, video)

    def _remember(self, nal: bytes) -> None:
        if h264.kind_of(nal) in (h264.SPS, h264.PPS):
            if len(nal) > h264.LONGEST_SET:
                raise ValueError("a parameter set is too long")
            self._parameters[h264.kind_of(nal)] = nal


def _decoded(told: str) -> list[bytes]:
    try:
        return [nal for text in told.split(",") if (nal := b64decode(text))]
    except ValueError:
        return []  # those in the stream will do
