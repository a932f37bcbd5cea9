"""The endpoints: one per id, whose they are, and how many there may be.

They live in a subtree of their own, and a crash of the directory ends none. So the table of them is
handed on from one incarnation to the next (`tree.py` makes it).
"""

from __future__ import annotations

from functools import partial

from actors.core import Actor, Message, Ref
from actors.directory.messages import OpenEndpoint
from actors.directory.opening import Opening
from actors.directory.owners import OwnedEndpoints
from actors.endpoint.endpoint import Endpoint, Renew
from actors.words.keys import ENDPOINTS
from actors.words.refusals import EndpointTaken, EndpointUnknown

EndpointTable = OwnedEndpoints[Ref[Message]]


class Endpoints:
    """Belongs to one incarnation of the directory; `table` outlives it."""

    __slots__ = ("_directory", "_opening", "table")

    def __init__(self, directory: Actor[Message], opening: Opening, table: EndpointTable) -> None:
        self._directory = directory
        self._opening = opening
        self.table = table

    def watch_again(self) -> None:
        """Watch what a former incarnation has left; a Down is due for each that has ended."""
        for endpoint in self.table:
            self._directory.ctx.watch(endpoint)

    async def open(self, order: OpenEndpoint) -> Ref[Message] | None:
        """Return a new endpoint; None where the live one is asked first.

        Raises TooManyEndpoints, Busy.
        """
        spec = order.spec
        known = self._opening.find(spec.key.path)
        if known is not None:
            self._opening.reopen(known, order, partial(self._renew, order))
            return None
        self.table.check(spec.key.realm, spec.owner, order.quota)
        slug, limits = spec.key.slug, self._opening.limits
        endpoint = await self._opening.spawn(ENDPOINTS, slug, lambda: Endpoint(spec), limits)
        self._note(endpoint, order)
        return endpoint

    async def _renew(self, order: OpenEndpoint, known: Ref[Message]) -> None:
        renewal = Renew(order.spec.owner, order.spec.terms)
        try:
            await known.ask(renewal, within=self._opening.limits.ask_seconds)
        except EndpointUnknown:
            raise EndpointTaken from None
        if known not in self.table:  # its spawning was answered too late
            self._note(known, order)

    def _note(self, endpoint: Ref[Message], order: OpenEndpoint) -> None:
        self.table.note(endpoint, order.spec.key.realm, order.spec.owner)
        self._directory.ctx.watch(endpoint)
