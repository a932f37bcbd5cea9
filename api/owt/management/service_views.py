"""/services: for the super service, and for each service its own entry."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError
from quart import Response

from api.owt.ids import OBJECT_ID
from api.owt.management.bodies import ServiceRequest
from api.owt.management.errors import (
    BAD_SERVICE,
    DENIED,
    INVALID_BODY,
    SERVICE_NOT_FOUND,
    RestError,
)
from api.owt.management.responses import json_answer, json_body, text_answer

if TYPE_CHECKING:
    from api.owt.management.auth import Authenticator
    from api.owt.management.service import Management


class ServiceViews:
    def __init__(self, gate: Authenticator, management: Management) -> None:
        self._gate = gate
        self._services = management.services
        self._management = management

    async def create(self) -> Response:
        """Add a service (super service only)."""
        await self._admit_super()
        given = await json_body()
        if not isinstance(given, dict):
            raise RestError(INVALID_BODY)
        try:
            wanted = ServiceRequest.model_validate(given)
        except ValidationError:
            raise RestError(BAD_SERVICE) from None
        return json_answer(await self._services.create(wanted.name, wanted.key))

    async def list(self) -> Response:
        """List all services (super service only)."""
        await self._admit_super()
        return json_answer(await self._services.all())

    async def get(self, service_id: str) -> Response:
        """Show a service, to the super service or itself."""
        claim = await self._gate.admit()
        if claim.service.lower() not in (self._services.super_id, service_id.lower()):
            raise RestError(DENIED)
        found = None
        if OBJECT_ID.fullmatch(service_id):
            found = await self._services.one(service_id.lower())
        if found is None:
            raise RestError(SERVICE_NOT_FOUND)
        return json_answer(found)

    async def delete(self, service_id: str) -> Response:
        """Remove a service with its rooms (super service only)."""
        await self._admit_super()
        if service_id.lower() == self._services.super_id:
            return text_answer("Super service not permitted to be deleted", 401)
        if not OBJECT_ID.fullmatch(service_id):
            raise RestError(SERVICE_NOT_FOUND)
        if not await self._management.drop_service(service_id.lower()):
            raise RestError(SERVICE_NOT_FOUND)
        return text_answer("Service deleted")

    async def _admit_super(self) -> None:
        claim = await self._gate.admit()
        if claim.service.lower() != self._services.super_id:
            raise RestError(DENIED)
