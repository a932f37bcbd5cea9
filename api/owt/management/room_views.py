"""/rooms and /rooms/{id}/tokens: rooms as they are configured, and leave to enter them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from quart import Response, request

from api.http.asking import budget
from api.owt.management.bodies import PatchEntries, RoomRequest, TokenRequest
from api.owt.management.errors import (
    BAD_REQUEST,
    BAD_TOKEN_REQUEST,
    INVALID_BODY,
    INVALID_OPTION,
    NO_PORTAL,
    UNEXPECTED,
    RestError,
)
from api.owt.management.responses import (
    body_as,
    body_size,
    json_answer,
    json_body,
    text_answer,
)
from api.owt.management.room_list import answer_all
from api.owt.management.service import shown
from api.owt.portal_host import portal_host
from api.owt.rooms import InvalidRoom, ViewConflict, permission_of
from api.owt.tokens import make_token

if TYPE_CHECKING:
    from api.owt.management.auth import Authenticator
    from api.owt.management.service import Management
    from api.owt.stored import StoredRoom

MOST_DIGITS = 9


class RoomViews:
    def __init__(self, gate: Authenticator, management: Management) -> None:
        self._gate = gate
        self._management = management

    async def create(self) -> Response:
        """Add a room with the options given; the rest has the original's defaults."""
        service = (await self._gate.admit()).service.lower()
        given = await json_body()
        if not isinstance(given, dict):
            raise RestError(INVALID_BODY)
        options = given.get("options") or {}
        if not isinstance(options, dict):
            raise RestError(INVALID_OPTION)
        wanted = await body_as(RoomRequest)
        try:
            options = {**options, "name": wanted.name}
            room = await self._management.read(service, options, body_size())
        except InvalidRoom as error:
            raise RestError(UNEXPECTED.saying(f"ValidationError {error}")) from None
        except ViewConflict as error:
            raise RestError(UNEXPECTED.saying(f"Error {error}")) from None
        return json_answer(await self._management.create_room(service, room))

    async def list(self) -> Response:
        """List the rooms of the service, all of them or by pages."""
        service = (await self._gate.admit()).service.lower()
        page, per_page = _number("page"), _number("per_page")
        if per_page:
            return json_answer(await self._management.rooms(service, max(1, page), per_page))
        return await answer_all(self._management.state, service, budget())

    async def get(self, room_id: str) -> Response:
        """Show a room."""
        return json_answer(shown(await self._room(room_id), with_id=False))

    async def replace(self, room_id: str) -> Response:
        """Replace whole keys of the top level."""
        record = await self._room(room_id)
        given = await json_body()
        if not isinstance(given, dict):
            raise RestError(INVALID_BODY)
        try:
            return json_answer(await self._management.replace_room(record, given, body_size()))
        except (InvalidRoom, ViewConflict) as error:
            raise RestError(BAD_REQUEST.saying(str(error))) from None

    async def patch(self, room_id: str) -> Response:
        """Change a room by a JSON patch (RFC 6902)."""
        record = await self._room(room_id)
        patch = await body_as(PatchEntries)
        try:
            return json_answer(await self._management.patch_room(record, patch))
        except (InvalidRoom, ViewConflict) as error:
            raise RestError(BAD_REQUEST.saying(str(error))) from None

    async def delete(self, room_id: str) -> Response:
        """Remove a room; whoever is in it is put out."""
        await self._management.drop_room(await self._room(room_id))
        return text_answer("Room deleted")

    async def create_token(self, room_id: str) -> Response:
        """Make a token that lets one participant in, within three minutes."""
        claim = await self._gate.admit()
        record = await self._management.room(claim.service.lower(), room_id)
        wanted = await body_as(TokenRequest, BAD_TOKEN_REQUEST)
        user, role = wanted.user or "", wanted.role or ""
        if claim.user and claim.role:
            user, role = claim.user, claim.role
        room = await self._management.rules_of(record)
        if not user or permission_of(room, role) is None:
            raise RestError(BAD_TOKEN_REQUEST)
        state = self._management.state
        where = portal_host(state.services.settings(), request.scope)
        if where is None:
            raise RestError(NO_PORTAL)
        document: dict[str, Any] = {}
        if wanted.preference is not None:
            document = {"preference": wanted.preference.model_dump(exclude_none=True)}
        token_id = await self._management.create_token(record, user, role, document)
        return text_answer(make_token(token_id, where.host, state.token_key, secure=where.secure))

    async def _room(self, room_id: str) -> StoredRoom:
        claim = await self._gate.admit()
        return await self._management.room(claim.service.lower(), room_id)


def _number(name: str) -> int:
    """Return a query parameter as JavaScript's parseInt would, 0 where that is no number."""
    digits = request.args.get(name, "").strip()
    length = 0
    while length < min(len(digits), MOST_DIGITS) and digits[length] in "0123456789":
        length += 1
    return int(digits[:length] or "0")
