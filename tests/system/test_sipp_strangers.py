"""Those of no network that may call: what sipp gets from a whole server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.called_rooms import CONFIG, CalledRoom, TelephoneServer, telephone_server
from tests.support.sipp import AUDIO, Scenario, Sipp

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TelephoneServer]:
    config = CONFIG.replace('allow = ["127.0.77.0/24", "127.0.78.0/24"]\nusers', "users")
    with telephone_server(tmp_path_factory.mktemp("guarded"), config) as server:
        yield server


@pytest.fixture
def sipp(tmp_path: Path) -> Iterator[Sipp]:
    sipp = Sipp(tmp_path)
    yield sipp
    sipp.close()


def showing(password: str) -> Scenario:
    """Call, and show a password where one is asked for."""
    scenario = Scenario("lobby").invite().gets(401, challenge=True).ack(in_dialog=False)
    return scenario.invite(AUDIO, f"[authentication username=alice password={password}]")


def test_who_knows_the_password_calls(server: TelephoneServer, sipp: Sipp) -> None:
    CalledRoom(server, "lobby")
    scenario = showing("of-the-test").gets(100, optional=True).gets(180, optional=True)
    sipp.play(scenario.gets(200).ack().hangs_up(), server.address())


def test_who_does_not_know_it_is_asked_again(server: TelephoneServer, sipp: Sipp) -> None:
    """Sipp takes the second refusal for the first one once more, and plays on."""
    played = sipp.play(showing("wrong").waits(1), server.address())
    answers = re.findall(r"SIP/2.0 (\d+) .*?CSeq: (\d)", played.messages, re.DOTALL)
    assert ("401", "2") in answers
    assert {status for status, _ in answers} == {"401"}


def test_what_else_strangers_ask_is_not_answered_with_more(
    server: TelephoneServer, sipp: Sipp
) -> None:
    scenario = Scenario("lobby").request("OPTIONS", in_dialog=False).gets(403)
    sipp.play(scenario, server.address())
