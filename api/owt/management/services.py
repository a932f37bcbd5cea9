"""Services: who may manage rooms. The super service and the sample service are always there.

Their ids and keys come from the configuration or are made once and kept in `secrets.toml`; all keys
are in the store, sealed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from actors.core import NameTaken
from api.owt.bootstrap import ServiceCredentials, sample_credentials, super_credentials
from api.owt.ids import ObjectIds
from api.owt.management.service_keys import KeyCipher, KeyLost
from api.owt.stored import StoredService

if TYPE_CHECKING:
    from api.owt.state import OwtState

SUPER_NAME, SAMPLE_NAME = "superService", "sampleService"


class ServiceAccounts:
    """The table of services; all its methods raise what the store refuses."""

    def __init__(self, state: OwtState) -> None:
        secrets = state.services.secrets
        self._store = state.store
        self._seal = KeyCipher(secrets.text("owt.service_seal"))
        self._super = super_credentials(secrets, state.settings)
        self._sample = sample_credentials(secrets, state.settings)
        self._ids = ObjectIds(state.clock)
        self._sample_wanted = bool(state.settings.sample_service_id)
        self._begun = False

    @property
    def super_id(self) -> str:
        return self._super.id

    async def begin(self) -> None:
        """Have the store know the super and the sample service, with the keys they have now.

        A sample service that was deleted stays so, unless its id is in the configuration.
        """
        if self._begun:
            return
        # The sample service goes first: where the super service is, it is, or has been deleted.
        known = await self._store.service(self._super.id) is not None
        there = not known or await self._store.service(self._sample.id) is not None
        if there or self._sample_wanted:
            await self._put_own(SAMPLE_NAME, self._sample)
        await self._put_own(SUPER_NAME, self._super)
        self._begun = True

    async def key_of(self, service: str) -> str | None:
        """Return the key that a service signs with, None where there is no such service."""
        await self.begin()
        found = await self._store.service(service)
        if found is None:
            return None
        try:
            return self._seal.open(found.id, found.key) if found.encrypted else found.key
        except KeyLost:
            return None

    async def create(self, name: str, key: str) -> dict[str, Any]:
        """Add a service. Raises NameTaken."""
        return await self.show(await self._put(self._ids.new(), name, key))

    async def all(self) -> list[dict[str, Any]]:
        return [await self.show(each) for each in await self._store.services()]

    async def one(self, service: str) -> dict[str, Any] | None:
        found = await self._store.service(service)
        return None if found is None else await self.show(found)

    async def show(self, service: StoredService) -> dict[str, Any]:
        """Return a service as the API does: the key is the sealed one, of no use to sign with."""
        return {
            "_id": service.id,
            "name": service.name,
            "key": service.key,
            "encrypted": service.encrypted,
            "rooms": await self._store.room_ids(service.id),
            "__v": 0,
        }

    async def _put_own(self, name: str, own: ServiceCredentials) -> None:
        try:
            await self._put(own.id, name, own.key)
        except NameTaken:  # of a former configuration, with another id
            await self._put(own.id, f"{name} {own.id}", own.key)

    async def _put(self, id: str, name: str, key: str) -> StoredService:
        service = StoredService(id, name, self._seal.seal(id, key), encrypted=True)
        await self._store.put_service(service)
        return service
