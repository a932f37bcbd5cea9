"""The whole channelling protocol, over both carriers, by real websocket clients."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import suppress
from pathlib import Path

import pytest
import trio.testing
from structlog.testing import capture_logs
from trio_websocket import ConnectionClosed

from api.http.call_reports import FAILURES_AT_ONCE
from tests.support.serving import CARRIERS
from tests.support.spreed import SpreedServer, spreed_server, spreed_settings


@pytest.fixture(params=CARRIERS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SpreedServer]:
    async with spreed_server(tmp_path, request.param) as running:
        yield running


# --- who


async def test_a_session_is_greeted_with_everything_it_needs(server: SpreedServer) -> None:
    async with server.client() as ann, server.client(path="/spreed/ws") as bob:
        assert set(ann.me) == {
            "Type", "Id", "Sid", "Userid", "Suserid", "Token", "Version", "ApiVersion", "Turn",
            "Stun",
        }  # fmt: skip
        assert ann.me["ApiVersion"] == 1.4
        assert ann.me["Turn"] == {"username": "", "password": "", "ttl": 0, "urls": []}
        assert ann.me["Stun"] == []
        assert ann.id != bob.id


async def test_self_is_given_again_when_asked_for(server: SpreedServer) -> None:
    async with server.client() as ann:
        await ann.send("Self", None, Iid="one")
        frame = await ann.next()
        assert (frame["From"], frame["Iid"]) == (ann.id, "one")
        assert frame["Data"]["Sid"] == ann.me["Sid"]
        assert "A" not in frame
        assert "To" not in frame


async def test_alive_is_echoed_in_both_nestings(server: SpreedServer) -> None:
    async with server.client() as ann:
        for document in (
            {"Type": "Alive", "Alive": {"Type": "Alive", "Alive": 1389}},
            {"Type": "Alive", "Alive": 1389},
        ):
            await ann.raw(document)
            assert await ann.data("Alive") == {"Type": "Alive", "Alive": 1389}
        await ann.raw({"Type": "Alive"})
        assert await ann.data("Alive") == {"Type": "Alive"}


# --- rooms


async def test_joining_welcomes_one_and_tells_the_others(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        welcome = await ann.join("Blue/Sky ü")
        assert welcome["Room"] == {"Type": "Room", "Name": "Blue/Sky ü", "Credentials": None}
        assert [user["Id"] for user in welcome["Users"]] == [ann.id]
        welcome = await bob.join("blue/sky ü")
        assert welcome["Room"]["Name"] == "Blue/Sky ü"
        assert [user["Type"] for user in welcome["Users"]] == ["Online", "Online"]
        frame = await ann.next()
        assert (frame["From"], frame["Data"]["Type"]) == (bob.id, "Joined")
        assert frame["Data"] == {
            "Type": "Joined",
            "Id": bob.id,
            "Ua": "test",
            "Rev": 1,
            "Prio": 100,
        }
        assert "To" not in frame
        assert frame["A"]


async def test_joining_again_is_announced_again(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.join("blue")
        for revision in (1, 2):
            await bob.join("blue")
            assert (await ann.data("Joined"))["Rev"] == revision


async def test_moving_leaves_the_old_room_softly(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob, server.client() as eve:
        await ann.join("blue")
        await eve.join("red")
        await bob.join("blue")
        assert (await ann.data("Joined"))["Id"] == bob.id
        await bob.join("red")
        assert await ann.data("Left") == {"Type": "Left", "Id": bob.id, "Status": "soft"}
        assert (await eve.data("Joined"))["Id"] == bob.id


async def test_leave_is_soft_and_a_dropped_socket_is_hard_and_at_once(server: SpreedServer) -> None:
    async with server.client() as ann:
        await ann.join("blue")
        async with server.client() as bob:
            await bob.join("blue")
            await ann.data("Joined")
            await bob.send("Leave")
            assert (await ann.data("Left"))["Status"] == "soft"
            await bob.join("blue")
            await ann.data("Joined")
        assert await ann.data("Left") == {"Type": "Left", "Id": bob.id, "Status": "hard"}


async def test_a_room_of_another_type_is_another_room(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.join("blue")
        welcome = await bob.join("blue", Type="Anything")
        assert welcome["Room"]["Type"] == "Anything"
        assert [user["Id"] for user in welcome["Users"]] == [bob.id]


async def test_the_room_may_be_named_by_id_as_the_first_clients_did(server: SpreedServer) -> None:
    async with server.client() as ann:
        await ann.raw({"Type": "Hello", "Hello": {"Version": "1", "Id": "old"}})
        assert (await ann.data("Welcome"))["Room"]["Name"] == "old"


async def test_users_are_listed_to_members_only(server: SpreedServer) -> None:
    async with server.client() as ann:
        await ann.send("Users", None, Iid="u")
        assert await ann.error() == (
            "not_in_room", "Cannot list users without a current room",
        )  # fmt: skip
        await ann.join("blue")
        await ann.send("Users", None, Iid="u")
        frame = await ann.next()
        assert frame["Iid"] == "u"
        assert [user["Id"] for user in frame["Data"]["Users"]] == [ann.id]


async def test_orders_sent_at_once_are_obeyed_in_order(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await bob.join("blue")
        await ann.hello("blue")
        await ann.send("Users")
        await ann.send("Status", {"displayName": "Ann"})
        await ann.send("Chat", {"Message": "hi", "NoEcho": True})
        await ann.send("Leave")
        await ann.send("Users")
        assert (await ann.data("Welcome"))["Room"]["Name"] == "blue"
        assert len((await ann.data("Users"))["Users"]) == 2
        assert (await ann.error())[0] == "not_in_room"
        for kind in ("Joined", "Status", "Chat", "Left"):
            await bob.data(kind)


@pytest.mark.parametrize("kind", ["Hello", "Room", "Sessions", "Authentication"])
async def test_a_missing_document_is_an_error_where_one_is_needed(
    server: SpreedServer, kind: str
) -> None:
    async with server.client() as ann:
        for document in ({"Type": kind}, {"Type": kind, kind: None}):
            await ann.raw(document)
            assert await ann.error() == ("bad_request", f"message did not contain {kind}")


# --- locks


async def test_a_lock_is_set_shown_and_asked_for(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob, server.client() as eve:
        await ann.join("blue")
        await bob.join("blue")
        await ann.data("Joined")
        await ann.send("Room", {"Name": "BLUE", "Credentials": {"PIN": "1234"}}, Iid="lock")
        locked = {"Type": "Room", "Name": "blue", "Credentials": {"PIN": "1234"}}
        reply, told = await ann.next(), await bob.next()
        assert (reply["Data"], reply["Iid"], reply["From"]) == (locked, "lock", ann.id)
        assert (told["Data"], told["From"]) == (locked, ann.id)
        assert "Iid" not in told
        await eve.hello("blue")
        assert (await eve.error())[0] == "authorization_required"
        await eve.hello("blue", "4321")
        assert (await eve.error())[0] == "invalid_credentials"
        assert (await eve.join("blue", "1234"))["Room"]["Credentials"] is None
        await bob.data("Joined")
        await bob.send("Room", {"Name": "blue", "Credentials": {"PIN": ""}})
        assert (await bob.data("Room"))["Credentials"] == {"PIN": ""}
    async with server.client() as ann, server.client() as bob:
        await ann.join("green", "7")
        await bob.hello("green")
        assert (await bob.error())[0] == "authorization_required"


async def test_a_pin_for_an_open_room_is_refused(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.join("blue")
        await bob.hello("blue", "1234")
        assert (await bob.error())[0] == "authorization_not_required"


async def test_only_the_own_room_can_be_changed(server: SpreedServer) -> None:
    async with server.client() as ann:
        wrong = ("not_in_room", "Cannot update other rooms")
        await ann.send("Room", {"Name": "blue"})
        assert await ann.error() == wrong
        await ann.join("blue")
        await ann.send("Room", {"Name": "red"})
        assert await ann.error() == wrong
        await ann.send("Room", {"Name": "blue", "Type": "Conference"})
        assert await ann.error() == wrong
        await ann.send("Room", {"Name": "blue", "Type": "Room"})
        assert (await ann.data("Room"))["Credentials"] is None


async def test_who_is_refused_has_left_its_former_room(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob, server.client() as eve:
        await ann.join("locked", "1")
        await eve.join("blue")
        await bob.join("blue")
        await eve.data("Joined")
        await bob.hello("locked")
        assert (await bob.error())[0] == "authorization_required"
        assert (await eve.data("Left"))["Status"] == "soft"
        await bob.send("Users")
        assert (await bob.error())[0] == "not_in_room"


# --- presence and chat


async def test_a_status_is_kept_and_shown(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.join("blue")
        await ann.raw({"Type": "Status", "Status": {"displayName": "Ann", "more": [1, None]}})
        welcome = await bob.join("blue")
        assert welcome["Users"][0]["Status"] == {"displayName": "Ann", "more": [1, None]}
        await ann.data("Joined")
        await ann.send("Status", "just a text")
        assert await bob.data("Status") == {
            "Type": "Status", "Id": ann.id, "Rev": 3, "Prio": 100, "Status": "just a text",
        }  # fmt: skip


async def test_chat_to_all_is_echoed_first_and_stamped_by_the_server(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.join("blue")
        await bob.join("blue")
        await ann.data("Joined")
        await ann.send("Chat", {"Message": "hi <b>", "Time": "mine"}, Iid="c")
        echo, heard = await ann.next(), await bob.next()
        assert (echo["From"], echo["Iid"]) == (ann.id, "c")
        assert echo["Data"]["Chat"] == {"Message": "hi <b>", "Time": "mine", "Status": None}
        assert heard["Data"]["Chat"]["Message"] == "hi <b>"
        assert heard["Data"]["Chat"]["Time"].endswith("Z")
        assert "Iid" not in heard
        await ann.send("Chat", {"Message": "quiet", "NoEcho": True, "Mid": "m"})
        assert (await bob.data("Chat"))["Chat"]["NoEcho"] is True
        assert await ann.silent()


async def test_chat_to_one_is_confirmed_when_it_has_a_mid(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob, server.client() as eve:
        for client in (eve, ann, bob):
            await client.join("blue")
        await trio.testing.wait_all_tasks_blocked(0.05)
        await ann.send("Chat", {"Message": "psst", "Mid": "m1", "NoEcho": True}, To=bob.id)
        await ann.data("Joined")
        assert (await ann.data("Chat"))["Chat"] == {
            "Message": "", "Time": "", "Mid": "m1", "Status": {"State": "sent"},
        }  # fmt: skip
        frame = await bob.next()
        assert (frame["From"], frame["To"], frame["Data"]["To"]) == (ann.id, bob.id, bob.id)
        assert frame["A"]
        await eve.data("Joined")
        await eve.data("Joined")
        assert await eve.silent()
        await ann.send("Chat", {"Message": "anyone", "Mid": "m2", "NoEcho": True}, To="nobody")
        assert await ann.silent()


async def test_chat_outside_a_room_reaches_nobody(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await bob.join("blue")
        await ann.send("Chat", {"Message": "hi"})
        await ann.data("Chat")
        assert await bob.silent()


# --- signalling


@pytest.mark.parametrize("nested", [True, False])
@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("Offer", {"type": "offer", "sdp": "v=0\r\nü", "_conference": "x", "_token": "t"}),
        ("Answer", {"type": "answer", "sdp": "v=0"}),
        ("Candidate", {"sdpMLineIndex": 0, "candidate": "candidate:1"}),
        ("Bye", {"Reason": "busy"}),
        ("Bye", None),
    ],
)
async def test_signalling_is_relayed_as_it_is(
    server: SpreedServer, kind: str, body: object, nested: bool
) -> None:
    async with server.client() as ann, server.client() as bob:
        if nested:
            await ann.send(kind, body, To=bob.id, Iid="never")
        else:
            await ann.raw({"Type": kind, "To": bob.id, kind: body, "Iid": "never"})
        frame = await bob.next()
        assert frame["Data"] == {"Type": kind, "To": bob.id, kind: body}
        assert (frame["From"], frame["To"]) == (ann.id, bob.id)
        assert frame["A"]
        assert "Iid" not in frame


async def test_signalling_that_cannot_be_relayed_is_dropped(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.send("Offer", None, To=bob.id)
        await ann.send("Offer", "text", To=bob.id)
        await ann.send("Candidate", None, To=bob.id)
        await ann.send("Offer", {"type": "offer"}, To="nobody", Iid="i")
        await ann.send("Offer", {"type": "offer"}, To="../directory")
        assert await ann.silent()
        assert await bob.silent()


async def test_one_may_signal_to_oneself(server: SpreedServer) -> None:
    async with server.client() as ann:
        await ann.send("Offer", {"type": "offer"}, To=ann.id)
        assert (await ann.data("Offer"))["Offer"] == {"type": "offer"}


# --- conferences


async def test_a_conference_by_invitation_reaches_everyone_named(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob, server.client() as eve:
        ids = [ann.id, bob.id, "nobody", bob.id]
        await ann.raw(
            {
                "Type": "Conference",
                "Conference": {"Type": "Conference", "Id": "c", "Conference": ids},
            }
        )
        assert await bob.data("Conference") == {"Type": "Conference", "Id": "c", "Conference": ids}
        assert await ann.silent()
        assert await eve.silent()
        await ann.raw({"Type": "Conference", "Id": "c", "Conference": [bob.id] + ["x"] * 100})
        assert await bob.silent()


async def test_a_conference_room_calls_everybody(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.join("blue", Type="Conference")
        assert await ann.silent()
        await bob.join("blue", Type="Conference")
        await ann.data("Joined")
        for client in (ann, bob):
            frame = await client.next()
            assert set(frame) == {"Data", "To"}
            assert frame["To"] == frame["Data"]["Id"] == "Conference:blue"
            assert frame["Data"]["Conference"] == [ann.id, bob.id]
        await ann.raw({"Type": "Conference", "Id": "c", "Conference": [bob.id]})
        assert await bob.silent()


# --- sessions


async def test_an_attestation_shows_the_session_behind_it(server: SpreedServer) -> None:
    async with server.client() as ann:
        async with server.client() as bob:
            await bob.raw({"Type": "Status", "Status": "Bob"})
            await bob.send("Bye", None, To=ann.id)
            token = (await ann.next())["A"]
            await ann.raw({"Type": "Sessions", "Sessions": {"Type": "session", "Token": token}})
            assert await ann.data("Sessions") == {
                "Type": "Sessions",
                "Sessions": {"Type": "session", "Token": token},
                "Users": [{"Type": "", "Id": bob.id, "Rev": 1, "Prio": 100, "Status": "Bob"}],
            }
        await server.until(f"/conferencing/members/spreed:{bob.id}", exists=False)
        request = {"Type": "session", "Token": token}
        await ann.send("Sessions", request)
        assert (await ann.error())[0] == "no_such_session"
        await ann.send("Sessions", request | {"Token": "forged"})
        assert (await ann.error())[0] == "bad_attestation"
        await ann.send("Sessions", {"Type": "other"})
        assert await ann.error() == ("bad_request", "unknown sessions request type")


# --- coming back


async def test_a_token_gives_the_same_session_back(server: SpreedServer) -> None:
    async with server.client() as ann:
        pass
    await server.until(f"/conferencing/members/spreed:{ann.id}", exists=False)
    async with server.client(f"?t={ann.me['Token']}") as again:
        assert (again.id, again.me["Sid"]) == (ann.id, ann.me["Sid"])
        await again.send("Users")
        assert (await again.error())[0] == "not_in_room"
    async with server.client("?t=forged") as new:
        assert new.id != ann.id


async def test_a_second_socket_takes_the_session_over_without_a_left(server: SpreedServer) -> None:
    async with server.client() as bob:
        await bob.join("blue")
        async with server.client() as ann:
            await ann.join("blue")
            await bob.data("Joined")
            async with server.client(f"?t={ann.me['Token']}") as again:
                assert again.id == ann.id
                # Dropped without a close frame in the lane; ASGI cannot but send one.
                assert await ann.gone() in (None, 1000, 1006)
                assert await bob.silent()
                await bob.send("Chat", {"Message": "not for those who have not said Hello"})
                await bob.data("Chat")
                assert await again.silent()
                welcome = await again.join("blue")
                assert [user["Id"] for user in welcome["Users"]] == [bob.id, ann.id]
                assert (await bob.data("Joined"))["Id"] == ann.id
            assert await bob.data("Left") == {"Type": "Left", "Id": ann.id, "Status": "hard"}


async def test_a_session_taken_over_that_never_says_hello_leaves_no_ghost(
    server: SpreedServer,
) -> None:
    async with server.client() as bob:
        await bob.join("blue")
        async with server.client() as ann:
            await ann.join("blue")
            await bob.data("Joined")
            async with server.client(f"?t={ann.me['Token']}"):
                pass
            assert await bob.data("Left") == {"Type": "Left", "Id": ann.id, "Status": "hard"}


async def test_a_session_taken_over_leaves_when_it_says_hello_too_late(tmp_path: Path) -> None:
    settings = spreed_settings(spreed={"resume_seconds": 0.2})
    async with spreed_server(tmp_path, settings=settings) as server, server.client() as bob:
        await bob.join("blue")
        async with server.client() as ann:
            await ann.join("blue")
            await bob.data("Joined")
            async with server.client(f"?t={ann.me['Token']}"):
                assert (await bob.data("Left"))["Id"] == ann.id


# --- what is no message


@pytest.mark.parametrize(
    "payload",
    [
        "", "{", "null", "[]", "7", '{"Type":"Nonsense","Nonsense":{}}', '{"Type":7}',
        '{"Type":"Screenshare","Screenshare":{"id":"x"}}', '{"Type":"Alive","Alive":"text"}',
        '{"Type":"Hello","Hello":[]}', '{"Type":"Hello","Hello":{"Name":7}}',
        '{"Type":"Chat","Chat":{"Message":{}}}', '{"Type":"Conference","Conference":{"a":1}}',
        '{"Type":"Alive","Alive":' + "[" * 50_000, b"\x00\x01", b"",
    ],
)  # fmt: skip
async def test_what_is_no_message_is_ignored(server: SpreedServer, payload: str | bytes) -> None:
    async with server.client() as ann:
        await ann.raw(payload)
        assert await ann.silent()


async def test_a_message_that_is_too_large_ends_that_connection_only(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.raw(json.dumps({"Type": "Alive", "Alive": 1, "x": "y" * 1_000_000}))
        await ann.data("Alive")
        with suppress(ConnectionClosed):  # its head is enough for the server to close
            await ann.raw("x" * 1_100_000)
        assert await ann.gone() == 1009
        assert await bob.silent()


# --- how calls do


async def test_how_calls_do_is_told_to_nobody_else(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.join("blue")
        await bob.join("blue")
        await ann.data("Joined")
        with capture_logs() as logs:
            await ann.send("Quality", {"loss": 0.2, "roundTrip": 0.1, "connections": 1})
            await ann.raw(
                {
                    "Type": "CallFailed",
                    "CallFailed": {"To": bob.id, "Reason": "dtls", "Local": ["host"]},
                }
            )
            await ann.raw({"Type": "CallFailed", "CallFailed": {"To": "nobody", "Reason": "dtls"}})
            assert await ann.silent()
        assert await bob.silent()
        failed = [line for line in logs if line["event"] == "call.failed"]
        assert [line.get("other") for line in failed] == [bob.id, None]
        shared = {"dialect": "spreed", "peer": ann.id, "room": "Room:blue", "reason": "dtls"}
        assert shared.items() <= failed[0].items()
        assert (failed[0]["local"], failed[0]["remote"]) == (["host"], [])
        facts = server.facts(ann.id)
        assert facts["quality"]["rating"] == "bad"
        counted = server.services.system.counters.counted("calls_failed")
        assert counted == {("spreed", "dtls"): 2}


async def test_reports_that_make_no_sense_or_are_too_many_change_nothing(
    server: SpreedServer,
) -> None:
    async with server.client() as ann:
        await ann.send("CallFailed", {"Reason": "dtls"})  # in no room
        await ann.join("blue")
        for junk in ({"loss": 7}, {"loss": "x"}, [], None, "x", {"connections": -1}):
            await ann.send("Quality", junk)
        for junk in ({}, {"Reason": "x"}, {"Reason": "dtls", "Local": ["192.0.2.1"]}, 5, None):
            await ann.send("CallFailed", junk)
        assert await ann.silent()
        assert server.facts(ann.id)["quality"] is None
        for _ in range(30):
            await ann.send("CallFailed", {"Reason": "timeout"})
        assert await ann.silent()
        counted = server.services.system.counters.counted("calls_failed")
        assert counted == {("spreed", "timeout"): FAILURES_AT_ONCE}


async def test_operators_see_the_name_of_a_status_and_the_device(server: SpreedServer) -> None:
    agent = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    async with server.client(headers=[("User-Agent", agent)]) as ann:
        await ann.send("Status", {"displayName": "Ann", "buddyPicture": ""})
        assert await ann.silent()
        facts = server.facts(ann.id)
        assert (facts["name"], facts["device"]) == ("Ann", "Firefox on Linux")
        assert facts["address"] == "127.0.0.0/24"
        for status in ({"displayName": ["x"]}, {"displayName": None}, {}, "x"):
            await ann.send("Status", status)
            assert await ann.silent()
            assert server.facts(ann.id)["name"] == ""
        await ann.send("Status", {"displayName": "x" * 1000})
        assert await ann.silent()
        assert server.facts(ann.id)["name"] == "x" * 256
