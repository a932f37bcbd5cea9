"""Calls in, as sipp plays them step by step against a whole server."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.called_rooms import CalledRoom, TelephoneServer, telephone_server
from tests.support.sipp import AUDIO, Scenario, Sipp, session

pytestmark = pytest.mark.slow
DIRECTIONS = (("sendonly", "recvonly"), ("sendrecv", "sendrecv"), ("inactive", "inactive"))


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


def calling(body: str = AUDIO, *headers: str, user: str = "lobby") -> Scenario:
    """Call the room; the next step is what comes after the provisional answers."""
    scenario = Scenario(user).invite(body, *headers)
    return scenario.gets(100, optional=True).gets(180, optional=True)


def refused(status: int, scenario: Scenario) -> Scenario:
    return scenario.gets(status).ack(in_dialog=False)


@pytest.mark.parametrize("transport", ["u1", "t1"])
def test_a_call_is_taken_held_taken_up_and_ended(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp, transport: str
) -> None:
    scenario = calling().gets(200, matching="m=audio [1-9][0-9]* RTP/AVP 0 101").ack()
    for version, (said, heard) in enumerate(DIRECTIONS, 2):
        scenario.invite(session(said, version), in_dialog=True).gets(100, optional=True)
        scenario.gets(200, matching=f"a={heard}").ack()
    scenario.hangs_up()
    address = server.address("tcp" if transport == "t1" else "udp")
    sipp.play(scenario, address, transport=transport)
    room.until_calls(0)


def test_the_room_is_told_of_a_call_and_of_its_end(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    playing, host = sipp.begin(calling().gets(200).ack().waits(3).hangs_up(), server.address())
    (call,) = room.until_calls(1)
    assert call["type"] == "dial-in"
    assert call["peer"].partition("@")[2].startswith(host)
    assert call["input"]["info"]["type"] == "sip"
    assert call["input"]["info"]["inViews"] == ["common"]
    assert call["output"]["media"]["audio"]["from"] == f"{room.room}-common"
    (participant,) = room.below("participants")
    assert participant["role"] == "sip"
    playing.ends()
    room.until_calls(0)
    assert room.below("participants") == []


def test_an_answer_that_is_not_acknowledged_is_repeated(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    played = sipp.play(calling().gets(200).waits(3).ack().hangs_up(), server.address())
    assert played.messages.count("SIP/2.0 200 OK") >= 4  # one of them answers the BYE


def test_an_invite_without_an_offer_gets_ours(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    scenario = calling("").gets(200, matching="m=audio [1-9][0-9]* RTP/AVP").ack(AUDIO)
    sipp.play(scenario.waits(0.5).hangs_up(), server.address())


def test_a_call_may_be_ended_before_it_is_confirmed(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    """BYE overtakes the acknowledgement of the answer to its INVITE."""
    scenario = calling().gets(200).request("BYE", cseq=2).gets(200)
    sipp.play(scenario, server.address())
    room.until_calls(0)


def test_a_cancel_that_comes_too_late_ends_nothing(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    scenario = calling().gets(200).ack()
    scenario.request("CANCEL", in_dialog=False, cseq=1, branch="[branch-5]").gets(200)
    sipp.play(scenario.hangs_up(), server.address())


def test_an_update_takes_up_what_is_held(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    scenario = calling().gets(200).ack()
    scenario.request("UPDATE", session("sendonly", 2)).gets(200, matching="a=recvonly")
    scenario.request("UPDATE", "").gets(200)
    sipp.play(scenario.hangs_up(), server.address())


def test_what_is_not_done_is_refused_and_the_call_goes_on(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    scenario = calling().gets(200).ack()
    scenario.request("REFER", "", "Refer-To: <sip:elsewhere@127.0.78.1>").gets(603)
    scenario.request("INFO", "").gets(200)
    scenario.invite(session(profile="RTP/SAVP"), in_dialog=True).gets(100, optional=True)
    scenario.gets(488).ack(in_dialog=False)
    sipp.play(scenario.hangs_up(), server.address())


def test_encrypted_media_alone_are_not_acceptable(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    sipp.play(refused(488, calling(session(profile="RTP/SAVP"))), server.address())
    unknown = (
        session().replace("RTP/AVP 0 101", "RTP/AVP 96").replace("rtpmap:0 PCMU", "rtpmap:96 X")
    )
    sipp.play(refused(488, calling(unknown)), server.address())


def test_nobody_has_that_number(server: TelephoneServer, room: CalledRoom, sipp: Sipp) -> None:
    sipp.play(refused(404, calling(user="nobody")), server.address())
    sipp.play(calling(user=room.room).gets(200).ack().hangs_up(), server.address())


def test_who_asks_what_there_is_gets_an_answer(server: TelephoneServer, sipp: Sipp) -> None:
    scenario = Scenario("lobby").request("OPTIONS", in_dialog=False).gets(200, matching="Allow:")
    sipp.play(scenario, server.address())


def test_requests_of_no_call_are_refused(server: TelephoneServer, sipp: Sipp) -> None:
    sipp.play(Scenario().request("BYE", in_dialog=False).gets(481), server.address())
    sipp.play(Scenario().request("PUBLISH", in_dialog=False).gets(405), server.address())
    needs = Scenario("lobby").invite(AUDIO, "Require: something").gets(420, matching="something")
    sipp.play(needs.ack(in_dialog=False), server.address())


def test_malformed_headers_are_refused_and_harm_nobody(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    playing, _ = sipp.begin(calling().gets(200).ack().waits(4).hangs_up(), server.address())
    room.until_calls(1)
    bad = Scenario("lobby").request("OPTIONS", "", "Max-Forwards: many", in_dialog=False)
    sipp.play(bad.gets(400), server.address())
    playing.ends()


def test_keys_that_are_pressed_are_told(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    scenario = calling(AUDIO.replace("101", "96")).gets(200).ack().waits(0.5)
    scenario.does('<exec play_dtmf="12#"/>').waits(4).hangs_up()
    playing, _ = sipp.begin(scenario, server.address())
    room.until(lambda: [it["digit"] for call in room.calls for it in call["digits"]] == list("12#"))
    playing.ends()


@pytest.mark.unhurried
def test_a_session_is_refreshed_at_half_its_interval(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    short = refused(422, calling(AUDIO, "Session-Expires: 60", "Supported: timer"))
    sipp.play(short, server.address())
    headers = "Session-Expires: 90;refresher=uas", "Supported: timer"
    scenario = calling(AUDIO, *headers).gets(200, matching="Session-Expires: 90;refresher=uas")
    scenario.ack()
    scenario.is_asked("INVITE", seconds=55, matching="Session-Expires: 90;refresher=uac")
    scenario.answer("200 OK", AUDIO, "Session-Expires: 90;refresher=uac", tagged=False)
    sipp.play(scenario.is_asked("ACK").hangs_up(), server.address())


def test_a_room_that_is_deleted_hangs_up(server: TelephoneServer, sipp: Sipp) -> None:
    room = CalledRoom(server, "to-go")
    scenario = calling(user="to-go").gets(200).ack().is_hung_up()
    playing, _ = sipp.begin(scenario, server.address())
    room.until_calls(1)
    room.ask("DELETE", f"/v1/rooms/{room.room}")
    playing.ends()


def test_a_participant_that_is_put_out_is_hung_up(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    playing, _ = sipp.begin(calling().gets(200).ack().is_hung_up(), server.address())
    (call,) = room.until_calls(1)
    room.ask("DELETE", f"/v1/rooms/{room.room}/sipcalls/{call['id']}")
    playing.ends()
    room.until_calls(0)


def test_more_calls_than_there_may_be_are_busy(
    server: TelephoneServer, room: CalledRoom, sipp: Sipp
) -> None:
    playing = [
        sipp.begin(calling().gets(200).ack().is_hung_up(), server.address())[0] for _ in range(6)
    ]
    calls = room.until_calls(6)
    sipp.play(refused(486, calling()), server.address())
    for call in calls:
        room.ask("DELETE", f"/v1/rooms/{room.room}/sipcalls/{call['id']}")
    for each in playing:
        each.ends()
