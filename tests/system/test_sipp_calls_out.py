"""Calls out, which sipp takes or not, step by step; asked for by the management API."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from tests.support.called_rooms import CalledRoom, TelephoneServer, telephone_server
from tests.support.sipp import AUDIO, Playing, Scenario, Sipp

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelephoneServer]:
    with telephone_server(tmp_path_factory.mktemp("telephones")) as server:
        yield server


@pytest.fixture(scope="module")
def room(server: TelephoneServer) -> CalledRoom:
    return CalledRoom(server, "lobby")


@pytest.fixture
def sipp(tmp_path: Path) -> Iterator[Sipp]:
    sipp = Sipp(tmp_path)
    yield sipp
    sipp.close()


def asked() -> Scenario:
    """Be called, with sound."""
    return Scenario().is_called()


def taken() -> Scenario:
    return asked().answer("180 Ringing").answer("200 OK", AUDIO).is_asked("ACK")


def called(room: CalledRoom, sipp: Sipp, scenario: Scenario) -> tuple[httpx.Response, Playing]:
    """Have the room call who plays this; return the answer."""
    playing, host = sipp.begin(scenario)
    return room.call(f"sip:somebody@{host}:5060"), playing


def test_a_call_is_taken_changed_and_ended_by_delete(room: CalledRoom, sipp: Sipp) -> None:
    answer, playing = called(room, sipp, taken().is_hung_up(60))
    assert answer.status_code == 200, answer.text
    call = answer.json()
    assert call["type"] == "dial-out"
    assert [it["id"] for it in room.calls] == [call["id"]]
    path = f"/v1/rooms/{room.room}/sipcalls/{call['id']}"
    change = {"op": "replace", "path": "/output/media/audio/from", "value": f"{room.room}-common"}
    assert room.ask("PATCH", path, [change]).json()["id"] == call["id"]
    room.ask("DELETE", path)
    playing.ends()
    assert room.calls == []


def test_a_call_that_the_other_side_ends_is_over(room: CalledRoom, sipp: Sipp) -> None:
    answer, playing = called(room, sipp, taken().waits(0.5).hangs_up_as_called())
    assert answer.status_code == 200, answer.text
    playing.ends()
    room.until_calls(0)


def test_what_comes_early_is_taken(room: CalledRoom, sipp: Sipp) -> None:
    scenario = asked().answer("183 Session Progress", AUDIO).waits(0.5).answer("200 OK", AUDIO)
    answer, playing = called(room, sipp, scenario.is_asked("ACK").is_hung_up())
    assert answer.status_code == 200, answer.text
    room.ask("DELETE", f"/v1/rooms/{room.room}/sipcalls/{answer.json()['id']}")
    playing.ends()


@pytest.mark.parametrize(
    ("status", "word"),
    [
        ("486 Busy Here", "busy"),
        ("603 Decline", "declined"),
        ("404 Not Found", "nobody has that number"),
        ("403 Forbidden", "does not allow it"),
        ("488 Not Acceptable Here", "codec"),
        ("503 Service Unavailable", "cannot be reached"),
        ("302 Moved Temporarily", "not followed"),
        ("500 Server Internal Error", "Server Internal Error"),
    ],
)
def test_who_does_not_take_it_is_told_in_words(
    room: CalledRoom, sipp: Sipp, status: str, word: str
) -> None:
    moved = ("Contact: <sip:other@127.0.78.250>",) if status[0] == "3" else ()
    answer, playing = called(room, sipp, asked().answer(status, "", *moved).is_asked("ACK"))
    playing.ends()
    assert answer.status_code == 500
    assert word in answer.json()["error"]["message"].replace("_", " "), answer.text
    assert room.calls == []


def test_who_asks_and_leaves_has_it_cancelled(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    scenario = asked().answer("180 Ringing").is_asked("CANCEL", seconds=30)
    scenario.answer("200 OK", tagged=False).waits(0.5)
    playing, host = sipp.begin(scenario)
    with pytest.raises(httpx.ReadTimeout):
        room.call_within(2.0, f"sip:somebody@{host}:5060")
    playing.ends()
    room.until_calls(0)


def test_an_answer_that_crosses_the_cancel_is_ended(room: CalledRoom, sipp: Sipp) -> None:
    """It is taken although it was called off: acknowledged, and ended at once."""
    scenario = asked().answer("180 Ringing").is_asked("CANCEL", seconds=30)
    scenario.answer_to_invite("200 OK", AUDIO).is_asked("ACK").is_hung_up()
    playing, host = sipp.begin(scenario)
    with pytest.raises(httpx.ReadTimeout):
        room.call_within(2.0, f"sip:somebody@{host}:5060")
    playing.ends()
    room.until_calls(0)


def test_nobody_scans_a_network_by_calls(room: CalledRoom) -> None:
    for uri in ("sip:a@127.0.0.1:1", "sip:a@192.0.2.1", "tel:+123", "http://127.0.78.1/", "sip:"):
        answer = room.call(uri)
        assert answer.status_code in (400, 500), answer.text
        assert "127.0.0.1" not in answer.text


def test_many_calls_at_once_each_have_their_own(room: CalledRoom, sipp: Sipp) -> None:
    playing = [sipp.begin(taken().is_hung_up(60)) for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        asked: list[Future[httpx.Response]] = [
            pool.submit(room.call, f"sip:x@{host}:5060") for _, host in playing
        ]
    for answer in (it.result() for it in asked):
        assert answer.status_code == 200, answer.text
        room.ask("DELETE", f"/v1/rooms/{room.room}/sipcalls/{answer.json()['id']}")
    for each, _ in playing:
        each.ends()
