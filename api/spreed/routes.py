"""The REST API of Spreed WebRTC."""

from __future__ import annotations

import time
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import trio
from pydantic import BaseModel, ValidationError
from quart import Blueprint, Response, request

from actors.core import ActorError
from actors.words.refusals import Busy
from api.http.asking import client, form, headers
from api.http.credentials import TooManyAttempts
from api.spreed.access_tokens import token_attempts
from api.spreed.auth import REGISTRATION_SECONDS, make_login
from api.spreed.bodies import (
    ErrorAnswer,
    RoomAnswer,
    SessionAnswer,
    SessionPatch,
    TokenAnswer,
    UserAnswer,
    UserRequest,
)
from api.spreed.config_document import config_document
from api.spreed.errors import (
    AUTH_TOO_LARGE,
    BUSY,
    INVALID_TOKEN,
    REFUSALS,
    SESSION_PATCH_FAILED,
    STATUSES,
    USERS_IN_HEADER_MODE,
    USERS_INCOMPLETE,
    USERS_INVALID_SESSION,
    USERS_UNREADABLE,
    USERS_WRONG_TYPE,
    Words,
    users_request_failed,
    words_for,
)
from api.spreed.logins import LoginFailed, grant, verified_user
from api.spreed.pictures import Picture, size_of_flags
from api.spreed.rooms import random_name
from api.spreed.socket import ACCESS_COOKIE
from api.spreed.stats import stats_document
from api.spreed.wire import DIALECT, encode

if TYPE_CHECKING:
    from api.spreed.state import SpreedState

MAX_TOKEN_BYTES = 100
PICTURE_SECONDS = 86_400


View = Callable[..., Awaitable[Response]]


def add_routes(blueprint: Blueprint, state: SpreedState, bases: list[str]) -> None:
    """Put the API under each of `bases`, such as "/" and the configured base path."""
    rest = SpreedRest(state)
    table: dict[str, tuple[str, str, View]] = {
        "config": ("GET", "api/v1/config", rest.config),
        "tokens": ("POST", "api/v1/tokens", rest.tokens),
        "rooms": ("POST", "api/v1/rooms", rest.rooms),
        "session": ("PATCH", "api/v1/sessions/<session>/", rest.patch_session),
        "users": ("POST", "api/v1/users", rest.create_user),
        "stats": ("GET", "api/v1/stats", rest.stats),
        "picture": ("GET", "static/img/buddy/<flags>/<image>/<path:index>", rest.picture),
        "well_known": ("GET", ".well-known/spreed-configuration", rest.well_known),
    }
    for base in bases:
        for endpoint, (method, path, view) in table.items():
            blueprint.add_url_rule(f"{base}{path}", endpoint, view, methods=[method])


class SpreedRest:
    """One method an operation; answers in the shapes of the seed plus the original's keys."""

    def __init__(self, state: SpreedState) -> None:
        self._state = state

    async def config(self) -> Response:
        return json_answer(config_document(self._state))

    async def tokens(self) -> Response:
        """Check an access token; a good one is also set as the cookie that opens the websocket."""
        given = (await form()).get("a") or request.args.get("a", "")
        if len(given.encode("utf-8", "surrogatepass")) > MAX_TOKEN_BYTES:
            return refusal(AUTH_TOO_LARGE)
        if not self._state.access_tokens.configured:
            return refusal(INVALID_TOKEN)
        caller, guard = client(), self._state.services.guard
        key = token_attempts(caller.address)
        try:
            await guard.admit(*key)
        except TooManyAttempts:
            return refusal(REFUSALS["too_many_attempts"])
        token = self._state.access_tokens.find(given)
        if token is None:
            guard.failed(*key)
            self._login_refused("wrong_access_token")
            return refusal(INVALID_TOKEN)
        guard.succeeded(*key)
        response = answer(TokenAnswer(token=token))
        response.set_cookie(
            ACCESS_COOKIE, token, path=self._state.settings.base_path, httponly=True,
            secure=caller.secure, samesite="Lax",
        )  # fmt: skip
        return response

    def _login_refused(self, reason: str) -> None:
        self._state.services.login_refused(DIALECT, reason, client().address)

    async def rooms(self) -> Response:
        name = random_name(self._state.settings)
        return answer(RoomAnswer(name=name, url=f"{self._site()}{name}"))

    async def patch_session(self, session: str) -> Response:
        """Turn a portal's signature, or a proxy's header, into a nonce for the websocket."""
        if not self._state.settings.users.enabled:
            return not_found_text()
        try:
            body = SessionPatch.model_validate_json(await request.get_data(as_text=False))
            if body.id != session or not self._state.signer.owns(body.id, body.sid):
                raise LoginFailed
            user = await verified_user(self._state, client(), body, headers())
            nonce = await grant(self._state, body.id, user)
        except TooManyAttempts:
            self._login_refused("too_many_attempts")
            return refusal(REFUSALS["too_many_attempts"])
        except (ValidationError, LoginFailed):
            self._login_refused("session_patch_failed")
            return refusal(SESSION_PATCH_FAILED)
        return answer(SessionAnswer(nonce=nonce, userid=user))

    async def create_user(self) -> Response:
        """Register a user for a session that has none."""
        users = self._state.settings.users
        if not (users.enabled and users.allow_registration):
            return not_found_text()
        body = await _user_request()
        if isinstance(body, Response):
            return body
        if not self._state.signer.owns(body.id, body.sid):
            return refusal(USERS_INVALID_SESSION)
        if users.mode == "httpheader":
            return refusal(USERS_IN_HEADER_MODE)
        user = f"{uuid.uuid4()}@{self._state.settings.server_realm}"
        try:
            nonce = await grant(self._state, body.id, user)
        except LoginFailed as failure:
            return refusal(users_request_failed(failure.reason))
        expires = int(time.time()) + REGISTRATION_SECONDS
        login = make_login(user, self._state.shared_secret, expires)
        return answer(
            UserAnswer(
                nonce=nonce,
                userid=user,
                useridcombo=login.combo,
                secret=login.secret,
                timestamp=expires,
            )
        )

    async def stats(self) -> Response:
        if not self._state.settings.stats:
            return refusal(STATUSES[404])
        details = request.args.get("details") == "1"
        try:
            document = await stats_document(self._state, details=details)
        except ActorError as error:
            return refusal(words_for(error))
        response = json_answer(document)
        response.headers["Access-Control-Allow-Origin"] = "*"
        return response

    async def picture(self, flags: str, image: str, index: str) -> Response:
        """Serve a buddy picture, sized by flags such as "s46"; `index` only defeats caches."""
        try:
            size = size_of_flags(flags)
            picture = await self._state.pictures.sized(image, size, client().address)
        except (trio.TooSlowError, Busy):
            return refusal(BUSY)
        if picture is None:
            return Response("Unknown image", 404, content_type="text/plain; charset=utf-8")
        response = _picture_response(picture)
        await response.make_conditional(
            request, accept_ranges=True, complete_length=len(picture.data)
        )
        return response

    async def well_known(self) -> Response:
        return json_answer({"spreed-webrtc_endpoint": self._site().rstrip("/")})

    def _site(self) -> str:
        """Return the absolute URL of the base path, ending in a slash."""
        public, caller = self._state.services.settings().server.public_url, client()
        scheme = "https" if caller.secure else "http"
        host = caller.host or ":".join(map(str, request.scope["server"] or ()))  # HTTP/1.0
        origin = public.rstrip("/") or f"{scheme}://{host}"
        return f"{origin}{self._state.settings.base_path}"


async def _user_request() -> UserRequest | Response:
    """Read id and sid from JSON or a form, or return the answer that says what is wrong."""
    kind = request.content_type or ""
    if kind.startswith("application/json"):
        try:
            body = UserRequest.model_validate_json(await request.get_data(as_text=False))
        except ValidationError:
            return refusal(USERS_UNREADABLE)
    elif kind.startswith(("application/x-www-form-urlencoded", "multipart/form-data")):
        given = await form()
        body = UserRequest(id=given.get("id", ""), sid=given.get("sid", ""))
    else:
        return refusal(USERS_WRONG_TYPE)
    if not body.id or not body.sid:
        return refusal(USERS_INCOMPLETE)
    return body


def _picture_response(picture: Picture) -> Response:
    response = Response(picture.data, content_type=picture.content_type)
    response.set_etag(picture.change)
    response.last_modified = datetime.fromtimestamp(picture.changed, UTC)
    response.expires = datetime.now(UTC) + timedelta(seconds=PICTURE_SECONDS)
    response.headers["Cache-Control"] = f"public, no-transform, max-age={PICTURE_SECONDS}"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Content-Security-Policy"] = "default-src 'none'"
    return response


def answer(body: BaseModel) -> Response:
    return json_answer(body.model_dump())


def json_answer(document: object, status: int = 200) -> Response:
    return Response(encode(document), status, content_type="application/json; charset=utf-8")


def refusal(words: Words) -> Response:
    """Return an error in this API's form."""
    document = ErrorAnswer(code=words.code, message=words.message)
    return json_answer(document.model_dump(), words.status)


def refuse(status: int) -> Response:
    """Return the error for a status that the server around this dialect decides."""
    return refusal(STATUSES.get(status, Words("error", "Error", status)))


def not_found_text() -> Response:
    """Return the plain 404 that the seed promises for operations that are switched off."""
    return Response("No handler found", 404, content_type="text/plain; charset=utf-8")
