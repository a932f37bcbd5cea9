"""What clients that were made for the original server rely on, over both carriers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.serving import CARRIERS
from tests.support.spreed import SpreedServer, spreed_server, spreed_settings


@pytest.fixture(params=CARRIERS)
async def server(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[SpreedServer]:
    limits = {"credential_failures": 2, "pin_bytes": 8}
    settings = spreed_settings(limits=limits)
    async with spreed_server(tmp_path, request.param, settings) as running:
        yield running


@pytest.mark.parametrize(
    "status",
    [
        {"Typing": "start"},
        {"State": "delivered", "Mid": "m"},
        {"SeenMids": ["m1", "m2"]},
    ],
)
async def test_hints_without_a_text_reach_the_other_one(
    server: SpreedServer, status: dict[str, object]
) -> None:
    async with server.client() as ann, server.client() as bob:
        chat = {"Message": None, "Mid": None, "NoEcho": True, "Status": status}
        await ann.send("Chat", chat, To=bob.id, Iid=None)
        assert (await bob.data("Chat"))["Chat"]["Status"] == status


async def test_a_location_of_unknown_height_is_shared(server: SpreedServer) -> None:
    place = {"accuracy": 20, "latitude": 48.25, "longitude": 9.5}
    async with server.client() as ann, server.client() as bob:
        unknown = {"altitude": None, "altitudeAccuracy": None}
        status = {"Geolocation": place | unknown}
        await ann.send("Chat", {"Message": "here", "NoEcho": True, "Status": status}, To=bob.id)
        assert (await bob.data("Chat"))["Chat"]["Status"] == {"Geolocation": place}


async def test_a_hello_of_nulls_is_a_hello_of_nothing(server: SpreedServer) -> None:
    async with server.client() as ann:
        hello = dict.fromkeys(("Version", "Ua", "Name", "Id", "Type", "Credentials"))
        await ann.raw({"Type": "Hello", "Iid": None, "To": None, "Hello": hello})
        room = (await ann.data("Welcome"))["Room"]
        assert (room["Type"], room["Name"]) == ("Room", "")
        await ann.raw({"Type": "Hello", "Hello": {"Name": "blue", "Credentials": {"PIN": None}}})
        assert (await ann.data("Welcome"))["Room"]["Name"] == "blue"


async def test_nulls_in_an_offer_are_the_receivers_business(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        offer = '{"type" : "offer", "sdp":null,"To":null, "_token":[null]}'
        await ann.raw(
            f'{{"Type":"Offer","Iid":null,"Offer":{{"Type":"Offer","To":"{bob.id}","Offer":{offer}}}}}'
        )
        assert offer in await bob.socket.get_message()


async def test_all_of_a_file_a_call_and_a_rejection_is_passed_on(server: SpreedServer) -> None:
    empty = {"id": "f", "chunks": 0, "name": "empty", "size": 0, "type": ""}
    async with server.client() as ann, server.client() as bob:
        for status in ({"FileInfo": empty}, {"AutoCall": {"Id": "c", "Type": ""}}):
            await ann.send("Chat", {"Message": "x", "NoEcho": True, "Status": status}, To=bob.id)
            assert (await bob.data("Chat"))["Chat"]["Status"] == status


async def test_a_private_chat_comes_back_as_from_oneself_to_oneself(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as bob:
        await ann.send("Chat", {"Message": "psst", "Mid": "m"}, To=bob.id, Iid="c")
        echo, sent = await ann.next(), await ann.next()
        for frame in (echo, sent):
            assert (frame["From"], frame["To"], frame["Data"]["To"]) == (ann.id, ann.id, bob.id)
        assert (echo["Iid"], echo["Data"]["Chat"]["Message"]) == ("c", "psst")
        assert sent["Data"]["Chat"]["Status"] == {"State": "sent"}
        assert "Iid" not in sent
        for frame in (echo, sent):
            await bob.send("Sessions", {"Type": "session", "Token": frame["A"]}, Iid="who")
        assert (await bob.data("Chat"))["Chat"]["Message"] == "psst"
        for _ in range(2):
            assert (await bob.data("Sessions"))["Users"][0]["Id"] == ann.id
        await ann.join("blue")
        await ann.send("Chat", {"Message": "to all"})
        assert set(await ann.next()) == {"Data", "From"}


async def test_who_may_not_try_again_is_asked_for_the_pin_and_told_why(
    server: SpreedServer,
) -> None:
    async with server.client() as ann, server.client() as eve:
        await ann.join("blue", "7")
        for _ in range(2):
            await eve.hello("blue", "8")
            wrong = await eve.data("Error")
            assert (wrong["Code"], "Reason" in wrong) == ("invalid_credentials", False)
        await eve.hello("blue", "7")
        assert await eve.data("Error") == {
            "Type": "Error",
            "Code": "invalid_credentials",
            "Message": "Too many failed attempts, try later",
            "Reason": "too_many_attempts",
        }


async def test_a_pin_that_is_too_long_is_a_wrong_one_for_who_joins(server: SpreedServer) -> None:
    async with server.client() as ann, server.client() as eve:
        await ann.join("blue", "7")
        await eve.hello("blue", "8" * 9)
        error = await eve.data("Error")
        assert (error["Code"], error["Reason"]) == ("invalid_credentials", "invalid_pin")
        await ann.send("Room", {"Name": "blue", "Credentials": {"PIN": "8" * 9}})
        error = await ann.data("Error")
        assert (error["Code"], "Reason" in error) == ("invalid_pin", False)


async def test_a_rejected_contact_says_so(tmp_path: Path) -> None:
    settings = spreed_settings(spreed={"users": {"enabled": True, "mode": "httpheader"}},
                               limits={"trusted_proxies": ["127.0.0.1"]})  # fmt: skip
    async with spreed_server(tmp_path, settings=settings) as server:
        names = [[(settings.spreed.users.http_header, name)] for name in ("ann", "bob")]
        async with server.client(headers=names[0]) as ann, server.client(headers=names[1]) as bob:
            status = {"ContactRequest": {"Id": "r", "Success": False, "Token": "rejected"}}
            await ann.send("Chat", {"Message": "no", "NoEcho": True, "Status": status}, To=bob.id)
            request = (await bob.data("Chat"))["Chat"]["Status"]["ContactRequest"]
            assert request == {"Id": "r", "Success": False, "Userid": "ann"}
