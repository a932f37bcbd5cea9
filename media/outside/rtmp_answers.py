"""What an RTMP server answers to who wants to publish or play: that it does, or why it does not.

Adobe's RTMP 1.0: messages in chunks (section 5.3), commands in AMF0 (section 7). It only reads
along, up to the first "Start" or the first media; of what it cannot read it knows nothing more.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable

HANDSHAKE = 1 + 1536 + 1536  # S0, S1 and S2
MAX_MESSAGE = 65_536  # bytes of one that is read
MAX_CHANNELS = 32  # chunk streams of one connection; servers use four or so
HEADS = (11, 7, 3, 0)  # bytes of a message header, by its format
EXTENDED = 0xFFFFFF  # for a time: four bytes more say it
SET_CHUNK_SIZE, MEDIA, COMMANDS = 1, (8, 9), (17, 20)
PUBLISHED = "NetStream.Publish.Start"
STARTED = (PUBLISHED, "NetStream.Play.Start")
HARMLESS = "NetConnection.Call."  # an answer to something that need not be known
ERROR = b"\0\5level\2\0\5error"
CODE = re.compile(rb"\x00\x04code\x02..([A-Za-z.]{1,64})", re.DOTALL)
REASONS = {
    "NetConnection.Connect.InvalidApp": OutsideTrouble.NOT_FOUND,
    "NetStream.Play.StreamNotFound": OutsideTrouble.NOT_FOUND,
    "NetStream.Publish.Denied": OutsideTrouble.UNAUTHORISED,
}


@dataclass(slots=True)
class _ChunkStream:
    """The message that is on its way in one chunk stream."""

    kind: int = 0
    size: int = 0
    extended: bool = False
    data: bytearray = field(default_factory=bytearray)


class RtmpAnswers:
    """Reads along with one connection. `takes` is whether the server takes what is published."""

    def __init__(self) -> None:
        self.takes = False
        self._refused = ""
        self._of_login = False
        self._data = b""
        self._handshake = HANDSHAKE  # bytes of it that are still to come
        self._chunk = 128  # bytes of a message at a time
        self._channels: dict[int, _ChunkStream] = {}
        self._reads = True

    def feed(self, data: bytes) -> bytes:
        """Return what came, as it is, in whatever pieces."""
        if not self._reads:
            return data
        skipped = min(self._handshake, len(data))
        self._handshake -= skipped
        self._data += data[skipped:]
        while self._reads and (size := self._read_chunk(self._data)):
            self._data = self._data[size:]
        if not self._reads:
            self._data = b""
            self._channels = {}
        return data

    def refusal(self) -> NotReachable | None:
        """Return why the server refuses, if it does."""
        if not self._refused:
            return None
        known = OutsideTrouble.UNAUTHORISED if self._of_login else OutsideTrouble.REFUSED
        reason = REASONS.get(self._refused, known)
        return NotReachable(reason, f"the server refuses it: {self._refused}")

    def _read_chunk(self, data: bytes) -> int:
        """Read the first chunk, and return its size; 0 where it is not all there."""
        at = {0: 2, 1: 3}.get(data[0] & 0x3F, 1) if data else 1
        if len(data) < at:
            return 0
        format, channel = data[0] >> 6, int.from_bytes(data[:at]) & (1 << 8 * at - 2) - 1
        known = self._channels.get(channel)
        head = data[at : at + HEADS[format]]
        at += HEADS[format]
        if len(data) < at:
            return 0
        kind, size, extended = (known.kind, known.size, known.extended) if known else (0, 0, False)
        if len(head) >= 3:
            extended = int.from_bytes(head[:3]) == EXTENDED
        if len(head) >= 7:
            size, kind = int.from_bytes(head[3:6]), head[6]
        at += 4 * extended
        begun = known.data if known else bytearray()
        end = at + min(self._chunk, size - len(begun))
        senseless = (known is None and len(self._channels) >= MAX_CHANNELS) or size > MAX_MESSAGE
        if senseless or kind in MEDIA or end < at:
            self._reads = False
            return 0
        if len(data) < end:
            return 0
        begun += data[at:end]
        self._channels[channel] = _ChunkStream(kind, size, extended, begun)
        if len(begun) == size:
            message = bytes(begun)
            begun.clear()
            self._take(kind, message)
        return end

    def _take(self, kind: int, message: bytes) -> None:
        if kind == SET_CHUNK_SIZE:
            self._chunk = int.from_bytes(message[:4]) & 0x7FFFFFFF
            self._reads = self._chunk > 0
        found = CODE.search(message) if kind in COMMANDS else None
        if found is None:
            return
        code = found[1].decode()
        if code in STARTED:
            self.takes = code == PUBLISHED
            self._refused = ""
            self._reads = False
        elif ERROR in message and not code.startswith(HARMLESS):
            self._refused = code
            self._of_login = b"auth" in message
