"""Tokens over HTTP: the three shapes, the three grants, and every way to be refused."""

from __future__ import annotations

import base64
import threading
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from argon2 import PasswordHasher
from joserfc import jwt
from joserfc.jwk import KeySet

from actors.store.place import StorePlace
from actors.store.sql_store import SqlStore
from actors.store.upgrade import prepare
from api.auvious.keys import rotate
from api.auvious.passwords import Passwords
from api.auvious.settings import LONGEST_PASSWORD
from api.http.fair_work import FairWork, line_limits
from api.settings import LimitSettings
from tests.support.auvious import (
    ENDPOINTS,
    PASSWORDS,
    PATIENCE,
    SECRETS,
    USERS,
    AuviousServer,
    auvious_server,
    auvious_settings,
)
from tests.support.serving import CARRIERS

HERE = "192.0.2.1"
TOKEN = "/security/oauth/token"
CLIENT = {
    "grant_type": "client_credentials", "client_id": "backoffice",
    "client_secret": SECRETS["backoffice"],
}  # fmt: skip
USER = {
    "grant_type": "password", "client_id": "customer", "username": "ann",
    "password": PASSWORDS["ann"],
}  # fmt: skip


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AuviousServer]:
    async with auvious_server(tmp_path) as running:
        yield running


@pytest.fixture
async def http(server: AuviousServer) -> AsyncIterator[httpx.AsyncClient]:
    async with server.http() as client:
        yield client


def basic(name: str, password: str) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


async def error(response: httpx.Response, status: int = 400) -> str:
    """Return the error of a refusal, which must have the form of RFC 6749."""
    assert response.status_code == status, response.text
    assert response.headers["Content-Type"] == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    document = response.json()
    assert document.keys() == {"error", "error_description"}
    return str(document["error"])


# --- shapes


@pytest.mark.parametrize(
    "shape",
    [
        {"params": CLIENT},
        {"data": CLIENT},
        {"data": {"grant_type": "client_credentials"},
         "headers": basic("backoffice", SECRETS["backoffice"])},
        {"params": {"grant_type": "client_credentials"}, "data": {"scope": "x"},
         "headers": basic("backoffice", SECRETS["backoffice"])},
        {"data": {name: USER[name] for name in ("grant_type", "username", "password")},
         "headers": basic("customer", "")},
        {"params": USER},
        {"data": USER | {"ticket": "ann"}},
        {"files": {name: (None, value) for name, value in USER.items()}},
    ],
)  # fmt: skip
async def test_a_token_in_every_shape_that_clients_send(
    http: httpx.AsyncClient, shape: dict[str, Any]
) -> None:
    response = await http.post(TOKEN, **shape)
    assert response.status_code == 200, response.text
    assert response.headers["Cache-Control"] == "no-store"
    answer = response.json()
    own = await http.get(ENDPOINTS, headers={"Authorization": f"Bearer {answer['access_token']}"})
    assert own.status_code == 200


async def test_the_answer_has_what_clients_read(http: httpx.AsyncClient) -> None:
    answer = (await http.post(TOKEN, data=USER)).json()
    assert {answer.pop("access_token"), answer.pop("refresh_token"), answer.pop("jti")}
    assert answer == {
        "token_type": "bearer", "expires_in": 3600, "scope": "rtc-api", "sub": "ann",
        "organization": "acme",
    }  # fmt: skip
    answer = (await http.post(TOKEN, data=CLIENT)).json()
    assert (answer["sub"], answer["organization"]) == ("backoffice", "acme")
    assert "refresh_token" not in answer


async def test_slashes_more_or_fewer_make_no_difference(http: httpx.AsyncClient) -> None:
    for path in (f"{TOKEN}/", f"/{TOKEN}"):
        response = await http.post(httpx.URL(f"{http.base_url}".rstrip("/") + path), data=CLIENT)
        assert response.status_code == 200


# --- refusals


@pytest.mark.parametrize(
    ("form", "status", "code"),
    [
        ({}, 400, "invalid_request"),
        ({"grant_type": ""}, 400, "invalid_request"),
        ({"grant_type": "authorization_code"}, 400, "unsupported_grant_type"),
        ({"grant_type": "client_credentials"}, 401, "invalid_client"),
        (CLIENT | {"client_secret": "wrong"}, 401, "invalid_client"),
        (CLIENT | {"client_secret": ""}, 401, "invalid_client"),
        (CLIENT | {"client_id": "nobody"}, 401, "invalid_client"),
        (CLIENT | {"client_id": "customer"}, 401, "invalid_client"),
        (CLIENT | {"client_id": "customer", "client_secret": ""}, 400, "unauthorized_client"),
        (CLIENT | {"grant_type": "password"}, 400, "unauthorized_client"),
        (USER | {"username": ""}, 400, "invalid_request"),
        (USER | {"password": ""}, 400, "invalid_request"),
        (USER | {"password": "wrong"}, 400, "invalid_grant"),
        (USER | {"username": "stranger"}, 400, "invalid_grant"),
        (USER | {"username": "nobody", "password": "x"}, 400, "invalid_grant"),
        (USER | {"grant_type": "refresh_token"}, 400, "invalid_request"),
        (USER | {"grant_type": "refresh_token", "refresh_token": "x"}, 400, "invalid_grant"),
        (USER | {"grant_type": "refresh_token", "refresh_token": "x" * 999}, 400, "invalid_grant"),
    ],
)
async def test_refusals_have_the_form_of_the_rfc(
    http: httpx.AsyncClient, form: dict[str, str], status: int, code: str
) -> None:
    response = await http.post(TOKEN, data=form)
    assert await error(response, status) == code
    assert ("WWW-Authenticate" in response.headers) == (status == 401)


@pytest.mark.parametrize(
    ("headers", "form", "status", "code"),
    [
        (basic("backoffice", SECRETS["backoffice"]), {"client_id": "x"}, 400, "invalid_request"),
        (basic("backoffice", "x"), {"client_secret": "x"}, 400, "invalid_request"),
        (basic("backoffice", "wrong"), {}, 401, "invalid_client"),
        (basic("", ""), {}, 401, "invalid_client"),
        ({"Authorization": "Basic %%%"}, {}, 401, "invalid_client"),
        ({"Authorization": "Basic /w=="}, {}, 401, "invalid_client"),
        ({"Authorization": "Basic YQ=="}, {}, 401, "invalid_client"),
        ({"Authorization": "Basic"}, {}, 401, "invalid_client"),
    ],
)
async def test_refusals_of_http_basic(
    http: httpx.AsyncClient, headers: dict[str, str], form: dict[str, str], status: int, code: str
) -> None:
    form = {"grant_type": "client_credentials"} | form
    assert await error(await http.post(TOKEN, data=form, headers=headers), status) == code


async def test_a_parameter_given_twice_is_refused(http: httpx.AsyncClient) -> None:
    response = await http.post(TOKEN, params={"grant_type": "password"}, data=CLIENT)
    assert await error(response) == "invalid_request"
    assert (await http.post(TOKEN, params=CLIENT, data=CLIENT)).status_code == 200


async def test_a_secret_with_reserved_characters_may_be_encoded_or_not(tmp_path: Path) -> None:
    client = {"id": "odd one", "secret": "a+b %/ü", "organization": "acme"}
    async with (
        auvious_server(
            tmp_path, settings=auvious_settings(tmp_path, auvious={"clients": [client]})
        ) as server,
        server.http() as http,
    ):
        for headers in (basic("odd one", "a+b %/ü"), basic("odd+one", "a%2Bb+%25%2F%C3%BC")):
            for named in ({}, {"client_id": "odd one"}):
                form = {"grant_type": "client_credentials", **named}
                response = await http.post(TOKEN, data=form, headers=headers)
                assert response.status_code == 200, response.text
                assert response.json()["sub"] == "odd one"


async def test_other_methods_and_paths_are_refused_in_the_same_form(
    http: httpx.AsyncClient,
) -> None:
    for method, path, status in (
        ("GET", TOKEN, 405), ("PUT", TOKEN, 405), ("GET", "/security/oauth/authorize", 404),
        ("POST", "/security/.well-known/jwks.json", 405),
    ):  # fmt: skip
        response = await http.request(method, path)
        assert response.status_code == status
        assert response.json().keys() == {"error", "error_description"}


async def test_guessing_is_slowed_and_then_refused_without_harm_to_others(tmp_path: Path) -> None:
    settings = auvious_settings(tmp_path, limits={"credential_failures": 2})
    async with auvious_server(tmp_path, settings=settings) as server, server.http() as http:
        for form in (USER | {"password": "wrong"}, CLIENT | {"client_secret": "wrong"}):
            right = USER if "username" in form else CLIENT
            for _ in range(2):
                assert (await http.post(TOKEN, data=form)).status_code in (400, 401)
            for each in (form, right):
                response = await http.post(TOKEN, data=each)
                assert await error(response, 429) == "slow_down"
                assert int(response.headers["Retry-After"]) > 1000
        assert (await http.post(TOKEN, data=USER | {"username": "bob",
                                                    "password": PASSWORDS["bob"]})
                ).status_code == 200  # fmt: skip


async def test_clients_and_users_made_up_by_the_dozen_are_refused_together(tmp_path: Path) -> None:
    limits = {"credential_failures": 5, "credential_failures_per_address": 12}
    settings = auvious_settings(tmp_path, limits=limits)
    async with auvious_server(tmp_path, settings=settings) as server, server.http() as http:
        for number in range(6):
            made_up = USER | {"username": f"nobody {number}"}
            assert (await http.post(TOKEN, data=USER)).status_code == 200
            assert (await http.post(TOKEN, data=made_up)).status_code == 400
            made_up = CLIENT | {"client_id": f"{number}" + "\N{GRINNING FACE}" * 1000}
            assert (await http.post(TOKEN, data=made_up)).status_code == 401
        response = await http.post(TOKEN, data=USER | {"username": "nobody else"})
        assert await error(response, 429) == "slow_down"
        assert int(response.headers["Retry-After"]) > 1000


async def test_nobody_behind_an_address_can_lock_the_app_of_the_others_out(tmp_path: Path) -> None:
    settings = auvious_settings(tmp_path, limits={"credential_failures": 2})
    async with auvious_server(tmp_path, settings=settings) as server, server.http() as http:
        for _ in range(4):
            response = await http.post(TOKEN, data=USER | {"client_secret": "none is asked for"})
            assert await error(response, 401) == "invalid_client", "there is nothing to guess"
        assert (await http.post(TOKEN, data=USER)).status_code == 200


# --- refresh tokens


def again(token: str, client: str = "customer") -> dict[str, str]:
    return {"grant_type": "refresh_token", "client_id": client, "refresh_token": token}


async def test_a_refresh_token_is_good_once(http: httpx.AsyncClient) -> None:
    first = (await http.post(TOKEN, data=USER)).json()
    response = await http.post(
        TOKEN,
        data={"grant_type": "refresh_token", "refresh_token": first["refresh_token"]},
        headers=basic("customer", ""),
    )
    second = response.json()
    assert (second["sub"], second["organization"]) == ("ann", "acme")
    assert second["refresh_token"] != first["refresh_token"]
    used = await http.post(TOKEN, data=again(first["refresh_token"]))
    assert await error(used) == "invalid_grant"
    assert (await http.post(TOKEN, data=again(second["refresh_token"]))).status_code == 200


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_of_many_who_use_a_refresh_token_at_once_one_gets_a_new_one(
    tmp_path: Path, carrier: str
) -> None:
    async with auvious_server(tmp_path, carrier) as server, server.http() as http:
        token = (await http.post(TOKEN, data=USER)).json()["refresh_token"]
        answers: list[httpx.Response] = []

        async def use() -> None:
            answers.append(await http.post(TOKEN, data=again(token)))

        async with trio.open_nursery() as nursery:
            for _ in range(8):
                nursery.start_soon(use)
    assert sorted(answer.status_code for answer in answers) == [200, *[400] * 7]
    assert {answer.json().get("error", "invalid_grant") for answer in answers} == {"invalid_grant"}


async def test_a_refresh_token_is_its_clients(http: httpx.AsyncClient) -> None:
    token = (await http.post(TOKEN, data=USER)).json()["refresh_token"]
    stolen = again(token, "portal") | {"client_secret": "portal-secret-6128"}
    assert await error(await http.post(TOKEN, data=stolen)) == "invalid_grant"
    assert (await http.post(TOKEN, data=again(token))).status_code == 200, "it is still good"


async def test_refresh_tokens_outlive_a_restart_as_hashes(tmp_path: Path) -> None:
    store = database(tmp_path)
    async with auvious_server(tmp_path, store=store) as server, server.http() as http:
        token = (await http.post(TOKEN, data=USER)).json()["refresh_token"]
    check_files_are_private(tmp_path, token)
    gone = [user for user in USERS if user["id"] != "bob"]
    settings = auvious_settings(tmp_path, auvious={"users": gone})
    async with auvious_server(tmp_path, "lane", settings, store) as server, server.http() as http:
        assert (await http.post(TOKEN, data=again(token))).status_code == 200


def database(folder: Path) -> Callable[[], SqlStore]:
    """Return what makes a store of a file in this folder, which outlives a server."""
    place = StorePlace(folder / "quintet.sqlite", answer_seconds=20.0)
    prepare(place)
    return partial(SqlStore, place)


def check_files_are_private(folder: Path, secret: str) -> None:
    files = [file for file in folder.rglob("*") if file.is_file()]
    assert files
    assert not any(secret.encode() in file.read_bytes() for file in files)
    assert all(file.stat().st_mode & 0o077 == 0 for file in files), files


async def test_a_user_who_was_removed_gets_no_new_token(tmp_path: Path) -> None:
    store = database(tmp_path)
    async with auvious_server(tmp_path, store=store) as server, server.http() as http:
        token = (await http.post(TOKEN, data=USER)).json()["refresh_token"]
    settings = auvious_settings(tmp_path, auvious={"users": USERS[1:]})
    async with auvious_server(tmp_path, "lane", settings, store) as server, server.http() as http:
        assert await error(await http.post(TOKEN, data=again(token))) == "invalid_grant"


@pytest.mark.parametrize("limit", ["refresh_tokens", "refresh_tokens_per_user"])
async def test_refresh_tokens_are_limited(tmp_path: Path, limit: str) -> None:
    settings = auvious_settings(tmp_path, auvious={limit: 2})
    async with auvious_server(tmp_path, settings=settings) as server, server.http() as http:
        bob = USER | {"username": "bob", "password": PASSWORDS["bob"]}
        first = (await http.post(TOKEN, data=bob)).json()["refresh_token"]
        made = [(await http.post(TOKEN, data=USER)).json()["refresh_token"] for _ in range(3)]
        status = 200 if limit == "refresh_tokens_per_user" else 400
        assert (await http.post(TOKEN, data=again(first))).status_code == status
        for token, status in zip(made, (400, 200, 200), strict=True):
            assert (await http.post(TOKEN, data=again(token))).status_code == status


async def test_refresh_tokens_end(tmp_path: Path) -> None:
    settings = auvious_settings(tmp_path, auvious={"refresh_token_seconds": 1})
    async with auvious_server(tmp_path, settings=settings) as server, server.http() as http:
        late = (await http.post(TOKEN, data=USER)).json()["refresh_token"]
        await trio.sleep(1.1)
        assert await error(await http.post(TOKEN, data=again(late))) == "invalid_grant"


async def test_a_store_that_cannot_be_used_is_unavailable(tmp_path: Path) -> None:
    store, file = database(tmp_path), tmp_path / "quintet.sqlite"
    async with auvious_server(tmp_path, store=store) as server, server.http() as http:
        token = (await http.post(TOKEN, data=USER)).json()["refresh_token"]
        aside = file.rename(tmp_path / "aside")
        for form in (USER, again(token)):
            assert await error(await http.post(TOKEN, data=form), 503) == "temporarily_unavailable"
        assert (await http.post(TOKEN, data=CLIENT)).status_code == 200
        aside.rename(file)
        assert (await http.post(TOKEN, data=again(token))).status_code == 200, "mended"


# --- passwords


async def test_passwords_may_be_argon2_hashes(tmp_path: Path) -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    user = {"id": "ann", "password": cheap.hash("geheim ü"), "organization": "acme"}
    settings = auvious_settings(tmp_path, auvious={"users": [user]})
    async with auvious_server(tmp_path, settings=settings) as server, server.http() as http:
        right = await http.post(TOKEN, data=USER | {"password": "geheim ü"})
        assert right.status_code == 200
        for wrong in ("geheim", user["password"]):
            response = await http.post(TOKEN, data=USER | {"password": wrong})
            assert await error(response) == "invalid_grant"


async def test_a_plain_password_is_not_taken_for_a_hash_or_the_reverse() -> None:
    cheap = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1)
    hashed = cheap.hash("right")
    limits = line_limits(LimitSettings())
    passwords = Passwords(["plain", hashed], FairWork(lambda: limits))
    assert await passwords.matches(hashed, "right", HERE)
    assert await passwords.matches("plain", "plain", HERE)
    for kept in (hashed, "plain", ""):
        for given in ("", "wrong", hashed, "right"[::-1], "x" * (LONGEST_PASSWORD + 1), "\ud800"):
            assert not await passwords.matches(kept, given, HERE)
    assert not await passwords.matches("", "right", HERE)
    assert not await passwords.matches("plain", "right", HERE), "the hash of another user"
    assert not await passwords.matches("$argon2id$v=19$m=64,t=1,p=1$AAAA$AAAA", "right", HERE)


async def test_a_slow_hash_stalls_nobody_and_has_a_deadline(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    release = threading.Event()
    monkeypatch.setattr(Passwords, "_verify", lambda *_: release.wait(60))
    hashed = PasswordHasher(time_cost=1, memory_cost=64, parallelism=1).hash("x")
    settings = auvious_settings(
        tmp_path,
        auvious={"users": [{"id": "ann", "password": hashed}]},
        limits={"ask_seconds": 3.0, "credential_failures": 1},
    )
    try:
        async with auvious_server(tmp_path, settings=settings) as server, server.http() as http:
            async with trio.open_nursery() as nursery:
                answers: list[httpx.Response] = []

                async def ask() -> None:
                    answers.append(await http.post(TOKEN, data=USER))

                nursery.start_soon(ask)
                await trio.sleep(0.1)
                with trio.fail_after(PATIENCE):
                    assert (await http.post(TOKEN, data=CLIENT)).status_code == 200
            assert await error(answers[0], 503) == "temporarily_unavailable"
            release.set()
            assert (await http.post(TOKEN, data=USER)).status_code == 200, "not held against it"
    finally:
        release.set()


# --- keys


async def test_tokens_verify_with_the_published_keys(
    server: AuviousServer, http: httpx.AsyncClient
) -> None:
    async with server.user("ann") as ann:
        response = await http.get("/security/.well-known/jwks.json")
        assert response.headers["Cache-Control"] == "public, max-age=300"
        keys = KeySet.import_key_set(response.json())
        assert "d" not in response.json()["keys"][0]
        decoded = jwt.decode(ann.token, keys, algorithms=["RS256"])
        assert decoded.claims["organization_id"] == "acme"


async def test_live_tokens_stay_good_over_a_rotation(server: AuviousServer, tmp_path: Path) -> None:
    async with server.user("ann") as ann, server.http() as http:
        rotate(tmp_path)
        for hook in server.services.lifecycle.reload_hooks:
            hook()
        assert (await ann.get()).status_code == 200
        async with server.user("bob") as bob:
            assert (await bob.get()).status_code == 200
            keys = (await http.get("/security/.well-known/jwks.json")).json()["keys"]
            assert len(keys) == 2
            for caller in (ann, bob):
                jwt.decode(caller.token, KeySet.import_key_set({"keys": keys}), ["RS256"])


async def test_a_secret_that_is_not_configured_is_generated(tmp_path: Path) -> None:
    clients = [{"id": "made"}, {"id": "ödd name"}]
    settings = auvious_settings(tmp_path, auvious={"clients": clients})
    async with auvious_server(tmp_path, settings=settings) as server:
        kept = server.services.secrets.all()
        assert len(kept) == 2
        odd = next(name for name in kept if name != "auvious.clients.made")
        for client, name in (("made", "auvious.clients.made"), ("ödd name", odd)):
            async with server.service(client, kept[name]) as caller:
                assert (await caller.get()).status_code == 200


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_form_of_many_fields_is_too_large(http: httpx.AsyncClient, chunked: bool) -> None:
    form = b"a=b&" * 20_000

    async def pieces() -> AsyncIterator[bytes]:
        yield form

    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    answer = await http.post(TOKEN, content=pieces() if chunked else form, headers=headers)
    assert (answer.status_code, answer.json()["error"]) == (413, "invalid_request")
    few = b"grant_type=client_credentials&client_id=partner&client_secret=partner-secret-3387"
    padded = few + b"&a=b" * 10_000
    for content in (few, padded):
        assert (await http.post(TOKEN, content=content, headers=headers)).status_code == 200
