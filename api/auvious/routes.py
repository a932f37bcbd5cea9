"""The REST API of Auvious RTC: user endpoints, and what a client needs before it connects."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Awaitable, Callable, Sequence
from functools import partial, wraps
from typing import TYPE_CHECKING, Any, TypeVar

import trio
from pydantic import BaseModel
from quart import Blueprint, Response, request

from actors.core import ActorError, ActorStopped
from actors.endpoint.endpoint import Describe, Described, EndpointSpec, Renew, Unregister
from actors.endpoint.rules import EndpointTerms
from actors.words.keys import EndpointKey
from actors.words.refusals import Busy, EndpointUnknown, ShuttingDown
from api.auvious.auth import principal_of
from api.auvious.bodies import (
    EndpointDetails,
    EndpointView,
    KeepUserEndpointAlive,
    RegisterResult,
    RegisterUserEndpoint,
    UnregisterUserEndpoint,
    WaitingEvent,
)
from api.auvious.errors import refusal_for
from api.auvious.ice import ice_servers
from api.auvious.reminders import reminder
from api.auvious.sending import send
from api.auvious.state import DIALECT, REALM, AuviousState
from api.auvious.tokens import Principal, TokenInvalid
from api.auvious.wire import Invalid, Sending, parse, parse_sending
from api.http.asking import ask, budget, in_time

if TYPE_CHECKING:
    from actors.core import Request

    View = Callable[..., Awaitable[Response]]

R = TypeVar("R")
REST = "/rtc-api"
ENDPOINTS_PATH = f"{REST}/users/endpoints"
OPERATIONS = frozenset({"register", "keepalive", "unregister", "sendEvent"})
FEW_BYTES = 65_536
WRITING = ("POST", "PUT", "PATCH", "DELETE")


def add_routes(blueprint: Blueprint, state: AuviousState) -> None:
    """Put the API under /rtc-api, and //rtc-api for clients whose base URL ends in a slash."""
    rest = AuviousRest(state)
    table: list[tuple[str, str, Callable[..., Awaitable[Response]]]] = [
        ("POST", ENDPOINTS_PATH, rest.create),
        ("GET", ENDPOINTS_PATH, rest.own),
        ("POST", f"{ENDPOINTS_PATH}/register", rest.register),
        ("POST", f"{ENDPOINTS_PATH}/keepalive", rest.keep_alive),
        ("POST", f"{ENDPOINTS_PATH}/unregister", rest.unregister),
        ("POST", f"{ENDPOINTS_PATH}/sendEvent", rest.send_event),
        ("GET", f"{ENDPOINTS_PATH}/<id_>", rest.show),
        ("GET", f"{REST}/iceServers", rest.ice_servers),
    ]
    for method, path, operation in table:
        _add(blueprint, path, operation.__name__, answered(state, operation), (method,))
    for path in (f"{ENDPOINTS_PATH}/<id_>", f"{ENDPOINTS_PATH}/<id_>/events"):
        _add(blueprint, path, f"{path}_astray", answered(state, rest.astray), WRITING)


def _add(blueprint: Blueprint, path: str, name: str, view: View, methods: Sequence[str]) -> None:
    for prefix in ("", "/"):
        blueprint.add_url_rule(prefix + path, f"{prefix}{name}".replace(".", "_"), view,
                               methods=methods)  # fmt: skip


def answered(state: AuviousState, operation: View) -> View:
    """Hand an operation its caller, and turn whatever it raises into an answer."""

    @wraps(operation)
    async def view(**arguments: str) -> Response:
        try:
            caller = principal_of(state, request.headers.get("Authorization", ""))
        except TokenInvalid:
            return unauthorized()
        try:
            return await operation(caller, **arguments)
        except Invalid as invalid:
            return json_answer(invalid.problems, 400)
        except ActorStopped:  # it ended between finding and asking
            return empty(404)
        except ActorError as error:
            refusal = refusal_for(error)
            if refusal.field:
                return json_answer({refusal.field: refusal.message}, refusal.status)
            return empty(refusal.status)

    return view


class AuviousRest:
    """One method an operation; the caller has been made sure of."""

    def __init__(self, state: AuviousState) -> None:
        self._state = state

    async def create(self, caller: Principal) -> Response:
        return json_answer(await self._open(caller))

    async def register(self, caller: Principal) -> Response:
        return answer(RegisterResult(id=await self._open(caller)))

    async def keep_alive(self, caller: Principal) -> Response:
        command = parse(KeepUserEndpointAlive, await _body())
        await self._ask(command.id, Renew(caller.owner))
        return empty(204)

    async def unregister(self, caller: Principal) -> Response:
        command = parse(UnregisterUserEndpoint, await _body())
        await self._ask(command.id, Unregister(caller.owner))
        return empty(204)

    async def send_event(self, caller: Principal) -> Response:
        sending = await self._sending(await _body(), caller)
        organization = sending.organization or caller.organization
        return json_answer(await send(self._state, sending, organization, caller.source))

    async def own(self, caller: Principal) -> Response:
        """List one's own endpoints; our own addition."""
        directory = self._state.services.directory
        found = await in_time(directory.endpoints_of(REALM, caller.owner))
        views = []
        for endpoint in found:
            try:
                described = await ask(endpoint, Describe(caller.owner))
            except (ActorStopped, EndpointUnknown):
                continue
            views.append(EndpointView(**_view(described)).model_dump())
        return json_answer(views)

    async def show(self, caller: Principal, id_: str) -> Response:
        """Show one's own endpoint with the events that wait for it; our own addition."""
        described = await self._ask(id_, Describe(caller.owner))
        events = [
            WaitingEvent(sequence=each.sequence, qos=each.qos, event=json.loads(each.masked))
            for each in described.waiting
        ]
        return answer(EndpointDetails(**_view(described), events=events))

    async def astray(self, caller: Principal, id_: str) -> Response:
        """Refuse to write below an endpoint: 404, unless there is such a path and it is read only.

        The published API has no such paths, so what is no operation of its is not found.
        """
        if id_ not in OPERATIONS or request.path.endswith("/events"):
            await self._ask(id_, Describe(caller.owner))
        response = empty(405)
        response.headers["Allow"] = "OPTIONS, POST" if id_ in OPERATIONS else "GET, HEAD, OPTIONS"
        return response

    async def ice_servers(self, caller: Principal) -> Response:
        ice = self._state.services.settings().ice
        return answer(ice_servers(ice, caller.user, time.time()))

    # ---

    async def _open(self, caller: Principal) -> str:
        """Register the endpoint that the body asks for, and return its id."""
        command = parse(RegisterUserEndpoint, await _body())
        if not self._state.services.lifecycle.accepting:
            raise ShuttingDown
        settings = self._state.settings
        id_ = command.id or str(uuid.uuid4())
        spec = EndpointSpec(
            EndpointKey(REALM, id_),
            caller.owner,
            EndpointTerms(
                min(command.keep_alive, settings.max_keep_alive_seconds), bool(command.remind)
            ),
            reminder(settings.reminder_event_type, caller.user, id_),
            self._state.outbox(caller.owner.organization),
            settings.subscribers_per_endpoint,
            dialect=DIALECT,
        )
        directory = self._state.services.directory
        await in_time(directory.open_endpoint(spec, self._state.quota))
        return id_

    async def _sending(self, body: bytes, caller: Principal) -> Sending:
        """Read a request to send; in a thread where it may have masks, or is large: that takes
        time, for which a caller waits behind himself.
        """
        read = partial(parse_sending, body, service=caller.is_service)
        has_masks = b"masks" in body or b"\\u" in body  # the name may be escaped
        if len(body) <= FEW_BYTES and not has_masks:
            return read()
        owner = json.dumps([caller.organization, caller.user])
        with trio.move_on_after(budget()):
            return await self._state.reading.run(owner, read, len(body))
        raise Busy

    async def _ask(self, id_: str, question: Request[R]) -> R:
        endpoint = await self._state.endpoint(id_)
        if endpoint is None:
            raise EndpointUnknown
        return await ask(endpoint, question)


async def _body() -> bytes:
    body = await request.get_data(as_text=False)
    return body if isinstance(body, bytes) else body.encode()


def _view(described: Described) -> dict[str, Any]:
    return {
        "id": described.id,
        "keepAliveSeconds": described.terms.keep_alive,
        "serverKeepAliveReminderOn": described.terms.remind,
        "expiresInSeconds": round(described.expires_in, 1),
        "subscribers": described.subscribers,
        "waitingEvents": len(described.waiting),
    }


def answer(body: BaseModel) -> Response:
    return json_answer(body.model_dump(exclude_none=True))


def json_answer(document: object, status: int = 200) -> Response:
    text = json.dumps(document, ensure_ascii=False, separators=(",", ":"))
    return Response(text, status, content_type="application/json")


def empty(status: int) -> Response:
    """Return an answer without a body, and without a type of one."""
    response = Response("", status)
    del response.headers["Content-Type"]
    if status == 204:
        del response.headers["Content-Length"]  # RFC 9110, section 8.6
    return response


def unauthorized() -> Response:
    response = empty(401)
    response.headers["WWW-Authenticate"] = 'Bearer realm="auvious"'
    return response
