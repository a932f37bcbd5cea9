"""The web API of BareRTC, operation by operation and status by status, over real connections."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from actors.words.site import (
    Rule,
    Standing,
)
from actors.words.site_orders import (
    AmendStanding,
    Announce,
    BlockNow,
    DisconnectNow,
    SetSiteRules,
)
from api.barertc.history import (
    HistoryPage,
    HistoryUnavailable,
    KeptMessage,
    NameOrder,
    NamesPage,
)
from api.barertc.tokens import Bearer, LoginTokens
from tests.fakes.site_room import open_fake_site, person
from tests.support.barertc_api import (
    JWT_KEY,
    KEY,
    ApiServer,
    api_settings,
    barertc_api,
    until,
)
from tests.support.serving import CARRIERS

POSTED = (
    "authenticate", "authentication", "shutdown", "blocklist", "block/now", "disconnect/now",
    "amend-jwt", "profile", "message/history", "message/usernames", "message/clear",
)  # fmt: skip
KEYED = POSTED[:7]
BY_TOKEN = ("profile", "message/history", "message/usernames", "message/clear")
JWT_ON = {"jwt": {"enabled": True}}


@pytest.fixture(params=CARRIERS)
async def server(request: Any, tmp_path: Path) -> AsyncIterator[ApiServer]:
    async with barertc_api(tmp_path, request.param) as found:
        yield found


def refused(response: httpx.Response, *, more: tuple[str, ...] = ()) -> tuple[int, str]:
    """Return status and text of an error in this API's form."""
    body = response.json()
    assert list(body) == ["OK", "Error", *more]
    assert body["OK"] is False
    assert response.headers["content-type"] == "application/json"
    assert response.text.startswith('{\n  "OK": false,\n')
    assert "Traceback" not in response.text
    return response.status_code, body["Error"]


# --- statistics


async def test_statistics_of_a_chat_that_nobody_has_come_to(server: ApiServer) -> None:
    response = await server.http.get("/api/statistics")
    assert response.status_code == 200
    assert response.json() == {
        "UserCount": 0, "Usernames": [], "Cameras": {"Blue": 0, "Red": 0},
    }  # fmt: skip
    assert response.text.startswith('{\n  "UserCount": 0,\n')


async def test_statistics_count_people_and_cameras_but_nobody_hidden(server: ApiServer) -> None:
    await open_fake_site(
        server.system,
        person("bob", video=1),
        person("alice", video=3),
        person("boss", "hidden", video=3),
        person("cleo", video=2),  # marked, and off
        person("dora", "away", video=1 | 32),
    )
    for method in ("GET", "POST", "OPTIONS", "PUT"):
        response = await server.http.request(method, "/api/statistics")
        assert response.status_code == 200
        assert response.json() == {
            "UserCount": 4,
            "Usernames": ["alice", "bob", "cleo", "dora"],
            "Cameras": {"Blue": 2, "Red": 1},
        }


async def test_only_pages_of_the_web_site_may_read_statistics(tmp_path: Path) -> None:
    hosts = ["https://www.example.com", "http://localhost:8080"]
    async with barertc_api(tmp_path, barertc={"cors_hosts": hosts}) as server:
        for origin in hosts:
            response = await server.http.get("/api/statistics", headers={"Origin": origin})
            assert response.headers["access-control-allow-origin"] == origin
            assert response.headers["vary"] == "Origin"
        for origin in ("https://www.example.com.evil.test", "https://WWW.example.com", "null"):
            response = await server.http.get("/api/statistics", headers={"Origin": origin})
            assert response.status_code == 200
            assert "access-control-allow-origin" not in response.headers
        other = await server.post("authenticate", {}, headers={"Origin": hosts[0]})
        assert "access-control-allow-origin" not in other.headers


# --- what is checked, in its order


@pytest.mark.parametrize("path", POSTED)
async def test_checks_come_in_the_order_method_type_json_key(server: ApiServer, path: str) -> None:
    url = f"/api/{path}"
    more = {
        "profile": ("ProfileFields",),
        "message/history": ("Messages", "Remaining"),
        "message/usernames": ("Usernames", "Count", "Pages"),
        "message/clear": ("MessagesErased",),
    }.get(path, ())
    for method in ("GET", "PUT", "DELETE", "PATCH", "OPTIONS"):
        response = await server.http.request(method, url, content=b"x")
        assert refused(response, more=more) == (400, "Only POST methods allowed")
    for kind in ("text/plain", "application/x-www-form-urlencoded", "application/jsonx", ""):
        headers = {"Content-Type": kind} if kind else {}
        response = await server.http.post(url, content=b"x", headers=headers)
        assert refused(response, more=more) == (
            400, "Only application/json content-types allowed",
        )  # fmt: skip
    for body in (b"", b"x", b"[]", b"5", b'{"APIKey": 5, "JWTToken": 5}', b"\xff", b'"\\ud800"'):
        status, _ = refused(await server.post(path, body), more=more)
        assert status == 400
    if path in KEYED:
        for body in ({}, {"APIKey": ""}, {"APIKey": "wrong"}, {"APIKey": None}):
            response = await server.post(path, body)
            assert refused(response) == (401, "Authentication denied.")
            server.services.guard.succeeded("127.0.0.1", "barertc key")
    else:
        response = await server.post(path, {"JWTToken": "x"})
        assert refused(response, more=more) == (400, "JWT authentication is not available.")


async def test_keys_are_matched_without_case_and_types_with_parameters(server: ApiServer) -> None:
    body = json.dumps({"apikey": KEY, "CLAIMS": {"SUB": "alice", "Op": True}, "x": 1})
    for kind in ("application/json", "application/json; charset=utf-8", "Application/JSON"):
        response = await server.post("authenticate", body.encode(), headers={"Content-Type": kind})
        assert response.status_code == 200
        bearer = server.state.tokens.verify(response.json()["JWT"])
        assert bearer == Bearer("alice", Standing(operator=True))


async def test_an_unknown_path_is_404_in_json_and_not_the_page(server: ApiServer) -> None:
    for path in ("/api/nope", "/api", "/api/message", "/barertc/api/nope", "/barertc/nope"):
        for method in ("GET", "POST"):
            status, _ = refused(await server.http.request(method, path))
            assert status == 404


async def test_a_large_body_is_refused(tmp_path: Path) -> None:
    async with barertc_api(tmp_path, limits={"body_bytes": 1000}) as server:
        response = await server.keyed("blocklist", Username="a", Blocklist=["b" * 100] * 20)
        assert refused(response)[0] == 413


async def test_guessing_the_key_is_refused_in_the_end(tmp_path: Path) -> None:
    async with barertc_api(tmp_path, limits={"credential_failures": 3}) as server:
        for _ in range(3):
            assert refused(await server.post("blocklist", {"APIKey": "no"}))[0] == 401
        response = await server.keyed("blocklist")
        assert refused(response)[0] == 429
        assert int(response.headers["retry-after"]) > 0
        assert (await server.http.get("/api/statistics")).status_code == 200


async def test_the_api_stands_below_barertc_where_another_dialect_is_root(tmp_path: Path) -> None:
    async with barertc_api(tmp_path, root=False) as server:
        assert (await server.http.get("/api/statistics")).status_code == 404
        assert (await server.http.get("/barertc/api/statistics")).status_code == 200
        response = await server.http.post(
            "/barertc/api/authenticate", json={"APIKey": KEY, "Claims": {"sub": "a"}}
        )
        assert response.json()["OK"] is True


# --- tokens


async def test_a_token_is_signed_at_both_paths(server: ApiServer) -> None:
    claims = {
        "sub": "alice", "nick": "Al", "op": True, "vip": True, "img": "/a.png",
        "url": "/u/alice", "emoji": "🤖", "gender": "f", "rules": ["redcam"], "exp": 1,
    }  # fmt: skip
    for path in ("authenticate", "authentication"):
        response = await server.keyed(path, Claims=claims)
        assert response.status_code == 200
        assert list(response.json()) == ["OK", "JWT"]
        assert LoginTokens(lambda: JWT_KEY).verify(response.json()["JWT"]) == Bearer(
            "alice",
            Standing(
                "Al", True, True, "/a.png", "/u/alice", "🤖", "f", frozenset({Rule.RED_CAMERA})
            ),
        )


async def test_empty_claims_are_signed(server: ApiServer) -> None:
    for more in ({}, {"Claims": None}, {"Claims": {}}):
        response = await server.keyed("authenticate", **more)
        assert server.state.tokens.verify(response.json()["JWT"]).name == ""


async def test_claims_that_could_not_be_used_are_not_signed(server: ApiServer) -> None:
    long = {"sub": "a"} | dict.fromkeys(("nick", "img", "url", "emoji"), "x" * 2048)
    response = await server.keyed("authenticate", Claims=long)
    assert refused(response) == (500, "Error signing the JWT claims.")
    for claims in ({"sub": 5}, {"sub": "a" * 129}, {"op": "yes"}, [], "a"):
        assert refused(await server.keyed("authenticate", Claims=claims))[0] == 400


async def test_a_generated_secret_lets_signed_tokens_in_and_no_forged_ones(tmp_path: Path) -> None:
    """The original takes a token that is signed with its empty key."""
    async with barertc_api(tmp_path, barertc={"jwt": {"secret_key": ""}}) as server:
        token = await server.token("alice", op=True)
        assert server.state.tokens.verify(token).standing.operator
        secret = server.services.secrets.text("barertc.jwt.secret_key")
        assert len(secret) >= 32
        for forger in ("", "secret", JWT_KEY):
            with pytest.raises(Exception, match=r"secret|not valid|key"):
                forged = LoginTokens(lambda key=forger: key).sign_for(  # type: ignore[misc]
                    Bearer("alice", Standing(operator=True))
                )
                server.state.tokens.verify(forged)


# --- people


async def test_a_block_list_waits_for_its_owner(server: ApiServer) -> None:
    response = await server.keyed("blocklist", Username="alice", Blocklist=["bob", "eve", "bob"])
    assert response.json() == {"OK": True}
    assert response.text == '{\n  "OK": true\n}\n'
    assert server.state.block_lists.get("alice") == ("bob", "eve")
    assert server.state.block_lists.get("Alice") == ()
    await server.keyed("blocklist", Username="alice", Blocklist=None)
    assert server.state.block_lists.get("alice") == ()


async def test_people_are_blocked_now(server: ApiServer) -> None:
    assert (await server.keyed("block/now", Usernames=["a", "b"])).json() == {"OK": True}
    heard = await open_fake_site(server.system, person("a"), person("b"))
    assert (await server.keyed("block/now", Usernames=["a", "b", "a"])).json() == {"OK": True}
    assert heard.asked == [BlockNow(("a", "b"))]
    many = [str(number) for number in range(101)]
    assert refused(await server.keyed("block/now", Usernames=many))[0] == 400


async def test_people_are_put_out_now(server: ApiServer) -> None:
    response = await server.keyed("disconnect/now", Usernames=["a"])
    assert response.json() == {"OK": True, "Removed": 0}
    heard = await open_fake_site(server.system, person("a"), person("b"), person("c"))
    message = "<i>Bye</i> & *1*<script>x</script>"
    response = await server.keyed(
        "disconnect/now",
        Usernames=["a", "c", "x"],
        Message=message,
        Kick=True,
    )
    assert response.json() == {"OK": True, "Removed": 2}
    assert heard.asked == [
        DisconnectNow(("a", "c", "x"), "<p><i>Bye</i> &amp; <em>1</em></p>", kicked=True)
    ]
    await server.keyed("disconnect/now", Usernames=["b"])
    assert heard.asked[-1] == DisconnectNow(("b",))


async def test_what_a_token_said_is_amended(server: ApiServer) -> None:
    token = await server.token("alice", vip=True)
    assert refused(await server.keyed("amend-jwt", Username="alice", JWTToken="x"))[0] == 401
    status, text = refused(await server.keyed("amend-jwt", Username="alice", JWTToken=token))
    assert (status, "alice" in text) == (404, True)
    heard = await open_fake_site(server.system, person("alice"), person("bob"))
    response = await server.keyed("amend-jwt", Username="alice", JWTToken=token)
    assert response.json() == {"OK": True}
    assert heard.asked == [AmendStanding("alice", Standing(vip=True))]
    ghost = await server.token("ghost")
    assert refused(await server.keyed("amend-jwt", Username="ghost", JWTToken=ghost))[0] == 404
    assert refused(await server.keyed("amend-jwt", Username="bob", JWTToken=token))[0] == 401


async def test_a_room_that_hangs_is_answered_with_503(tmp_path: Path) -> None:
    async with barertc_api(tmp_path, limits={"ask_seconds": 0.1}) as server:
        heard = await open_fake_site(server.system)
        heard.hangs = True
        assert refused(await server.keyed("block/now"))[0] == 503
        assert refused(await server.http.get("/api/statistics"))[0] == 503


# --- history


class KeptHere:
    """A history with something in it."""

    enabled = True

    def __init__(self) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.away = False

    def keep(self, message: KeptMessage) -> None:
        self.asked.append((message,))

    def drop(self, id: int) -> None:
        self.asked.append((id,))

    async def find(self, id: int) -> KeptMessage | None:
        return None

    async def page(self, owner: str, other: str, before: int, limit: int = 20) -> HistoryPage:
        self.asked.append((owner, other, before))
        if self.away:
            raise HistoryUnavailable("the database is away")
        return HistoryPage((KeptMessage(7, "bob", "alice", "<p>hi</p>", 1_700_000_000),), 3)

    async def names(self, owner: str, order: NameOrder, page: int) -> NamesPage:
        self.asked.append((owner, order, page))
        return NamesPage(("bob", "cleo"), 11) if owner == "alice" else NamesPage((), 0)

    async def erase(self, owner: str) -> int:
        self.asked.append((owner,))
        return 5


@pytest.mark.parametrize("path", BY_TOKEN)
async def test_a_history_or_profile_needs_a_token(tmp_path: Path, path: str) -> None:
    more = {
        "profile": ("ProfileFields",),
        "message/history": ("Messages", "Remaining"),
        "message/usernames": ("Usernames", "Count", "Pages"),
        "message/clear": ("MessagesErased",),
    }[path]
    async with barertc_api(tmp_path, barertc=JWT_ON) as server:
        unavailable = (400, "JWT authentication is not available.")
        for body in ({}, {"JWTToken": ""}, {"JWTToken": None}):
            assert refused(await server.post(path, body), more=more) == unavailable
        for token in ("x", await server.token("")):
            response = await server.post(path, {"JWTToken": token})
            assert refused(response, more=more)[0] == 400
        if path in ("message/history", "message/usernames"):
            response = await server.post(path, {"JWTToken": await server.token("alice")})
            assert refused(response, more=more) == (
                400, "You are not logged into the chat room.",
            )  # fmt: skip


async def test_a_chat_that_keeps_no_history_says_so(tmp_path: Path) -> None:
    async with barertc_api(tmp_path, barertc=JWT_ON) as server:
        await open_fake_site(server.system, person("alice"))
        token = await server.token("alice")
        for path, more in (
            ("message/history", ("Messages", "Remaining")),
            ("message/usernames", ("Usernames", "Count", "Pages")),
            ("message/clear", ("MessagesErased",)),
        ):
            response = await server.post(path, {"JWTToken": token, "Username": "bob"})
            assert refused(response, more=more) == (500, "database is not initialized")


async def test_history_is_paged_named_and_cleared(tmp_path: Path) -> None:
    async with barertc_api(tmp_path, barertc=JWT_ON) as server:
        await open_fake_site(server.system, person("alice"), person("dora"))
        kept = server.state.history = KeptHere()
        alice, dora = await server.token("alice"), await server.token("dora")
        response = await server.post(
            "message/history", {"JWTToken": alice, "Username": "bob", "BeforeID": 9}
        )
        assert response.json() == {
            "OK": True,
            "Messages": [
                {
                    "username": "bob", "message": "<p>hi</p>", "msgID": 7,
                    "timestamp": "2023-11-14T22:13:20Z",
                }
            ],
            "Remaining": 3,
        }  # fmt: skip
        for sort, page, asked in (
            ("a-z", 2, ("a-z", 2)), ("nosuch", -1, ("newest", 1)), (None, None, ("newest", 1)),
        ):  # fmt: skip
            response = await server.post(
                "message/usernames", {"JWTToken": alice, "Sort": sort, "Page": page}
            )
            assert response.json() == {
                "OK": True, "Usernames": ["bob", "cleo"], "Count": 11, "Pages": 2,
            }  # fmt: skip
            assert kept.asked[-1] == ("alice", *asked)
        response = await server.post("message/usernames", {"JWTToken": dora})
        assert refused(response, more=("Usernames", "Count", "Pages")) == (
            500, "you have no direct messages stored on this chat server",
        )  # fmt: skip
        response = await server.post("message/clear", {"JWTToken": alice})
        assert response.json() == {"OK": True, "MessagesErased": 5}
        assert kept.asked[-1] == ("alice",)
        await server.keyed("message/clear", Username="eve", JWTToken=alice)
        assert kept.asked[-1] == ("eve",)  # the key wins
        response = await server.post("message/clear", {"APIKey": "no", "JWTToken": alice})
        assert refused(response, more=("MessagesErased",))[0] == 401
        kept.away = True
        response = await server.post("message/history", {"JWTToken": alice})
        assert refused(response, more=("Messages", "Remaining")) == (500, "the database is away")


async def test_the_key_clears_history_where_nobody_logs_in_by_token(server: ApiServer) -> None:
    server.state.history = KeptHere()
    response = await server.keyed("message/clear", Username="bob")
    assert response.json() == {"OK": True, "MessagesErased": 5}


# --- the end of the chat


class Process:
    """Notes what it is told."""

    def __init__(self) -> None:
        self.stopped: list[tuple[int, float]] = []
        self.reloads = 0

    def stop(self, exit_code: int, after: float) -> None:
        self.stopped.append((exit_code, after))

    def reload(self) -> None:
        self.reloads += 1


async def test_shutting_down_tells_everybody_and_stops_the_process(server: ApiServer) -> None:
    process = server.services.lifecycle.process = Process()
    heard = await open_fake_site(server.system, person("a"))
    assert refused(await server.post("shutdown", {"APIKey": "no"}))[0] == 401
    assert process.stopped == []
    assert (await server.keyed("shutdown")).json() == {"OK": True}
    assert process.stopped == [(1, 2.0)]
    assert isinstance(heard.asked, list)
    [told] = heard.asked
    assert isinstance(told, Announce)
    assert "reboot NOW!" in told.html


async def test_the_process_is_stopped_even_if_the_room_hangs(server: ApiServer) -> None:
    process = server.services.lifecycle.process = Process()
    heard = await open_fake_site(server.system)
    heard.hangs = True
    with trio.fail_after(30):
        assert (await server.keyed("shutdown")).json() == {"OK": True}
    assert process.stopped == [(1, 2.0)]


@pytest.mark.parametrize("hangs", [False, True])
async def test_a_site_is_ended_alone(tmp_path: Path, hangs: bool) -> None:
    async with barertc_api(
        tmp_path, barertc={"shutdown": "site"}, limits={"ask_seconds": 0.2 if hangs else 5.0}
    ) as server:
        process = server.services.lifecycle.process = Process()
        heard = await open_fake_site(server.system, person("a"))
        heard.hangs = hangs
        assert (await server.keyed("shutdown")).json() == {"OK": True}
        assert process.stopped == []
        assert await server.state.site() is None
        if not hangs:
            assert heard.asked is not None
            assert isinstance(heard.asked[0], Announce)


async def test_a_reload_reaches_the_room_and_the_key(server: ApiServer) -> None:
    heard = await open_fake_site(server.system)
    welcome = ["Hi *all*<script>x</script>", " "]
    channels = [{"id": "lobby", "name": "Lobby", "welcome_messages": welcome}]
    server.settings(api_settings(barertc={"channels": channels, "admin_api_key": "new"}))
    await until(lambda: bool(heard.asked))
    assert heard.asked is not None
    [told] = heard.asked
    assert isinstance(told, SetSiteRules)
    assert told.rules == server.state.site_rules()
    assert told.rules.channels[0].welcome == ("<p>Hi <em>all</em></p>",)
    assert refused(await server.keyed("blocklist"))[0] == 401
    assert (await server.post("blocklist", {"APIKey": "new"})).status_code == 200


# --- whatever comes


@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    body=st.binary(max_size=60)
    | st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["APIKey", "Claims", "Usernames", "JWTToken", "Page", "BeforeID", "sub", "x"]
                ),
                inner,
                max_size=4,
            )
        ),
        max_leaves=8,
    ).map(lambda document: json.dumps(document).encode()),
    path=st.sampled_from(POSTED),
)
def test_no_body_is_an_error_of_ours(tmp_path: Path, body: bytes, path: str) -> None:
    async def run() -> None:
        async with barertc_api(tmp_path, barertc=JWT_ON) as server:
            response = await server.post(path, body)
            assert response.status_code in (400, 401)
            assert response.json()["OK"] is False

    trio.run(run)
