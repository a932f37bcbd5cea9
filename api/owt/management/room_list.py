"""All rooms of a service in one answer: read from the store and sent piece by piece.

A service may have ten thousand rooms of two megabytes. What is in memory of them is one piece for
each answer under way, and of those a service has few at a time: the others wait.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from functools import partial
from typing import TYPE_CHECKING

import structlog
import trio
from quart import Response

from actors.core import ActorError
from actors.words.refusals import Busy
from api.http.carriers.quart_seam import AnswerCut, AnswerInPieces
from api.owt.management.responses import json_answer
from api.owt.management.service import shown
from api.owt.stored import fitting

if TYPE_CHECKING:
    from api.owt.state import OwtState

FIRST = 8

log = structlog.get_logger(__name__)


async def answer_all(state: OwtState, service: str, within: float) -> Response:
    """Answer a list of all rooms, by id; what is refused after its begin ends the connection.

    Waits for a turn and the first rooms. Raises Busy after `within` seconds, and what the store
    refuses.
    """
    with trio.move_on_after(within):
        await state.lists.enter(service)
        give_back = partial(state.lists.leave, service)
        try:
            rooms = RoomDocuments(state, service)
            first = await rooms.next()
        except BaseException:
            give_back()
            raise
        if rooms.over:
            give_back()
            return json_answer(b"[%b]" % first)
        answer = AnswerInPieces(
            _pieces(rooms, first), content_type="application/json; charset=utf-8"
        )
        answer.when_over = give_back
        return answer
    raise Busy


class RoomDocuments:
    """The rooms of a service, as JSON, a piece at a time; `over` after the last."""

    def __init__(self, state: OwtState, service: str) -> None:
        self.over = False
        self._store = state.store
        self._service = service
        self._after: str | None = None
        self._number = FIRST

    async def next(self) -> bytes:
        """Return the next rooms, joined by commas. Raises what the store refuses."""
        found = await self._store.rooms_after(self._service, self._after, self._number)
        self.over = len(found) < self._number
        if found:
            self._after = found[-1].id
            self._number = fitting(found)
        return b",".join(map(shown, found))


async def _pieces(rooms: RoomDocuments, first: bytes) -> AsyncIterator[bytes]:
    yield b"[" + first
    while not rooms.over:
        try:
            piece = await rooms.next()
        except ActorError as error:
            log.warning("owt.room_list_cut", reason=type(error).__name__)
            raise AnswerCut from None
        if piece:
            yield b"," + piece
    yield b"]"
