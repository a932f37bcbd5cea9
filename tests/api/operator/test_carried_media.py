"""Media that the server carries, as the operator sees it: streams, their quality, what is muted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from actors.streams import connection
from actors.words.keys import MemberKey, RoomKey
from api.http.mounts import Place
from api.operator.dialect import OPERATOR
from api.operator.ids import person_id, room_id
from media.local_engine import open_local_engine
from media.webrtc.bridge import open_media_loop
from media.webrtc.peer_facts import IceConfig
from tests.support.owt import OwtServer, owt_server, owt_settings
from tests.support.owt_media import calling
from tests.support.owt_portal import guest
from tests.support.serving import second_listener

PATIENCE = 60.0
TOKEN = "the operator's own"
BEARER = {"Authorization": f"Bearer {TOKEN}"}

Answer = dict[str, Any]


async def until(http: httpx.AsyncClient, path: str, holds: Callable[[Answer], bool]) -> Answer:
    """Ask until that holds: on a busy machine packets come late, which is no good quality."""
    found: Answer = {}
    with trio.move_on_after(PATIENCE):
        while True:
            found = (await http.get(path)).json()
            if holds(found):
                return found
            await trio.sleep(0.1)
    raise AssertionError(f"{path} tells {found}")


def two_good_streams(person: Answer) -> bool:
    """Tell whether somebody has both streams, each with a rate, and does well."""
    rates = [each["bits_per_second"] for each in person.get("stream_list", ())]
    quality = person.get("quality") or {}
    return len(rates) == 2 and all(rates) and quality.get("rating") == "good"


async def a_recording_is_told_of(
    server: OwtServer, http: httpx.AsyncClient, room: str, stream: str
) -> None:
    """Start one, and find it: there is no file to send or delete yet."""
    body = {"container": "mkv", "media": {"video": {"from": stream}, "audio": False}}
    begun = await server.manager().ask("POST", f"/v1/rooms/{room}/recordings", body)
    assert begun.status_code == 200, begun.text
    id_ = begun.json()["id"]
    with trio.fail_after(PATIENCE):
        while not (listed := (await http.get("/-/recordings?state=recording")).json())["total"]:
            await trio.sleep(0.1)
    [found] = listed["recordings"]
    assert (found["id"], found["file"], found["until"]) == (id_, f"{id_}.mkv", None)
    assert found["room"] == room_id(RoomKey("owt", room))
    assert (await http.get(f"/-/recordings/{id_}")).json()["state"] == "recording"
    for method, path in (("GET", f"/-/recordings/{id_}/file"), ("DELETE", f"/-/recordings/{id_}")):
        answer = await http.request(method, path)
        assert (answer.status_code, answer.json()["code"]) == (409, "still_recording")
    assert (await http.get(f"/-/rooms/{found['room']}")).json()["recordings"] == 1


async def test_streams_are_told_with_what_was_measured_and_people_with_their_quality(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "MEASURE_SECONDS", 0.2)
    settings = owt_settings(owt={"messages_per_second": 0}, operator={"token": TOKEN})
    async with (
        open_media_loop() as loop,
        open_local_engine(loop, IceConfig(listen_ips=("127.0.0.1",))) as engine,
        owt_server(tmp_path, settings=settings, engine=engine) as server,
    ):
        room = str((await server.manager().create_room())["_id"])
        services = replace(server.services, media=engine)
        mount = OPERATOR.open(services)(Place(root=False, secure=False))
        async with (
            second_listener(services, mount) as served,
            httpx.AsyncClient(base_url=served.url, headers=BEARER) as http,
            guest(server, room) as one,
            guest(server, room) as two,
            calling(one, loop) as ann,
            calling(two, loop) as bob,
        ):
            stream = await ann.publish(video=200)
            await two.told("stream", id=stream)
            subscription = await bob.subscribe(stream, stream)
            await bob.frames(subscription)
            sender, taker = (person_id(MemberKey("owt", it.id)) for it in (one, two))
            sends = await until(http, f"/-/people/{sender}", two_good_streams)
            assert {(it["id"], it["kind"], it["codec"]) for it in sends["stream_list"]} == {
                (stream, "audio", "opus"), (stream, "video", "vp8"),
            }  # fmt: skip
            for each in sends["stream_list"]:
                assert (each["direction"], each["muted"], each["person"]) == ("in", False, sender)
            assert sends["streams"] == 2
            assert sends["quality"]["bits_out"] > 0
            assert (sends["quality"]["bits_in"], sends["quality"]["connections"]) == (0, 1)
            takes = await until(http, f"/-/people/{taker}", two_good_streams)
            assert {it["id"] for it in takes["stream_list"]} == {subscription}
            assert {it["direction"] for it in takes["stream_list"]} == {"out"}
            assert takes["quality"]["bits_in"] > 0

            key = room_id(RoomKey("owt", room))
            whole = await until(http, f"/-/rooms/{key}", lambda room: room["quality"] == "good")
            assert (whole["streams"], whole["people"]) == (1, 2)
            of_people = [it for it in whole["stream_list"] if it["person"] is not None]
            assert {(it["person"], it["direction"]) for it in of_people} == {
                (sender, "in"), (taker, "out"),
            }  # fmt: skip
            mixed = [it for it in whole["stream_list"] if it["person"] is None]
            assert {(it["id"], it["direction"]) for it in mixed} <= {(f"{room}-common", "out")}
            summary = await until(
                http,
                "/-/summary",
                lambda all_: (
                    all_["loss"] is not None
                    and all_["loss"] < 0.1
                    and all_["bits_per_second"]["in"] > 0
                ),
            )
            assert summary["streams"] == 1

            await one.ok("stream-control", {"id": stream, "operation": "pause", "data": "audio"})
            held: Answer = (await http.get(f"/-/people/{sender}")).json()
            assert {it["kind"]: it["muted"] for it in held["stream_list"]} == {
                "audio": True, "video": False,
            }  # fmt: skip
            await a_recording_is_told_of(server, http, room, stream)
            listed: Answer = (await http.get("/-/people?sort=quality&order=desc")).json()
            assert {it["id"] for it in listed["people"]} == {sender, taker}
