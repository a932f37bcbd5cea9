"""The REST API, operation by operation, over real connections."""

from __future__ import annotations

import base64
import hashlib
import hmac
import io
import json
import os
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from PIL import Image
from trio_websocket import ConnectionClosed

from actors.directory.actor import DirectoryActor
from actors.words.keys import DIRECTORY
from api.spreed.auth import make_login
from api.spreed.pictures import Pictures
from tests.support.raw import connected
from tests.support.saboteur import Saboteur
from tests.support.spreed import SpreedClient, SpreedServer, connect, spreed_server, spreed_settings

SECRET = "shared secret"
USERS = {"users": {"enabled": True, "allow_registration": True, "shared_secret": SECRET}}


@asynccontextmanager
async def site(
    tmp_path: Path, **sections: Any
) -> AsyncIterator[tuple[SpreedServer, httpx.AsyncClient]]:
    async with (
        spreed_server(tmp_path, settings=spreed_settings(**sections)) as server,
        server.http() as http,
    ):
        yield server, http


def refused(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert list(body) == ["code", "message", "success"]
    assert body["success"] is False
    return response.status_code, body["code"]


def login_body(client: SpreedClient, user: str = "ann", **changes: str) -> dict[str, str]:
    login = make_login(user, SECRET, int(time.time()) + 60)
    return {
        "id": client.id, "sid": client.me["Sid"], "useridcombo": login.combo,
        "secret": login.secret,
    } | changes  # fmt: skip


async def log_in(
    http: httpx.AsyncClient,
    client: SpreedClient,
    user: str,
    headers: Mapping[str, str] | None = None,
) -> None:
    """Log a session in the way a portal's client does."""
    body = login_body(client, user)
    response = await http.patch(f"/api/v1/sessions/{client.id}/", json=body, headers=headers)
    answer = response.json()
    await client.send("Authentication", {"Userid": answer["userid"], "Nonce": answer["nonce"]})
    assert (await client.data("Self"))["Userid"] == answer["userid"]


# --- config, rooms, well-known


async def test_config_names_what_a_client_needs(tmp_path: Path) -> None:
    ice = {"servers": [{"urls": ["stun:s", "turn:t"], "username": "u", "credential": "hidden"}]}
    async with site(tmp_path, ice=ice, spreed={"title": "Us"}) as (server, http):
        response = await http.get("/api/v1/config")
        assert response.headers["content-type"] == "application/json; charset=utf-8"
        assert "hidden" not in response.text
        config = response.json()
        assert list(config) == [
            "Title", "S", "B", "Token", "Renegotiation", "StunURIs", "TurnURIs", "TurnUsername",
            "TurnPassword", "Tokens", "Version", "UsersEnabled", "UsersAllowRegistration",
            "UsersMode", "DefaultRoomEnabled", "Plugin", "AuthorizeRoomCreation",
            "AuthorizeRoomJoin", "Modules", "RoomNameCaseSensitive", "LockedRoomJoinableWithPIN",
        ]  # fmt: skip
        assert (config["Title"], config["B"], config["Tokens"]) == ("Us", "/", False)
        assert (config["StunURIs"], config["TurnURIs"]) == (["stun:s"], ["turn:t"])
        assert config["S"] == f"static/ver={config['Version']}"
        async with server.client() as ann:
            assert ann.me["Version"] == config["Version"]
            assert ann.me["Turn"]["password"] == "hidden"


async def test_room_names_are_random(tmp_path: Path) -> None:
    async with site(tmp_path) as (server, http):
        answers = [(await http.post("/api/v1/rooms")).json() for _ in range(20)]
        assert all(list(answer) == ["success", "name", "url"] for answer in answers)
        names = {answer["name"] for answer in answers}
        assert len(names) == 20
        assert all(len(name) == 11 and name.isalnum() and name.islower() for name in names)
        assert answers[0]["url"] == f"{server.url}/{answers[0]['name']}"


@pytest.mark.parametrize(
    ("sections", "headers", "site_url"),
    [
        ({}, {"host": "meet.test:81"}, "http://meet.test:81/"),
        ({"server": {"public_url": "https://pub.test"}}, {"host": "x"}, "https://pub.test/"),
        ({"spreed": {"base_path": "/m/"}}, {"host": "meet.test"}, "http://meet.test/m/"),
        (
            {"limits": {"trusted_proxies": ["127.0.0.1/32"]}},
            {"host": "meet.test", "x-forwarded-proto": "https"},
            "https://meet.test/",
        ),
    ],
)
async def test_absolute_urls_are_the_public_ones(
    tmp_path: Path, sections: dict[str, Any], headers: dict[str, str], site_url: str
) -> None:
    async with site(tmp_path, **sections) as (_, http):
        room = (await http.post("/api/v1/rooms", headers=headers)).json()
        assert room["url"] == f"{site_url}{room['name']}"
        known = await http.get("/.well-known/spreed-configuration", headers=headers)
        assert known.json() == {"spreed-webrtc_endpoint": site_url.rstrip("/")}


async def test_absolute_urls_name_our_address_for_who_names_none(tmp_path: Path) -> None:
    async with spreed_server(tmp_path) as server, connected(server.serving) as client:
        await client.send(b"POST /api/v1/rooms HTTP/1.0\r\n\r\n")
        room = json.loads((await client.read_rest()).partition(b"\r\n\r\n")[2])
        assert room["url"] == f"{server.url}/{room['name']}"


async def test_a_base_path_moves_page_socket_and_api(tmp_path: Path) -> None:
    async with site(tmp_path, spreed={"base_path": "/meet/"}) as (server, http):
        assert (await http.get("/meet/api/v1/config")).json()["B"] == "/meet/"
        assert (await http.get("/api/v1/config")).status_code == 200
        for path in ("/meet", "/meet/", "/meet/room/with/parts"):
            assert '<base href="/meet/">' in (await http.get(path)).text
        assert (await http.get("/meet/static/quintet/meeting/start.js")).status_code == 200
        assert (await http.get("/elsewhere")).status_code == 404
        for path in ("/meet/api/v1/unknown", "/api/v1/unknown", "/meet/-/healthz", "/meet/-"):
            assert refused(await http.get(path)) == (404, "not_found")
        assert refused(await http.get("/meet/api/v1/rooms")) == (405, "method_not_allowed")
        async with server.client(path="/meet/ws"), server.client(path="/spreed/ws"):
            pass


# --- forms of answers


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/api/v1/unknown", 404, "not_found"),
        ("GET", "/api/v1", 404, "not_found"),
        ("POST", "/api/v1/config", 405, "method_not_allowed"),
        ("GET", "/api/v1/rooms", 405, "method_not_allowed"),
        ("DELETE", "/api/v1/sessions/x/", 405, "method_not_allowed"),
        ("GET", "/api/v1/stats", 404, "not_found"),
        ("PUT", "/some/room", 405, "method_not_allowed"),
    ],
)
async def test_errors_are_json_with_a_code(
    tmp_path: Path, method: str, path: str, status: int, code: str
) -> None:
    async with site(tmp_path) as (_, http):
        assert refused(await http.request(method, path)) == (status, code)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/api/v1/config"), ("POST", "/api/v1/rooms"), ("GET", "/api/v1/stats")],
)
async def test_a_final_slash_makes_no_difference(tmp_path: Path, method: str, path: str) -> None:
    async with site(tmp_path, spreed={"stats": True}) as (_, http):
        for variant in (path, f"{path}/"):
            assert (await http.request(method, variant)).status_code == 200


async def test_a_body_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    async with site(tmp_path, limits={"body_bytes": 1000}) as (_, http):
        response = await http.post("/api/v1/tokens", data={"a": "x" * 2000})
        assert refused(response) == (413, "body_too_large")


# --- access tokens


@pytest.fixture
def token_file(tmp_path: Path) -> str:
    file = tmp_path / "tokens.txt"
    file.write_text("# ours\nLetMeIn:reception\n")
    return str(file)


async def test_token_in_the_file_is_accepted(tmp_path: Path, token_file: str) -> None:
    async with site(tmp_path, spreed={"token_file": token_file}) as (_, http):
        assert (await http.get("/api/v1/config")).json()["Tokens"] is True
        response = await http.post("/api/v1/tokens", data={"a": "letmeIN"})
        assert response.json() == {"token": "letmein", "success": True}
        cookie = response.headers["set-cookie"]
        assert cookie.startswith("quintet_access=letmein;")
        assert "HttpOnly" in cookie
        assert "SameSite=Lax" in cookie
        assert (await http.post("/api/v1/tokens?a=letmein")).status_code == 200


async def test_other_tokens_are_refused(tmp_path: Path, token_file: str) -> None:
    async with site(tmp_path, spreed={"token_file": token_file}) as (_, http):
        for data, expected in [
            ({"a": "wrong"}, (403, "invalid_token")),
            ({}, (403, "invalid_token")),
            ({"a": "x" * 101}, (413, "auth_too_large")),
            ({"a": "ü" * 51}, (413, "auth_too_large")),
        ]:
            assert refused(await http.post("/api/v1/tokens", data=data)) == expected
        response = await http.post("/api/v1/tokens", json={"a": "letmein"})
        assert refused(response) == (403, "invalid_token")


async def test_without_a_file_every_token_is_refused_and_none_counts_as_a_guess(
    tmp_path: Path,
) -> None:
    async with site(tmp_path, limits={"credential_failures": 1}) as (_, http):
        for _try in range(3):
            response = await http.post("/api/v1/tokens", data={"a": "any"})
            assert refused(response) == (403, "invalid_token")


# --- logging in


async def test_session_with_a_valid_secret_gets_a_nonce(tmp_path: Path) -> None:
    async with site(tmp_path, spreed=USERS) as (server, http):
        async with server.client() as ann, server.client() as bob:
            await bob.join("blue")
            await ann.join("blue")
            await bob.data("Joined")
            response = await http.patch(f"/api/v1/sessions/{ann.id}/", json=login_body(ann))
            assert response.status_code == 200
            answer = response.json()
            assert (answer["userid"], answer["success"]) == ("ann", True)
            login = {"Userid": "ann", "Nonce": answer["nonce"]}
            await ann.send("Authentication", login, Iid="a")
            frame = await ann.next()
            assert (frame["Iid"], frame["Data"]["Userid"]) == ("a", "ann")
            assert frame["Data"]["Suserid"]
            changed = await bob.data("Status")
            assert (changed["Id"], changed["Userid"]) == (ann.id, "ann")
            await ann.send("Authentication", login)
            assert await ann.error() == ("already_authenticated", "session already authenticated")
        async with server.client(f"?t={frame['Data']['Token']}") as again:
            assert again.me["Userid"] == "ann"


async def test_a_nonce_is_for_one_session_one_user_and_one_use(tmp_path: Path) -> None:
    async with site(tmp_path, spreed=USERS) as (server, http), server.client() as ann:
        async with server.client() as bob:
            body = login_body(ann)
            first = (await http.patch(f"/api/v1/sessions/{ann.id}/", json=body)).json()["nonce"]
            nonce = (await http.patch(f"/api/v1/sessions/{ann.id}/", json=body)).json()["nonce"]
            invalid = ("invalid_session_token", "nonce validation failed")
            await ann.send("Authentication", {"Userid": "ann", "Nonce": first})
            assert await ann.error() == invalid
            await bob.send("Authentication", {"Userid": "ann", "Nonce": nonce})
            assert await bob.error() == invalid
            await ann.send("Authentication", {"Userid": "eve", "Nonce": nonce})
            assert await ann.error() == ("invalid_session_token", "user id mismatch")
            await ann.send("Authentication", {"Userid": "ann", "Nonce": nonce})
            assert (await ann.data("Self"))["Userid"] == "ann"


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "other"},
        {"sid": "other"},
        {"sid": ""},
        {"secret": "other"},
        {"secret": ""},
        {"useridcombo": "9999999999:eve"},
        {"useridcombo": ""},
    ],
)
async def test_a_login_that_is_not_proven_is_refused(
    tmp_path: Path, changes: dict[str, str]
) -> None:
    async with site(tmp_path, spreed=USERS) as (server, http), server.client() as ann:
        response = await http.patch(
            f"/api/v1/sessions/{ann.id}/", json=login_body(ann, "ann", **changes)
        )
        assert refused(response) == (403, "session_patch_failed")


async def test_a_session_that_is_not_connected_cannot_log_in(tmp_path: Path) -> None:
    async with site(tmp_path, spreed=USERS) as (server, http):
        async with server.client() as ann:
            pass
        await server.until(f"/conferencing/members/spreed:{ann.id}", exists=False)
        response = await http.patch(f"/api/v1/sessions/{ann.id}/", json=login_body(ann))
        assert refused(response) == (403, "session_patch_failed")


async def test_guessing_a_secret_is_limited(tmp_path: Path) -> None:
    limits = {"credential_failures": 3}
    async with site(tmp_path, spreed=USERS, limits=limits) as (server, http):
        async with server.client() as ann:
            path, wrong = f"/api/v1/sessions/{ann.id}/", login_body(ann, secret="wrong")
            for _ in range(3):
                assert refused(await http.patch(path, json=wrong))[0] == 403
            assert refused(await http.patch(path, json=wrong)) == (429, "too_many_attempts")
            assert refused(await http.patch(path, json=login_body(ann)))[0] == 429
            other = await http.patch(path, json=login_body(ann, "bob"))
            assert other.status_code == 200


async def test_switched_off_users_answer_404_in_plain_text(tmp_path: Path) -> None:
    async with site(tmp_path) as (_, http):
        for response in (
            await http.patch("/api/v1/sessions/x/", json={}),
            await http.post("/api/v1/users", json={}),
        ):
            assert (response.status_code, response.text) == (404, "No handler found")
            assert response.headers["content-type"] == "text/plain; charset=utf-8"


async def test_registration_makes_a_user(tmp_path: Path) -> None:
    spreed = USERS | {"server_realm": "here"}
    async with site(tmp_path, spreed=spreed) as (server, http), server.client() as ann:
        names = {"id": ann.id, "sid": ann.me["Sid"]}
        answer = (await http.post("/api/v1/users", json=names)).json()
        assert answer["userid"].endswith("@here")
        assert answer["useridcombo"] == f"{answer['timestamp']}:{answer['userid']}"
        assert abs(answer["timestamp"] - time.time() - 372 * 86400) < 60
        mac = hmac.digest(SECRET.encode(), answer["useridcombo"].encode(), hashlib.sha256)
        assert answer["secret"] == base64.b64encode(mac).decode()
        assert (await http.post("/api/v1/users", data=names)).status_code == 200
        login = {"Userid": answer["userid"], "Nonce": answer["nonce"]}
        await ann.send("Authentication", login)
        assert (await ann.error())[0] == "invalid_session_token"  # the second one replaced it


@pytest.mark.parametrize(
    ("content", "kind", "expected"),
    [
        (b"{", "application/json", (400, "users_bad_request")),
        (b"{}", "application/json", (400, "users_bad_request")),
        (b'{"id":null,"sid":"y"}', "application/json", (400, "users_bad_request")),
        (b"id=x", "application/x-www-form-urlencoded", (400, "users_bad_request")),
        (b"id", "text/plain", (400, "users_invalid_request")),
        (b"id", "", (400, "users_invalid_request")),
        (b'{"id":"x","sid":"y"}', "application/json", (403, "users_invalid_session")),
    ],
)
async def test_a_registration_that_cannot_be_is_refused(
    tmp_path: Path, content: bytes, kind: str, expected: tuple[int, str]
) -> None:
    async with site(tmp_path, spreed=USERS) as (_, http):
        headers = {"content-type": kind} if kind else {}
        response = await http.post("/api/v1/users", content=content, headers=headers)
        assert refused(response) == expected


async def test_a_session_registers_once_and_only_while_connected(tmp_path: Path) -> None:
    async with site(tmp_path, spreed=USERS) as (server, http):
        async with server.client() as ann:
            names = {"id": ann.id, "sid": ann.me["Sid"]}
            await log_in(http, ann, "ann")
            response = await http.post("/api/v1/users", json=names)
            assert refused(response) == (400, "users_request_failed")
            assert response.json()["message"] == 'Error: "session already authenticated"'
        await server.until(f"/conferencing/members/spreed:{ann.id}", exists=False)
        response = await http.post("/api/v1/users", json=names)
        assert response.json()["message"] == 'Error: "no such session"'


HEADER_USERS = {"users": USERS["users"] | {"mode": "httpheader", "http_header": "X-Users"}}
TRUSTED = {"trusted_proxies": ["127.0.0.1/32"]}


async def test_a_trusted_proxy_names_the_user_by_header(tmp_path: Path) -> None:
    async with site(tmp_path, spreed=HEADER_USERS, limits=TRUSTED) as (server, http):
        async with server.client(headers=[("X-Users", "ann")]) as ann:
            assert ann.me["Userid"] == "ann"
        async with server.client() as bob:
            assert bob.me["Userid"] == ""
            path, body = f"/api/v1/sessions/{bob.id}/", login_body(bob)
            assert refused(await http.patch(path, json=body))[0] == 403
            response = await http.patch(path, json=body, headers={"x-users": "bob"})
            assert response.json()["userid"] == "bob"
            names = {"id": bob.id, "sid": bob.me["Sid"]}
            response = await http.post("/api/v1/users", json=names)
            assert refused(response) == (400, "users_create_failed")


async def test_nobody_else_may_name_a_user_by_header(tmp_path: Path) -> None:
    trusted = {"trusted_proxies": ["10.9.8.7/32"]}
    async with site(tmp_path, spreed=HEADER_USERS, limits=trusted) as (server, http):
        async with server.client(headers=[("X-Users", "ann")]) as ann:
            assert ann.me["Userid"] == ""
            response = await http.patch(
                f"/api/v1/sessions/{ann.id}/", json=login_body(ann), headers={"x-users": "ann"}
            )
            assert refused(response) == (403, "session_patch_failed")


@pytest.mark.parametrize(
    ("demand", "message"),
    [
        ("authorize_room_join", "Room join requires a user account"),
        ("authorize_room_creation", "Room creation requires a user account"),
    ],
)
async def test_rooms_may_demand_an_account_unless_they_are_public(
    tmp_path: Path, demand: str, message: str
) -> None:
    spreed = USERS | {demand: True, "public_rooms": "^open"}
    async with site(tmp_path, spreed=spreed) as (server, http), server.client() as ann:
        await ann.hello("closed")
        assert await ann.error() == ("room_join_requires_account", message)
        await ann.join("open house")
        await log_in(http, ann, "ann")
        await ann.join("closed")


async def test_no_type_leads_into_a_room_that_demands_an_account(tmp_path: Path) -> None:
    spreed = USERS | {"authorize_room_join": True, "public_rooms": "^lobby"}
    async with site(tmp_path, spreed=spreed) as (server, http), server.client() as ann:
        await log_in(http, ann, "ann")
        await ann.join("staff:lobby")
        async with server.client() as eve:
            await eve.hello("lobby", Type="Room:staff")
            users = (await eve.data("Welcome"))["Users"]
            assert [user["Id"] for user in users] == [eve.id], "a room of her own"


# --- contacts


async def test_two_users_become_contacts(tmp_path: Path) -> None:
    async with site(tmp_path, spreed=USERS) as (server, http), server.client() as ann:
        await log_in(http, ann, "ann")
        async with server.client() as bob:
            await log_in(http, bob, "bob")
            request = {"ContactRequest": {"Id": "r1", "Success": False}}
            await ann.send("Chat", {"NoEcho": True, "Status": request}, To=bob.id)
            asked = (await bob.data("Chat"))["Chat"]["Status"]["ContactRequest"]
            assert asked["Userid"] == "ann"
            accept = {"ContactRequest": {"Id": "r1", "Success": True, "Token": asked["Token"]}}
            await bob.send("Chat", {"NoEcho": True, "Status": accept}, To=ann.id)
            accepted = (await ann.data("Chat"))["Chat"]["Status"]["ContactRequest"]
            assert accepted == {
                "Id": "r1", "Success": True, "Userid": "bob", "Token": asked["Token"],
            }  # fmt: skip
            contact = {"Type": "contact", "Token": asked["Token"]}
            await ann.send("Sessions", contact)
            users = (await ann.data("Sessions"))["Users"]
            assert [(user["Id"], user["Userid"], user["Type"]) for user in users] == [
                (bob.id, "bob", "")
            ]
        assert await ann.data("Left") == {"Type": "Left", "Id": bob.id, "Status": "hard"}
        await ann.send("Sessions", contact)
        absent = (await ann.data("Sessions"))["Users"]
        assert [user["Userid"] for user in absent] == ["bob"]
        assert absent[0]["Id"] != bob.id


async def test_contact_requests_that_prove_nothing_are_dropped(tmp_path: Path) -> None:
    async with site(tmp_path, spreed=USERS) as (server, http), server.client() as ann:
        async with server.client() as bob, server.client() as guest:
            await log_in(http, ann, "ann")
            await log_in(http, bob, "bob")
            new = {"ContactRequest": {"Id": "r"}}
            forged = {"ContactRequest": {"Id": "r", "Success": True, "Token": "forged"}}
            for to, status in [(guest.id, new), (ann.id, new), (bob.id, forged), ("", new)]:
                await ann.send("Chat", {"Status": status}, To=to)
            await guest.send("Chat", {"Status": new}, To=bob.id)
            for client in (ann, bob, guest):
                assert await client.silent()
            await ann.send("Chat", {"NoEcho": True, "Status": new}, To=bob.id)
            token = (await bob.data("Chat"))["Chat"]["Status"]["ContactRequest"]["Token"]
            own = {"ContactRequest": {"Success": True, "Token": token}}
            await ann.send("Chat", {"Status": own}, To=bob.id)
            assert await bob.silent()
            rejection = {"ContactRequest": {"Id": "r", "Token": token}}
            await bob.send("Chat", {"NoEcho": True, "Status": rejection}, To=ann.id)
            rejected = (await ann.data("Chat"))["Chat"]["Status"]["ContactRequest"]
            assert "Token" not in rejected
            await guest.send("Sessions", {"Type": "contact", "Token": token})
            assert (await guest.error())[0] == "bad_attestation"


async def test_contacts_can_be_switched_off(tmp_path: Path) -> None:
    spreed = USERS | {"modules": ["screensharing"]}
    async with site(tmp_path, spreed=spreed) as (server, _), server.client() as ann:
        await ann.send("Sessions", {"Type": "contact", "Token": "x"})
        assert (await ann.error())[0] == "contacts_not_enabled"


# --- statistics


async def test_stats_in_both_spellings(tmp_path: Path) -> None:
    async with site(tmp_path, spreed={"stats": True}) as (server, http):
        async with server.client() as ann, server.client() as bob:
            await ann.join("blue")
            await bob.join("blue")
            await ann.send("Chat", {"Message": "all"})
            await ann.send("Chat", {"Message": "one"}, To=bob.id)
            await ann.send("Alive", 1)
            while (await ann.next())["Data"]["Type"] != "Alive":
                pass
            response = await http.get("/api/v1/stats")
            assert response.headers["access-control-allow-origin"] == "*"
            stats = response.json()
            assert stats["Hub"] == stats["hub"]
            assert stats["Runtime"] == stats["runtime"]
            assert stats["hub"] == {
                "rooms": 1, "connections": 2, "sessions": 2, "users": 0, "count": 2,
                "broadcastchatmessages": 1, "unicastchatmessages": 1,
            }  # fmt: skip
            assert stats["runtime"]["goroutines"] > 2
            details = (await http.get("/api/v1/stats?details=1")).json()["hub"]
            assert set(details["sessionsbyid"]) == {ann.id, bob.id}
            assert details["idsinroom"] == {"Room:blue": [ann.id, bob.id]}
            assert sorted(details["connectionsbyidx"].values()) == sorted([ann.id, bob.id])
            assert details["usersbyid"] == {}


async def test_stats_are_busy_when_the_directory_does_not_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory = Saboteur(monkeypatch, DirectoryActor, DIRECTORY)
    limits = {"ask_seconds": 0.05}
    async with site(tmp_path, spreed={"stats": True}, limits=limits) as (server, http):
        with directory.holding():
            assert refused(await http.get("/api/v1/stats")) == (503, "busy")
            assert server.system.counters.ask_timeouts == 1


# --- pictures


async def assert_ranges(http: httpx.AsyncClient, path: str, whole: bytes) -> None:
    """Ask for parts (RFC 9110, 14.1.2), and for what may only be answered as a whole."""
    length = len(whole)
    for asked, begin, end in (
        ("0-0", 0, 1),
        ("1-", 1, length),
        ("-2", length - 2, length),
        (f"-{length + 5}", 0, length),
        ("0-99999999", 0, length),
        (f"{length - 1}-{length}", length - 1, length),
    ):
        part = await http.get(path, headers={"range": f"bytes={asked}"})
        assert (part.status_code, part.content) == (206, whole[begin:end]), asked
        assert part.headers["content-range"] == f"bytes {begin}-{end - 1}/{length}"
        assert part.headers["content-length"] == str(end - begin)
    for asked in (f"{length}-", f"{length}-{length + 5}", "99999999999999999999-", "2-1", "x"):
        part = await http.get(path, headers={"range": f"bytes={asked}"})
        assert part.status_code == 416, asked
        assert part.headers["content-range"] == f"bytes */{length}"
    for units in ("bytes=0-0,1-1", "lines=0-1"):
        assert (await http.get(path, headers={"range": units})).content == whole
    head = await http.head(path, headers={"range": "bytes=0-0"})
    assert (head.status_code, head.headers["content-length"]) == (200, str(length))
    tag = head.headers["etag"]
    for conditions, status in (
        ({"if-range": tag}, 206),
        ({"if-range": f"W/{tag}"}, 200),
        ({"if-range": '"other"'}, 200),
        ({"if-none-match": '"other"'}, 206),
        ({"if-none-match": tag}, 304),
        ({"if-match": tag}, 206),
        ({"if-match": '"other"'}, 412),
    ):
        part = await http.get(path, headers={"range": "bytes=0-0"} | conditions)
        assert part.status_code == status, conditions


async def test_buddy_picture_has_the_size_asked_for(tmp_path: Path) -> None:
    upload = io.BytesIO()
    Image.new("RGB", (300, 200), "red").save(upload, "JPEG")
    url = f"data:image/jpeg;base64,{base64.b64encode(upload.getvalue()).decode()}"
    async with site(tmp_path) as (server, http):
        async with server.client() as ann, server.client() as bob:
            await ann.join("blue")
            await bob.join("blue")
            await ann.data("Joined")
            await ann.send("Status", {"buddyPicture": url})
            name = (await bob.data("Status"))["Status"]["buddyPicture"]
            assert name.startswith("img:")
            path = f"/static/img/buddy/s46/{name.removeprefix('img:')}"
            response = await http.get(path)
            assert response.headers["content-type"] == "image/jpeg"
            assert response.headers["x-content-type-options"] == "nosniff"
            assert response.headers["cache-control"] == "public, no-transform, max-age=86400"
            with Image.open(io.BytesIO(response.content)) as image:
                assert image.size == (46, 46)
            again = await http.get(path, headers={"if-none-match": response.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
            part = await http.get(path, headers={"range": "bytes=0-9"})
            assert (part.status_code, part.content) == (206, response.content[:10])
            await assert_ranges(http, path, response.content)
            unknown = await http.get("/static/img/buddy/s46/none/x")
            assert (unknown.status_code, unknown.text) == (404, "Unknown image")
        await server.until(f"/conferencing/members/spreed:{ann.id}", exists=False)
        assert (await http.get(path)).status_code == 404


async def test_a_picture_that_cannot_be_sized_in_time_is_busy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def too_slow(*_: object) -> None:
        raise trio.TooSlowError

    monkeypatch.setattr(Pictures, "sized", too_slow)
    async with site(tmp_path) as (_, http):
        assert refused(await http.get("/static/img/buddy/s46/some/x")) == (503, "busy")


async def test_a_session_that_ends_while_its_picture_is_read_leaves_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reading, ended, kept = trio.Event(), trio.Event(), trio.Event()
    forgotten: list[str] = []

    async def accept(_self: Pictures, session: str, _url: str, _address: str) -> str:
        reading.set()
        await ended.wait()
        forgotten.remove(session)  # its peer's end had it forgotten; here it comes again
        kept.set()
        return "img:late/x"

    monkeypatch.setattr(Pictures, "accept", accept)
    monkeypatch.setattr(Pictures, "forget", lambda _self, session: forgotten.append(session))
    async with site(tmp_path) as (server, _), server.client() as ann:
        await ann.send("Status", {"buddyPicture": "data:image/png;base64,AAAA"})
        with trio.fail_after(30):
            await reading.wait()
        server.system.stop_actor(
            f"/conferencing/members/spreed:{ann.id}", "stopped by the operator"
        )
        with trio.fail_after(30):
            while not forgotten:
                await trio.sleep(0.01)
            ended.set()
            await kept.wait()
            while not forgotten:
                await trio.sleep(0.01)


# --- limits


async def test_limits_of_rooms_and_peers_are_told(tmp_path: Path) -> None:
    limits = {"rooms": 1, "peers_per_room": 1}
    async with site(tmp_path, limits=limits) as (server, _):
        async with server.client() as ann, server.client() as bob:
            await ann.join("blue")
            await bob.hello("blue")
            assert (await bob.error())[0] == "room_full"
            await bob.hello("red")
            assert (await bob.error())[0] == "too_many_rooms"
            await bob.hello("x" * 600)
            assert (await bob.error())[0] == "invalid_room_name"
            await ann.send("Room", {"Name": "blue", "Credentials": {"PIN": "ü" * 65}})
            assert (await ann.error())[0] == "invalid_pin"


async def test_no_place_for_another_session_closes_its_socket(tmp_path: Path) -> None:
    async with site(tmp_path, limits={"peers": 1}) as (server, _), server.client():
        async with connect(server.serving.websocket()) as second:
            with pytest.raises(ConnectionClosed) as closed:
                await second.get_message()
            assert closed.value.reason is not None
            assert closed.value.reason.code == 1013


async def test_a_client_with_too_many_bytes_unsent_is_too_slow(tmp_path: Path) -> None:
    settings = spreed_settings(spreed={"outbox_bytes": 100})
    async with (
        spreed_server(tmp_path, "quart", settings) as server,
        connect(server.serving.websocket()) as socket,
    ):
        assert await SpreedClient(socket).gone() == 1013


async def test_the_default_room_can_be_switched_off(tmp_path: Path) -> None:
    async with site(tmp_path, spreed={"default_room_enabled": False}) as (server, _):
        async with server.client() as ann:
            await ann.hello("")
            assert await ann.error() == (
                "default_room_disabled", "The default room is not enabled",
            )  # fmt: skip


async def test_conference_rooms_are_named_by_pattern(tmp_path: Path) -> None:
    async with site(tmp_path, spreed={"conference_rooms": ["^all-"]}) as (server, _):
        async with server.client() as ann:
            assert (await ann.join("all-hands"))["Room"]["Type"] == "Conference"
            assert (await ann.join("small"))["Room"]["Type"] == "Room"


async def test_names_differ_by_case_where_the_site_says_so(tmp_path: Path) -> None:
    async with site(tmp_path, spreed={"case_sensitive_rooms": True}) as (server, _):
        async with server.client() as ann, server.client() as bob:
            await ann.join("Blue")
            assert len((await bob.join("blue"))["Users"]) == 1


async def test_a_status_beyond_the_limit_is_refused(tmp_path: Path) -> None:
    async with site(tmp_path, limits={"status_bytes": 100}) as (server, _):
        async with server.client() as ann:
            await ann.send("Status", {"x": "y" * 200})
            assert (await ann.error())[0] == "status_too_large"


# --- the page


@pytest.mark.parametrize(
    ("host", "sockets"),
    [
        ("meet.test:81", "'self' ws://meet.test:81 wss://meet.test:81;"),
        ("[::1]:80", "'self' ws://[::1]:80 wss://[::1]:80;"),
        ("x; script-src *", "'self';"),
    ],
)
async def test_the_page_may_talk_to_its_own_site_only(
    tmp_path: Path, host: str, sockets: str
) -> None:
    async with site(tmp_path) as (_, http):
        policy = (await http.get("/blue", headers={"host": host})).headers[
            "content-security-policy"
        ]
        assert f"connect-src {sockets}" in policy
        assert policy.count("script-src") == 1


@pytest.mark.parametrize("base", ["/", "/meet/"])
async def test_the_icon_is_a_picture_wherever_it_is_looked_for(tmp_path: Path, base: str) -> None:
    async with site(tmp_path, spreed={"base_path": base}) as (_, http):
        for path in ("/favicon.ico", f"{base}favicon.ico", f"{base}static/quintet/favicon.svg"):
            icon = await http.get(path)
            assert icon.headers["content-type"] == "image/svg+xml; charset=utf-8"
            assert icon.text.startswith("<svg ")


# --- the operator's copy of a web client


async def test_a_web_client_of_the_operator_is_hosted(tmp_path: Path) -> None:
    folder = tmp_path / "client"
    (folder / "static" / "js").mkdir(parents=True)
    (folder / "static" / "js" / "main.js").write_text("here();")
    (folder / "secret.txt").write_text("not for all")
    (folder / "static" / ".env").write_text("not for all")
    spreed = {"web_client": str(folder), "title": "Us & <them>"}
    async with site(tmp_path, spreed=spreed) as (_, http):
        page = (await http.get("/any/room", headers={"host": "meet.test"})).text
        assert "<title>Us &amp; &lt;them&gt;</title>" in page
        start = page.index('type="application/json">') + len('type="application/json">')
        context = json.loads(page[start : page.index("</script>", start)])
        assert set(context) == {"App", "Cfg", "Host", "Ssl", "Csp", "Languages", "S"}
        assert (context["App"], context["Host"], context["Ssl"]) == ("main", "meet.test", False)
        assert context["Cfg"] == (await http.get("/api/v1/config")).json()
        guide = (Path(__file__).parents[3] / "docs" / "spreed-client.md").read_text()
        links = re.findall(rf'(?:href|src)="{context["S"]}/([^"]+)"', page)
        assert len(links) == 4
        assert [link for link in [*links, "js/main.js"] if link not in guide] == []
        script = await http.get(f"/{context['S']}/js/main.js")
        assert script.text == "here();"
        assert "immutable" in script.headers["cache-control"]
        assert (await http.get("/static/js/main.js")).text == "here();"
        assert (await http.get("/favicon.ico")).status_code == 404  # this client has none
        (folder / "static" / "favicon.ico").write_bytes(b"icon")
        icon = await http.get("/favicon.ico")
        assert (icon.content, icon.headers["content-type"][:6]) == (b"icon", "image/")
        for path in (
            "/static/..%2fsecret.txt", "/static/ver=1/../../secret.txt", "/static/.env",
            "/static/ver=1/.env",
        ):  # fmt: skip
            assert "not for all" not in (await http.get(path)).text


async def test_parts_of_a_hosted_file_have_their_true_length(tmp_path: Path) -> None:
    (tmp_path / "client" / "static").mkdir(parents=True)
    (tmp_path / "client" / "static" / "main.js").write_text("here();")
    (tmp_path / "client" / "static" / "empty.js").write_text("")
    async with site(tmp_path, spreed={"web_client": str(tmp_path / "client")}) as (_, http):
        await assert_ranges(http, "/static/main.js", b"here();")
        empty = await http.get("/static/empty.js", headers={"range": "bytes=-5"})
        assert (empty.status_code, empty.content) == (200, b"")


async def test_links_lead_nowhere_outside_of_the_hosted_folder(tmp_path: Path) -> None:
    folder = tmp_path / "client" / "static"
    (folder / "js").mkdir(parents=True)
    (folder / ".git").mkdir()
    for file in (
        tmp_path / "secret.txt",
        tmp_path / "client" / "x.txt",
        folder / ".git" / "config",
    ):
        file.write_text("not for all")
    (folder / "js" / "main.js").write_text("here();")
    (folder / "latest.js").symlink_to("js/main.js")
    (folder / "link.txt").symlink_to(tmp_path / "secret.txt")
    (folder / "up").symlink_to("../..")
    (folder / "near.txt").symlink_to("../x.txt")
    (folder / "hidden.txt").symlink_to(".git/config")
    (folder / "loop.txt").symlink_to("loop.txt")
    async with site(tmp_path, spreed={"web_client": str(tmp_path / "client")}) as (_, http):
        assert (await http.get("/static/ver=1/latest.js")).text == "here();"
        for name in ("link.txt", "up/secret.txt", "near.txt", "hidden.txt", "loop.txt"):
            for path in (f"/static/{name}", f"/static/ver=1/{name}"):
                assert (await http.get(path)).status_code == 404, path


async def test_the_hosted_folder_may_be_a_link_that_is_turned(tmp_path: Path) -> None:
    for version in ("1", "2"):
        (tmp_path / version / "static").mkdir(parents=True)
        (tmp_path / version / "static" / "main.js").write_text(version)
    current = tmp_path / "current"
    current.symlink_to("1")
    async with site(tmp_path, spreed={"web_client": str(current)}) as (_, http):
        assert (await http.get("/static/main.js")).text == "1"
        current.unlink()
        current.symlink_to("2")
        assert (await http.get("/static/main.js")).text == "2"


async def test_a_hosted_file_that_we_may_not_read_is_not_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before its headers are sent, and not after."""
    (tmp_path / "client" / "static").mkdir(parents=True)
    (tmp_path / "client" / "static" / "main.js").write_text("here();")
    asked: list[Path] = []

    def access(path: Path, mode: int) -> bool:
        asked.append(path)
        return mode != os.R_OK

    monkeypatch.setattr("api.http.hosting.os.access", access)
    async with site(tmp_path, spreed={"web_client": str(tmp_path / "client")}) as (_, http):
        assert (await http.get("/static/main.js")).status_code == 404
    assert [path.name for path in asked] == ["main.js"]
