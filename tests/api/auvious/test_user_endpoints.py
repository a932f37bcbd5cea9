"""The five operations, and what is around them, as clients see them."""

from __future__ import annotations

import json
import uuid
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from actors.core import Ref
from actors.endpoint.endpoint import Attach, Endpoint, OfferEvent, ResumeDelivery
from actors.endpoint.outbox import EndpointEvent
from actors.endpoint.rules import Owner
from actors.words.keys import EndpointKey
from api.auvious.event_rules import is_event_type, is_instant
from api.auvious.state import REALM
from tests.support.actors import Listener
from tests.support.auvious import (
    ENDPOINTS,
    EVENT,
    PATIENCE,
    AuviousServer,
    Caller,
    auvious_server,
    auvious_settings,
)
from tests.support.raw import connected, upgrade_request
from tests.support.serving import CARRIERS


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[AuviousServer]:
    async with auvious_server(tmp_path) as running:
        yield running


@pytest.fixture
async def ann(server: AuviousServer) -> AsyncIterator[Caller]:
    async with server.user("ann") as caller:
        yield caller


def actor(server: AuviousServer, id_: str) -> Ref[Any]:
    ref = server.system.registry.find(EndpointKey(REALM, id_).path)
    assert ref is not None
    return ref


async def listen(server: AuviousServer, id_: str, owner: Owner = Owner("acme", "ann")) -> Listener:  # noqa: B008
    listener = Listener()
    endpoint = actor(server, id_)
    await endpoint.ask(Attach(listener, owner), within=PATIENCE)
    await endpoint.send(ResumeDelivery(listener))
    return listener


def assert_empty(response: httpx.Response, status: int) -> None:
    """Hold that there is no body: published clients take any JSON for a success."""
    assert response.status_code == status, response.text
    assert response.content == b""
    assert "Content-Type" not in response.headers


# --- who may


OPERATIONS = [
    ("POST", ""), ("POST", "/register"), ("POST", "/keepalive"), ("POST", "/unregister"),
    ("POST", "/sendEvent"), ("GET", ""), ("GET", "/some-id"),
]  # fmt: skip


@pytest.mark.parametrize("authorization", ["", "Bearer", "Bearer x.y.z", "Basic eDp5"])
async def test_without_a_valid_token_there_is_an_empty_401(
    server: AuviousServer, authorization: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}
    async with server.http() as http:
        for method, path in [*OPERATIONS, ("GET", "/../../iceServers")]:
            response = await http.request(method, f"{ENDPOINTS}{path}", headers=headers)
            assert_empty(response, 401)
            assert response.headers["WWW-Authenticate"] == 'Bearer realm="auvious"'


async def test_a_token_goes_in_any_spelling_of_the_scheme(ann: Caller) -> None:
    for scheme in ("bearer", "BEARER"):
        headers = {"Authorization": f"{scheme} {ann.token}"}
        assert (await ann.http.get(ENDPOINTS, headers=headers)).status_code == 200


# --- register


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_registering_answers_a_bare_string(tmp_path: Path, carrier: str) -> None:
    async with auvious_server(tmp_path, carrier) as server, server.user("ann") as ann:
        response = await ann.post("", {"keepAliveSeconds": 5, "serverKeepAliveReminderOn": True})
        assert response.status_code == 200
        assert response.headers["Content-Type"] == "application/json"
        assert str(uuid.UUID(response.json())) == response.json()


async def test_registering_as_ios_does_answers_an_object(ann: Caller) -> None:
    own = "4F1B1B0E-8F2C-4B7A-9C7E-0A1B2C3D4E5F"
    body = {"userEndpointId": own, "keepAliveSeconds": 15, "userId": "ann"}
    response = await ann.post("/register", body)
    assert (response.status_code, response.json()) == (200, {"id": own})
    assert [each["id"] for each in (await ann.get()).json()] == [own], "exactly as it was given"
    response = await ann.post("/register", {"userEndpointId": "", "keepAliveSeconds": 15})
    assert uuid.UUID(response.json()["id"])


async def test_registering_again_changes_the_terms(ann: Caller) -> None:
    await ann.register("e", 15)
    await ann.register("e", 60, serverKeepAliveReminderOn=True)
    (view,) = (await ann.get()).json()
    assert view["keepAliveSeconds"] == 60
    assert view["serverKeepAliveReminderOn"] is True


async def test_somebody_elses_id_is_in_use(server: AuviousServer, ann: Caller) -> None:
    await ann.register("e")
    for name in ("bob", "cleo"):
        async with server.user(name) as other:
            for path in ("", "/register"):
                body = {"userEndpointId": "e", "keepAliveSeconds": 15}
                response = await other.post(path, body)
                assert response.status_code == 400
                assert response.json() == {"userEndpointId": "already in use"}
            assert (await other.get()).json() == []
    async with server.user("ann") as again:
        await again.register("e")


async def test_a_long_period_is_cut_and_not_refused(tmp_path: Path) -> None:
    settings = auvious_settings(tmp_path, auvious={"max_keep_alive_seconds": 100})
    async with auvious_server(tmp_path, settings=settings) as server, server.user("ann") as ann:
        await ann.register(seconds=101)
        assert (await ann.get()).json()[0]["keepAliveSeconds"] == 100


@pytest.mark.parametrize(
    ("limits", "others"),
    [
        ({"endpoints_per_user": 2}, ["bob", "cleo"]),
        ({"endpoints_per_organization": 2}, ["cleo"]),
        ({"endpoints": 2}, []),
    ],
)
async def test_endpoints_are_limited(
    tmp_path: Path, limits: dict[str, int], others: list[str]
) -> None:
    settings = auvious_settings(tmp_path, auvious=limits)
    async with auvious_server(tmp_path, settings=settings) as server, server.user("ann") as ann:
        for id_ in ("1", "2", "1"):
            await ann.register(id_)
        assert_empty(await ann.post("", {"keepAliveSeconds": 5}), 429)
        for name in ("bob", "cleo"):
            async with server.user(name) as other:
                response = await other.post("", {"keepAliveSeconds": 5})
                assert (response.status_code == 200) == (name in others)
        assert_empty(await ann.post("/unregister", {"userEndpointId": "1"}), 204)
        await ann.register("3")


async def test_nobody_new_is_let_in_while_the_server_drains(
    server: AuviousServer, ann: Caller
) -> None:
    id_ = await ann.register()
    listener = await listen(server, id_)
    await server.services.lifecycle.drain(0, 1)
    assert_empty(await ann.post("", {"keepAliveSeconds": 5}), 503)
    with trio.fail_after(PATIENCE):
        while not listener.closed:
            await trio.sleep(0.01)
    assert listener.closed == ["shutting_down"]


# --- keepalive, unregister


async def test_a_keepalive_begins_a_new_period(ann: Caller) -> None:
    id_ = await ann.register(seconds=60)
    before = after = 0.0
    with trio.fail_after(PATIENCE):
        while after <= before:  # a busy machine may take longer for the two requests than we sleep
            await trio.sleep(0.5)
            before = (await ann.get()).json()[0]["expiresInSeconds"]
            response = await ann.post("/keepalive", {"userEndpointId": id_, "userId": "ann"})
            assert_empty(response, 204)
            assert "Content-Length" not in response.headers
            after = (await ann.get()).json()[0]["expiresInSeconds"]


async def test_an_endpoint_expires_on_the_real_clock(server: AuviousServer, ann: Caller) -> None:
    began = trio.current_time()
    id_ = await ann.register(seconds=3)
    listener = await listen(server, id_)
    with trio.fail_after(PATIENCE):
        while not listener.closed:
            await trio.sleep(0.01)
    assert trio.current_time() - began > 2.99
    assert listener.closed == ["expired"]
    assert_empty(await ann.post("/keepalive", {"userEndpointId": id_}), 404)
    assert await ann.send("ann") == 0


async def test_unregistering_frees_the_id_and_closes_subscriptions(
    server: AuviousServer, ann: Caller
) -> None:
    id_ = await ann.register("e")
    listener = await listen(server, id_)
    body = {"userEndpointId": id_, "reason": "User logout"}
    assert_empty(await ann.post("/unregister", body), 204)
    assert listener.closed == ["unregistered"]
    assert_empty(await ann.post("/unregister", body), 404)
    async with server.user("cleo") as cleo:
        assert await cleo.register("e") == "e"


@pytest.mark.parametrize("path", ["/keepalive", "/unregister"])
async def test_an_unknown_or_foreign_endpoint_is_an_empty_404(
    server: AuviousServer, ann: Caller, path: str
) -> None:
    await ann.register("e")
    async with server.user("bob") as bob, server.user("cleo") as cleo:
        for caller, id_ in ((ann, "nowhere"), (bob, "e"), (cleo, "e"), (ann, "E"), (ann, "é/%2f")):
            assert_empty(await caller.post(path, {"userEndpointId": id_}), 404)
    assert len((await ann.get()).json()) == 1


@pytest.mark.parametrize("path", ["", "/register", "/keepalive", "/unregister", "/sendEvent"])
async def test_broken_fields_are_a_map(ann: Caller, path: str) -> None:
    for body in (b"", b"[]", b"{}", b'{"userEndpointId":5,"keepAliveSeconds":"x","userId":[]}'):
        response = await ann.post(path, body)
        assert response.status_code == 400
        assert response.headers["Content-Type"] == "application/json"
        problems = response.json()
        assert problems
        assert all(isinstance(text, str) for pair in problems.items() for text in pair)


async def test_the_type_of_the_body_does_not_matter(ann: Caller) -> None:
    for kind in ("application/json;charset=UTF-8", "text/plain", ""):
        headers = ann.headers | {"Content-Type": kind}
        response = await ann.http.post(
            ENDPOINTS, content=b'{"keepAliveSeconds":5}', headers=headers
        )
        assert response.status_code == 200


# --- sendEvent


async def test_an_event_goes_to_every_endpoint_of_the_user(
    server: AuviousServer, ann: Caller
) -> None:
    ids = [await ann.register() for _ in range(3)]
    listeners = [await listen(server, id_) for id_ in ids]
    async with server.user("bob") as bob:
        await bob.register()
        assert await bob.send("ann") == 3
        assert await bob.send("ann", userEndpointId=ids[1]) == 1
    assert [len(listener.shown) for listener in listeners] == [1, 2, 1]
    assert await ann.send("ann") == 3, "also to oneself"


async def test_the_bytes_of_the_event_arrive_as_they_were_sent(
    server: AuviousServer, ann: Caller
) -> None:
    listener = await listen(server, await ann.register())
    event = (
        '{"timestamp" : "2011-12-03T10:15:30.000Z","type":"UserCreatedEvent",\n'
        ' "n":1.500,"big":12345678901234567890123,"u":"\\u00e9 é 🙂","again":1,"again":2}'
    )
    body = f'{{"userId":"ann", "event" :  {event} ,"qos":1}}'.encode()
    response = await ann.post("/sendEvent", body)
    assert response.content == b"1"
    assert [delivery.payload for delivery in listener.shown] == [event.encode()]


async def test_an_event_of_qos_1_waits_for_its_subscriber(
    server: AuviousServer, ann: Caller
) -> None:
    id_ = await ann.register()
    for qos in (0, 1, 2):
        assert await ann.send("ann", qos=qos) == 1
    assert [event["sequence"] for event in await ann.waiting(id_)] == [2]
    listener = await listen(server, id_)
    with trio.fail_after(PATIENCE):
        while not listener.shown:
            await trio.sleep(0.01)
    assert [delivery.sequence for delivery in listener.shown] == [2]


async def test_nobody_there_is_zero_and_not_an_error(server: AuviousServer, ann: Caller) -> None:
    assert await ann.send("ann") == 0
    id_ = await ann.register()
    async with server.user("bob") as bob:
        theirs = await bob.register()
    for user, endpoint in (("ann", "nowhere"), ("ann", theirs), ("bob", id_), ("stranger", id_)):
        assert await ann.send(user, userEndpointId=endpoint) == 0


async def test_a_user_reaches_their_own_organization_only(
    server: AuviousServer, ann: Caller
) -> None:
    async with server.user("cleo") as cleo, server.service("partner", "partner-secret-3387") as it:
        theirs = await cleo.register()
        for caller in (ann, it):
            for claimed in ({}, {"organizationId": "globex"}, {"organizationId": ""}):
                assert await caller.send("cleo", **claimed) == 0
                assert await caller.send("cleo", userEndpointId=theirs, **claimed) == 0
        mine = await ann.register()
        assert await it.send("ann", organizationId="globex") == 1, "its own counts"
        assert await cleo.send("ann", organizationId="acme", userEndpointId=mine) == 0


async def test_a_service_names_the_organization(server: AuviousServer, ann: Caller) -> None:
    await ann.register()
    async with server.user("cleo") as cleo, server.service() as service:
        await cleo.register()
        assert await service.send("ann", organizationId="acme") == 1
        assert await service.send("cleo", organizationId="globex") == 1
        assert await service.send("ann", organizationId="globex") == 0
        response = await service.post("/sendEvent", {"userId": "ann", "event": EVENT})
        assert response.status_code == 400
        assert response.json() == {"organizationId": "must not be null"}


async def test_masked_values_are_on_the_wire_and_nowhere_else(
    server: AuviousServer, ann: Caller
) -> None:
    id_ = await ann.register()
    heard: list[tuple[Owner, str, EndpointEvent]] = []
    server.house.event_listeners.append(lambda *event: heard.append(event))
    event = EVENT | {"card": {"number": "4111-1111", "holder": "Änn"}, "amount": 5}
    masks = ["$.card.number", "$..holder", "$.nowhere"]
    assert await ann.send("ann", event, masks=masks, qos=1) == 1
    listener = await listen(server, id_)
    (waiting,) = await ann.waiting(id_)
    assert waiting["event"] == EVENT | {
        "card": {"number": "*********", "holder": "***"}, "amount": 5
    }  # fmt: skip
    with trio.fail_after(PATIENCE):
        while not listener.shown:
            await trio.sleep(0.01)
    assert json.loads(listener.shown[0].payload) == event
    assert [(owner, endpoint) for owner, endpoint, _ in heard] == [(Owner("acme", "ann"), id_)]
    for wrong in ("$.amount", "$.card", "card", "$["):
        response = await ann.post("/sendEvent", {"userId": "ann", "event": event, "masks": [wrong]})
        assert response.status_code == 400
        assert response.json().keys() == {"masks"}


async def test_a_full_outbox_is_not_counted(tmp_path: Path) -> None:
    settings = auvious_settings(tmp_path, auvious={"outbox_events": 2})
    async with auvious_server(tmp_path, settings=settings) as server, server.user("ann") as ann:
        full, roomy = await ann.register(), await ann.register()
        for _ in range(2):
            assert await ann.send("ann", qos=1, userEndpointId=full) == 1
        assert await ann.send("ann", qos=1) == 1
        assert await ann.send("ann", userEndpointId=full) == 0
        assert len(await ann.waiting(full)) == 2
        assert len(await ann.waiting(roomy)) == 1


async def test_one_endpoint_that_does_not_answer_does_not_hold_up_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = auvious_settings(tmp_path, limits={"ask_seconds": 3.0})
    async with auvious_server(tmp_path, settings=settings) as server, server.user("ann") as ann:
        for id_ in ("stuck", "well"):
            await ann.register(id_)
        handle = Endpoint.handle

        async def hang(self: Endpoint, message: Any) -> object:
            if isinstance(message, OfferEvent) and self.ctx.self_ref.name.endswith("stuck"):
                await trio.sleep_forever()
            return await handle(self, message)

        monkeypatch.setattr(Endpoint, "handle", hang)
        assert await ann.send("ann", qos=1) == 1
        assert len(await ann.waiting("well")) == 1


async def test_a_reminder_has_the_fields_of_all_events(server: AuviousServer, ann: Caller) -> None:
    id_ = await ann.register(seconds=5, serverKeepAliveReminderOn=True)
    listener = await listen(server, id_)
    with trio.fail_after(PATIENCE):
        while not listener.shown:
            await trio.sleep(0.01)
    reminder = json.loads(listener.shown[0].payload)
    assert uuid.UUID(reminder.pop("id"))
    timestamp = reminder.pop("timestamp")
    assert is_instant(timestamp)
    assert len(timestamp) == 24
    assert is_event_type(reminder["type"])
    assert reminder == {
        "type": "UserEndpointKeepAliveReminderEvent", "userId": "ann", "userEndpointId": id_,
    }  # fmt: skip


# --- extras


async def test_one_sees_ones_own_endpoints_only(server: AuviousServer, ann: Caller) -> None:
    id_ = await ann.register()
    async with server.user("bob") as bob:
        assert (await bob.get()).json() == []
        assert_empty(await bob.get(f"{ENDPOINTS}/{id_}"), 404)
    assert_empty(await ann.get(f"{ENDPOINTS}/nowhere"), 404)
    (listed,) = (await ann.get()).json()
    shown = (await ann.get(f"{ENDPOINTS}/{id_}")).json()
    assert shown.pop("events") == []
    assert 15 >= listed.pop("expiresInSeconds") >= shown.pop("expiresInSeconds") > 0
    assert listed == shown == {
        "id": id_, "keepAliveSeconds": 15, "serverKeepAliveReminderOn": False, "subscribers": 0,
        "waitingEvents": 0,
    }  # fmt: skip


async def test_ice_servers_are_an_array_also_when_there_are_none(ann: Caller) -> None:
    response = await ann.get("/rtc-api/iceServers")
    assert (response.status_code, response.json()) == (200, {"iceServers": []})


async def test_ice_servers_as_configured(tmp_path: Path) -> None:
    ice = {
        "servers": [{"urls": ["stun:stun.example.org"]},
                    {"urls": ["turn:t.example.org"], "username": "u", "credential": "c"}],
        "turn_urls": ["turn:turn.example.org"], "turn_secret": "s",
    }  # fmt: skip
    settings = auvious_settings(tmp_path, ice=ice)
    async with auvious_server(tmp_path, settings=settings) as server, server.user("ann") as ann:
        found = (await ann.get("/rtc-api/iceServers")).json()["iceServers"]
        assert found[0] == {"urls": ["stun:stun.example.org"], "username": "", "credential": ""}
        assert found[1] == {"urls": ["turn:t.example.org"], "username": "u", "credential": "c"}
        assert found[2]["urls"] == ["turn:turn.example.org"]
        assert found[2]["username"].partition(":")[0].isdecimal()
        assert found[2]["credential"]


# --- paths


async def test_a_slash_too_many_is_tolerated(server: AuviousServer, ann: Caller) -> None:
    for path in (f"/{ENDPOINTS}", f"{ENDPOINTS}/", f"/{ENDPOINTS}/register"):
        url = httpx.URL(server.url + path)
        response = await ann.http.post(url, json={"keepAliveSeconds": 5}, headers=ann.headers)
        assert response.status_code == 200, path
    assert (await ann.http.get(httpx.URL(server.url + "//rtc-api/iceServers"),
                               headers=ann.headers)).status_code == 200  # fmt: skip


@pytest.mark.parametrize("path", ["/rtc-api", "/rtc-api/x", "//rtc-api/x", "/auvious/x",
                                  "/rtc-api/users/endpoints/x/y"])  # fmt: skip
async def test_an_unknown_path_is_an_empty_404(server: AuviousServer, path: str) -> None:
    async with server.http() as http:
        response = await http.get(httpx.URL(server.url + path))
        assert_empty(response, 404)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_websocket_where_there_is_none_is_a_404(tmp_path: Path, carrier: str) -> None:
    async with auvious_server(tmp_path, carrier) as server:
        for path in ("/rtc-api/x", ENDPOINTS, "/security/oauth/token"):
            async with connected(server.serving) as client:
                await client.send(upgrade_request(path))
                with trio.fail_after(PATIENCE):
                    status = (await client.read_head()).split()[1]
            assert status in ("401", "404", "405", "400"), path


async def test_a_wrong_method_is_an_empty_405(ann: Caller) -> None:
    await ann.register("x")
    for method, path, allowed in (
        ("PUT", "", "GET, HEAD, OPTIONS, POST"), ("PATCH", "/sendEvent", "OPTIONS, POST"),
        ("DELETE", "/x", "GET, HEAD, OPTIONS"), ("POST", "/x", "GET, HEAD, OPTIONS"),
        ("POST", "/x/events", "GET, HEAD, OPTIONS"),
    ):  # fmt: skip
        response = await ann.http.request(method, f"{ENDPOINTS}{path}", headers=ann.headers)
        assert_empty(response, 405)
        assert response.headers["Allow"] == allowed


@pytest.mark.parametrize("base", ["", "/"])
async def test_an_operation_that_does_not_exist_is_an_empty_404(
    ann: Caller, server: AuviousServer, base: str
) -> None:
    paths = ("/nope", "/Register", "/nope/events", "/register/events", "/nope/more")
    for method in ("POST", "PUT", "PATCH", "DELETE"):
        for path in paths:
            url = httpx.URL(f"{server.url}{base}{ENDPOINTS}{path}")
            response = await ann.http.request(method, url, headers=ann.headers)
            assert_empty(response, 404)


async def test_a_body_that_is_too_large_is_an_empty_413(tmp_path: Path) -> None:
    settings = auvious_settings(tmp_path, limits={"body_bytes": 1000})
    async with auvious_server(tmp_path, settings=settings) as server, server.user("ann") as ann:
        assert_empty(await ann.post("/sendEvent", b"x" * 1001), 413)
        response = await ann.http.post("/security/oauth/token", content=b"x" * 1001)
        assert (response.status_code, response.json()["error"]) == (413, "invalid_request")


# --- CORS


async def test_any_page_may_read_by_default(ann: Caller) -> None:
    origin = {"Origin": "https://app.example.org"}
    for path in (ENDPOINTS, "/rtc-api/nowhere", "/security/.well-known/jwks.json"):
        response = await ann.http.get(path, headers=ann.headers | origin)
        assert response.headers["Access-Control-Allow-Origin"] == "*"
        assert "Access-Control-Allow-Credentials" not in response.headers
    response = await ann.http.get(ENDPOINTS, headers=origin)
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == "*"


async def test_a_preflight_is_answered_for_every_path(server: AuviousServer) -> None:
    asks = {"Origin": "https://app.example.org", "Access-Control-Request-Method": "POST",
            "Access-Control-Request-Headers": "authorization,content-type"}  # fmt: skip
    async with server.http() as http:
        for path in (*(f"{ENDPOINTS}{path}" for _, path in OPERATIONS), "/security/oauth/token"):
            response = await http.options(path, headers=asks)
            assert_empty(response, 204)
            assert response.headers["Access-Control-Allow-Origin"] == "*"
            assert "POST" in response.headers["Access-Control-Allow-Methods"]
            assert "Authorization" in response.headers["Access-Control-Allow-Headers"]


async def test_other_pages_may_not_read_where_some_are_named(tmp_path: Path) -> None:
    chosen = {"allowed_origins": ["https://app.example.org"]}
    settings = auvious_settings(tmp_path, auvious=chosen)
    async with auvious_server(tmp_path, settings=settings) as server, server.user("ann") as ann:
        for origin, allowed in (
            ("https://app.example.org", "https://app.example.org"),
            ("https://evil.example", None), ("null", None), ("", None),
        ):  # fmt: skip
            headers = ann.headers | ({"Origin": origin} if origin else {})
            for path in (ENDPOINTS, "/rtc-api/nowhere"):
                response = await ann.http.get(path, headers=headers)
                assert response.headers.get("Access-Control-Allow-Origin") == allowed
                assert "Origin" in response.headers["Vary"]
