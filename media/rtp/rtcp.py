"""RTCP, read and written: reports (RFC 3550), feedback (RFC 4585, 5104) and REMB.

`_read` functions get the body of one packet, behind its first four bytes, and may raise
struct.error or ValueError for one that is cut short; nothing of it leaves this file.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

SENDER_REPORT = 200
RECEIVER_REPORT = 201
SOURCE_DESCRIPTION = 202
BYE = 203
TRANSPORT_FEEDBACK = 205
PAYLOAD_FEEDBACK = 206

NACK = 1  # of TRANSPORT_FEEDBACK
PLI = 1  # the rest of PAYLOAD_FEEDBACK
FIR = 4
APPLICATION = 15

CNAME = 1
MANTISSA_BITS = 18
MOST_LOST = 0x7FFFFF
MOST_ASKED = 512  # packets in one NACK: nobody keeps more
BLOCK_BYTES = 24


@dataclass(frozen=True, slots=True)
class ReportBlock:
    """How one receiver receives `ssrc`.

    `fraction_lost` is in 256ths since the last report, `jitter` in units of the RTP clock;
    `last_report` is the middle of the NTP time of the last sender report (0: none came), and
    `delay` in 65536ths of a second how long ago that was.
    """

    ssrc: int
    fraction_lost: int
    lost: int
    highest: int
    jitter: int
    last_report: int
    delay: int


@dataclass(frozen=True, slots=True)
class SenderReport:
    """The RTP `timestamp` of `ssrc` at its sender's `ntp` time (64 bits)."""

    ssrc: int
    ntp: int
    timestamp: int
    packets: int
    octets: int
    blocks: tuple[ReportBlock, ...] = ()


@dataclass(frozen=True, slots=True)
class ReceiverReport:
    """Reports of a receiver that sends nothing itself."""

    ssrc: int
    blocks: tuple[ReportBlock, ...]


@dataclass(frozen=True, slots=True)
class Nack:
    """Packets of `ssrc` that did not arrive, as 16-bit sequence numbers."""

    ssrc: int
    lost: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class KeyframeRequest:
    """A PLI, or one entry of a FIR; a FIR has a `number`, the same one when it is repeated."""

    ssrc: int
    number: int | None = None


@dataclass(frozen=True, slots=True)
class BitrateLimit:
    """What a receiver can take of all `ssrcs` together (REMB), in bits per second."""

    ssrcs: tuple[int, ...]
    bits_per_second: int


@dataclass(frozen=True, slots=True)
class Bye:
    """These streams have ended."""

    ssrcs: tuple[int, ...]


Rtcp = SenderReport | ReceiverReport | Nack | KeyframeRequest | BitrateLimit | Bye


def parse_rtcp(data: bytes) -> list[Rtcp] | None:
    """Read a compound packet, without what is of no use here; None if any part is malformed."""
    found: list[Rtcp] = []
    at = 0
    if not data:
        return None
    while at < len(data):
        if len(data) - at < 4 or data[at] >> 6 != 2:
            return None
        end = at + 4 + 4 * int.from_bytes(data[at + 2 : at + 4])
        if end > len(data):
            return None
        body = data[at + 4 : end]
        if data[at] & 0x20:
            if not body or not 0 < body[-1] <= len(body):
                return None
            body = body[: -body[-1]]
        try:
            found.extend(_read(data[at + 1], data[at] & 0x1F, body))
        except (struct.error, ValueError):
            return None
        at = end
    return found


def _read(kind: int, count: int, body: bytes) -> Iterable[Rtcp]:
    readers: dict[int, Callable[[int, bytes], Iterable[Rtcp]]] = {
        SENDER_REPORT: _read_sender_report,
        RECEIVER_REPORT: _read_receiver_report,
        BYE: _read_bye,
        TRANSPORT_FEEDBACK: _read_nack,
        PAYLOAD_FEEDBACK: _read_payload_feedback,
    }
    reader = readers.get(kind)
    return reader(count, body) if reader else ()


def _read_sender_report(count: int, body: bytes) -> Iterable[Rtcp]:
    ssrc, ntp, timestamp, packets, octets = struct.unpack_from("!IQIII", body)
    yield SenderReport(ssrc, ntp, timestamp, packets, octets, _read_blocks(count, body[24:]))


def _read_receiver_report(count: int, body: bytes) -> Iterable[Rtcp]:
    (ssrc,) = struct.unpack_from("!I", body)
    yield ReceiverReport(ssrc, _read_blocks(count, body[4:]))


def _read_blocks(count: int, body: bytes) -> tuple[ReportBlock, ...]:
    blocks = []
    for number in range(count):
        ssrc, loss, *rest = struct.unpack_from("!IIIIII", body, number * BLOCK_BYTES)
        lost = (loss & 0xFFFFFF ^ 0x800000) - 0x800000
        blocks.append(ReportBlock(ssrc, loss >> 24, lost, *rest))
    return tuple(blocks)


def _read_bye(count: int, body: bytes) -> Iterable[Rtcp]:
    yield Bye(struct.unpack_from(f"!{count}I", body))


def _read_nack(kind: int, body: bytes) -> Iterable[Rtcp]:
    if kind != NACK:
        return
    _, ssrc = struct.unpack_from("!II", body)
    lost: list[int] = []
    for first, others in struct.iter_unpack("!HH", body[8:]):
        lost.append(first)
        lost.extend(first + bit + 1 & 0xFFFF for bit in range(16) if others >> bit & 1)
        if len(lost) >= MOST_ASKED:
            break
    yield Nack(ssrc, tuple(lost[:MOST_ASKED]))


def _read_payload_feedback(kind: int, body: bytes) -> Iterable[Rtcp]:
    _, ssrc = struct.unpack_from("!II", body)
    if kind == PLI:
        yield KeyframeRequest(ssrc)
    elif kind == FIR:
        for wanted, number in struct.iter_unpack("!IB3x", body[8:]):
            yield KeyframeRequest(wanted, number)
    elif kind == APPLICATION and body[8:12] == b"REMB":
        count, high, low = struct.unpack_from("!BBH", body, 12)
        mantissa = (high & 0x03) << 16 | low
        yield BitrateLimit(struct.unpack_from(f"!{count}I", body, 16), mantissa << (high >> 2))


def write_sender_report(report: SenderReport, cname: str) -> bytes:
    """Return a compound packet of the report, without blocks, and the sender's canonical name."""
    body = struct.pack(
        "!IQIII",
        report.ssrc,
        report.ntp,
        report.timestamp & 0xFFFFFFFF,
        report.packets & 0xFFFFFFFF,
        report.octets & 0xFFFFFFFF,
    )
    return _packet(SENDER_REPORT, 0, body) + _description(report.ssrc, cname)


def write_receiver_report(ssrc: int, blocks: Sequence[ReportBlock], cname: str) -> bytes:
    """Return a compound packet of up to 31 blocks, by the receiver `ssrc`, and its name."""
    body = struct.pack("!I", ssrc) + b"".join(_block(block) for block in blocks[:31])
    return _packet(RECEIVER_REPORT, len(blocks[:31]), body) + _description(ssrc, cname)


def write_nack(sender: int, ssrc: int, lost: Sequence[int]) -> bytes:
    """Return a NACK for these sequence numbers of `ssrc`, in the order they were sent in."""
    pairs: list[tuple[int, int]] = []
    for number in lost:
        ahead = number - pairs[-1][0] & 0xFFFF if pairs else 0
        if 1 <= ahead <= 16:
            pairs[-1] = (pairs[-1][0], pairs[-1][1] | 1 << ahead - 1)
        else:
            pairs.append((number & 0xFFFF, 0))
    fields = b"".join(struct.pack("!HH", *pair) for pair in pairs)
    return _packet(TRANSPORT_FEEDBACK, NACK, struct.pack("!II", sender, ssrc) + fields)


def write_pli(sender: int, ssrc: int) -> bytes:
    """Return a request for a keyframe of `ssrc`."""
    return _packet(PAYLOAD_FEEDBACK, PLI, struct.pack("!II", sender, ssrc))


def write_remb(sender: int, ssrcs: Sequence[int], bits_per_second: int) -> bytes:
    """Return what a receiver can take of `ssrcs` together."""
    exponent = max(0, bits_per_second.bit_length() - MANTISSA_BITS)
    mantissa = bits_per_second >> exponent
    body = struct.pack("!II4s", sender, 0, b"REMB")
    body += struct.pack("!BBH", len(ssrcs), exponent << 2 | mantissa >> 16, mantissa & 0xFFFF)
    return _packet(PAYLOAD_FEEDBACK, APPLICATION, body + struct.pack(f"!{len(ssrcs)}I", *ssrcs))


def write_bye(ssrc: int) -> bytes:
    """Return the end of `ssrc`."""
    return _packet(BYE, 1, struct.pack("!I", ssrc))


def _block(block: ReportBlock) -> bytes:
    lost = max(-MOST_LOST, min(MOST_LOST, block.lost)) & 0xFFFFFF
    return struct.pack(
        "!IIIIII",
        block.ssrc,
        block.fraction_lost << 24 | lost,
        block.highest & 0xFFFFFFFF,
        block.jitter & 0xFFFFFFFF,
        block.last_report,
        block.delay & 0xFFFFFFFF,
    )


def _description(ssrc: int, cname: str) -> bytes:
    name = cname.encode()[:255]
    chunk = struct.pack("!IBB", ssrc, CNAME, len(name)) + name
    return _packet(SOURCE_DESCRIPTION, 1, chunk + bytes(4 - len(chunk) % 4))


def _packet(kind: int, count: int, body: bytes) -> bytes:
    return struct.pack("!BBH", 0x80 | count, kind, len(body) // 4) + body
