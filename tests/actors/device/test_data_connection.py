"""A data connection: how it comes about, in every format and with every kind of channel."""

from __future__ import annotations

import json
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.device.events import Closed, ConnectionFailed, Opened
from actors.device.messages import (
    ShowData,
)
from actors.words.facts import Signalled
from media.contract.datagrams import ChannelRelay, MessageFormat
from media.contract.plans import ChannelWanted
from media.contract.session import State
from tests.fakes.media_session import FakeSession
from tests.support.actors import settle
from tests.support.device_peers import (
    HOME,
    WANTED,
    open_yard,
    pair,
    session,
)

# --- how it comes about


@pytest.mark.parametrize(
    ("serialization", "format_", "others"),
    [
        ("raw", MessageFormat.RAW, MessageFormat.RAW),
        ("json", MessageFormat.JSON, MessageFormat.JSON),
        ("binary", MessageFormat.BINARY, MessageFormat.BINARY),
        ("binary-utf8", MessageFormat.BINARY, MessageFormat.BINARY),
    ],
)
async def test_both_sides_speak_the_format_of_the_offer(
    serialization: str, format_: MessageFormat, others: MessageFormat
) -> None:
    async with open_yard() as yard:
        _, called, incoming = await pair(yard, serialization=serialization, format=format_)
        assert session(yard, called).relayed == ChannelRelay(format_)
        assert session(yard, incoming).relayed == ChannelRelay(others)


@pytest.mark.parametrize(
    ("browser", "format_"), [(None, MessageFormat.JSON), ("chrome", MessageFormat.JSON_TEXT)]
)
async def test_a_client_from_before_peerjs_1_5_gets_json_as_text(
    browser: str | None, format_: MessageFormat
) -> None:
    async with open_yard() as yard:
        robot = await yard.open("robot")
        _, ann = await yard.browse("ann")
        called = await robot.connect("ann", serialization="json", format=MessageFormat.JSON)
        (signal,) = ann.shown(Signalled)
        assert isinstance(signal, Signalled)
        payload = json.loads(signal.body)["payload"]
        theirs = await yard.engine.open_session("ann's", WANTED, lambda _event: None)
        sdp = (await theirs.accept_offer(payload["sdp"]["sdp"])).sdp
        answer = {
            "sdp": {"type": "answer", "sdp": sdp},
            "type": "data",
            "connectionId": payload["connectionId"],
            "browser": browser,
        }
        robot.hear("ann", "ANSWER", json.dumps(answer).encode())
        await settle()
        assert yard.events(called) == [Opened()]
        assert session(yard, called).relayed == ChannelRelay(format_)


async def test_the_relay_is_there_before_the_channel_opens(monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[ChannelRelay | None] = []
    original = FakeSession._open

    def look(self: FakeSession, channel: Any) -> None:
        opened.append(self.relayed)
        original(self, channel)

    monkeypatch.setattr(FakeSession, "_open", look)
    async with open_yard() as yard:
        socket = await yard.socket()
        await pair(yard, feed=socket.id, redirect=HOME)
    assert opened
    assert None not in opened


@pytest.mark.parametrize(
    ("channel", "reliable"),
    [
        (ChannelWanted("x"), True),
        (ChannelWanted("x", ordered=False), False),
        (ChannelWanted("x", max_retransmits=0), False),
        (ChannelWanted("x", max_lifetime=10), False),
    ],
)
async def test_what_is_reliable(channel: ChannelWanted, reliable: bool) -> None:
    async with open_yard() as yard:
        _, called, incoming = await pair(yard, channel=channel)
        for id_ in (called, incoming):
            shown = await yard.watcher.actors[id_].ask(ShowData(), within=5)
            assert (shown.label, shown.reliable) == ("x", reliable)
        (made,) = session(yard, called).channels.values()
        assert made.wanted == channel


async def test_a_channel_that_both_sides_open() -> None:
    async with open_yard() as yard:
        channel = ChannelWanted("n", negotiated=True, id=7, ordered=False)
        _, called, incoming = await pair(yard, channel=channel)
        assert yard.events(called) == yard.events(incoming) == [Opened()]
        for id_ in (called, incoming):
            (made,) = session(yard, id_).channels.values()
            assert made.wanted == channel


async def test_a_channel_of_both_sides_without_an_id_fails() -> None:
    async with open_yard() as yard:
        robot = await yard.open("robot")
        called = await robot.connect("camera", channel=ChannelWanted(negotiated=True))
        failed = ConnectionFailed("a channel of that id cannot be")
        assert yard.events(called) == [failed, Closed()]
        assert not yard.engine.sessions


async def test_the_limits_of_the_moment_are_the_sessions() -> None:
    async with open_yard() as yard:
        yard.limit(connect_seconds=3.0, silence_seconds=4.0)
        _, called, incoming = await pair(yard)
        for id_ in (called, incoming):
            wanted = session(yard, id_).wanted
            assert (wanted.connect_seconds, wanted.silence_seconds) == (3.0, 4.0)
            assert wanted.data


async def test_a_session_whose_channel_never_opens(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        robot = await yard.open("robot")
        called = await robot.connect("camera")
        session(yard, called)._enter(State.CONNECTED)
        await settle()
        assert yard.events(called) == []
        await trio.sleep(yard.limits.connect_seconds + 1)
        assert yard.events(called) == [ConnectionFailed("no channel was opened"), Closed()]


async def test_other_channels_do_not_count() -> None:
    async with open_yard() as yard:
        _, called, incoming = await pair(yard)
        more = await session(yard, called).open_channel(ChannelWanted("more"))
        await settle()
        await session(yard, called).close_channel(more)
        await settle()
        assert yard.events(called) == yard.events(incoming) == [Opened()]
