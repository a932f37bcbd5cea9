"""What comes in on a websocket of the lane: bytes become messages. No I/O here.

Whole messages are taken apart with `frames.py`, large ones with `large_frame.py`; of pings that
come together the last is answered (RFC 6455, 5.5.3). All else goes to the sans-IO `Protocol` of the
`websockets` library, made when first needed. A message that must wait for a place
(`message_gate.py`) stops the parser, and so do AT_ONCE frames that are none, and AT_ONCE messages:
who reads the socket goes on once there is a place, once their turn has come, and once those are
received. So what waits is bytes, which are counted, and no heap of small objects.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from websockets.frames import Frame, Opcode
from websockets.protocol import Protocol, Side, State

from api.http.byte_budget import SHARED
from api.http.carriers.frame_flow import ANY_SIZE, AT_ONCE
from api.http.carriers.frames import (
    CLOSE,
    LONGEST_CONTROL,
    LONGEST_HEAD,
    PING,
    PONG,
    WHOLE,
    WHOLE_TEXT,
    frame_end,
    payload_of,
    payload_start,
)
from api.http.carriers.large_frame import LARGE, Fragments, LargeFrame
from api.http.carriers.message_gate import MessageGate

if TYPE_CHECKING:
    from api.http.sockets import SocketLimits

EMPTY_PONG = b"\x8a\x80\0\0\0\0"
CONTROL = 0x08  # bit of an opcode
TEXT, BINARY, CONT = Opcode.TEXT, Opcode.BINARY, Opcode.CONT
OPEN = State.OPEN


class LaneInput:
    """The receiving half of a `LaneSocket`, which closes and answers for it."""

    __slots__ = (
        "_fragments", "_frames", "_gate", "_heard", "_large", "_limits", "_message_bytes",
        "_messages", "_needed", "_partial", "_ping", "_protocol", "_room", "_wanted", "_whole",
    )  # fmt: skip

    def __init__(self, limits: SocketLimits) -> None:
        self._limits = limits
        self._heard = False  # anything, since the last tick
        self._protocol: Protocol | None = None  # exists once a frame is no whole message
        self._frames = 0  # that were no whole message, and whose turn has not come yet
        self._ping: bytes | None = None  # what the last one said, while it is not answered
        self._whole = 0  # messages
        self._messages: list[tuple[bytes, bool]] = []  # parsed, not yet received, the next one last
        self._message_bytes = limits.message_bytes
        self._room = limits.message_bytes  # for the payload of the next frame
        self._partial: bytearray | None = None  # the beginning of a frame
        self._large: LargeFrame | None = None  # the beginning of a large one
        self._needed = 0  # bytes in `_partial` before it is worth a look
        self._fragments: Fragments | None = None  # of a message that is not whole yet
        self._gate: MessageGate | None = None  # exists once larger messages may come
        self._wanted = 0  # bytes of a message that is not read on before there is a place for it

    def close(self, code: int = 1000, reason: str = "") -> None:
        """Start the closing handshake."""
        raise NotImplementedError

    def _send_replies(self, protocol: Protocol) -> None:
        """Send what the library answers by itself."""
        raise NotImplementedError

    def _send_pong(self, payload: bytes) -> None:
        """Answer a ping."""
        raise NotImplementedError

    def limit_messages(self, message_bytes: int) -> None:
        """Take larger messages, or no longer; see `api.http.sockets.Socket`."""
        if self._gate is None:
            self._gate = MessageGate(self._limits, self.close)
        raised = self._limits.within(message_bytes) - self._message_bytes
        self._message_bytes += raised
        self._room += raised
        if self._protocol is not None:
            self._protocol.max_message_size = self._message_bytes

    def _parse(self, data: bytes) -> None:
        """Take whole messages as they are, and leave every other frame to the library."""
        self._heard = self._heard or bool(data)  # what was read before is no sign of life
        if self._large is not None:
            data = self._large.add(data)
            if not self._large.complete:
                return
            self._add_whole(self._large.message())
            self._large = None
        elif self._partial is not None:
            self._partial += data
            if len(self._partial) < self._needed:
                return
            data, self._partial = bytes(self._partial), None
        start, size = 0, len(data)
        while start < size:
            if self._frames >= AT_ONCE or len(self._messages) >= AT_ONCE:
                self._partial, self._needed = bytearray(data[start:]), 0
                break
            if not self._is_open():
                self._find_close(data, start)
                break
            end = frame_end(data, start, self._room)
            if end < 0:
                self._consult(data[start:])
                break
            kind = data[start]
            if self._gate is not None and self._must_wait(data, start, end):
                self._partial, self._needed = bytearray(data[start:]), 0
                break
            if end > size:
                if end - start < LARGE or kind not in WHOLE or self._fragments is not None:
                    self._partial, self._needed = bytearray(data[start:]), end - start
                elif size - start < LONGEST_HEAD:
                    self._partial, self._needed = bytearray(data[start:]), LONGEST_HEAD
                else:
                    self._large = LargeFrame(data, start, end)
                break
            if kind in WHOLE and self._fragments is None:
                self._add_whole((payload_of(data, start, end), kind == WHOLE_TEXT))
            else:
                self._frames += 1
                if end - start > LONGEST_CONTROL or kind not in (PING, PONG):
                    self._consult(data[start:end])
                    if end - start > SHARED and self._is_open():
                        self._make_forget(self._library())
                elif kind == PING:
                    self._ping = payload_of(data, start, end)
            start = end
        self._answer_ping()
        self._messages.reverse()

    def _find_close(self, data: bytes | bytearray, start: int) -> None:
        """Look for the client's close frame, now that ours is out; the rest is nobody's.

        Of that no copy is made: it may be large, and memory short.
        """
        size = len(data)
        while start < size:
            end = frame_end(data, start, ANY_SIZE)
            if self._frames >= AT_ONCE:
                self._partial, self._needed = bytearray(data[start:]), 0
            elif end < 0 or (data[start] == CLOSE and not size < end <= start + LONGEST_CONTROL):
                self._consult(bytes(data[start:]))
            elif end <= size:
                self._frames += 1
                start = end
                continue
            elif data[start] == CLOSE or size - start < LONGEST_HEAD:
                self._partial = bytearray(data[start:])
                self._needed = min(end - start, LONGEST_CONTROL)
            else:
                self._large = LargeFrame(data, start, end, wanted=False)
            return

    def _consult(self, data: bytes) -> None:
        """Let the library take it: it answers pings, and says what is wrong with the rest."""
        self._answer_ping()
        protocol = self._library()
        protocol.receive_data(data)
        if protocol.writes:
            self._send_replies(protocol)
        for frame in cast("list[Frame]", protocol.events_received()):
            self._add(frame)

    def _make_forget(self, protocol: Protocol) -> None:
        """Have the library let go of a frame: it keeps the last one until the next has come."""
        protocol.receive_data(EMPTY_PONG)
        protocol.events_received()

    def _answer_ping(self) -> None:
        ping, self._ping = self._ping, None
        if ping is not None:
            self._send_pong(ping)

    def _add(self, frame: Frame) -> None:
        """Add a fragment to the message it belongs to."""
        opcode = frame.opcode
        if opcode is TEXT or opcode is BINARY:
            self._fragments = Fragments(opcode is TEXT)
        elif opcode is not CONT or self._fragments is None:
            return
        self._fragments.add(frame.data)
        self._room -= len(frame.data)
        if frame.fin:
            self._add_whole(self._fragments.message())
            self._fragments, self._room = None, self._message_bytes
        elif self._fragments.too_many:
            self.close(1009, "too many fragments")
            self._fragments = None

    def _must_wait(self, data: bytes, start: int, end: int) -> bool:
        """Tell whether a frame is of a message that needs a place first; note of what size."""
        size = self._message_bytes - self._room + end - start
        gate = self._gate
        if gate is None or not gate.stops(size) or data[start] & CONTROL:
            return False
        size -= payload_start(data, start) - start
        if not gate.stops(size):
            return False
        whole = data[start] in WHOLE and self._fragments is None
        self._wanted = size if whole else self._message_bytes  # nobody says how large it gets
        return True

    def _add_whole(self, message: tuple[bytes, bool]) -> None:
        self._whole += 1
        self._messages.append(message)
        if self._gate is not None:
            self._gate.complete(len(message[0]))

    def _let_go(self) -> None:
        """Keep nothing of a message that nobody will receive, nor its place."""
        self._wanted, self._fragments = 0, None
        if self._large is not None:
            self._large.drop()
        if self._partial is not None and not self._is_open():
            data, self._partial = self._partial, None
            self._find_close(data, 0)
        if self._gate is not None:
            self.limit_messages(self._limits.message_bytes)
            self._gate.leave()

    def _arrived(self) -> int:
        """Return how many bytes are here of a message that is not whole."""
        arrived = self._message_bytes - self._room  # of its fragments
        return arrived + len(self._large or b"") + len(self._partial or b"")

    def _is_unfinished(self) -> bool:
        """Tell whether the client has begun something that is not whole yet."""
        begun = self._partial is not None and self._needed > 0
        return begun or self._fragments is not None or self._large is not None

    def _is_open(self) -> bool:
        return self._protocol is None or self._protocol.state is OPEN

    def _library(self) -> Protocol:
        """Return what speaks for us in all but whole messages."""
        if self._protocol is None:
            most = self._message_bytes
            self._protocol = Protocol(Side.SERVER, state=OPEN, max_size=most)
        return self._protocol
