"""Real telephones (baresip) in rooms: what each hears of the others, and what is shown."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.support.baresip import HOSTS, Baresip, telephone
from tests.support.called_rooms import (
    CONFIG,
    CalledRoom,
    TelephoneServer,
    secure_config,
    telephone_server,
)
from tests.support.tls import pem_file
from tests.support.tones import hears, hears_silence

pytestmark = pytest.mark.slow

TONES = {"pcmu": 440, "G722/16000/1": 700, "opus/48000/2": 1010, "pcma": 1630}
"""In Hz, of a telephone with this codec, by baresip's name of it."""


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the certificate, with its key, of the server and of the telephones."""
    return pem_file(tmp_path_factory.mktemp("secure"), "127.0.0.1", *HOSTS)


@pytest.fixture(scope="module")
def server(
    tmp_path_factory: pytest.TempPathFactory, certificate: Path
) -> Iterator[TelephoneServer]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(certificate))  # whom the server trusts
        folder, config = tmp_path_factory.mktemp("telephones"), secure_config(certificate)
        with telephone_server(folder, config) as server:
            yield server


def hear_each_other(*phones: Baresip) -> None:
    """Wait until each hears all others, and not itself."""
    for phone in phones:
        hears(phone, *(it.hertz for it in phones if it is not phone), not_=(phone.hertz,))


def test_telephones_of_each_codec_hear_the_others_and_not_themselves(
    server: TelephoneServer, tmp_path: Path
) -> None:
    room = CalledRoom(server, "lobby")
    with ExitStack() as stack:
        first, *others, last = (
            stack.enter_context(telephone(tmp_path / str(hertz), hertz, codec=codec))
            for codec, hertz in TONES.items()
        )
        for phone in (first, *others):
            phone.dial(server.uri(room.user))
        before = room.until_calls(3)
        hear_each_other(first, *others)
        first.hang_up()
        first.until("CALL_CLOSED")
        room.until_calls(2)
        last.dial(server.uri(room.user))  # of four, one would not be among the loudest three
        now = room.until_calls(3)
        hear_each_other(*others, last)
        used = {it["input"]["media"]["audio"]["format"]["codec"] for it in (*before, *now)}
        assert used == {"pcmu", "pcma", "g722", "opus"}
        for call in now:
            room.hang_up(call)
        for phone in (*others, last):
            phone.until("CALL_CLOSED")
    room.until_calls(0)


def test_a_room_calls_telephones_which_see_who_is_in_it(
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
        hear_each_other(one, two)
        for phone in (one, two):
            phone.until_logged("receiving with resolution 640 x 480")
        for call in calls:
            assert call["input"]["media"]["video"]["format"]["codec"] == "vp8"
        room.hang_up(calls[0])
        one.until("CALL_CLOSED")
        room.until_calls(1)
        two.hang_up()
        two.until("CALL_CLOSED")
        room.until_calls(0)


def test_calls_over_tls_go_both_ways(
    server: TelephoneServer, tmp_path: Path, certificate: Path
) -> None:
    room = CalledRoom(server, "secure")
    with (
        telephone(tmp_path / "one", 440, transport="tls", certificate=certificate) as one,
        telephone(tmp_path / "two", 700, transport="tls", certificate=certificate) as two,
    ):
        one.dial(server.uri(room.user, "tls"))
        one.until("CALL_ESTABLISHED")
        answer = room.call(f"{two.uri};transport=tls")
        assert answer.status_code == 200, answer.text
        two.until("CALL_ESTABLISHED")
        hear_each_other(one, two)
        (call,) = (it for it in room.until_calls(2) if it["id"] != answer.json()["id"])
        two.hang_up()
        two.until("CALL_CLOSED")
        room.until_calls(1)
        room.hang_up(call)
        one.until("CALL_CLOSED")
        room.until_calls(0)


def test_a_telephone_that_is_alone_hears_silence_not_a_dead_line(
    server: TelephoneServer, tmp_path: Path
) -> None:
    room = CalledRoom(server, "empty")
    with telephone(tmp_path / "one", 440) as one:
        one.dial(server.uri(room.user))
        one.until("CALL_ESTABLISHED")
        hears_silence(one, 2.0)


def test_a_telephone_from_elsewhere_needs_the_password(
    server: TelephoneServer, tmp_path: Path
) -> None:
    room = CalledRoom(server, "guarded")
    (user,) = tomllib.loads(CONFIG)["sip"]["users"]
    right = f';auth_user={user["name"]};auth_pass="{user["password"]}"'
    wrong = f";auth_user={user['name']};auth_pass=guess"
    with (
        telephone(tmp_path / "one", 440, account=right, stranger=True) as one,
        telephone(tmp_path / "two", 700, account=wrong, stranger=True) as two,
    ):
        two.dial(server.uri(room.user))
        two.until("CALL_CLOSED")
        one.dial(server.uri(room.user))
        one.until("CALL_ESTABLISHED")
        hears_silence(one, 1.0)
        room.until_calls(1)
        assert all(it["type"] != "CALL_ESTABLISHED" for it in two.events if "type" in it)
