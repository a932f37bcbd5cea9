"""Long polls: one event an answer, for as long as somebody waits."""

from __future__ import annotations

from collections.abc import Callable

from quart import Response, request

from actors.device.events import DeviceEvent
from api.http.carriers.quart_seam import when_answered
from api.skyway.book import Draining, Entry, NothingYet
from api.skyway.errors import RestRefused, Unheard
from api.skyway.rest import JSON
from api.skyway.state import SkywayState


async def poll(
    state: SkywayState, entry: Entry, field: str, shown: Callable[[DeviceEvent], bytes]
) -> Response:
    """Answer with the oldest event that was not read; it stays until the answer has gone out.

    Raises RestRefused (408 after skyway.long_poll_seconds, 503 while the server goes), and Unheard
    once the end was read.
    """
    state.used(entry)
    try:
        given = await state.book.next(entry, state.settings.long_poll_seconds)
    except NothingYet:
        raise RestRefused(408, (field, "nothing has happened in time, ask again")) from None
    except Draining:
        raise RestRefused(503, (field, "the gateway is shutting down")) from None
    finally:
        state.used(entry)
    if given is None:
        raise Unheard(404, field, "it has ended")
    try:
        response = Response(shown(given.event), 200, content_type=JSON)
    except BaseException:
        given.settle(sent=False)
        raise
    when_answered(request.scope, given.settle)
    return response
