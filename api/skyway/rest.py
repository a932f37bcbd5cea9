"""What every operation needs: its body, its place in the path, its answer, and what goes wrong."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import wraps
from typing import TypeVar
from urllib.parse import unquote

from pydantic import BaseModel
from quart import Response, request
from werkzeug.exceptions import HTTPException, MethodNotAllowed

from actors.core import ActorError
from actors.device.services import DeviceLimits
from actors.words.refusals import ShuttingDown
from api.http.asking import client
from api.skyway.asked import Asked
from api.skyway.bodies import Body
from api.skyway.errors import Found, RestRefused, Unheard, refused, unspecified, usual_problem
from api.skyway.state import SkywayState, device_limits
from api.skyway.visitors import visitor_problem
from api.skyway.wire import encode, error_body, parse

B = TypeVar("B", bound=Body)
View = Callable[..., Awaitable[Response]]

JSON = "application/json; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation: `command` names it in errors, `field` is what a refusal is said of.

    Who asks a poll in vain is slowed down.
    """

    method: str
    path: str
    command: str
    field: str
    view: View
    polls: bool = False


def answered(state: SkywayState, operation: Operation) -> View:
    """Turn whatever an operation raises into an answer."""

    @wraps(operation.view)
    async def view(**arguments: str) -> Response:
        if request.method != operation.method:  # HEAD would take an event without reading it
            return not_allowed(operation.command, operation.method)
        try:
            check_visitor(state)
            return await operation.view(**arguments)
        except Unheard as unheard:
            if operation.polls:
                await state.slowing.wait(client().address, request.path)
            problem = unheard.refusal
        except RestRefused as refusal:
            problem = refusal
        except MethodNotAllowed as wrong:
            return not_allowed(operation.command, *(wrong.valid_methods or ()))
        except HTTPException as transport:  # the body is too large, or does not come
            problem = RestRefused(transport.code or 500)
        except ActorError as refusal:
            problem = refused(refusal, operation.field)
        return error(operation.command, problem.status, *problem.problems)

    return view


def check_visitor(state: SkywayState) -> None:
    """Keep pages of other sites away: browsers let them send what they like. Raises Unheard."""
    settings = state.services.settings()
    problem = visitor_problem(
        client(),
        request.headers.get("Origin"),
        any(header in request.headers for header in ("X-Forwarded-For", "Forwarded")),
        bool(state.settings.api_keys),
        settings.server.public_url,
        settings.limits.allowed_origins,
    )
    if problem is not None:
        raise Unheard(403, *problem)


def accepting(state: SkywayState) -> None:
    """Take nothing new while the server goes. Raises ShuttingDown."""
    if not state.services.lifecycle.accepting:
        raise ShuttingDown


async def read(model: type[B], within: str = "") -> B:
    """Read the body of the current request, whatever its type is said to be. Raises RestRefused."""
    data = await request.get_data(as_text=False)
    return parse(model, data if isinstance(data, bytes) else data.encode(), within)


def asked(state: SkywayState) -> Asked:
    limits: DeviceLimits = device_limits(state.services)
    return Asked(limits.may_redirect)


def token() -> str:
    """Return the token of the query. Raises RestRefused."""
    found = request.args.get("token", "")
    if not found:
        raise RestRefused(400, unspecified("token"))
    return found


def path_id(routed: str, place: int, parts: int) -> str:
    """Return an id of the path as it was sent: one may hold a slash, as %2F.

    It is the part at `place` of a path of so many `parts`; `routed` where the path has others.
    """
    raw = request.scope.get("raw_path", b"").partition(b"?")[0].split(b"/")
    if len(raw) == parts + 1 and not raw[-1]:  # a slash at the end
        raw.pop()
    return unquote(raw[place].decode("latin-1")) if len(raw) == parts else routed


def answer(body: BaseModel, status: int = 200) -> Response:
    return Response(encode(body), status, content_type=JSON)


def done() -> Response:
    """Return 204, without a body and without a type of one."""
    response = Response("", 204)
    del response.headers["Content-Type"], response.headers["Content-Length"]
    return response


def not_allowed(command: str, *methods: str) -> Response:
    """Return 405, with the methods that are."""
    response = error(command, 405)
    response.headers["Allow"] = ", ".join(methods)
    return response


def error(command: str, status: int, *problems: Found) -> Response:
    """Return an error, whatever its status, in the form that clients read."""
    found = problems or (usual_problem(status),)
    return Response(error_body(command, found), status, content_type=JSON)
