"""What the frames of an HTTP/2 connection cost: how many may come that carry no request or body.

A frame of nine bytes costs more to handle than to send, and most kinds may be sent without end
(RFC 9113, section 10.5). So they are handled a few at a time, and each is charged to an allowance
that time, requests, bodies and our own answers fill up again. Pure: bytes in, numbers out.
"""

from __future__ import annotations

from collections.abc import Iterator

from hyperframe.frame import DataFrame, HeadersFrame, RstStreamFrame

AT_ONCE = 32  # frames handled before others get a turn
START = 1000.0  # frames; a browser that leaves a busy page spends some 300
MOST = 4096.0  # for clients that acknowledge each frame of a large answer twice, and late
PER_SECOND = 100.0
REQUEST_BRINGS = 4.0  # the end of its body, its windows, a word of its priority
ANSWER_BRINGS = 4.0  # for each frame of a body that we sent, since it is acknowledged …
ANSWER_BYTES = 1024  # … in proportion if it is smaller: the client says how small
RESET_COSTS = 10.0  # a request that was begun for nothing (CVE-2023-44487): 33 a second go on
BYTES_OF_A_FRAME = 64  # of a body, that make its frame worth handling
LONGEST_PADDING = 256  # with its length

_PREFACE_BYTES = 24
_HEAD_BYTES = 9
_PADDED = 0x08


class FrameAllowance:
    """The allowance of one connection; `now` is the Trio time."""

    def __init__(self, now: float) -> None:
        self._left = START
        self._filled = now
        self._skip = _PREFACE_BYTES  # bytes up to the head of the next frame
        self._head = b""
        self._newest = 0  # stream, which a request opens

    @property
    def is_spent(self) -> bool:
        """Tell whether the client has sent more than it may."""
        return self._left < 0

    def answered(self, length: int) -> None:
        """Note that we sent a frame with so many bytes of a body."""
        self._fill(ANSWER_BRINGS * min(1.0, length / ANSWER_BYTES))

    def refused(self) -> None:
        """Note a request that nobody can answer, and that was reset."""
        self._left -= REQUEST_BRINGS + RESET_COSTS

    def pieces(self, data: bytes, now: float) -> Iterator[bytes]:
        """Cut what came into pieces of AT_ONCE frames; a frame is charged before its piece."""
        self._fill(PER_SECOND * (now - self._filled))
        self._filled = now
        start = at = frames = 0
        while at < len(data):
            if self._skip:
                step = min(self._skip, len(data) - at)
                self._skip -= step
                at += step
                continue
            step = _HEAD_BYTES - len(self._head)
            self._head += data[at : at + step]
            at += step
            if len(self._head) < _HEAD_BYTES:
                break
            self._skip = int.from_bytes(self._head[:3])
            stream = int.from_bytes(self._head[5:]) & 0x7FFFFFFF
            self._charge(self._head[3], self._head[4], self._skip, stream)
            self._head = b""
            frames += 1
            if frames == AT_ONCE:
                yield data[start:at]
                start, frames = at, 0
        if start < len(data):
            yield data[start:]

    def _fill(self, frames: float) -> None:
        self._left = min(MOST, self._left + frames)

    def _charge(self, kind: int, flags: int, length: int, stream: int) -> None:
        if kind == HeadersFrame.type and stream > self._newest:
            self._newest = stream
            self._fill(REQUEST_BRINGS)
        elif kind == DataFrame.type:
            body = length - LONGEST_PADDING if flags & _PADDED else length
            self._left -= min(1.0, max(0.0, 1 - body / BYTES_OF_A_FRAME))
        elif kind == RstStreamFrame.type:
            self._left -= RESET_COSTS
        else:
            self._left -= 1 + length / BYTES_OF_A_FRAME  # settings come many to a frame
