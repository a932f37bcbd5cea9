"""What becomes of direct messages beyond their delivery: kept, taken back later, shown in a report.

Kept is what passes between two who have both proven their names by tokens. A guest's name may be
anybody's tomorrow, and whoever has it then would read what the guest of today was told. What
somebody says to himself is not kept: bots do that to hear whether the server lives.
"""

from __future__ import annotations

import time
from html import unescape
from typing import TYPE_CHECKING, Protocol

from nh3 import clean

from actors.words.orders import Order
from actors.words.refusals import NotYours
from actors.words.site_orders import TakeBack
from api.barertc.history import HistoryUnavailable, KeptMessage
from api.barertc.wire import rfc3339

if TYPE_CHECKING:
    from api.barertc.state import BareRtcState

REPORTED_MESSAGES = 30  # of the thread, behind a report of a direct message
REPORTED_BYTES = 65_536
NOT_TAKEN_BACK = "The message history cannot be reached at the moment, please try again later."


class Correspondent(Protocol):
    """One of two, as far as it matters here; `proven` by a token that names him."""

    @property
    def name(self) -> str: ...

    @property
    def proven(self) -> bool: ...

    async def order(self, order: Order) -> str | None:
        """Have the room do it. Raises its refusals."""

    def tell(self, html: str, channel: str = "") -> None:
        """Say something to him as the server."""


def keep_delivered(
    state: BareRtcState, sender: str, channel: str, html: str, done: str | None
) -> None:
    """Have a message kept that reached the other side, as the room's answer to Write says."""
    recipient = channel[1:]
    if not state.history.enabled or not channel.startswith("@") or recipient == sender:
        return
    id_, *words = (done or "").split(" ")
    if "proven" in words:
        state.history.keep(KeptMessage(int(id_), sender, recipient, html, int(time.time())))


async def take_back(state: BareRtcState, who: Correspondent, id_: int) -> None:
    """Take a message back, also one of a former session that history says is his.

    Raises the room's refusals.
    """
    try:
        await who.order(TakeBack(id_))
    except NotYours:
        try:
            kept = await state.history.find(id_) if who.proven else None
        except HistoryUnavailable:
            who.tell(NOT_TAKEN_BACK)
            return
        if kept is None or kept.sender != who.name:
            raise
        await who.order(TakeBack(id_, proven=True, other=kept.recipient))
    state.history.drop(id_)


async def comment_with_thread(
    state: BareRtcState, reporter: Correspondent, channel: str, comment: str
) -> str:
    """Return a comment with the latest messages of a direct conversation behind it, as text.

    Without them where there is no history, or it cannot be reached.
    """
    if not channel.startswith("@") or not reporter.proven or not state.history.enabled:
        return comment
    try:
        page = await state.history.page(reporter.name, channel[1:], 0, REPORTED_MESSAGES)
    except HistoryUnavailable:
        return comment
    lines: list[str] = []
    left = REPORTED_BYTES
    for message in page.messages:
        line = f"{rfc3339(message.at)} @{message.sender}: {_plain(message.html)}"
        left -= len(line.encode(errors="replace"))
        if left < 0:
            break
        lines.append(line)
    if not lines:
        return comment
    heading = f"The latest messages with {channel}, oldest first:"
    return "\n".join([*filter(None, [comment]), heading, *reversed(lines)])


def _plain(html: str) -> str:
    return unescape(clean(html, tags=set())).strip()
