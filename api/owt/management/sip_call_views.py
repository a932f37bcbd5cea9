"""Telephone calls of a room: listed, made, changed and hung up."""

from __future__ import annotations

from quart import Response

from actors.core import Refused
from actors.jobs.room_calls import DIAL_MARGIN
from actors.streams.services import CallPlan
from actors.words.calls import ChangeCall, EndCall, GetCalls
from actors.words.media_refusals import NoCapacity
from actors.words.refusals import Busy
from api.owt.callers import ROLE, caller
from api.owt.management import views
from api.owt.management.bodies_sip_calls import SipCallRequest, SipCallUpdates
from api.owt.management.errors import (
    BAD_REQUEST,
    CALL_FAILED,
    FAILED,
    NO_SUCH_CALL,
    ROOM_ENDED,
    RestError,
    RestTrouble,
)
from api.owt.management.responses import body_as, json_answer, text_answer
from api.owt.management.under_room import UnderRoom, version
from api.owt.rooms import InvalidRoom, ViewConflict

RING_SECONDS = CallPlan().ring_seconds
ASK_MARGIN = DIAL_MARGIN + 5.0  # until the room is asked in vain: it answers before


class SipCallViews(UnderRoom):
    """Calls as the management API has them: the seed, section 5.7."""

    async def list(self, room_id: str) -> Response:
        """List the ongoing calls, in and out."""
        found = await self._management.live(await self._room(room_id), GetCalls(), ())
        return json_answer([views.sip_call(view, version()) for view in found])

    async def start(self, room_id: str) -> Response:
        """Call somebody; answered once he has taken the call. Who leaves before ends it."""
        state = self._management.state
        changes = state.changes
        record = await self._room(room_id)
        wanted = await body_as(SipCallRequest, BAD_REQUEST)
        try:
            room = await self._management.rules_of(record)
        except (InvalidRoom, ViewConflict):  # as another version has stored it
            raise RestError(FAILED) from None
        presence = caller(wanted.peerURI, room, incoming=False)
        if presence is None:
            raise RestError(CALL_FAILED.saying(f"{CALL_FAILED.message}: no role {ROLE}"))
        await self._management.start_room(record, changes)
        order, within = wanted.order(presence), RING_SECONDS + ASK_MARGIN
        try:
            view = await self._management.live(record, order, None, within)
        except (NoCapacity, Busy):
            raise
        except Refused as refusal:
            raise RestError(_in_words(CALL_FAILED, refusal)) from None
        if view is None:
            raise RestError(ROOM_ENDED)
        return json_answer(views.sip_call(view, version()))

    async def change(self, room_id: str, live_id: str) -> Response:
        """Send other streams to a call, or with other parameters; all of it or nothing."""
        record = await self._room(room_id, live_id)
        updates = await body_as(SipCallUpdates, FAILED)
        order = ChangeCall(live_id, updates.changes)
        try:
            view = await self._management.live(record, order, None)
        except Refused as refusal:
            raise RestError(_in_words(FAILED, refusal)) from None
        if view is None:
            raise RestError(NO_SUCH_CALL)
        return json_answer(views.sip_call(view, version()))

    async def end(self, room_id: str, live_id: str) -> Response:
        """Hang up; nothing of the call is left when this is answered."""
        record = await self._room(room_id, live_id)
        await self._done(record, EndCall(live_id), NO_SUCH_CALL)
        return text_answer("")


def _in_words(what: RestTrouble, refusal: Refused) -> RestTrouble:
    """Return the trouble with what the refusal says, or what it is called."""
    return what.saying(f"{what.message}: {str(refusal) or refusal.code.replace('_', ' ')}")
