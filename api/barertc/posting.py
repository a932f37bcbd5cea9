"""What somebody writes: an operator's command, a text that filters look at, or a picture."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Protocol

import trio

from actors.core import ActorError
from actors.site.names import LONGEST_NAME
from actors.words.orders import Order
from actors.words.refusals import ChannelUnknown
from actors.words.site_orders import (
    DisconnectNow,
    Verdict,
    Write,
)
from api.barertc import errors
from api.barertc.direct_messages import keep_delivered
from api.barertc.moderation.link_spam import LinkSpam
from api.barertc.obeying import obey
from api.barertc.text.file_messages import MalformedFile, file_content, small_file
from api.barertc.text.images import ImageLimits, ImageRefused, accept, check_file_name
from api.barertc.text.markdown import render
from api.barertc.webhooks import AbuseReport
from api.barertc.wire import CHAT_SERVER, rfc3339

if TYPE_CHECKING:
    from api.barertc.state import BareRtcState
    from api.barertc.wire import BareMessage, Upload

FILTERED = "A message filter has caught this message."
SPAM_KICKED = (
    "You have been removed from the chat: the same link was sent to too many people. Sending it"
    " again gets you banned."
)
SPAM_BANNED = "You have been banned: the same link was sent to too many people."


class Talker(Protocol):
    """Who writes, as far as it matters here."""

    @property
    def name(self) -> str: ...

    @property
    def address(self) -> str: ...

    async def order(self, order: Order) -> str | None:
        """Have the room do it. Raises its refusals."""

    def tell(self, html: str, channel: str = "") -> None:
        """Say something to him as the server."""

    def report(self, report: AbuseReport) -> None:
        """Tell the web site of him, unless it has much to do with him already."""


async def post_text(state: BareRtcState, talker: Talker, message: BareMessage) -> None:
    """Do what an operator commands; show everything else in its channel. Raises refusals."""
    text, channel = message.message, message.channel
    if await obey(state, talker, text, channel):
        return
    if len(channel) > 1 + LONGEST_NAME:  # before it is counted as a thread
        raise ChannelUnknown
    html = await render(text, state.readers)
    if not html or await _is_spam(state, talker, channel, text):
        return
    caught = state.filters.catch(text, private=channel.startswith("@"))
    if caught is None:
        done = await talker.order(Write(channel, html))
        keep_delivered(state, talker.name, channel, html, done)
        return
    verdict = Verdict(
        await render(caught.markdown, state.readers),
        caught.forward,
        await render(caught.response, state.readers),
    )
    done = await talker.order(Write(channel, html, verdict=verdict))
    held = (done or "").endswith(" filtered")
    keep_delivered(state, talker.name, channel, verdict.html if held else html, done)
    if caught.report and held and state.webhooks.reports_wanted:
        talker.report(
            AbuseReport(CHAT_SERVER, talker.name, channel, rfc3339(time.time()), FILTERED, text)
        )


async def post_file(state: BareRtcState, talker: Talker, upload: Upload) -> None:
    """Show a picture in its channel. Raises refusals; what is wrong with a file is told.

    A file that is written as no client writes it makes the message one that is ignored.
    """
    message, settings = upload.message, state.settings
    name = message.message
    try:
        check_file_name(name)
        async with state.uploads.turn(_held(state, upload), talker.address):
            content = await _content(upload)
            limits = ImageLimits(
                longest_side=settings.max_image_width, preview_side=settings.preview_image_width
            )
            image = await trio.to_thread.run_sync(accept, name, content, limits)
            del content
    except MalformedFile:
        return
    except ImageRefused as refused:
        talker.tell(str(refused))
        return
    await talker.order(Write(message.channel, image.html, upload=True))


def _held(state: BareRtcState, upload: Upload) -> int:
    """Return the bytes that nobody has counted yet: a larger message came with a place."""
    size = len(upload.file.raw) if upload.file is not None else 0
    return size if size <= state.services.settings().limits.message_bytes else 0


async def _content(upload: Upload) -> bytes | bytearray:
    """Return the bytes of a file, and let go of the message they came in. Raises MalformedFile."""
    file, upload.file = upload.file, None
    if file is None:
        return small_file(upload.message.bytes)
    return await file_content(file)


async def _is_spam(state: BareRtcState, talker: Talker, channel: str, text: str) -> bool:
    """Put somebody out who sends one link to too many people; tell whether he was."""
    if not channel.startswith("@") or not state.settings.link_spam.enabled:
        return False
    found = state.link_spam.say(talker.name, channel[1:], text, trio.current_time())
    if found is None:
        return False
    is_ban = found is LinkSpam.BAN
    site = await state.site()
    if site is not None:
        hours = state.settings.link_spam.ban_hours if is_ban else 0.0
        put_out = DisconnectNow(
            (talker.name,), SPAM_BANNED if is_ban else SPAM_KICKED, kicked=True, ban_hours=hours
        )
        try:
            await site.ask(put_out, within=state.services.settings().limits.ask_seconds)
        except ActorError:
            talker.tell(errors.BUSY)
    return True
