"""What an RTSP server sends, on its way to FFmpeg: it may not send FFmpeg elsewhere.

Read as FFmpeg reads it (RFC 2326): headers in lines, bodies by Content-Length, media in frames that
begin with "$". Where FFmpeg might read something else than is read here, it ends. Nothing waits.
"""

from __future__ import annotations

import re

from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable

MAX_HEAD = 65_536  # bytes of one message before its body
MAX_BODY = 1 << 20
MAX_LINE = 4000  # FFmpeg cuts longer ones off, at 4,096 bytes
FRAME = b"$"
FRAME_HEAD = 4  # "$", channel, length in two bytes
LEAST_FRAME = 8  # FFmpeg passes shorter ones over, but reads their bytes as a message
ANSWER = re.compile(rb"RTSP/\d+\.\d+ +([1-9]\d\d)(?: .*)?")
REQUEST = re.compile(rb"([A-Z_]+) +\S+ +RTSP/\d+\.\d+")
OVER_TCP = re.compile(rb"\s*RTP/AVP/TCP\s*", re.IGNORECASE)
LENGTH = re.compile(rb"content-length:\s*(\d{1,9})\s*", re.IGNORECASE)
REASONS = {
    401: OutsideTrouble.UNAUTHORISED,
    403: OutsideTrouble.UNAUTHORISED,
    404: OutsideTrouble.NOT_FOUND,
    410: OutsideTrouble.NOT_FOUND,
}


class RtspAnswers:
    """Reads along with one connection. `server` is the address that it leads to.

    `status` is the last answer, until media flows: 0, or why the server refuses (401, 404, …).
    `takes` is whether what was set up has been begun: by RECORD, or PLAY.
    """

    def __init__(self, server: str) -> None:
        self.status = 0
        self.takes = False
        self._agrees = False  # the answer that is read
        self._with_transport = False  # it, too
        self._is_set_up = False
        self._server = server.encode()
        self._data = b""  # an unfinished line, or frame head
        self._at = 0  # how much of it was read
        self._passing = 0  # bytes of a body or frame still to come
        self._dropping = 0
        self._head_bytes = 0
        self._body = 0
        self._flows = False

    def feed(self, data: bytes) -> bytes:
        """Return what FFmpeg is to be given of what came, in whatever pieces.

        Raises NotReachable where the server leads elsewhere, or does not speak RTSP.
        """
        self._data += data
        given: list[bytes] = []
        while self._at < len(self._data) and self._take_next(given):
            pass
        self._data, self._at = self._data[self._at :], 0
        return b"".join(given)

    def _take_next(self, given: list[bytes]) -> bool:
        """Take the next part of what came; False where more has to come first."""
        left = len(self._data) - self._at
        if self._passing or self._dropping:
            self._take_part(given)
        elif not self._head_bytes and self._data[self._at] == FRAME[0]:
            if left < FRAME_HEAD:
                return False
            self._begin_frame()
        elif end := self._data.find(b"\n", self._at) + 1:
            line, self._at = self._data[self._at : end], end
            given.append(self._line(line))
        elif left + self._head_bytes > MAX_HEAD:
            raise _senseless()
        else:
            return False
        return True

    def refusal(self) -> NotReachable | None:
        """Return why the server refuses, if it does."""
        if self.status < 400:
            return None
        reason = REASONS.get(self.status, OutsideTrouble.REFUSED)
        return NotReachable(reason, f"the server answers with RTSP status {self.status}")

    def _take_part(self, given: list[bytes]) -> None:
        size = self._passing or self._dropping
        part = self._data[self._at : self._at + size]
        self._at += len(part)
        if self._passing:
            given.append(part)
            self._passing -= len(part)
        else:
            self._dropping -= len(part)

    def _begin_frame(self) -> None:
        size = int.from_bytes(self._data[self._at + 2 : self._at + FRAME_HEAD], "big")
        if size < LEAST_FRAME:
            self._dropping = FRAME_HEAD + size
        else:
            self._passing = FRAME_HEAD + size
            self._flows, self.status = True, 0

    def _line(self, raw: bytes) -> bytes:
        line = raw[:-2] if raw.endswith(b"\r\n") else raw[:-1]
        if b"\r" in line or b"\0" in line or line[:1] == FRAME or len(line) > MAX_LINE:
            raise _senseless()  # what FFmpeg would read as another line, or as media, or not whole
        first = not self._head_bytes
        self._head_bytes += len(raw)
        if self._head_bytes > MAX_HEAD:
            raise _senseless()
        if not line:
            self._passing, self._body, self._head_bytes = self._body, 0, 0
            self._end_of_head()
        elif first:
            self._begin_message(line)
        elif line[:15].lower() == b"content-length:":
            length = LENGTH.fullmatch(line)
            if length is None or self._body or int(length[1]) > MAX_BODY:
                raise _senseless()
            self._body = int(length[1])
        elif line[:10].lower() == b"transport:":
            self._with_transport = True
            return _transport(line, self._server) + raw[len(line) :]
        return raw

    def _end_of_head(self) -> None:
        """Know which answer it was: that of SETUP has a transport, the next one has none."""
        if self._agrees:
            self.takes |= self._is_set_up and not self._with_transport
            self._is_set_up |= self._with_transport
        self._agrees = self._with_transport = False

    def _begin_message(self, line: bytes) -> None:
        if answer := ANSWER.fullmatch(line):
            status = int(answer[1])
            if 300 <= status < 400:
                raise _elsewhere()
            self.status = 0 if self._flows or status < 400 else status
            self._agrees = status < 300
        elif request := REQUEST.fullmatch(line):
            if request[1] == b"REDIRECT":
                raise _elsewhere()
        else:
            raise _senseless()


def _transport(line: bytes, server: bytes) -> bytes:
    """Return a Transport header in which UDP goes to the server, whatever it says.

    FFmpeg would take the other end of its connection otherwise, which is this machine.
    """
    name, _, value = line.partition(b":")
    return name + b":" + b",".join(_one_transport(each, server) for each in value.split(b","))


def _one_transport(transport: bytes, server: bytes) -> bytes:
    kind, *parts = transport.split(b";")
    kept = [each for each in parts if not re.match(rb"\s*(source|destination)\b", each, re.I)]
    if OVER_TCP.fullmatch(kind) is None:  # it is UDP to FFmpeg
        kept.insert(0, b"source=" + server)
    return b";".join([kind, *kept])


def _elsewhere() -> NotReachable:
    return NotReachable(OutsideTrouble.NOT_ALLOWED, "the server sends us to another address")


def _senseless() -> NotReachable:
    return NotReachable(OutsideTrouble.REFUSED, "the server does not speak RTSP")
