"""Real telephones (baresip) in rooms: what each hears of the others, and what is shown."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.baresip import PATIENCE, telephone
from tests.support.called_rooms import CalledRoom, TelephoneServer, telephone_server
from tests.support.tones import hears

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelephoneServer]:
    with telephone_server(tmp_path_factory.mktemp("telephones")) as server:
        yield server


@pytest.mark.parametrize("codec", ["pcmu", "pcma", "G722/16000/1", "opus/48000/2"])
def test_two_telephones_hear_each_other_and_not_themselves(
    server: TelephoneServer, tmp_path: Path, codec: str
) -> None:
    room = CalledRoom(server, f"lobby-{codec.partition('/')[0]}")
    host, port = server.address()
    with (
        telephone(tmp_path / "one", 440, codec=codec) as one,
        telephone(tmp_path / "two", 700, codec="pcmu") as two,
    ):
        for phone in (one, two):
            phone.dial(f"sip:{room.user}@{host}:{port}")
            phone.until("CALL_ESTABLISHED")
        hears(one, 700, not_=(440,))
        hears(two, 440, not_=(700,))
        one.hang_up()
        one.until("CALL_CLOSED")
        room.until_calls(1)
        two.hang_up()
    room.until_calls(0)


def test_a_room_calls_a_telephone_which_sees_who_is_in_it(
    server: TelephoneServer, tmp_path: Path
) -> None:
    room = CalledRoom(server, "with-pictures")
    view = f"{room.room}-common"
    with (
        telephone(tmp_path / "one", 440, video=True) as one,
        telephone(tmp_path / "two", 700, video=True) as two,
    ):
        calls = []
        for phone in (one, two):
            answer = room.call(
                phone.uri,
                mediaIn={"audio": True, "video": True},
                mediaOut={"audio": {"from": view}, "video": {"from": view}},
            )
            assert answer.status_code == 200, answer.text
            phone.until("CALL_ESTABLISHED")
            calls.append(answer.json())
        hears(one, 700, not_=(440,))
        hears(two, 440, not_=(700,))
        for phone in (one, two):
            phone.until_logged("receiving with resolution 640 x 480")
        for call in calls:
            assert call["input"]["media"]["video"]["original"][0]["format"]["codec"] == "vp8"
        room.ask("DELETE", f"/v1/rooms/{room.room}/sipcalls/{calls[0]['id']}")
        one.until("CALL_CLOSED")
    room.until_calls(0)


def test_a_telephone_that_is_alone_hears_silence_not_a_dead_line(
    server: TelephoneServer, tmp_path: Path
) -> None:
    room = CalledRoom(server, "empty")
    host, port = server.address()
    with telephone(tmp_path / "one", 440) as one:
        one.dial(f"sip:{room.user}@{host}:{port}")
        one.until("CALL_ESTABLISHED")
        deadline = time.monotonic() + PATIENCE
        while len(one.heard()) < 2 * one.rate:  # it writes what comes, at its pace
            assert time.monotonic() < deadline, len(one.heard())
            time.sleep(0.2)
        hears(one, not_=(440,))
