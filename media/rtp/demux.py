"""Which stream of a session a packet belongs to (RFC 9143, section 9.2).

By its SSRC, once known: announced in the description, or learnt from a packet that carries the mid
of its section or has a payload type that only one section uses.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

MAX_SSRCS = 128  # of one session; more are not learnt
KEPT_SSRCS = 64  # over a negotiation, the latest ones: an announced one for each section
ONE_BYTE = 0xBEDE
TWO_BYTES = 0x1000

S = TypeVar("S")


@dataclass(frozen=True, slots=True)
class KnownStream(Generic[S]):
    """How to know the packets of one stream; `mid_extension` 0 stands for none.

    With a `rid`, it is one of several layers of a section (RFC 8852), known by that as well.
    """

    stream: S
    mid: bytes
    mid_extension: int
    payload_type: int
    ssrc: int | None
    rid: bytes = b""
    rid_extension: int = 0


class Demux(Generic[S]):
    """Finds the stream of a packet; `S` is whatever stands for a stream."""

    def __init__(self) -> None:
        self._entries: tuple[KnownStream[S], ...] = ()
        self._by_ssrc: dict[int, S] = {}

    def set(self, entries: tuple[KnownStream[S], ...]) -> None:
        """Know these streams from now on; what was learnt of others is forgotten."""
        self._entries = entries
        kept = {id(entry.stream) for entry in entries}
        self._by_ssrc = {s: stream for s, stream in self._by_ssrc.items() if id(stream) in kept}
        for entry in entries:
            if entry.ssrc is not None:
                self._by_ssrc.pop(entry.ssrc, None)  # so that the latest come last
                self._by_ssrc[entry.ssrc] = entry.stream
        self._by_ssrc = dict(list(self._by_ssrc.items())[-KEPT_SSRCS:])

    def stream(self, packet: bytes) -> S | None:
        """Return the stream of an RTP packet of at least 12 bytes, None if it is nobody's."""
        ssrc = int.from_bytes(packet[8:12])
        found = self._by_ssrc.get(ssrc)
        if found is None and len(self._by_ssrc) < MAX_SSRCS:
            entry = self._by_mid(packet) or self._by_payload_type(packet[1] & 0x7F)
            if entry is not None:
                found = self._by_ssrc[ssrc] = entry.stream
        return found

    def _by_mid(self, packet: bytes) -> KnownStream[S] | None:
        for entry in self._entries:
            if entry.rid and read_extension(packet, entry.rid_extension) != entry.rid:
                continue
            if entry.rid and not entry.mid_extension:
                return entry
            if entry.mid_extension and read_extension(packet, entry.mid_extension) == entry.mid:
                return entry
        return None

    def _by_payload_type(self, payload_type: int) -> KnownStream[S] | None:
        found = [entry for entry in self._entries if entry.payload_type == payload_type]
        return found[0] if len(found) == 1 else None


def read_extension(packet: bytes, identifier: int) -> bytes | None:
    """Return a header extension's value (RFC 8285), None if the packet has none or is cut short."""
    if not packet[0] & 0x10:
        return None
    at = 12 + 4 * (packet[0] & 0x0F)
    profile = int.from_bytes(packet[at : at + 2])
    end = at + 4 + 4 * int.from_bytes(packet[at + 2 : at + 4])
    at += 4
    if end > len(packet) or (profile != ONE_BYTE and profile & 0xFFF0 != TWO_BYTES):
        return None
    while at < end:
        if packet[at] == 0:  # padding
            at += 1
            continue
        if profile == ONE_BYTE:
            found, size, at = packet[at] >> 4, (packet[at] & 0x0F) + 1, at + 1
        else:
            found, size, at = packet[at], packet[at + 1] if at + 1 < end else 0, at + 2
        if found == identifier:
            return packet[at : at + size] if at + size <= end else None
        at += size
    return None
