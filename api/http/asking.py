"""What a dialect's routes need from the current request: who asks, and how long that may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, TypeVar, cast

import trio
from quart import g, request
from werkzeug.exceptions import RequestEntityTooLarge

from actors.core import AskTimeout
from api.http.app import current
from api.http.caller import client as client
from api.http.caller import headers as headers

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from werkzeug.datastructures import MultiDict

    from actors.core import Ref, Request

R = TypeVar("R")
FORM_BYTES = 65_536


async def form() -> MultiDict[str, str]:
    """Return the fields of a form: none for a body that is no form.

    Each field takes time, so a form is smaller than other bodies. Raises RequestEntityTooLarge,
    which is answered in the words of the dialect.
    """
    if (request.content_length or 0) > FORM_BYTES or len(await _data()) > FORM_BYTES:
        raise RequestEntityTooLarge
    return await request.form


def count_body_no_more() -> None:
    """Leave the body of the current request to other bounds than `limits.unsent_bytes`."""
    body: Any = request.body
    body.count_no_more()


async def _data() -> bytes:
    return cast("bytes", await request.get_data(as_text=False))


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
    current().services.system.counters.ask_timeouts += 1
    raise AskTimeout
