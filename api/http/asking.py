"""What a dialect's routes need from the current request: who asks, and how long that may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar

import trio
from quart import g, request

from actors.core import AskTimeout
from api.http.app import current
from api.http.carriers.upgrades import merge_headers
from api.http.proxies import RemoteClient, client_of

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from actors.core import Ref, Request

R = TypeVar("R")


def headers() -> dict[str, str]:
    """Return the headers of the current request, names in lower case, repeated ones joined."""
    return merge_headers(request.headers.items())


def client() -> RemoteClient:
    """Return who sent the current request; proxies are believed as limits.trusted_proxies says."""
    scope = request.scope
    peer = scope.get("client")
    return client_of(
        peer[0] if peer else "",
        headers(),
        scope["scheme"] == "https",
        current().services.settings().limits.trusted_proxies,
    )


def budget() -> float:
    """Return how many seconds are left of limits.ask_seconds for this request."""
    allowed = current().services.settings().limits.ask_seconds
    started: float = g.started
    return max(0.0, started + allowed - trio.current_time())


async def ask(ref: Ref[Any], question: Request[R]) -> R:
    """Ask an actor within what is left of this request's budget; raises what `Ref.ask` raises."""
    return await ref.ask(question, within=budget())


async def in_time(answer: Awaitable[R]) -> R:
    """Wait for what the directory says within what is left of this request's budget.

    Raises AskTimeout, and what it raises.
    """
    with trio.move_on_after(budget()):
        return await answer
    raise AskTimeout
