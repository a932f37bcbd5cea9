"""POST /poll: the protocol for who has no websocket (fact sheet section 2.6).

Each request brings one message and fetches all that has come up. A session that is wrong ends
nobody's but the asker's own wish.
"""

from __future__ import annotations

import uuid
from functools import partial
from typing import TYPE_CHECKING, cast

import msgspec
import trio
from msgspec import Raw, Struct
from quart import Blueprint, Response, request
from werkzeug.exceptions import RequestEntityTooLarge, RequestTimeout

from api.barertc import errors, wire
from api.barertc.errors import UploadsBusy
from api.barertc.poll_socket import PollBusy, PollSocket
from api.barertc.socket import converse, socket_limits
from api.barertc.text.file_messages import MalformedFile, split_file_message
from api.barertc.wire import SMALL_BYTES, BadMessage, BareMessage
from api.http.asking import client, count_body_no_more
from api.http.devices import device_of
from api.http.origins import origin_refusal
from api.http.sockets import NOTHING, Upgrade

if TYPE_CHECKING:
    from api.barertc.state import BareRtcState

DEAL_SECONDS = 45.0  # with one message; what comes up later waits for the next poll
ANSWER_BYTES = 33_554_432
ADDRESS_SHARE = 4  # of all who may poll, one address may be a fourth, unless the limit says more


class PollRequest(Struct, omit_defaults=True):
    """The body of a poll; `msg` is a message, as JSON."""

    username: str | None = None
    session_id: str | None = None
    msg: Raw = Raw(b"{}")


class PollAnswer(Struct):
    """What a poll is answered with; `messages` are JSON already."""

    username: str
    session_id: str
    messages: list[Raw]


class PollRefused(Exception):
    """The poll cannot be answered; `messages` tell why, in the protocol's form."""

    def __init__(self, html: str, status: int = 400, *, go_away: bool = False) -> None:
        super().__init__(html)
        self.status = status
        self.messages = [wire.told(html), *([wire.DISCONNECT] if go_away else [])]


def add_polling(blueprint: Blueprint, state: BareRtcState, paths: tuple[str, ...]) -> None:
    """Add the route to a mount's blueprint."""

    async def poll() -> Response:
        if not _is_welcome(state):
            return Response("Origin not allowed", 403, content_type="text/plain")
        limits = state.services.settings().limits
        usual = min(limits.body_bytes, limits.message_bytes)
        try:
            length = request.content_length
            if length is not None and length <= usual:
                return await _answer(state)
            if not state.sessions.knows(client().address):
                raise PollRefused(errors.LOG_IN_FIRST, 413)
            try:
                with state.uploads.place(length or state.settings.message_bytes):
                    count_body_no_more()
                    return await _answer(state)
            except UploadsBusy as busy:
                raise PollRefused(errors.words_for(busy), 503) from None
        except PollRefused as refused:
            return _document("", "", refused.messages, refused.status)

    for path in paths:
        blueprint.add_url_rule(path, f"poll:{path}", poll, methods=["POST"])


def _is_welcome(state: BareRtcState) -> bool:
    settings, caller = state.services.settings(), client()
    reason = origin_refusal(
        request.headers.get("origin"),
        caller.host or "",
        caller.secure,
        settings.server.public_url,
        settings.limits.allowed_origins,
    )
    return reason is None


async def _body(most: int, seconds: float) -> bytearray:
    """Read the body piece by piece; Quart would copy all of it at once."""
    body = bytearray()
    with trio.move_on_after(seconds) as waiting:
        async for part in request.body:
            body += part
            if len(body) > most:
                raise RequestEntityTooLarge
    if waiting.cancelled_caught:
        raise RequestTimeout
    return body


async def _answer(state: BareRtcState) -> Response:
    limits = state.services.settings().limits
    most = max(limits.body_bytes, state.settings.message_bytes)
    body = await _body(most, limits.body_seconds)
    asked, message, payload = _read(body, limits.message_bytes)
    if asked.username or asked.session_id:
        poll = _session(state, asked)
    elif message.action == "login":
        poll = _begin(state)
    else:
        raise PollRefused(errors.POLL_NOT_LOGGED_IN)
    poll.touch()
    if len(payload) > poll.message_bytes:
        raise PollRefused("That message is too large.", 413)
    try:
        with trio.move_on_after(DEAL_SECONDS):
            await trio.lowlevel.checkpoint()
            await poll.hear(payload)
    except PollBusy:
        raise PollRefused(errors.BUSY, 503) from None
    poll.touch()
    messages = poll.take(ANSWER_BYTES)
    if not poll.name:  # he was not let in: the next login begins anew
        poll.close()
        state.sessions.forget(poll)
        return _document("", "", messages)
    return _document(poll.name, poll.id, messages)


def _session(state: BareRtcState, asked: PollRequest) -> PollSocket:
    """Find whose poll this is. Raises PollRefused; nothing becomes of the session that is not."""
    if not (asked.username and asked.session_id):
        raise PollRefused(errors.POLL_HALF)
    poll = state.sessions.find(asked.session_id)
    if poll is None or (poll.name != asked.username and not poll.closed):
        raise PollRefused(errors.POLL_EXPIRED, go_away=True)
    return poll


def _begin(state: BareRtcState) -> PollSocket:
    limits, settings = state.services.settings().limits, state.settings
    caller = client()
    if not state.services.lifecycle.accepting:
        raise PollRefused(errors.SHUTTING_DOWN, 503)
    per_address = limits.connections_per_address or -(-settings.people // ADDRESS_SHARE)
    if not state.sessions.has_room(caller.address, settings.people, per_address):
        raise PollRefused(errors.BUSY, 503)
    upgrade = Upgrade(
        request.path,
        NOTHING,
        NOTHING,
        caller.address,
        caller.host or "",
        caller.secure,
        trusted=caller.trusted,
        device=device_of(request.headers.get("User-Agent", "")),
    )
    poll = PollSocket(
        str(uuid.uuid4()), upgrade, socket_limits(state), state.sessions.forget,
        state.services.unsent,
    )  # fmt: skip
    if not state.sessions.host(poll, partial(converse, state, named=poll.call)):
        raise PollRefused(errors.BUSY, 503)
    return poll


def _read(body: bytearray, rest_bytes: int) -> tuple[PollRequest, BareMessage, bytes]:
    """Return the request, its message without a large file, and the whole message as bytes.

    Of a large body nothing is left but this.

    Raises PollRefused.
    """
    try:
        file = None
        if len(body) > SMALL_BYTES:
            file = split_file_message(cast("bytes", body), within="msg", rest_bytes=rest_bytes)
        asked = msgspec.json.decode(file.rest if file else body, type=PollRequest)
        given = bytes(asked.msg)
        message = wire.decode_small(given)
    except (MalformedFile, BadMessage, msgspec.MsgspecError, ValueError, RecursionError):
        raise PollRefused("That was no message.") from None
    if file is None:
        return asked, message, given
    begin, end = (b'"', b'"') if file.is_text else (b"[", b"]")
    del body[file.end :]  # in place: it may have 40 MiB
    body += end + b"}"
    body[: file.start] = wire.encode(message)[:-1] + b',"bytes":' + begin
    return asked, message, cast("bytes", body)


def _document(name: str, id_: str, messages: list[bytes], status: int = 200) -> Response:
    body = msgspec.json.encode(PollAnswer(name, id_, [Raw(each) for each in messages]))
    return Response(body, status, content_type="application/json")
