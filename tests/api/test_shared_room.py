"""A Spreed session and an OWT participant in one room: they come and go, and read each other."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import trio

import api.owt.state
import api.spreed.conversation
import api.spreed.events
from actors.core import open_system
from actors.streams.services import MediaServices, RecordingsFolder
from actors.tree import children
from actors.words.facts import Extra, Said
from actors.words.keys import RoomKey
from actors.words.limits import ActorLimits
from actors.words.rooms import ConferenceRules, RoomSpec
from api.http.mounts import Place
from api.owt.dialect import OWT
from api.process.secret_store import Secrets
from api.spreed.dialect import SPREED
from api.spreed.events import SpreedRenderer
from api.spreed.signing import Signer
from tests.fakes.media import FakeEngine
from tests.fakes.memory_store import MemoryStore
from tests.support.owt import OwtServer, owt_settings
from tests.support.owt_portal import Guest, guest
from tests.support.serving import services_for, serving
from tests.support.spreed import FAST, SpreedClient, SpreedServer

SHARED = RoomSpec(RoomKey("shared", "blue"), "blue", conference=ConferenceRules())
PLACE = Place(root=False, secure=False)


@asynccontextmanager
async def two_dialects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[SpreedServer, OwtServer, str]]:
    """Serve both; whoever enters any room enters the shared one. Also return the id of OWT's."""
    enter_order = api.spreed.conversation.enter_order

    def enter_shared(*values: Any) -> Any:
        return replace(enter_order(*values), spec=SHARED)

    monkeypatch.setattr(api.spreed.conversation, "enter_order", enter_shared)
    monkeypatch.setattr(api.owt.state, "room_spec", lambda *_, **__: SHARED)
    settings = owt_settings(limits=FAST)
    media = MediaServices(FakeEngine(), RecordingsFolder(tmp_path / "recordings"))
    async with (
        open_system(children(ActorLimits, media, MemoryStore)) as system,
        trio.open_nursery() as nursery,
    ):
        services = services_for(settings, system=system, secrets=Secrets(tmp_path))
        opens = OWT.open(services)
        opens_spreed = SPREED.open(services)
        mounts = (opens_spreed(PLACE), opens(PLACE))
        async with serving(*mounts, settings=settings, services=services) as served:
            owt = OwtServer(served, system, services, opens)
            room = await owt.manager().create_room()
            spreed = SpreedServer(served, system, services, nursery, opens_spreed)
            yield spreed, owt, room["_id"]


@asynccontextmanager
async def three_people(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[SpreedClient, SpreedClient, Guest]]:
    """Have two Spreed sessions and a participant in the room; all announcements are taken."""
    async with (
        two_dialects(tmp_path, monkeypatch) as (spreed, owt, room),
        spreed.client(path="/spreed/ws") as ann,
        spreed.client(path="/spreed/ws") as bob,
    ):
        await ann.join("any")
        await bob.join("any")
        assert (await ann.data("Joined"))["Id"] == bob.id
        async with guest(owt, room, "cid") as cid:
            for each in (ann, bob):
                assert (await each.data("Joined"))["Id"] == cid.id
            yield ann, bob, cid


async def test_they_see_each_other_come_and_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with (
        two_dialects(tmp_path, monkeypatch) as (spreed, owt, room),
        spreed.client(path="/spreed/ws") as ann,
    ):
        await ann.join("any")
        async with guest(owt, room, "cid") as cid:
            assert {each["id"] for each in cid.welcome["room"]["participants"]} == {ann.id, cid.id}
            joined = await ann.data("Joined")
            assert (joined["Id"], joined["Userid"]) == (cid.id, "cid")
            async with spreed.client(path="/spreed/ws") as bob:
                welcome = await bob.join("any")
                assert {each["Id"] for each in welcome["Users"]} == {ann.id, bob.id, cid.id}
                come = await cid.told("participant", action="join")
                assert come["data"]["id"] == bob.id
                assert (await ann.data("Joined"))["Id"] == bob.id
                await bob.send("Leave", {})
                await cid.told("participant", action="leave", data=bob.id)
                assert (await ann.data("Left"))["Id"] == bob.id
            await cid.ok("logout")
            assert (await ann.data("Left"))["Id"] == cid.id


async def test_what_a_participant_says_is_a_chat_message_to_spreed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with three_people(tmp_path, monkeypatch) as (ann, bob, cid):
        await cid.ok("text", {"to": "all", "message": "gr\u00fc\u00dfe"})
        frames = [await each.next() for each in (ann, bob)]
        assert frames[0] == frames[1]
        frame = frames[0]
        assert set(frame) == {"Data", "From", "A"}
        assert frame["From"] == cid.id
        time = frame["Data"]["Chat"].pop("Time")
        assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", time)
        chat = {"Message": "gr\u00fc\u00dfe", "Status": None}
        assert frame["Data"] == {"Type": "Chat", "To": "", "Chat": chat}
        await cid.told("text", to="all", message="gr\u00fc\u00dfe", **{"from": cid.id})

        await cid.ok("text", {"to": bob.id, "message": "psst"})
        frame = await bob.next()
        assert (frame["From"], frame["To"]) == (cid.id, bob.id)
        assert (frame["Data"]["To"], frame["Data"]["Chat"]["Message"]) == (bob.id, "psst")
        assert await ann.silent()


async def test_what_spreed_says_is_a_text_to_a_participant(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with three_people(tmp_path, monkeypatch) as (ann, bob, cid):
        chat = {"Message": "hi", "Time": "", "Mid": "m1", "NoEcho": True}
        await ann.send("Chat", chat, To="")
        frame = await bob.next()
        assert (frame["From"], frame["Data"]["Chat"]["Mid"]) == (ann.id, "m1")
        assert await cid.told("text") == {"from": ann.id, "to": "all", "message": "hi"}

        typing = {"Message": "", "Status": {"Typing": "start"}, "NoEcho": True}
        await ann.send("Chat", typing, To="")
        assert (await bob.next())["Data"]["Chat"]["Status"] == {"Typing": "start"}
        await ann.send("Chat", chat | {"Message": "psst"}, To=cid.id)
        # What cannot be read has told the participant nothing, and cost it nothing.
        assert await cid.told("text") == {"from": ann.id, "to": "me", "message": "psst"}
        assert await bob.silent()
        assert await ann.silent()


def test_a_message_to_everybody_is_encoded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    encoded: list[object] = []
    encode = api.spreed.wire.encode
    monkeypatch.setattr(api.spreed.wire, "encode", lambda it: encoded.append(it) or encode(it))
    renderer = SpreedRenderer(Signer("secret"), lambda: 0.0)
    ours = Said("ann", None, "hi", Extra("spreed", b'{"Type":"Chat", "as it":"came"}'))
    frames = [renderer.broadcast(ours) for _ in range(100)]
    assert len({id(frame) for frame in frames}) == 1
    assert frames[0].startswith(b'{"Data":{"Type":"Chat", "as it":"came"},"From":"ann"')
    assert encoded == []
    theirs = Said("cid", None, "hi")
    frames = [renderer.broadcast(theirs) for _ in range(100)]
    assert len({id(frame) for frame in frames}) == len(encoded) == 1
    assert json.loads(frames[0])["Data"]["Chat"]["Time"] == "1970-01-01T00:00:00Z"


def test_what_is_for_one_dialect_alone_is_told_apart() -> None:
    assert not Said("ann", None, "", Extra("spreed", b"{}")).means_something_to("owt")
    assert Said("ann", None, "", Extra("spreed", b"{}")).means_something_to("spreed")
    assert Said("ann", None, "hi", Extra("spreed", b"{}")).means_something_to("owt")
    assert Said("ann", None, "").means_something_to("owt")
