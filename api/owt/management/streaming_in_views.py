"""Streams that a room pulls from outside: began here, and shown and changed as all streams."""

from __future__ import annotations

from quart import Response

from actors.jobs.outside_addresses import check_address
from actors.jobs.room_ingests import OPENING_MARGIN
from actors.streams.conference_pulled import STREAMING
from actors.words.conference_refusals import StreamUnknown
from actors.words.orders import EndStream, GetStreams
from actors.words.streams import Stream
from api.owt.management.bodies_streaming import StreamingInRequest
from api.owt.management.errors import BAD_REQUEST, NO_SUCH_INPUT, ROOM_ENDED, RestError
from api.owt.management.responses import body_as, json_answer, text_answer
from api.owt.management.under_room import UnderRoom, version
from api.owt.stream_info import stream_info

ASK_MARGIN = OPENING_MARGIN + 5.0  # until the room is asked in vain; it answers before


class StreamingInViews(UnderRoom):
    async def list(self, room_id: str) -> Response:
        """List the streams from outside whose media has flowed."""
        found = await self._management.live(await self._room(room_id), GetStreams(), ())
        pulled = (it for it in found if isinstance(it, Stream) and it.kind == STREAMING)
        return json_answer([stream_info(stream, version()) for stream in pulled])

    async def start(self, room_id: str) -> Response:
        """Pull a stream from outside; answered once its media flows."""
        state = self._management.state
        changes = state.changes
        record = await self._room(room_id)
        wanted = await body_as(StreamingInRequest, BAD_REQUEST)
        order = wanted.order(state.settings.attribute_bytes)
        if order is None:
            raise RestError(BAD_REQUEST.saying("The attributes are too large"))
        check_address(order.url)
        await self._management.start_room(record, changes)
        within = state.services.settings().streaming.open_seconds + ASK_MARGIN
        stream = await self._management.live(record, order, None, within)
        if stream is None:
            raise RestError(ROOM_ENDED)
        return self._shown(stream)

    async def end(self, room_id: str, live_id: str) -> Response:
        """End a stream from outside; it is pulled no more when this is answered."""
        record = await self._room(room_id, live_id)
        try:
            await self._done(record, EndStream(live_id), NO_SUCH_INPUT)
        except StreamUnknown:
            raise RestError(NO_SUCH_INPUT) from None
        return text_answer("")
