"""`/-/endpoints`: registered places that events are delivered to, as Auvious has them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import trio
from pydantic import Field
from quart import Response

from actors.core import Glimpse, Slices
from api.operator.overview.paging import PageQuery, asked, in_order, page_answer

if TYPE_CHECKING:
    from actors.directory.directory import Directory


class EndpointsQuery(PageQuery):
    """Which endpoints are wanted; the oldest come first."""

    organization: str = Field("", max_length=1000, description="Only those of this organisation.")
    user: str = Field("", max_length=1000, description="Only those of users of this name.")


class EndpointLooks:
    """The operation on endpoints."""

    def __init__(self, directory: Directory) -> None:
        self._directory = directory

    async def endpoints(self) -> Response:
        """List endpoints."""
        query, slices, wanted = asked(EndpointsQuery), Slices(), []
        for seen in self._directory.look_at_endpoints():
            await slices.rest()
            facts = seen.facts
            if (not query.organization or facts.get("organization") == query.organization) and (
                not query.user or facts.get("user") == query.user
            ):
                wanted.append(seen)
        page = await in_order(wanted, query, lambda seen: seen.born, slices)
        return await page_answer("endpoints", page, endpoint_shown, slices)


def endpoint_shown(seen: Glimpse) -> dict[str, object]:
    """Return one as the API has it; what is not known is null."""
    facts = seen.facts
    told = ("id", "dialect", "user", "organization", "subscribers", "waiting", "expires_in")
    return {
        **{name: facts.get(name) for name in told},
        "since": round(time.time() - trio.current_time() + seen.born, 3),
        "path": seen.path,
    }
