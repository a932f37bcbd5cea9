"""`/-/actors`: the live tree, whole, in part, or as a list of one kind."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from pydantic import Field
from quart import Response, request

from actors.core import Slices
from api.logs.addresses import shown_address
from api.operator.errors import refuse
from api.operator.overview.paging import BadParameter, Page, PageQuery, asked, json_answer
from api.operator.overview.paging import page_answer as answer_page

if TYPE_CHECKING:
    from actors.core import ActorSystem
    from api.logs.addresses import AddressPolicy

Node = dict[str, object]


class ActorsQuery(PageQuery):
    """Which part of the tree is wanted."""

    path: str = Field("/", max_length=20_000, description="The actor at the top.")
    depth: int | None = Field(
        None, ge=0, le=100, description="How many floors below it; `below` counts what is left out."
    )
    kind: str = Field("", max_length=100, description="A flat list of the actors of this kind.")


class ActorLooks:
    """The operation on the tree that only looks."""

    def __init__(self, system: ActorSystem, addresses: Callable[[], AddressPolicy]) -> None:
        self._system = system
        self._addresses = addresses

    async def actors(self) -> Response:
        """Show the tree."""
        query = asked(ActorsQuery)
        if not query.kind:
            if "page" in request.args or "per_page" in request.args:
                raise BadParameter("page: only the list of one kind has pages; say which kind")
            return await self._tree(query)
        if query.depth is not None:
            raise BadParameter("depth: the list of one kind has none")
        found = await self._system.list_kind(query.kind, query.path, query.start, query.per_page)
        if found is None:
            return _unknown_actor()
        page = Page(*found, query.page, query.per_page)
        return await answer_page("actors", page, self._shown, Slices())

    async def _tree(self, query: ActorsQuery) -> Response:
        nodes = self._system.look(query.path, query.depth)
        return (
            _unknown_actor() if nodes is None else json_answer(await tree_json(nodes, self._shown))
        )

    def _shown(self, node: Node) -> Node:
        """Return an actor with as much of an address as may be shown by now."""
        facts = node["facts"]
        if isinstance(facts, Mapping) and isinstance(address := facts.get("address"), str):
            return node | {"facts": {**facts, "address": shown_address(address, self._addresses())}}
        return node


async def tree_json(nodes: Iterable[tuple[int, Node]], shown: Callable[[Node], Node]) -> bytes:
    """Write actors, each with its floor and parents first, as one tree of `children`.

    Each is written when it is looked at, and not kept: the garbage collector need not go through
    thousands of them.
    """
    parts, above, slices = [], -1, Slices()
    for floor, node in nodes:
        if floor <= above:
            parts.append(b"]}" * (above - floor + 1) + b", ")
        parts.append(json.dumps(shown(node)).encode()[:-1] + b', "children": [')
        above = floor
        await slices.rest()
    return b"".join(parts) + b"]}" * (above + 1)


def _unknown_actor() -> Response:
    return refuse(404, "No actor lives at this path.", "unknown_actor")
