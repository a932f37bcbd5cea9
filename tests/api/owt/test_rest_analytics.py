"""Analytics over the management API: bodies, answers and errors; and a room that has one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from pydantic import ValidationError

from actors.words.analytics import EndAnalytic, StartAnalytic
from actors.words.streams import AudioWanted, VideoFormat, VideoWanted
from api.owt.management.bodies_analytics import AnalyticsRequest
from media.contract.analysis import AnalysisBegan, AnalysisEnd, AnalysisNoted, AnalysisOver
from media.contract.jobs import AnalysisWanted
from tests.api.owt.test_rest_live import Scene, idle, scene, trouble  # noqa: F401  fixtures
from tests.api.owt.test_rest_streaming_outs import until
from tests.fakes.media import FakeEngine
from tests.support.mixes import running
from tests.support.owt import owt_server
from tests.support.owt_portal import connection, token

VIDEO = {"video": {"from": "123456"}}
FORMAT = {"codec": "h264", "profile": "CB"}
OPUS = {"codec": "opus", "sampleRate": 48000, "channelNum": 2}
EVENTS = [{"name": "motion", "time": 1_700_000_000_500, "data": {"share": 0.25}}]


@pytest.mark.parametrize(
    ("algorithm", "name"),
    [
        ("dc51138a8284436f873418a21ba8cfa7", "dummy"),
        ("b849f44bee074b08bf3e627f3fc927c7", "face"),
        ("motion", "motion"),
        ("My.own-2_1", "My.own-2_1"),
    ],
)
def test_the_ids_of_the_original_are_names_here(algorithm: str, name: str) -> None:
    wanted = AnalyticsRequest.model_validate({"algorithm": algorithm, "media": VIDEO})
    assert wanted.order == StartAnalytic(name, None, VideoWanted("123456"), False, algorithm)


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"algorithm": "motion"},
        {"algorithm": "motion", "media": {}},
        {"algorithm": "motion", "media": {"audio": False, "video": False}},
        {"algorithm": "motion", "media": {"video": True}},
        {"algorithm": "motion", "media": {"video": {"from": ""}}},
        {"algorithm": "motion", "media": VIDEO, "notify": "yes"},
        {"algorithm": "", "media": VIDEO},
        {"algorithm": None, "media": VIDEO},
        {"algorithm": "two words", "media": VIDEO},
        {"algorithm": "os:system", "media": VIDEO},
        {"algorithm": "motion\n", "media": VIDEO},
        {"algorithm": "x" * 65, "media": VIDEO},
    ],
)
def test_what_cannot_be_an_analytic(body: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AnalyticsRequest.model_validate(body)


async def test_analytics(scene: Scene) -> None:  # noqa: F811
    shown = {
        "id": "321",
        "analytics": {"algorithm": "motion"},
        "media": {"from": "123456", "format": FORMAT},
        "events": EVENTS,
        "dropped": 3,
    }
    assert (await scene.ask("GET", "/analytics")).json() == [shown]
    id_ = "dc51138a8284436f873418a21ba8cfa7"
    body: dict[str, Any] = {"algorithm": id_, "media": {"audio": False, **VIDEO}}
    answer = await scene.ask("POST", "/analytics", body)
    assert answer.json() == {**shown, "analytics": {"algorithm": id_}}
    assert scene.room.asked[-1] == StartAnalytic("dummy", None, VideoWanted("123456"), False, id_)
    answer = await scene.ask("DELETE", "/analytics/321")
    assert (answer.status_code, answer.text) == (200, "")
    assert scene.room.asked[-1] == EndAnalytic("321")


async def test_sound_is_taken_too(scene: Scene) -> None:  # noqa: F811
    sound = {"from": "123456", "format": OPUS}
    body = {"algorithm": "level", "media": {"audio": {"from": "123456"}}, "notify": True}
    answer = await scene.ask("POST", "/analytics", body)
    assert answer.json()["media"] == {**sound, "audio": sound}
    assert scene.room.asked[-1] == StartAnalytic(
        "level", AudioWanted("123456"), None, True, "level"
    )
    video = {"from": "1", "format": {"codec": "vp8"}}
    body = {"algorithm": "both", "media": {"audio": {"from": "2"}, "video": video}}
    answer = await scene.ask("POST", "/analytics", body)
    expected = {"from": "1", "format": FORMAT, "audio": {"from": "2", "format": OPUS}}
    assert answer.json()["media"] == expected
    picture = VideoWanted("1", VideoFormat("vp8"))
    assert scene.room.asked[-1] == StartAnalytic("both", AudioWanted("2"), picture, False, "both")


@pytest.mark.parametrize(
    ("algorithm", "expected", "message"),
    [
        (
            "nothing",
            (500, 1301),
            "RPC:addServerSideSubscription failed: there is no such algorithm here, but black",
        ),
        ("much", (503, 2001), "The server is busy, try again"),
        ("two words", (400, 1201), "Bad request"),
    ],
)
async def test_what_is_not_analysed_says_why(
    scene: Scene,  # noqa: F811
    algorithm: str,
    expected: tuple[int, int],
    message: str,
) -> None:
    answer = await scene.ask("POST", "/analytics", {"algorithm": algorithm, "media": VIDEO})
    assert trouble(answer) == expected
    assert answer.json()["error"]["message"] == message


async def test_without_power_nothing_is_analysed(scene: Scene) -> None:  # noqa: F811
    scene.room.has_capacity = False
    answer = await scene.ask("POST", "/analytics", {"algorithm": "motion", "media": VIDEO})
    assert trouble(answer) == (503, 2001)
    assert answer.json()["error"]["message"] == "Server is busy: analysis"


async def test_an_analytic_that_is_not_there_cannot_end_or_change(
    scene: Scene,  # noqa: F811
) -> None:
    for method, path in (("DELETE", "1"), ("PATCH", "1"), ("PATCH", "321"), ("DELETE", "%20")):
        answer = await scene.ask(method, f"/analytics/{path}", [] if method == "PATCH" else None)
        assert trouble(answer) == (500, 1301)


async def test_nothing_is_analysed_where_nobody_is(idle: Scene) -> None:  # noqa: F811
    answer = await idle.ask("POST", "/analytics", {"algorithm": "motion", "media": VIDEO})
    assert trouble(answer) == (500, 1301)
    assert "nobody is in the room" in answer.json()["error"]["message"]
    assert trouble(await idle.ask("DELETE", "/analytics/1")) == (500, 1301)


# --- a room on a fake engine


async def test_a_room_has_its_view_analysed_and_its_clients_hear_of_it(tmp_path: Path) -> None:
    engine, answers = FakeEngine(), list[httpx.Response]()
    async with owt_server(tmp_path, engine=engine) as server:
        manager = server.manager()
        room = (await manager.create_room())["_id"]
        base, view = f"/v1/rooms/{room}/analytics", {"video": {"from": f"{room}-common"}}

        async def post(algorithm: str) -> None:
            body = {"algorithm": algorithm, "media": view, "notify": True}
            answers.append(await manager.ask("POST", base, body))

        async def the_job() -> str:
            await until(lambda: bool(list(running(engine, AnalysisWanted))))
            ((job, _),) = running(engine, AnalysisWanted)
            return job

        async with connection(server) as ann:
            await ann.login(await token(server, room))
            async with trio.open_nursery() as nursery:
                nursery.start_soon(post, "face")
                unknown = AnalysisOver(AnalysisEnd.UNKNOWN, "there is no such algorithm here")
                engine.tell_of_job(await the_job(), unknown)
            refused = answers.pop()
            assert trouble(refused) == (500, 1301)
            assert "no such algorithm" in refused.json()["error"]["message"]
            await until(lambda: not list(running(engine, AnalysisWanted)))

            async with trio.open_nursery() as nursery:
                nursery.start_soon(post, "motion")
                job = await the_job()
                engine.tell_of_job(job, AnalysisBegan(("video",)))
            (answer,) = answers
            assert answer.status_code == 200, answer.text
            assert answer.json()["events"] == []
            engine.tell_of_job(job, AnalysisNoted("motion", b'{"share":0.5}', 1000.0))
            with trio.fail_after(30):
                told = await ann.told("text")
            assert (told["from"], told["to"]) == ("analytics", "all")
            assert json.loads(told["message"])["data"] == {"share": 0.5}
            (found,) = (await manager.ask("GET", base)).json()
            assert found["events"] == [
                {"name": "motion", "time": 1_000_000, "data": {"share": 0.5}}
            ]
            one = f"{base}/{found['id']}"
            assert (await manager.ask("DELETE", one)).status_code == 200
            assert trouble(await manager.ask("DELETE", one)) == (500, 1301)
            assert not list(running(engine, AnalysisWanted))
