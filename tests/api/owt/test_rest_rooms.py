"""The management API for services, rooms and tokens, through real requests."""

from __future__ import annotations

import base64
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from api.http.mounts import Place
from api.owt.ids import OBJECT_ID
from tests.support.owt import SAMPLE, SUPER, Manager, OwtServer, owt_server, owt_settings
from tests.support.serving import serving

UNAUTHENTICATED = {
    "error": {"code": 1101, "message": 'WWW-Authenticate: MAuth realm="http://marte3.dit.upm.es"'}
}
NO_ROOM = (404, 1003, "Room not found")
ABSENT = "0123456789abcdef01234567"


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwtServer]:
    async with owt_server(tmp_path) as server:
        yield server


def trouble(answer: httpx.Response) -> tuple[int, int, str]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["message"]


# --- signatures


async def test_a_spaced_header_is_as_good(server: OwtServer) -> None:
    assert (await server.manager(spaced=True).ask("GET", "/v1/rooms")).json() == []


@pytest.mark.parametrize(
    "changes",
    [{"key": "wrong"}, {"service": ABSENT, "key": "any"}],
)
async def test_a_wrong_signature_is_refused(server: OwtServer, changes: dict[str, Any]) -> None:
    answer = await server.manager(**changes).ask("GET", "/v1/rooms")
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


@pytest.mark.parametrize(
    "header", ["", "Bearer x", "MAuth", "MAuth realm=x,,,=,mauth_", "MAuth x," * 99]
)
async def test_no_signature_is_refused(server: OwtServer, header: str) -> None:
    answer = await server.manager().ask("GET", "/v1/rooms", header=header)
    assert (answer.status_code, answer.json()) == (401, UNAUTHENTICATED)


async def test_another_method_of_signing_is_refused(server: OwtServer) -> None:
    manager = server.manager()
    header = manager.header().replace("HMAC_SHA256", "HMAC_SHA1")
    assert (await manager.ask("GET", "/v1/rooms", header=header)).status_code == 401


async def test_a_service_id_that_is_none_is_the_originals_cast_error(server: OwtServer) -> None:
    answer = await server.manager("sample", key="k").ask("GET", "/v1/rooms")
    assert trouble(answer)[:2] == (500, 2001)


async def test_guessing_keys_of_a_service_ends(tmp_path: Path) -> None:
    settings = owt_settings(limits={"credential_failures": 2})
    async with owt_server(tmp_path, settings=settings) as server:
        guesser = server.manager(key="guess")
        statuses = [(await guesser.ask("GET", "/v1/rooms")).status_code for _ in range(3)]
        assert statuses == [401, 401, 429]
        assert (await server.manager(SUPER).ask("GET", "/services")).status_code == 200


async def test_a_request_is_taken_once_where_that_is_wanted(tmp_path: Path) -> None:
    settings = owt_settings(owt={"replay_window_seconds": 60})
    async with owt_server(tmp_path, settings=settings) as server:
        manager = server.manager()
        header = manager.header()
        old = manager.header(at=0)
        answers = [
            await manager.ask("GET", "/v1/rooms", header=each) for each in (header, header, old)
        ]
        assert [answer.status_code for answer in answers] == [200, 401, 401]


async def test_a_request_is_taken_once_whichever_listener_hears_it(tmp_path: Path) -> None:
    settings = owt_settings(owt={"replay_window_seconds": 60})
    async with owt_server(tmp_path, settings=settings) as server:
        other = server.open(Place(root=False, secure=False))
        async with serving(other, settings=settings, services=server.services) as elsewhere:
            header = server.manager().header()
            for url, status in ((server.url, 200), (elsewhere.url, 401)):
                answer = await Manager(url).ask("GET", "/v1/rooms", header=header)
                assert answer.status_code == status


async def test_a_request_may_be_taken_twice_by_default(server: OwtServer) -> None:
    manager = server.manager()
    header = manager.header(at=0)
    for _ in range(2):
        assert (await manager.ask("GET", "/v1/rooms", header=header)).status_code == 200


# --- services


async def test_the_super_service_manages_services(server: OwtServer) -> None:
    boss = server.manager(SUPER)
    made = (await boss.ask("POST", "/services/", {"name": "mine", "key": "my key"})).json()
    assert OBJECT_ID.fullmatch(made["_id"])
    assert made == {
        "_id": made["_id"], "name": "mine", "key": made["key"], "encrypted": True, "rooms": [],
        "__v": 0,
    }  # fmt: skip
    assert "my key" not in made["key"]
    mine = server.manager(made["_id"], key="my key")
    room = await mine.create_room()
    assert (await mine.ask("GET", f"/services/{made['_id']}")).json()["rooms"] == [room["_id"]]
    names = [each["name"] for each in (await boss.ask("GET", "/services")).json()]
    assert sorted(names) == ["mine", "sampleService", "superService"]
    deleted = await boss.ask("DELETE", f"/services/{made['_id']}")
    assert (deleted.status_code, deleted.text) == (200, "Service deleted")
    assert (await mine.ask("GET", "/v1/rooms")).status_code == 401


async def test_other_services_may_not(server: OwtServer) -> None:
    sample = server.manager()
    denied = (403, 1102, "Permission denied")
    assert trouble(await sample.ask("GET", "/services")) == denied
    assert trouble(await sample.ask("POST", "/services", {"name": "n", "key": "k"})) == denied
    assert trouble(await sample.ask("DELETE", f"/services/{SAMPLE}")) == denied
    assert trouble(await sample.ask("GET", f"/services/{SUPER}")) == denied
    assert (await sample.ask("GET", f"/services/{SAMPLE}")).json()["name"] == "sampleService"


@pytest.mark.parametrize(
    "body", [{}, {"name": 1, "key": "k"}, {"name": "n"}, {"name": "n", "key": ""}]
)
async def test_a_service_needs_name_and_key(server: OwtServer, body: Any) -> None:
    answer = await server.manager(SUPER).ask("POST", "/services", body)
    assert trouble(answer) == (400, 1201, "Service name and key do not have string type")


async def test_what_else_may_go_wrong_with_services(server: OwtServer) -> None:
    boss = server.manager(SUPER)
    taken = await boss.ask("POST", "/services", {"name": "sampleService", "key": "k"})
    assert trouble(taken)[:2] == (500, 2001)
    assert trouble(await boss.ask("POST", "/services", [])) == (400, 1201, "Invalid request body")
    missing = (404, 1002, "Service not found")
    assert trouble(await boss.ask("GET", f"/services/{ABSENT}")) == missing
    assert trouble(await boss.ask("DELETE", f"/services/{ABSENT}")) == missing
    assert trouble(await boss.ask("DELETE", "/services/none")) == missing
    own = await boss.ask("DELETE", f"/services/{SUPER}")
    assert (own.status_code, own.text) == (401, "Super service not permitted to be deleted")


# --- rooms


@pytest.mark.parametrize("version", ["v1", "v1.1"])
@pytest.mark.parametrize("slash", ["", "/"])
async def test_a_room_lives_from_post_to_delete(
    server: OwtServer, version: str, slash: str
) -> None:
    manager = server.manager()
    base = f"/{version}/rooms"
    created = (
        await manager.ask("POST", base + slash, {"name": "one", "options": {"inputLimit": 3}})
    ).json()
    room = created["_id"]
    assert OBJECT_ID.fullmatch(room)
    assert (created["id"], created["__v"], created["inputLimit"]) == (room, 0, 3)
    got = (await manager.ask("GET", f"{base}/{room}{slash}")).json()
    assert "id" not in got
    assert got == {key: value for key, value in created.items() if key != "id"}
    replaced = await manager.ask(
        "PUT", f"{base}/{room}{slash}", {"participantLimit": 4, "views": []}
    )
    assert replaced.json() == created | {"participantLimit": 4, "views": []}
    patch = [
        {"op": "replace", "path": "/name", "value": "two"},
        {"op": "remove", "path": "/roles/0"},
    ]
    patched = (await manager.ask("PATCH", f"{base}/{room}{slash}", patch)).json()
    assert (patched["name"], len(patched["roles"])) == ("two", 4)
    assert (await manager.ask("GET", base + slash)).json() == [patched]
    deleted = await manager.ask("DELETE", f"{base}/{room}{slash}")
    assert (deleted.status_code, deleted.text) == (200, "Room deleted")
    assert deleted.headers["content-type"].startswith("text/html")
    assert trouble(await manager.ask("GET", f"{base}/{room}")) == NO_ROOM


async def test_a_room_belongs_to_its_service(server: OwtServer) -> None:
    room = (await server.manager().create_room())["_id"]
    for method, path in (
        ("GET", ""),
        ("DELETE", ""),
        ("GET", "/participants"),
        ("POST", "/tokens"),
    ):
        answer = await server.manager(SUPER).ask(method, f"/v1/rooms/{room}{path}")
        assert trouble(answer) == NO_ROOM


@pytest.mark.parametrize("room", [ABSENT, "x", "..", "5d2f", "%00"])
async def test_a_room_that_is_not_there(server: OwtServer, room: str) -> None:
    answer = await server.manager().ask("GET", f"/v1/rooms/{room}/streams/")
    assert answer.status_code == 404


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ([], (400, 1201, "Invalid request body")),
        ({}, (400, 1201, "Invalid request body")),
        ({"name": 5}, (400, 1201, "Invalid request body")),
        ({"name": "n", "options": "all"}, (400, 1201, "Invalid room option")),
        ({"name": "n", "options": {"participantLimit": "abc"}}, (
            500, 2001, 'ValidationError Room validation failed: participantLimit: Cast to Number '
            'failed for value "abc" at path "participantLimit"',
        )),
        ({"name": "n", "options": {"views": [{"video": {"format": {"codec": "av9"}}}]}}, (
            500, 2001, "Error MediaOut conflicts with View Setting",
        )),
        ({"name": "a\x00b"}, (400, 1201, "Text that cannot be stored")),
    ],
)  # fmt: skip
async def test_rooms_that_cannot_be(server: OwtServer, body: Any, expected: Any) -> None:
    assert trouble(await server.manager().ask("POST", "/v1/rooms", body)) == expected


@pytest.mark.parametrize("letter", ["a", "я", "語", "🎥"])
async def test_a_name_has_as_many_letters_in_every_script(server: OwtServer, letter: str) -> None:
    manager, name = server.manager(), letter * 1024
    room = await manager.create_room(name)
    assert room["name"] == name
    for user, expected in ((name, 200), (name + letter, 400)):
        body = {"user": user, "role": "viewer"}
        answer = await manager.ask("POST", f"/v1/rooms/{room['_id']}/tokens", body)
        assert answer.status_code == expected


async def test_put_says_the_same_as_a_bad_request(server: OwtServer) -> None:
    room = (await server.manager().create_room())["_id"]
    bad = {"views": [{"video": {"maxInput": 300}}]}
    status, code, message = trouble(await server.manager().ask("PUT", f"/v1/rooms/{room}", bad))
    assert (status, code) == (400, 1201)
    assert "(300) is more than maximum allowed value (256)." in message
    assert not message.startswith("ValidationError")


@pytest.mark.parametrize(
    "patch",
    [
        {"op": "add"},
        [{"op": "fly", "path": "/name"}],
        [{"op": "remove", "path": "/nothing/there"}],
        [{"op": "test", "path": "/name", "value": "other"}],
        [{"op": "replace", "path": "", "value": 5}],
        [{"op": "replace", "path": "/name", "value": ""}],
        [{"op": "copy", "from": "", "path": "/views/-"}] * 60,
        [{"op": "add", "path": "/sip", "value": {}}]
        + [{"op": "copy", "from": "", "path": f"/sip/{n}"} for n in range(40)],
    ],
)
async def test_a_patch_that_does_not_apply_changes_nothing(server: OwtServer, patch: Any) -> None:
    manager = server.manager()
    room = (await manager.create_room())["_id"]
    before = (await manager.ask("GET", f"/v1/rooms/{room}")).json()
    answer = await manager.ask("PATCH", f"/v1/rooms/{room}", patch)
    assert trouble(answer)[:2] == (400, 1201)
    assert (await manager.ask("GET", f"/v1/rooms/{room}")).json() == before


async def test_a_hundred_rooms_by_pages(server: OwtServer) -> None:
    manager = server.manager()
    ids = [(await manager.create_room(f"room {n}"))["_id"] for n in range(100)]
    assert ids == sorted(ids)

    async def page(query: str) -> list[str]:
        return [room["_id"] for room in (await manager.ask("GET", f"/v1/rooms{query}")).json()]

    assert await page("") == await page("?per_page=0") == await page("?page=3&per_page=x") == ids
    assert await page("?page=1&per_page=50") == ids[:50]
    assert await page("?page=2&per_page=30") == await page("?page=2px&per_page=30") == ids[30:60]
    assert await page("?per_page=7") == ids[:7]
    assert await page("?page=5&per_page=50") == []


# --- tokens


async def test_a_token_names_its_portal(server: OwtServer) -> None:
    manager = server.manager()
    room = (await manager.create_room())["_id"]
    wanted = {"user": "ann", "role": "presenter", "preference": {"isp": "isp", "region": "region"}}
    answer = await manager.ask("POST", f"/v1/rooms/{room}/tokens/", wanted)
    assert answer.headers["content-type"].startswith("text/html")
    token = json.loads(base64.b64decode(answer.text))
    assert OBJECT_ID.fullmatch(token["tokenId"])
    assert (token["host"], token["secure"]) == (f"127.0.0.1:{server.serving.port}", False)
    assert len(token["signature"]) == 88


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        (
            {"owt": {"portal_host": "rtc.example:8443", "portal_secure": True}},
            ("rtc.example:8443", True),
        ),
        ({"server": {"public_url": "https://meet.example"}}, ("meet.example:443", True)),
        ({"server": {"public_url": "https://www.example/meet/"}}, ("www.example:443", True)),
        ({"server": {"public_url": "http://[::1]:8080"}}, ("[::1]:8080", False)),
    ],
)
async def test_the_host_is_configured_and_never_the_requests(
    tmp_path: Path, section: Any, expected: tuple[str, bool]
) -> None:
    async with owt_server(tmp_path, settings=owt_settings(**section)) as server:
        manager = server.manager(extra={"Host": "evil.example"})
        room = (await manager.create_room())["_id"]
        body = {"user": "ann", "role": "viewer"}
        answer = await manager.ask("POST", f"/v1/rooms/{room}/tokens", body)
        token = json.loads(base64.b64decode(answer.text))
        assert (token["host"], token["secure"]) == expected


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"user": "", "role": "viewer"},
        {"user": "a", "role": "king"},
        {"user": 5, "role": "viewer"},
    ],
)
async def test_a_token_needs_a_user_and_a_role_of_the_room(server: OwtServer, body: Any) -> None:
    manager = server.manager()
    room = (await manager.create_room())["_id"]
    answer = await manager.ask("POST", f"/v1/rooms/{room}/tokens", body)
    assert trouble(answer) == (400, 1201, "Name or role not valid")


async def test_the_header_overrides_who_a_token_is_for(server: OwtServer) -> None:
    manager = server.manager()
    room = (await manager.create_room())["_id"]
    header = manager.header("bea", "presenter")
    body = {"user": "", "role": "king"}
    answer = await manager.ask("POST", f"/v1/rooms/{room}/tokens", body, header=header)
    assert answer.status_code == 200
