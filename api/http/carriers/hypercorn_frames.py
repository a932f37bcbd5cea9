"""What a websocket under Hypercorn may send, how fast: the bounds of the lane, as far as can be.

What we send there may be in pieces, so that a large message is never copied as a whole.

Part of the seam to Hypercorn, which imports this.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Awaitable, Callable
from typing import Any

import trio
from hypercorn.protocol.events import Body, Data, Event
from hypercorn.protocol.ws_stream import ASGIWebsocketState, WSStream
from wsproto.events import BytesMessage, Message, TextMessage

from api.http.carriers.frame_flow import AT_ONCE, FrameFlow
from api.http.carriers.message_gate import TOO_LARGE, TOO_LATE, MessageGate
from api.http.carriers.pacing import FrameRate

WATCH_SECONDS = 1.0
_FLOW, _WATCHED = "quintet_flow", "quintet_watched"


class MoreText(str):
    """A piece of a text message, to be sent as a frame that is not the last."""

    __slots__ = ()


class MoreBytes(bytes):
    """The same, of a binary one."""


async def send_part(self: WSStream, message: Any) -> bool:
    """Send a piece of a message; False for one that is whole, and is left to Hypercorn."""
    text, data = message.get("text"), message.get("bytes")
    if isinstance(text, MoreText):
        part: Message[Any] = TextMessage(data=str(text), message_finished=False)
    elif isinstance(data, MoreBytes):
        part = BytesMessage(data=bytes(data), message_finished=False)
    else:
        return False
    if not self.closed and self.state is ASGIWebsocketState.CONNECTED:
        await self._send_wsproto_event(part)
    return True


async def take_at_its_pace(
    self: WSStream,
    event: Body | Data,
    gate: MessageGate,
    handle: Callable[[WSStream, Event], Awaitable[None]],
) -> None:
    """Handle a few frames at a time; those that are no whole message have their rate."""
    mine = vars(self)
    if _FLOW not in mine:
        mine[_FLOW] = FrameFlow(), FrameRate(gate.limits.frames_per_second)
        gate.drop_unfinished = self.buffer.clear
    flow, rate = mine[_FLOW]
    for piece, frames in flow.pieces(bytes(event.data)):
        await handle(self, dataclasses.replace(event, data=piece))
        if self.buffer.length:
            await _hold_back(self, gate)
        gate.count(self.buffer.length)
        delay = rate.take(trio.current_time(), frames)
        if delay > 0.0 or frames >= AT_ONCE:
            await trio.sleep(delay)
        if self.closed:
            return
    if flow.unfinished and not mine.get(_WATCHED):
        mine[_WATCHED] = True
        self.task_group.spawn(_watch_message, self, gate, flow)


async def _watch_message(self: WSStream, gate: MessageGate, flow: FrameFlow) -> None:
    """End the websocket over a message that is not whole in time; a large one has its own time."""
    number, since = flow.whole, trio.current_time()
    while flow.unfinished and not gate.ended and not self.closed:
        await trio.sleep(WATCH_SECONDS)
        now = trio.current_time()
        if flow.whole != number or gate.coming:
            number, since = flow.whole, now
        elif now - since > gate.limits.message_seconds:
            gate.close(*TOO_LATE)
    vars(self)[_WATCHED] = False


async def _hold_back(self: WSStream, gate: MessageGate) -> None:
    """Read no more of this connection while a large message waits for its place.

    Nothing is kept of one that is too large, or that nobody will receive: Hypercorn would take in
    what comes behind its own refusal, without end.
    """
    if not gate.ended and self.buffer.length > gate.message_bytes:
        gate.close(*TOO_LARGE)
    elif not gate.ended and gate.stops(self.buffer.length):
        await gate.enter(gate.message_bytes)
        if gate.coming:
            self.task_group.spawn(_watch, self, gate)
    if gate.ended:
        self.buffer.clear()


async def _watch(self: WSStream, gate: MessageGate) -> None:
    """End a large message that comes too slowly; keep nothing of it once its websocket ends."""
    while gate.coming and not gate.ended:
        await trio.sleep(WATCH_SECONDS)
        gate.watch(trio.current_time(), self.buffer.length)
    if gate.ended:
        self.buffer.clear()
