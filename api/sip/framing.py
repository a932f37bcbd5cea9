"""Cut a stream of bytes into SIP messages (RFC 3261 18.3), with keep-alives (RFC 5626 3.5.1)."""

from __future__ import annotations

import re

from api.sip.messages import MOST_BYTES, MOST_HEAD

END = b"\r\n\r\n"
WAITING = (bytearray(), bytearray(b"\r"))  # after a line break: the beginning of a ping?
MOST_PONGS = 16  # that wait to be sent; whoever sends more pings than it reads gets no more
LENGTH = re.compile(
    rb"\r\n(?:content-length|l)[ \t]*:((?:[ \t]|\r\n[ \t])*)([^\r]*)", re.IGNORECASE
)


class FramingError(Exception):
    """Where the next message begins cannot be told: the connection is to be closed.

    `whole` are the messages that were complete before it, in the same bytes.
    """

    def __init__(self, words: str, whole: list[bytes]) -> None:
        super().__init__(words)
        self.whole = whole


class StreamFramer:
    """The stream of one connection, from one side.

    However it is cut, the same messages come out of it. Of a message only where it ends is read;
    `messages.parse` does the rest. Holds less than `limit` bytes and those of one `feed`.
    """

    def __init__(self, limit: int = MOST_BYTES) -> None:
        self.limit = limit
        self._held = bytearray()
        self._seen = 0  # of what is held, how far no end of the headers was found
        self._end: int | None = None  # of the message whose headers are here
        self._pongs = 0
        self._broken = ""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the messages that are whole now, each with its headers and body.

        Raises FramingError for a message without a Content-Length or with a wrong one, and for
        one beyond the limit; every time from then on.
        """
        whole: list[bytes] = []
        if self._broken:
            raise FramingError(self._broken, whole)
        self._held += data
        while (message := self._next()) is not None:
            whole.append(message)
        if self._broken:
            self._held.clear()
            raise FramingError(self._broken, whole)
        return whole

    def take_pongs(self) -> bytes:
        """Return what is to be sent for the keep-alives that came since the last time."""
        pongs, self._pongs = self._pongs, 0
        return b"\r\n" * pongs

    def _next(self) -> bytes | None:
        if self._end is None:
            self._skip_blank_lines()
            self._end = self._find_end()
        if self._end is None or len(self._held) < self._end:
            return None
        message = bytes(self._held[: self._end])
        del self._held[: self._end]
        self._seen, self._end = 0, None
        return message

    def _skip_blank_lines(self) -> None:
        """Take what stands between messages: of four bytes a ping, of two a pong or nothing."""
        at = 0
        while True:
            if self._held.startswith(END, at):
                self._pongs = min(self._pongs + 1, MOST_PONGS)
                at += len(END)
            elif self._held.startswith(b"\r\n", at) and self._held[at + 2 :] not in WAITING:
                at += 2
            else:
                break
        del self._held[:at]

    def _find_end(self) -> int | None:
        """Return the length of the message that begins here, once its headers are whole."""
        head = self._held.find(END, max(0, self._seen - len(END) + 1))
        # A lone line break that waits for what follows is none of a message.
        if head <= 0:
            self._seen = len(self._held)
            if self._seen > min(self.limit, MOST_HEAD) + len(END):
                self._broken = "headers beyond the limit"
            return None
        if head > min(self.limit, MOST_HEAD):
            self._broken = "headers beyond the limit"
            return None
        # The end of the line is kept, so that a length without digits is seen as one.
        found = LENGTH.findall(bytes(self._held[: head + 2]))
        lengths = {text.strip() for _, text in found}
        if len(lengths) != 1 or not re.fullmatch(rb"[0-9]{1,9}", text := lengths.pop()):
            self._broken = "no Content-Length that can be read"
            return None
        end = head + len(END) + int(text)
        if end > self.limit:
            self._broken = "a message beyond the limit"
            return None
        return end
