"""The operator looks at a live server of every dialect: who is in, what is there, what happens."""

from __future__ import annotations

import os
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from actors.words.keys import MemberKey, RoomKey, peers_realm
from api.operator.ids import person_id, room_id
from tests.support.five_dialects import BEARER, CONFIG, PATIENCE, Everybody, everybody
from tests.support.server_process import ServerProcess

Answer = dict[str, Any]
TEA = room_id(RoomKey("spreed", "Room:tea room"))
CONTENT = bytes(range(256)) * 40
LOOKS = [
    "/-/summary", "/-/rooms", f"/-/rooms/{TEA}", "/-/people", "/-/people/c3ByZWVkOng",
    "/-/endpoints", "/-/recordings", "/-/recordings/aa", "/-/recordings/aa/file", "/-/log",
    "/-/log/live", "/-/actors", "/-/metrics",
]  # fmt: skip
JUNK = {
    "/-/rooms?page=0": "page",
    "/-/rooms?page=x": "page",
    "/-/rooms?per_page=501": "per_page",
    "/-/rooms?sort=colour": "sort",
    "/-/rooms?order=up": "order",
    "/-/rooms?colour=red": "colour",
    "/-/rooms?page=1&page=2": "page",
    "/-/people?room=no!": "room",
    "/-/people?sort=people": "sort",
    "/-/people?per_page=-1": "per_page",
    "/-/endpoints?page=1e9": "page",
    "/-/recordings?state=lost": "state",
    "/-/log?level=loud": "level",
    "/-/log?since=yesterday": "since",
    "/-/log?since=1e99": "since",
    "/-/log/live?level=loud": "level",
    "/-/log/live?room=a&follow=1": "follow",
    "/-/actors?depth=-1": "depth",
    "/-/actors?depth=deep": "depth",
    "/-/actors?kind=room&depth=1": "depth",
    "/-/actors?page=2": "page",
    "/-/summary?verbose=1": "verbose",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    folder = tmp_path_factory.mktemp("overview")
    recordings = folder / "data" / "recordings"
    recordings.mkdir(parents=True)
    (recordings / "first.mkv").write_bytes(CONTENT)
    (recordings / "second.partial.mp4").write_bytes(CONTENT[:100])
    (recordings / "notes.txt").write_bytes(b"none of theirs")
    os.utime(recordings / "first.mkv", (1_700_000_000, 1_700_000_000))
    with ServerProcess(folder, config=CONFIG) as process:
        yield process


@asynccontextmanager
async def operator(server: ServerProcess) -> AsyncIterator[httpx.AsyncClient]:
    url = server.url.rstrip("/")
    async with httpx.AsyncClient(base_url=url, headers=BEARER, timeout=PATIENCE) as http:
        yield http


async def shown(http: httpx.AsyncClient, where: str, /, **params: object) -> Answer:
    answer = await http.get(where, params={key: str(value) for key, value in params.items()})
    assert answer.status_code == 200, answer.text
    assert answer.headers["cache-control"] == "no-store"
    found: Answer = answer.json()
    return found


async def settled(http: httpx.AsyncClient, all_: Everybody) -> list[Answer]:
    """Wait until these five are told of, and nobody who was there before: looks are shared."""
    here = {all_.ada.id, all_.gil.id, all_.page, all_.device.id}
    with trio.fail_after(PATIENCE):
        while True:
            found = await shown(http, "/-/people")
            if found["total"] == 5 and here <= {each["peer"] for each in found["people"]}:
                return list(found["people"])
            await trio.sleep(0.05)


async def test_people_and_rooms_of_every_dialect_are_told_with_the_same_keys(
    server: ServerProcess,
) -> None:
    before = time.time()
    async with operator(server) as http, everybody(server) as all_:
        people = {each["dialect"]: each for each in await settled(http, all_)}
        assert set(people) == {"spreed", "owt", "barertc", "peerjs", "skyway"}
        for person in people.values():
            assert set(person) == {
                "id", "peer", "dialect", "room", "room_name", "room_title", "name", "user",
                "address", "device", "since", "away", "streams", "quality",
            }  # fmt: skip
            assert before - 60 < person["since"] <= time.time() + 1
            assert (person["away"], person["streams"]) == (False, 0)
            whole = await shown(http, f"/-/people/{person['id']}")
            assert whole.pop("stream_list") == []
            assert {**whole, "since": 0} == {**person, "since": 0}
        assert people["spreed"]["id"] == person_id(MemberKey("spreed", all_.ada.id))
        assert (people["spreed"]["room"], people["spreed"]["room_name"]) == (TEA, "tea room")
        assert people["owt"]["peer"] == all_.gil.id
        assert people["owt"]["room"] == room_id(RoomKey("owt", all_.owt_room))
        assert people["barertc"]["room"] == room_id(RoomKey("barertc", "site"))
        for dialect, id_ in (("peerjs", all_.page), ("skyway", all_.device.id)):
            key = MemberKey(peers_realm("peerjs"), id_)  # without keys there is one realm
            assert (people[dialect]["id"], people[dialect]["room"]) == (person_id(key), None)
        assert (people["skyway"]["name"], people["skyway"]["device"]) == (
            "camera-7",
            "python-httpx",
        )
        await rooms_are_told(http, all_, people)
        await the_summary_counts_them(http)
        await endpoints_are_told(http, all_)


async def rooms_are_told(
    http: httpx.AsyncClient, all_: Everybody, people: dict[str, Answer]
) -> None:
    listed = (await shown(http, "/-/rooms"))["rooms"]
    assert [room["people"] for room in listed[:3]] == [1, 1, 1]  # the fullest come first
    rooms = {each["dialect"]: each for each in listed[:3]}
    assert set(rooms) == {"spreed", "owt", "barertc"}
    for dialect, room in rooms.items():
        assert set(room) == {
            "id", "dialect", "realm", "name", "title", "type", "people", "since", "streams",
            "locked", "recordings", "quality", "path",
        }  # fmt: skip
        assert (room["people"], room["locked"], room["recordings"]) == (1, False, 0)
        assert room["realm"] == dialect
        whole = await shown(http, f"/-/rooms/{room['id']}")
        assert [each["id"] for each in whole["members"]] == [people[dialect]["id"]]
        assert whole["stream_list"] == [] or dialect == "owt"
        actor = await shown(http, "/-/actors", path=room["path"], depth=0)
        assert (actor["path"], actor["kind"]) == (room["path"], "room")
        found = await shown(http, "/-/people", room=room["id"])
        assert (found["total"], found["people"][0]["id"]) == (1, people[dialect]["id"])
    tea = rooms["spreed"]
    assert (tea["id"], tea["name"], tea["title"], tea["type"]) == (
        TEA, "tea room", "Tea Room", "Room",
    )  # fmt: skip
    assert (rooms["owt"]["name"], rooms["owt"]["title"]) == (all_.owt_room, "Stand-up")
    (gil,) = (await shown(http, "/-/people", search="stand-UP"))["people"]
    assert (gil["room_name"], gil["room_title"]) == (all_.owt_room, "Stand-up")
    assert (await shown(http, "/-/rooms", search="TEA"))["total"] == 1
    assert (await shown(http, "/-/rooms", dialect="owt"))["rooms"][0]["id"] == rooms["owt"]["id"]
    second = await shown(http, "/-/rooms", sort="name", per_page=1, page=2)
    names = sorted((room["name"] for room in listed), key=str.casefold)
    assert (second["rooms"][0]["name"], second["total"]) == (names[1], len(listed))
    assert (second["page"], second["per_page"]) == (2, 1)


async def the_summary_counts_them(http: httpx.AsyncClient) -> None:
    summary = await shown(http, "/-/summary")
    assert summary["people"] == dict.fromkeys(
        ("barertc", "owt", "peerjs", "skyway", "spreed"), 1
    )  # fmt: skip
    assert set(summary["rooms"]) == {"barertc", "owt", "spreed"}
    assert (summary["state"], summary["streams"], summary["recordings"]) == ("ready", 0, 0)
    assert Path(summary["config"]).name == "config.toml"
    assert summary["bits_per_second"] == {"in": 0, "out": 0}
    assert (summary["loss"], summary["errors"]) == (None, 0)
    assert summary["cpu_seconds"] > 0
    assert set(summary["loop"]) == {"held", "longest_hold_seconds"}
    assert {"version", "since", "warnings"} < set(summary)


async def endpoints_are_told(http: httpx.AsyncClient, all_: Everybody) -> None:
    found = await shown(http, "/-/endpoints")
    [endpoint] = found["endpoints"]
    assert (found["total"], endpoint["id"], endpoint["user"]) == (1, all_.endpoint, "ann")
    assert {"organization", "since", "subscribers", "dialect"} < set(endpoint)
    assert (await shown(http, "/-/endpoints", user="nobody"))["total"] == 0


async def test_pages_of_people_do_not_change_while_nobody_comes_or_goes(
    server: ServerProcess,
) -> None:
    async with operator(server) as http, everybody(server) as all_:
        everyone = {each["id"] for each in await settled(http, all_)}
        for sort in ("name", "since", "room", "quality"):
            for order in ("asc", "desc"):
                paged = []
                for page in range(1, 4):
                    how = {"sort": sort, "order": order, "page": page, "per_page": 2}
                    found = await shown(http, "/-/people", **how)
                    assert (found["total"], found["page"]) == (5, page)
                    paged += [each["id"] for each in found["people"]]
                assert (len(paged), set(paged)) == (5, everyone)
        assert (await shown(http, "/-/people", page=99))["people"] == []
        one = await shown(http, "/-/people", peer="pat")
        assert [each["dialect"] for each in one["people"]] == ["peerjs"]


async def test_what_nobody_has_is_not_found(server: ServerProcess) -> None:
    gone = room_id(RoomKey("spreed", "Room:gone"))
    junk = ("x", "!", "%00", "A" * 5_000, "..%2F..", "c3ByZWVkOng")
    async with operator(server) as http:
        for path, code in (
            ("rooms", "unknown_room"), ("people", "unknown_person"),
            ("recordings", "unknown_recording"),
        ):  # fmt: skip
            for id_ in (gone, *junk):
                answer = await http.get(f"/-/{path}/{id_}")
                assert (answer.status_code, answer.json()["code"]) in (
                    (404, code), (404, "not_found"),
                ), (path, id_, answer.text)  # fmt: skip
        for path in ("/no/such", "nothing", "/conferencing/rooms/spreed:gone"):
            answer = await http.get("/-/actors", params={"path": path})
            assert (answer.status_code, answer.json()["code"]) == (404, "unknown_actor")


async def test_a_parameter_that_is_wrong_is_named(server: ServerProcess) -> None:
    async with operator(server) as http:
        for path, name in JUNK.items():
            answer = await http.get(path)
            assert (answer.status_code, answer.json()["code"]) == (400, "bad_parameter"), path
            assert answer.json()["message"].startswith(f"{name}: "), answer.text


async def test_without_the_token_nobody_sees_anything(server: ServerProcess) -> None:
    url = server.url.rstrip("/")
    async with httpx.AsyncClient(base_url=url, timeout=PATIENCE) as http:
        for path in LOOKS:
            answer = await http.get(path)
            assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized"), path
        answer = await http.delete("/-/recordings/first")
        assert answer.status_code == 401


async def test_every_operation_is_described(server: ServerProcess) -> None:
    async with operator(server) as http:
        document = (await http.get("/-/openapi.json")).json()
    operations = {
        f"{method} {path}": operation
        for path, item in document["paths"].items()
        if path.startswith("/-/")
        for method, operation in item.items()
    }
    assert {f"get {path}" for path in LOOKS if path.count("/") < 3 or "live" in path} <= {
        *operations
    }  # fmt: skip
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(ids) == len(set(ids))
    for name, operation in operations.items():
        assert operation["tags"], name
        good = [each for status, each in operation["responses"].items() if status < "300"]
        for answer in good:
            for content in answer.get("content", {}).values():
                assert {"example", "examples"} & set(content), name
        if "security" in operation:
            assert {"401", "429"} <= set(operation["responses"]), name


async def test_recordings_are_listed_sent_whole_or_in_part_and_deleted(
    server: ServerProcess,
) -> None:
    async with operator(server) as http:
        found = await shown(http, "/-/recordings", sort="bytes")
        assert [each["id"] for each in found["recordings"]] == ["first", "second.partial"]
        first, second = found["recordings"]
        assert first == await shown(http, "/-/recordings/first")
        assert (first["state"], first["container"], first["file"]) == (
            "finalised", "mkv", "first.mkv",
        )  # fmt: skip
        assert (first["bytes"], first["until"], first["room"]) == (10_240, 1_700_000_000, None)
        assert second["state"] == "partial"
        assert (await shown(http, "/-/recordings", state="partial"))["total"] == 1
        whole = await http.get("/-/recordings/first/file")
        assert (whole.status_code, whole.content) == (200, CONTENT)
        assert whole.headers["content-disposition"] == "attachment; filename=first.mkv"
        assert whole.headers["accept-ranges"] == "bytes"
        for asked, part in (("bytes=10-19", CONTENT[10:20]), ("bytes=-5", CONTENT[-5:])):
            piece = await http.get("/-/recordings/first/file", headers={"Range": asked})
            assert (piece.status_code, piece.content) == (206, part)
        beyond = await http.get("/-/recordings/first/file", headers={"Range": "bytes=99999-"})
        assert beyond.status_code == 416
        deleted = await http.delete("/-/recordings/first", headers={"X-Operator": "ann"})
        assert deleted.status_code == 204
        again = await http.delete("/-/recordings/first")
        assert (again.status_code, again.json()["code"]) == (404, "unknown_recording")
        assert (await shown(http, "/-/recordings"))["total"] == 1
    told = server.wait_for("recording.deleted", within=PATIENCE)
    assert (told["recording"], told["by"]) == ("first", "ann")


async def test_warnings_are_shown_afterwards(server: ServerProcess) -> None:
    since = time.time()
    async with operator(server) as http:
        bad = {"Authorization": "Bearer nonsense"}
        summary = await shown(http, "/-/summary")
        for _ in range(3):
            await http.get("/rtc-api/users/endpoints", headers=bad)
        found = await shown(http, "/-/log", level="warning")
        later = await shown(http, "/-/summary")
        most = later["warnings"] + later["errors"]  # a slow machine may be warned of meanwhile
        assert summary["warnings"] + summary["errors"] <= len(found["entries"]) <= most
        assert {entry["level"] for entry in found["entries"]} <= {"warning", "error"}
        assert (await shown(http, "/-/log", since=since + 3600))["entries"] == []
        assert (await shown(http, "/-/log", room="no such room"))["entries"] == []


async def test_the_tree_is_shown_in_part_and_by_kind(server: ServerProcess) -> None:
    async with operator(server) as http, everybody(server) as all_:
        await settled(http, all_)
        whole = await shown(http, "/-/actors")
        assert "below" not in whole
        top = await shown(http, "/-/actors", depth=1)
        assert [child["path"] for child in top["children"]] == [
            child["path"] for child in whole["children"]
        ]
        inner = next(each for each in top["children"] if each["path"] == "/conferencing")
        assert inner["children"] == []
        assert inner["below"] >= 3 + 3 + 5
        members = await shown(http, "/-/actors", path="/conferencing/members", depth=1)
        assert len(members["children"]) == 5
        rooms = await shown(http, "/-/actors", kind="room", per_page=2)
        assert rooms["total"] >= 3
        assert len(rooms["actors"]) == 2
        assert {"path", "kind", "facts", "mailbox"} < set(rooms["actors"][0])
        assert "children" not in rooms["actors"][0]
        below = await shown(http, "/-/actors", kind="room", path="/conferencing/members")
        assert (below["total"], below["actors"]) == (0, [])
