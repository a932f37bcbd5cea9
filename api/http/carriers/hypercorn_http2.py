"""Changes to Hypercorn's HTTP/2: what a client may have it do.

Part of the seam to Hypercorn, which imports this. Frames are handled a few at a time, and who sends
too many for nothing is told so and closed. Priorities are not kept: RFC 9113, section 5.3.2, has
done away with them, and Hypercorn's tree of them is slow, and raises over a chain of dependencies.
"""

from __future__ import annotations

from typing import Any

import structlog
import trio
from h2.errors import ErrorCodes
from h2.events import DataReceived, PriorityUpdated, RequestReceived
from h2.events import Event as FrameEvent
from hypercorn.events import Closed, Event, RawData
from hypercorn.protocol.h2 import BUFFER_LOW_WATER, H2Protocol, StreamBuffer

from api.http.carriers.http2_frames import FrameAllowance

log = structlog.get_logger(__name__)

_init, _handle = H2Protocol.__init__, H2Protocol.handle
_handle_events, _create_stream = H2Protocol._handle_events, H2Protocol._create_stream


def _with_an_allowance(self: Any, *args: Any, **options: Any) -> None:
    _init(self, *args, **options)
    allowance = self.allowance = FrameAllowance(trio.current_time())
    send_data = self.connection.send_data

    def send_and_note(stream_id: int, data: bytes, *more: Any, **options: Any) -> None:
        send_data(stream_id, data, *more, **options)
        allowance.answered(len(data))

    self.connection.send_data = send_and_note


async def _a_few_at_a_time(self: Any, event: Event) -> None:
    if not isinstance(event, RawData):
        await _close_with_what_is_unsent(self, event)
        return
    allowance: FrameAllowance = self.allowance
    for piece in allowance.pieces(bytes(event.data), trio.current_time()):
        if self.closed:
            return
        if allowance.is_spent:
            await _close_with_the_reason(self)
            return
        await _handle(self, RawData(piece))
        await trio.lowlevel.checkpoint()


async def _close_with_what_is_unsent(protocol: Any, event: Event) -> None:
    """Close, and drop what is unsent: an answer that is whole waits for all of it to be sent.

    Hypercorn sends nothing from here on, but keeps it: the answer would wait for ever, and the
    connection, its place and a server that stops with it.
    """
    for buffer in list(protocol.stream_buffers.values()):
        await buffer.close()
    await _handle(protocol, event)


async def _close_with_the_reason(protocol: Any) -> None:
    address = protocol.client[0] if protocol.client else ""
    log.info("connection.closed", at="http2", reason="too many frames", address=address)
    protocol.connection.close_connection(
        ErrorCodes.ENHANCE_YOUR_CALM, additional_data=b"too many frames that carry no request"
    )
    await protocol._flush()
    await protocol.send(Closed())


async def _one_event_after_another(self: Any, events: list[FrameEvent]) -> None:
    """Handle what frames have brought; the body of a request that is answered already is dropped.

    Hypercorn raises over that. It goes on meanwhile, so this is known for each event at its turn.
    """
    for event in events:
        if isinstance(event, DataReceived) and event.stream_id not in self.streams:
            self.connection.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            await self._flush()
        else:
            await _handle_events(self, [event])
    if not events:
        await self._flush()


async def _create_what_can_be_asked(self: Any, request: RequestReceived) -> None:
    """Reset a stream that asks in other bytes than ASCII, or for a tunnel (CONNECT).

    Hypercorn raises over these. A websocket is a CONNECT with a path (RFC 8441).
    """
    asked = {name: value for name, value in request.headers if name.startswith(b":")}
    method, path = asked.get(b":method", b""), asked.get(b":path", b"")
    tunnel = method.upper() == b"CONNECT" and asked.get(b":protocol") != b"websocket"
    if path and not tunnel and method.isascii() and path.isascii():
        await _create_stream(self, request)
    else:
        self.allowance.refused()
        self.connection.reset_stream(request.stream_id, ErrorCodes.PROTOCOL_ERROR)


async def _keep_no_priorities(_self: H2Protocol, _event: PriorityUpdated) -> None:
    """Pass over a wish; streams take turns."""


async def _pop_and_go_on_when_little_is_left(self: Any, most: int) -> bytes:
    """Take so much of what is unsent; only when little is left may more be put there.

    Hypercorn goes by what is taken instead: where the client takes nothing, all of it is kept.
    """
    most = max(0, most)
    data = bytes(self.buffer[:most])
    del self.buffer[:most]
    if len(self.buffer) < BUFFER_LOW_WATER:
        await self._paused.set()
    if not self.buffer:
        await self._is_empty.set()
    return data


StreamBuffer.pop = _pop_and_go_on_when_little_is_left  # type: ignore[assignment, method-assign]
H2Protocol.__init__ = _with_an_allowance  # type: ignore[method-assign]
H2Protocol.handle = _a_few_at_a_time  # type: ignore[method-assign]
H2Protocol._handle_events = _one_event_after_another  # type: ignore[method-assign]
H2Protocol._create_stream = _create_what_can_be_asked  # type: ignore[method-assign]
H2Protocol._priority_updated = _keep_no_priorities  # type: ignore[assignment, method-assign]
