"""One conversation: each message becomes an order to the member, an answer, or is ignored.

Before login only that and the four kept actions do anything. Whoever is put out is logged out: he
closes the socket himself, or it is closed after GOODBYE_SECONDS.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from functools import partial
from math import inf
from time import time
from typing import TYPE_CHECKING

import trio

from actors.core import ActorError, ActorStopped, Message, Ref
from actors.member.client import TooSlow
from actors.member.messages import End, Lost, PlaceOrder, Post, ReportQuality
from actors.words.close_reasons import CloseReason
from actors.words.keys import MemberKey
from actors.words.orders import Order
from actors.words.site_orders import (
    Block,
    Boot,
    Invite,
    Mute,
    OpenCamera,
    React,
    Relay,
    ShowSelf,
)
from api.barertc import errors, wire
from api.barertc.direct_messages import comment_with_thread, take_back
from api.barertc.errors import words_for
from api.barertc.events import CRASHED, GOING_AWAY, TOO_SLOW, BareClient
from api.barertc.login import EntryRefused, Wishes, log_in
from api.barertc.poll_socket import TIMED_OUT
from api.barertc.posting import post_file, post_text
from api.barertc.state import DIALECT
from api.barertc.webhooks import AbuseReport, OnReported
from api.barertc.wire import BadMessage, BareMessage, Upload
from api.http.call_reports import BadReport, FailedCall, QualityReport, ReportRate, read_report
from api.http.sockets import Socket, SocketClosed, SocketFull

if TYPE_CHECKING:
    from api.barertc.state import BareRtcState

PING_SECONDS = 30.0
GOODBYE_SECONDS = 15.0  # for who was told to go away, to close his socket
LOGIN_SECONDS = 600.0  # for who has not logged in yet
END_SECONDS = 5.0
REPORTS_AT_ONCE = 3
"""Reports of one person that may wait to be delivered: nobody fills the queue of all."""


class BareConversation:
    """Reads one socket to its end. `client` and `member` are there while somebody is logged in."""

    __slots__ = (
        "_leaves_at", "_named", "_pings_at", "_rate", "_reports", "_sent_away", "_socket", "_state",
        "_wishes", "client", "member",
    )  # fmt: skip

    def __init__(
        self, state: BareRtcState, socket: Socket, named: Callable[[str], None] | None = None
    ) -> None:
        self._state = state
        self._socket = socket
        self._named = named  # told who has logged in
        self._wishes = Wishes()
        self._leaves_at = trio.current_time() + LOGIN_SECONDS
        self._pings_at = inf
        self._reports = 0
        self._sent_away = False  # by the operator: he comes back on another socket, or not at all
        self._rate = ReportRate()
        self.client: BareClient | None = None
        self.member: Ref[Message] | None = None

    async def run(self) -> None:
        """Take messages until the socket ends. Raises nothing but what a bug raises."""
        leaving = timed_out = False
        try:
            while True:
                await self._deal_with(*await self._socket.receive())
        except SocketClosed as closed:
            leaving, timed_out = closed.page_left, closed.reason == TIMED_OUT
        finally:
            await self._lose(leaving=leaving, timed_out=timed_out)

    # --- as the ticker sees it

    def tick(self, now: float) -> None:
        """Send the sign of life when it is due; close the socket of who was to go, and has not."""
        client = self._present()
        try:
            if client is not None and now >= self._pings_at:
                self._pings_at = now + PING_SECONDS
                client.ping()
            elif client is None and now >= self._leaves_at:
                self._socket.close(1000, "not logged in")
        except TooSlow:
            self._too_slow()

    def excuse(self, seconds: float) -> None:
        """Leave so many seconds out of those in which somebody must log in, or go."""
        self._leaves_at += seconds

    def go_away(self) -> None:
        """Close, unless a member says goodbye."""
        if self._present() is None:
            with suppress(SocketFull):
                self._socket.push(wire.told(errors.SHUTTING_DOWN))
            self._socket.close(GOING_AWAY, "the server is shutting down")

    def crashed(self) -> None:
        """Close over a bug."""
        self._socket.close(CRASHED, "internal error")

    # --- messages

    async def _deal_with(self, payload: bytes, is_text: bool) -> None:
        if not is_text:
            return
        try:
            upload = wire.decode(payload, self._state.services.settings().limits.message_bytes)
        except BadMessage:
            return
        del payload  # a large one is held by `upload` alone, until its file has been read
        try:
            await self._take(upload)
        except TooSlow:
            self._too_slow()

    async def _take(self, upload: Upload) -> None:
        message = upload.message
        if self._present() is None:
            await self._take_before_login(message)
            return
        handler = HANDLERS.get(message.action)
        if message.action == "ping":
            return
        if message.action == "login":
            self.tell(errors.REFUSALS["already_logged_in"])
        elif message.action == "file":
            await self._guarded(post_file(self._state, self, upload))
        elif handler is None:
            self.tell(errors.unsupported(message.action))
        else:
            await self._guarded(handler(self, message))

    async def _guarded(self, dealing: Awaitable[None]) -> None:
        """Tell him what was refused; whoever was put out meanwhile hears nothing more."""
        try:
            await dealing
        except ActorStopped:
            await self._wait_for_the_end()
        except ActorError as error:
            self.tell(words_for(error))

    async def _take_before_login(self, message: BareMessage) -> None:
        if message.action == "login":
            await self._log_in(message)
        elif message.action != "ping" and not self._wishes.note(message):
            self.tell(errors.LOG_IN_FIRST)

    async def _log_in(self, message: BareMessage) -> None:
        if self._sent_away:
            self._push(wire.DISCONNECT)
            return
        self._take_files(True)  # he may send one as soon as he hears that he is in
        try:
            self.client, self.member = await log_in(
                self._state, self._socket, message, self._wishes
            )
        except EntryRefused as failed:
            self._take_files(False)
            self._state.services.login_refused(DIALECT, failed.reason, self.address)
            self.tell(failed.html)
            if failed.go_away:
                self._push(wire.DISCONNECT)
                self._leaves_at = trio.current_time() + GOODBYE_SECONDS
            return
        if self._named is not None:
            self._named(self.client.name)
        self._wishes = Wishes()
        self._pings_at = trio.current_time() + PING_SECONDS

    def _take_files(self, on: bool) -> None:
        limit = self._state.settings if on else self._state.services.settings().limits
        self._socket.limit_messages(limit.message_bytes)

    def _present(self) -> BareClient | None:
        """Return who is logged in; note it if he has been put out."""
        client = self.client
        if client is not None and client.ended is not None:
            self.client = self.member = None
            self._sent_away = client.sent_away
            self._leaves_at = trio.current_time() + GOODBYE_SECONDS
            self._take_files(False)
        return self.client

    # --- what those who handle messages need

    @property
    def name(self) -> str:
        """His name, "" before login."""
        return self.client.name if self.client is not None else ""

    @property
    def address(self) -> str:
        """Where he comes from."""
        return self._socket.upgrade.address

    @property
    def proven(self) -> bool:
        """Whether a token names him."""
        bearer = self.client.bearer if self.client is not None else None
        return bearer is not None and bool(bearer.name)

    async def order(self, order: Order) -> str | None:
        """Have the room do it; raises its refusals, and ActorStopped once he was put out."""
        if self.member is None:
            raise ActorStopped("logged out")
        within = self._state.services.settings().limits.ask_seconds
        return await self.member.ask(PlaceOrder(order), within=within)

    async def post(self, order: Order) -> None:
        """Have the room do it, without an answer."""
        if self.member is not None:
            await self.member.send(Post(order))

    def tell(self, html: str, channel: str = "") -> None:
        """Say something as the server. Raises TooSlow."""
        self._push(wire.told(html, channel))

    def _push(self, message: bytes) -> None:
        try:
            self._socket.push(message)
        except SocketFull:
            raise TooSlow from None

    # --- the end

    def _too_slow(self) -> None:
        """End who does not read what he is told; the others hear that he has gone."""
        if self.member is not None:
            with suppress(ActorError):
                self.member.tell(End(CloseReason.TOO_SLOW))
        self._socket.close(*TOO_SLOW)

    async def _wait_for_the_end(self) -> None:
        """Let the member's own goodbye come first; it is on its way."""
        if self.client is not None:
            with trio.move_on_after(END_SECONDS):
                await self.client.over.wait()

    async def _lose(self, *, leaving: bool, timed_out: bool) -> None:
        client, member = self.client, self.member
        if client is None:
            return
        client.gone = True
        if member is None:
            return
        with trio.move_on_after(END_SECONDS, shield=True), suppress(ActorError):
            gone = End(CloseReason.EXPIRED) if timed_out else Lost(client, leaving)
            await member.send(gone)

    # --- one method an action

    async def _me(self, message: BareMessage) -> None:
        await self.order(ShowSelf(message.camera, message.status, message.dnd))

    async def _message(self, message: BareMessage) -> None:
        await post_text(self._state, self, message)

    async def _take_back(self, message: BareMessage) -> None:
        await take_back(self._state, self, message.msgID)

    async def _react(self, message: BareMessage) -> None:
        await self.order(React(message.msgID, message.message))

    async def _block(self, message: BareMessage) -> None:
        await self.order(Block((message.username,)))

    async def _block_list(self, message: BareMessage) -> None:
        await self.order(Block(tuple(message.usernames), silently=True))

    async def _invite(self, message: BareMessage) -> None:
        await self.order(Invite(tuple(message.usernames)))

    async def _open(self, message: BareMessage) -> None:
        await self.order(OpenCamera(message.username))

    async def _sdp(self, message: BareMessage) -> None:
        await self.post(Relay("sdp", message.username, message.description))

    async def _candidate(self, message: BareMessage) -> None:
        await self.post(Relay("candidate", message.username, message.candidate))

    async def _watch(self, message: BareMessage) -> None:
        await self.post(Relay("watch", message.username))

    async def _unwatch(self, message: BareMessage) -> None:
        await self.post(Relay("unwatch", message.username))

    async def _quality(self, message: BareMessage) -> None:
        """Note how well his cameras and those he watches do; what makes no sense is ignored."""
        with suppress(BadReport):
            report = read_report(message.quality or b"", QualityReport)
            if self.member is not None and self._rate.takes_quality(trio.current_time()):
                await self.member.send(ReportQuality(report.quality(time())))

    async def _call_failed(self, message: BareMessage) -> None:
        with suppress(BadReport):
            call = read_report(message.call_failed or b"", FailedCall)
            if self.member is not None and self._rate.takes_failure(trio.current_time()):
                peer, room = MemberKey.from_slug(self.member.name).id, self._state.room.name
                self._state.services.call_failed(call, dialect=DIALECT, peer=peer, room=room)

    async def _report(self, message: BareMessage) -> None:
        """Pass a report on to the site; the answer comes when the site has taken it, or not."""
        webhooks, client = self._state.webhooks, self.client
        if client is None:
            return
        if not webhooks.reports_wanted:
            self.tell(errors.REPORT_DISABLED)
            return
        if self._reports >= REPORTS_AT_ONCE:
            self.tell(errors.report_failed("your last ones are still on their way"))
            return
        report = AbuseReport(
            client.name,
            message.username,
            message.channel,
            message.timestamp,
            message.reason,
            message.message,
            await comment_with_thread(self._state, self, message.channel, message.comment),
        )
        self.report(report, partial(self._reported, client))

    def report(self, report: AbuseReport, on_reported: OnReported = lambda _: None) -> None:
        """Send a report, of which so many of one person may be on their way; else nothing."""

        def done(fate: str) -> None:
            self._reports -= 1
            on_reported(fate)

        if self._reports < REPORTS_AT_ONCE:
            self._reports += 1
            self._state.webhooks.report(report, done)

    def _reported(self, client: BareClient, fate: str) -> None:
        if client.ended is None and not client.gone:
            with suppress(TooSlow):
                self.tell(errors.report_failed(fate) if fate else errors.REPORTED)


async def _mute(conversation: BareConversation, message: BareMessage) -> None:
    await conversation.order(Mute(message.username, message.action == "mute"))


async def _boot(conversation: BareConversation, message: BareMessage) -> None:
    await conversation.order(Boot(message.username, message.action == "boot"))


Handler = Callable[[BareConversation, BareMessage], Awaitable[None]]

HANDLERS: dict[str, Handler] = {
    "me": BareConversation._me,
    "message": BareConversation._message,
    "takeback": BareConversation._take_back,
    "react": BareConversation._react,
    "mute": _mute,
    "unmute": _mute,
    "boot": _boot,
    "unboot": _boot,
    "block": BareConversation._block,
    "blocklist": BareConversation._block_list,
    "video-invite": BareConversation._invite,
    "open": BareConversation._open,
    "sdp": BareConversation._sdp,
    "candidate": BareConversation._candidate,
    "watch": BareConversation._watch,
    "unwatch": BareConversation._unwatch,
    "report": BareConversation._report,
    "quality": BareConversation._quality,
    "call_failed": BareConversation._call_failed,
}
