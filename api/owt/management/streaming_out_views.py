"""Streams that a room sends outside: listed, begun, changed and ended."""

from __future__ import annotations

from quart import Response

from actors.core import Refused
from actors.words.broadcasts import (
    ChangeBroadcast,
    EndBroadcast,
    GetBroadcasts,
)
from actors.words.media_refusals import NoCapacity
from actors.words.refusals import Busy
from api.owt.management import views
from api.owt.management.bodies_streaming_out import StreamingOutRequest, StreamingOutUpdates
from api.owt.management.errors import (
    BAD_REQUEST,
    FAILED,
    NO_SUCH_OUTPUT,
    OUTPUT_FAILED,
    ROOM_ENDED,
    RestError,
)
from api.owt.management.live_views import with_reason
from api.owt.management.responses import body_as, json_answer, text_answer
from api.owt.management.under_room import UnderRoom

ASK_MARGIN = 5.0  # until the room is asked in vain; it answers before
MOST_END_SECONDS = 100.0  # the last segment of an upload may be a minute long


class StreamingOutViews(UnderRoom):
    """Streams out as the management API has them: facts/owt.md, section 5."""

    async def list(self, room_id: str) -> Response:
        """List the ongoing streams out."""
        found = await self._management.live(await self._room(room_id), GetBroadcasts(), ())
        return json_answer([views.streaming_out(view) for view in found])

    async def start(self, room_id: str) -> Response:
        """Send streams outside; answered once the target takes them."""
        state = self._management.state
        changes = state.changes
        record = await self._room(room_id)
        wanted = await body_as(StreamingOutRequest, BAD_REQUEST)
        settings = state.services.settings()
        within = settings.streaming.open_seconds + ASK_MARGIN
        await self._management.start_room(record, changes)
        try:
            view = await self._management.live(record, wanted.order, None, within)
        except (NoCapacity, Busy):
            raise
        except Refused as refusal:
            raise RestError(with_reason(OUTPUT_FAILED, refusal)) from None
        if view is None:
            raise RestError(ROOM_ENDED)
        return json_answer(views.streaming_out(view))

    async def change(self, room_id: str, live_id: str) -> Response:
        """Send other streams, or with other parameters; as it was where that cannot be."""
        record = await self._room(room_id, live_id)
        updates = await body_as(StreamingOutUpdates, FAILED)
        order = ChangeBroadcast(live_id, updates.changes)
        try:
            view = await self._management.live(record, order, None)
        except Refused as refusal:
            raise RestError(with_reason(FAILED, refusal)) from None
        if view is None:
            raise RestError(NO_SUCH_OUTPUT)
        return json_answer(views.streaming_out(view))

    async def end(self, room_id: str, live_id: str) -> Response:
        """End a stream out; nothing of it is left when this is answered."""
        record = await self._room(room_id, live_id)
        if await self._management.state.room(record.id) is None:
            raise RestError(NO_SUCH_OUTPUT)
        await self._management.live(record, EndBroadcast(live_id), None, MOST_END_SECONDS)
        return text_answer("")
