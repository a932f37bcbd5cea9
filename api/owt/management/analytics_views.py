"""Analytics of a room: listed with what they told last, begun and ended."""

from __future__ import annotations

from quart import Response

from actors.core import Refused
from actors.jobs.analytics import BEGIN_SECONDS
from actors.words.analytics import EndAnalytic, GetAnalytics
from actors.words.media_refusals import NoCapacity
from actors.words.refusals import Busy
from api.owt.management import views
from api.owt.management.bodies_analytics import AnalyticsRequest
from api.owt.management.errors import (
    BAD_REQUEST,
    NO_SUCH_ANALYTIC,
    NOBODY_TO_ANALYSE,
    OUTPUT_FAILED,
    RestError,
)
from api.owt.management.live_views import with_reason
from api.owt.management.responses import body_as, json_answer, text_answer
from api.owt.management.under_room import UnderRoom

ASK_MARGIN = 5.0  # until the room is asked in vain; it answers before
END_SECONDS = 20.0  # more than a process is given to end


class AnalyticsViews(UnderRoom):
    """Analytics as the management API has them: facts/owt.md, section 5."""

    async def list(self, room_id: str) -> Response:
        """List the ongoing analytics."""
        found = await self._management.live(await self._room(room_id), GetAnalytics(), ())
        return json_answer([views.analytics(view) for view in found])

    async def start(self, room_id: str) -> Response:
        """Analyse streams; answered once the algorithm is at work."""
        record = await self._room(room_id)
        wanted = await body_as(AnalyticsRequest, BAD_REQUEST)
        within = BEGIN_SECONDS + ASK_MARGIN
        try:
            view = await self._management.live(record, wanted.order, None, within)
        except (NoCapacity, Busy):
            raise
        except Refused as refusal:
            raise RestError(with_reason(OUTPUT_FAILED, refusal)) from None
        if view is None:
            raise RestError(NOBODY_TO_ANALYSE)
        return json_answer(views.analytics(view))

    async def end(self, room_id: str, live_id: str) -> Response:
        """End an analytic; nothing of it is left when this is answered."""
        record = await self._room(room_id, live_id)
        if await self._management.state.room(record.id) is None:
            raise RestError(NO_SUCH_ANALYTIC)
        await self._management.live(record, EndAnalytic(live_id), None, END_SECONDS)
        return text_answer("")
