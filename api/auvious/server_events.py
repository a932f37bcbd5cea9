"""Events as a stream of server-sent events (WHATWG HTML, 9.2), for browsers, scripts and tests.

It is our own addition to the API: published clients use MQTT. An event's id is `<life>-<number>`;
who comes back with a `Last-Event-ID` of this life of the endpoint has seen everything up to there.
"""

from __future__ import annotations

import time
from collections import deque
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Self

import structlog
import trio
from quart import Blueprint, Response, request
from quart.wrappers.response import ResponseBody

from actors.core import ActorError, ActorStopped, MailboxFull
from actors.endpoint.endpoint import Attach, Describe, Detach, ResumeDelivery, Seen
from api.auvious.auth import bearer
from api.auvious.errors import refusal_for
from api.auvious.routes import ENDPOINTS_PATH, empty, unauthorized
from api.auvious.tokens import TokenInvalid
from api.http.asking import ask, client
from api.http.credentials import address_key

if TYPE_CHECKING:
    from actors.core import Message, Ref
    from actors.endpoint.rules import Delivery
    from actors.words.close_reasons import CloseReason
    from api.auvious.state import AuviousState
    from api.auvious.tokens import Principal

PATH = f"{ENDPOINTS_PATH}/<id_>/events"
RETRY_MS = 1000
ENTER_SECONDS = 30.0  # from the answer's making to its first byte
HEARTBEAT = b":\n\n"
HEADERS = {
    "Cache-Control": "no-store",
    "Referrer-Policy": "no-referrer",  # the address may hold a token
    "X-Accel-Buffering": "no",  # nginx is to pass events on at once
}

log = structlog.get_logger(__name__)


def add_event_stream(blueprint: Blueprint, state: AuviousState) -> None:
    """Put the stream of an endpoint's events under its path, and under //rtc-api too."""

    async def events(id_: str) -> Response:
        return await answer(state, id_)

    blueprint.add_url_rule(PATH, "events", events, methods=["GET"])
    blueprint.add_url_rule(f"/{PATH}", "events_again", events, methods=["GET"])


async def answer(state: AuviousState, endpoint: str) -> Response:
    """Return the stream, or why there is none: 401, 404, 429 or 503, without a body."""
    try:
        principal = state.tokens.verify(given_token())
    except TokenInvalid:
        return unauthorized()
    if not state.services.lifecycle.accepting:
        return empty(503)
    ref = await state.endpoint(endpoint)
    if ref is None:
        return empty(404)
    stream = EventStream(state, ref, principal)
    seen = seen_of(request.headers.get("Last-Event-ID", ""))
    try:
        if request.method == "HEAD":
            await ask(ref, Describe(principal.owner))
            return Response(b"", 200, HEADERS, content_type="text/event-stream")
        attached = await ask(ref, Attach(stream, principal.owner, seen))
    except ActorStopped:
        return empty(404)
    except ActorError as error:
        stream.leave()  # the endpoint may still let it in
        return empty(refusal_for(error).status)
    stream.life = attached.life
    response = Response(stream, 200, HEADERS, content_type="text/event-stream")
    response.timeout = None
    return response


def given_token() -> str:
    """Return the token of the request: its bearer header, or what EventSource can send."""
    authorization = request.headers.get("Authorization", "")
    return bearer(authorization) if authorization else request.args.get("access_token", "")


def seen_of(last_event_id: str) -> Seen | None:
    """Read an id as `render` writes it; None for anything else."""
    life, dash, number = last_event_id.rpartition("-")
    if not dash or not number.isascii() or not number.isdigit() or len(number) > 18:
        return None
    return Seen(life, int(number))


def render(life: str, delivery: Delivery) -> bytes:
    """Write one event; its JSON may hold line ends, each of which begins a new line of data."""
    lines = delivery.payload.splitlines()
    data = b"\n".join(b"data: " + line for line in lines)
    return f"id: {life}-{delivery.sequence}\n".encode() + data + b"\n\n"


class EventStream(ResponseBody):
    """The body of one answer, and a `Subscriber` of its endpoint.

    It ends with its token and its endpoint; and after so many events of QoS 1 that its reader has
    to come back, for only that acknowledges them.
    """

    def __init__(self, state: AuviousState, ref: Ref[Message], principal: Principal) -> None:
        settings = state.settings
        now = trio.current_time()
        self.life = ""
        self._ref = ref
        self._ask_seconds = state.services.settings().limits.ask_seconds
        self._heartbeat = settings.event_streams.heartbeat_seconds
        self._most = settings.event_streams.queue_events
        self._left = min(settings.event_streams.unacknowledged, max(1, settings.outbox_events // 2))
        self._token_ends_at = now + principal.expires_at - time.time()
        self._must_enter_by = now + ENTER_SECONDS
        self._entered = self._left_behind = False
        self._greets = True
        self._queue: deque[Delivery] = deque()
        self._starved = True  # nothing is shown before the first Resume
        self._end = ""  # why, once nothing more is taken
        self._news = trio.Event()
        self._account = state.services.unsent.account(address_key(client().address), self.shed)

    # --- for the endpoint, in its task

    @property
    def gone(self) -> bool:
        """Whether the answer has ended, or was never begun."""
        return self._left_behind or not (self._entered or trio.current_time() < self._must_enter_by)

    def deliver(self, delivery: Delivery) -> bool:
        """Queue an event; False while the queue is full."""
        if self._end or len(self._queue) >= self._most:
            self._starved = True
            return False
        self._queue.append(delivery)
        self._account.take(delivery.payload)
        self._left -= delivery.qos
        if self._left <= 0:
            self._end = "unacknowledged"
        self._news.set()
        return True

    def shed(self) -> None:
        """End it as too slow, and keep nothing: too much is unsent in all."""
        self._end = self._end or "too_slow"
        self._forget_queue()
        self._news.set()

    def _forget_queue(self) -> None:
        while self._queue:
            self._account.give(self._queue.popleft().payload)

    def close(self, reason: CloseReason, words: str) -> None:
        self._end = self._end or words
        self._news.set()

    # --- for Quart, in the request's task

    async def __aenter__(self) -> Self:
        self._entered = True
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()
        log.info("event_stream.ended", reason=self._end or "connection_lost")

    def leave(self) -> None:
        """Take no more events."""
        self._left_behind = True
        self._forget_queue()
        self._account.hold(0)
        with suppress(ActorStopped, MailboxFull):  # it looks at `gone` itself
            self._ref.tell(Detach(self))

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        """Return what comes next: events, or a comment after a while without any."""
        self._account.hold(0)  # the last is sent
        if self._greets:
            self._greets = False
            return b"retry: %d\n\n" % RETRY_MS
        while True:
            if trio.current_time() >= self._token_ends_at:
                self._end = self._end or "token_ended"
            elif self._queue:
                chunk = b"".join(render(self.life, delivery) for delivery in self._queue)
                self._forget_queue()
                self._account.hold(len(chunk))
                return chunk
            if self._end:
                raise StopAsyncIteration
            if self._starved:
                await self._resume()
            elif not await self._hears_news():
                return HEARTBEAT

    async def _resume(self) -> None:
        """Say that there is room; the endpoint's mailbox may be full for limits.ask_seconds."""
        self._starved = False
        with trio.move_on_after(self._ask_seconds) as scope:
            with suppress(ActorStopped):  # then it calls, or has called, `close`
                await self._ref.send(ResumeDelivery(self))
        if scope.cancelled_caught:
            self._end = "busy"

    async def _hears_news(self) -> bool:
        """Wait for something to do; False when it is time for a sign of life."""
        self._news = trio.Event()
        with trio.move_on_at(
            min(trio.current_time() + self._heartbeat, self._token_ends_at)
        ) as scope:
            await self._news.wait()
        return not scope.cancelled_caught or trio.current_time() >= self._token_ends_at
