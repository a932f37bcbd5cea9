"""Where one MQTT packet ends and the next begins: websocket frames may cut them anywhere.

Pure. A packet that announces more than the limit is refused before its bytes are kept.
"""

from __future__ import annotations

from collections.abc import Iterator

from api.auvious.mqtt.primitives import MalformedPacket
from api.auvious.mqtt.reasons import Reason


class Framing:
    """Joins the pieces of packets; `most` bounds the bytes behind a packet's fixed header.

    `kept` is how many bytes are here: while `take` yields, of all that it was given.
    """

    __slots__ = ("_most", "_rest", "kept")

    def __init__(self, most: int) -> None:
        self._most = most
        self._rest = b""
        self.kept = 0

    def take(self, data: bytes) -> Iterator[tuple[int, bytes]]:
        """Yield each packet that is whole now, as its first byte and its body.

        Raises Malformed for a length of more than four bytes, and for a packet that is too large;
        the packets before it are yielded first. What is no whole packet yet is kept.
        """
        if self._rest:
            data, self._rest = self._rest + data, b""
        self.kept = len(data)
        start = 0
        while (found := self._head(data, start)) is not None:
            body, end = found
            if len(data) < end:
                break
            first, start = data[start], end
            yield first, data[body:end]
        self._rest = data[start:]
        self.kept = len(self._rest)

    def _head(self, data: bytes, start: int) -> tuple[int, int] | None:
        """Return where the body at `start` begins and ends; None without its whole head."""
        length = 0
        for index, byte in enumerate(data[start + 1 : start + 5]):
            length |= (byte & 0x7F) << (7 * index)
            if byte < 0x80:
                if length > self._most:
                    raise MalformedPacket("a packet that is too large", Reason.PACKET_TOO_LARGE)
                body = start + index + 2
                return body, body + length
            if index == 3:
                raise MalformedPacket("a length of more than four bytes")
        return None
