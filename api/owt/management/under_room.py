"""What all views under a live room share: who may ask, which room it is, in which version."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quart import Response, request

from actors.core import Request
from actors.words.views import AnyStream
from api.owt.ids import LIVE_ID
from api.owt.management.errors import FAILED, RestError, RestTrouble
from api.owt.management.responses import json_answer
from api.owt.stream_info import Version, stream_info

if TYPE_CHECKING:
    from api.owt.management.auth import Authenticator
    from api.owt.management.service import Management
    from api.owt.stored import StoredRoom


class UnderRoom:
    """Base of the views under a room."""

    def __init__(self, gate: Authenticator, management: Management) -> None:
        self._gate = gate
        self._management = management

    async def _room(self, room_id: str, live_id: str = "x") -> StoredRoom:
        claim = await self._gate.admit()
        record = await self._management.room(claim.service.lower(), room_id)
        if not LIVE_ID.fullmatch(live_id):
            raise RestError(FAILED)
        return record

    async def _done(self, record: StoredRoom, order: Request[None], missing: RestTrouble) -> None:
        """Have the live room do something without an answer; one that does not live has none."""
        lives = await self._management.state.room(record.id) is not None
        if not lives:
            raise RestError(missing)
        await self._management.live(record, order, None)

    def _shown(self, stream: AnyStream) -> Response:
        return json_answer(stream_info(stream, version()))


def version() -> Version:
    """Return which version of streams the current request is for."""
    return "1.0" if request.path.lstrip("/").startswith("v1/") else "1.1"
