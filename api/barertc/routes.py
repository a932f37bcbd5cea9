"""The web API of BareRTC (fact sheet section 1).

Checked in this order: method, content type, JSON, key. Served at `/api/…` where the dialect is
root, and at `/barertc/api/…` always.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar, get_args

from pydantic import ValidationError
from quart import Blueprint, Response, request

from actors.core import ActorError, ActorStopped, Request
from actors.words.refusals import PersonUnknown
from actors.words.site import (
    Person,
    Video,
)
from actors.words.site_orders import (
    AmendStanding,
    BlockNow,
    DisconnectNow,
    GetPeople,
)
from api.barertc import answers
from api.barertc.answers import ApiRefusal, done, failed, json_answer
from api.barertc.bodies import (
    AmendBody,
    ApiBody,
    AuthenticateBody,
    BlocklistBody,
    BlockNowBody,
    ClearBody,
    DisconnectNowBody,
    HistoryBody,
    KeyedBody,
    ProfileBody,
    ShutdownBody,
    UsernamesBody,
    first_problem,
)
from api.barertc.history import NAMES_PER_PAGE, HistoryUnavailable, NameOrder
from api.barertc.site_control import shut_down
from api.barertc.text.markdown import render
from api.barertc.tokens import BadLoginToken, Bearer
from api.barertc.webhooks import WebhookFailed
from api.http.asking import ask, client
from api.http.credentials import TooManyAttempts, constant_time_equal

if TYPE_CHECKING:
    from api.barertc.state import BareRtcState

B = TypeVar("B", bound=ApiBody)
K = TypeVar("K", bound=KeyedBody)
R = TypeVar("R")
View = Callable[[], Awaitable[Response]]

METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
HIDDEN = "hidden"  # the status of operators whom nobody sees
KEY_ATTEMPTS = "barertc key"
ORDERS: dict[str, NameOrder] = {order: order for order in get_args(NameOrder)}
NO_PROFILE = "Didn't get expected response for profile data: "


def add_routes(blueprint: Blueprint, state: BareRtcState, bases: tuple[str, ...]) -> None:
    """Put the API below each of `bases`, such as "/" and "/barertc/"."""
    api = BareRtcApi(state)
    nothing: dict[str, object] = {}
    views: dict[str, tuple[View, Mapping[str, object]]] = {
        "statistics": (api.statistics, nothing),
        "authenticate": (api.authenticate, nothing),
        "authentication": (api.authenticate, nothing),
        "shutdown": (api.shutdown, nothing),
        "blocklist": (api.blocklist, nothing),
        "block/now": (api.block_now, nothing),
        "disconnect/now": (api.disconnect_now, nothing),
        "amend-jwt": (api.amend, nothing),
        "profile": (api.profile, {"ProfileFields": None}),
        "message/history": (api.history, {"Messages": None, "Remaining": 0}),
        "message/usernames": (api.usernames, {"Usernames": None, "Count": 0, "Pages": 0}),
        "message/clear": (api.clear, {"MessagesErased": 0}),
    }
    for path, (view, empty) in views.items():
        guarded = _answering(view, empty)
        for base in bases:
            blueprint.add_url_rule(
                f"{base}api/{path}",
                f"api_{path.replace('/', '_')}",
                guarded,
                methods=METHODS,
                provide_automatic_options=False,
            )


def _answering(view: View, empty: Mapping[str, object]) -> View:
    """Have what a view raises answered; `empty` are keys that errors have as well."""

    async def answer() -> Response:
        try:
            return await view()
        except ApiRefusal as refusal:
            return failed(refusal, empty)
        except ActorError:
            return failed(ApiRefusal(503, answers.TEXTS[503]), empty)

    return answer


class BareRtcApi:
    """One method an operation."""

    def __init__(self, state: BareRtcState) -> None:
        self._state = state

    async def statistics(self) -> Response:
        """Count who is here and is not hidden; for pages of `cors_hosts` as well."""
        people = [each for each in await self._people() if each.status != HIDDEN]
        active = [each.video for each in people if Video.ACTIVE in each.video]
        red = sum(Video.NSFW in video for video in active)
        response = json_answer(
            {
                "UserCount": len(people),
                "Usernames": sorted({each.name for each in people}),
                "Cameras": {"Blue": len(active) - red, "Red": red},
            }
        )
        hosts = self._state.settings.cors_hosts
        origin = request.headers.get("Origin")
        if hosts:
            response.headers["Vary"] = "Origin"
        if origin and (origin in hosts or "*" in hosts):
            response.headers["Access-Control-Allow-Origin"] = origin
        return response

    async def authenticate(self) -> Response:
        """Sign claims on behalf of the web site."""
        body = await self._keyed(AuthenticateBody)
        try:
            return done(JWT=self._state.tokens.sign(body.claims))
        except BadLoginToken:
            raise ApiRefusal(*answers.NOT_SIGNED) from None

    async def shutdown(self) -> Response:
        """End the process, or the chat, as `barertc.shutdown` says."""
        await self._keyed(ShutdownBody)
        await shut_down(self._state)
        return done()

    async def blocklist(self) -> Response:
        """Keep a block list for the page of who comes in by this name."""
        body = await self._keyed(BlocklistBody)
        settings = self._state.settings
        self._state.block_lists.put(
            body.username,
            tuple(dict.fromkeys(body.blocklist)),
            settings.block_lists,
            settings.block_list_bytes,
        )
        return done()

    async def block_now(self) -> Response:
        """Have these block each other, as far as they are here."""
        body = await self._keyed(BlockNowBody)
        await self._site(BlockNow(tuple(dict.fromkeys(body.usernames))), None)
        return done()

    async def disconnect_now(self) -> Response:
        """Put these out."""
        body = await self._keyed(DisconnectNowBody)
        html = await render(body.message, self._state.readers) if body.message else ""
        order = DisconnectNow(tuple(dict.fromkeys(body.usernames)), html, body.kick)
        removed = await self._site(order, 0)
        return done(Removed=removed)

    async def amend(self) -> Response:
        """Replace what the token of somebody who is here said."""
        body = await self._keyed(AmendBody)
        try:
            bearer = self._state.tokens.verify(body.token)
        except BadLoginToken as error:
            raise ApiRefusal(401, str(error)) from None
        if bearer.name not in ("", body.username):
            raise ApiRefusal(401, "the token is somebody else's")
        offline = ApiRefusal(404, f"{body.username} is not online.")
        site = await self._state.site()
        if site is None:
            raise offline
        try:
            await ask(site, AmendStanding(body.username, bearer.standing))
        except PersonUnknown:
            raise offline from None
        return done()

    async def profile(self) -> Response:
        """Pass on what the web site says of somebody."""
        body = await self._read(ProfileBody)
        self._bearer(body.token)
        try:
            answer = await self._state.webhooks.profile(body.username)
        except WebhookFailed as failure:
            raise ApiRefusal(500, f"{NO_PROFILE}{failure}") from None
        data, status = answer.get("Data"), answer.get("StatusCode")
        if not isinstance(data, dict):
            raise ApiRefusal(500, f"{NO_PROFILE}there is no Data in it")
        return json_answer(data, 500 if status != 200 or data.get("Error") else 200)

    async def history(self) -> Response:
        """Return a page of direct messages."""
        body = await self._read(HistoryBody)
        owner = await self._present(body.token)
        page = await _kept(self._state.history.page(owner, body.username, body.before_id))
        messages = [
            {
                "username": each.sender,
                "message": each.html,
                "msgID": each.id,
                "timestamp": datetime.fromtimestamp(each.at, UTC)
                .isoformat()
                .replace("+00:00", "Z"),
            }
            for each in page.messages
        ]
        return done(Messages=messages, Remaining=page.remaining)

    async def usernames(self) -> Response:
        """Return those with whom direct messages were exchanged."""
        body = await self._read(UsernamesBody)
        owner = await self._present(body.token)
        page = await _kept(
            self._state.history.names(owner, ORDERS.get(body.sort, "newest"), max(1, body.page))
        )
        if not page.count:
            raise ApiRefusal(500, "you have no direct messages stored on this chat server")
        pages = -(-page.count // NAMES_PER_PAGE)
        return done(Usernames=list(page.names), Count=page.count, Pages=pages)

    async def clear(self) -> Response:
        """Forget somebody's direct messages: by the key, which wins, or by his own token."""
        body = await self._read(ClearBody)
        if body.api_key:
            await self._check_key(body)
            owner = body.username
        else:
            owner = self._bearer(body.token).name
        return done(MessagesErased=await _kept(self._state.history.erase(owner)))

    # ---

    async def _read(self, kind: type[B]) -> B:
        """Read the body of a POST. Raises ApiRefusal."""
        if request.method != "POST":
            raise ApiRefusal(*answers.NOT_POST)
        if (request.mimetype or "").lower() != "application/json":
            raise ApiRefusal(*answers.NOT_JSON)
        try:
            return kind.model_validate_json(await request.get_data(as_text=False))
        except ValidationError as error:
            raise ApiRefusal(400, first_problem(error)) from None

    async def _keyed(self, kind: type[K]) -> K:
        """Read the body of who must have the key. Raises ApiRefusal."""
        body = await self._read(kind)
        await self._check_key(body)
        return body

    async def _check_key(self, body: KeyedBody) -> None:
        guard, address = self._state.services.guard, client().address
        try:
            await guard.admit(address, KEY_ATTEMPTS)
        except TooManyAttempts as error:
            raise ApiRefusal(429, answers.TEXTS[429], error.retry_after) from None
        if not constant_time_equal(body.api_key, self._state.api_key):
            guard.failed(address, KEY_ATTEMPTS)
            raise ApiRefusal(*answers.KEY_DENIED)
        guard.succeeded(address, KEY_ATTEMPTS)

    def _bearer(self, token: str) -> Bearer:
        """Return whose token this is. Raises ApiRefusal."""
        if not self._state.settings.jwt.enabled or not token:
            raise ApiRefusal(*answers.NO_JWT)
        try:
            bearer = self._state.tokens.verify(token)
        except BadLoginToken as error:
            raise ApiRefusal(400, str(error)) from None
        if not bearer.name:
            raise ApiRefusal(400, "the token names nobody")
        return bearer

    async def _present(self, token: str) -> str:
        """Return the name of a token whose holder is here. Raises ApiRefusal."""
        name = self._bearer(token).name
        if all(each.name != name for each in await self._people()):
            raise ApiRefusal(*answers.NOT_LOGGED_IN)
        return name

    async def _people(self) -> tuple[Person, ...]:
        return await self._site(GetPeople(), ())

    async def _site(self, question: Request[R], nobody: R) -> R:
        """Ask the room; `nobody` is the answer of one that nobody has come to."""
        site = await self._state.site()
        if site is None:
            return nobody
        try:
            return await ask(site, question)
        except ActorStopped:  # the last one has just gone
            return nobody


def _rfc3339(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _kept(answer: Awaitable[R]) -> R:
    try:
        return await answer
    except HistoryUnavailable as error:
        raise ApiRefusal(500, str(error)) from None


__all__ = ["BareRtcApi", "add_routes"]
