"""The UDP sides of data connections: what feeds them, and where what comes is sent on."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_network

import pytest
import trio
from trio.testing import MockClock

from actors.device.events import Closed, Opened
from actors.device.messages import (
    ChangeData,
    EndConnection,
    RedirectsChanged,
    ShowData,
    ShowPeer,
)
from actors.device.socket import DeviceSocket, FreeSocket, ShowSocket, SocketKind, find_socket
from actors.words.device_refusals import (
    RedirectForbidden,
    SocketInUse,
    SocketUnknown,
    TooManyConnections,
)
from actors.words.refusals import Busy
from media.contract.datagrams import ChannelRelay, MessageFormat
from tests.support.actors import settle
from tests.support.device_peers import (
    AWAY,
    HOME,
    OTHER,
    open_yard,
    pair,
    session,
)
from tests.support.saboteur import Saboteur


async def test_a_socket_is_used_and_freed_with_the_connection() -> None:
    async with open_yard() as yard:
        socket = await yard.socket()
        _, called, incoming = await pair(yard, feed=socket.id, redirect=HOME)
        assert session(yard, called).relayed == ChannelRelay(MessageFormat.BINARY, socket.id, HOME)
        shown = await yard.watcher.actors[called].ask(ShowData(), within=5)
        assert (shown.feed, shown.redirect) == (socket.id, HOME)
        assert shown.relay is not None
        ref = find_socket(yard.house.system.registry, socket.id)
        assert ref is not None
        assert (await ref.ask(ShowSocket(), within=5)).users == 1
        with pytest.raises(SocketInUse):
            await ref.ask(FreeSocket(), within=5)
        freed: dict[str, bool] = {}

        def look(id: str) -> None:
            freed[id] = socket.id not in yard.engine.datagram_ports

        yard.watcher.look = look
        await yard.end(yard.watcher.actors[called], EndConnection())
        assert freed[called]
        assert not ref.alive
        assert yard.events(incoming)[-1] == Closed()
        assert not yard.engine.sessions


async def test_what_is_refused_leaves_nothing_behind() -> None:
    async with open_yard() as yard:
        robot, socket = await yard.open("robot"), await yard.socket()
        rtcp = await yard.socket(SocketKind.RTCP)
        for refusal, field, wanted in (
            (SocketUnknown, "feed", {"feed": "da-nobody"}),
            (SocketUnknown, "feed", {"feed": rtcp.id}),
            (RedirectForbidden, "redirect", {"feed": socket.id, "redirect": AWAY}),
            (RedirectForbidden, "redirect", {"redirect": ("::1", 4000)}),
            (RedirectForbidden, "redirect", {"redirect": ("example.org", 4000)}),
        ):
            with pytest.raises(refusal, match=field):
                await robot.connect("camera", **wanted)
        await settle()
        assert yard.watcher.log[-1] == (robot.token, Opened()), "nobody has seen a connection"
        assert set(yard.engine.datagram_ports) == {socket.id, rtcp.id}
        assert yard.absent.messages == 0
        assert not yard.engine.sessions
        yard.limit(connections=0)
        with pytest.raises(TooManyConnections):
            await robot.connect("camera")


async def test_one_socket_feeds_many() -> None:
    async with open_yard() as yard:
        socket = await yard.socket()
        robot, called, _ = await pair(yard, feed=socket.id)
        other = await robot.connect("camera", feed=socket.id)
        await yard.end(yard.watcher.actors[called], EndConnection())
        assert socket.id in yard.engine.datagram_ports
        await yard.end(yard.watcher.actors[other], EndConnection())
        assert socket.id not in yard.engine.datagram_ports


async def test_feed_and_redirect_change_before_and_after_it_opens() -> None:
    async with open_yard() as yard:
        first, second = await yard.socket(), await yard.socket()
        robot = await yard.open("robot")
        called = await robot.connect("camera")
        ref = yard.watcher.actors[called]
        assert await ref.ask(ChangeData(redirect=HOME), within=5) is None
        assert await ref.ask(ChangeData(first.id), within=5) == first.id
        relay = ChannelRelay(MessageFormat.BINARY, first.id, HOME)
        assert session(yard, called).relayed == relay
        await yard.open("camera")
        assert yard.events(called) == [Opened()]
        assert await ref.ask(ChangeData(), within=5) == first.id
        assert await ref.ask(ChangeData(first.id), within=5) == first.id
        assert session(yard, called).relayed == relay
        assert await ref.ask(ChangeData(second.id, OTHER), within=5) == second.id
        assert session(yard, called).relayed == replace(relay, feed=second.id, redirect=OTHER)
        assert set(yard.engine.datagram_ports) == {second.id}
        for refusal, order in (
            (SocketUnknown, ChangeData(first.id)),
            (SocketUnknown, ChangeData("da-/..")),
            (RedirectForbidden, ChangeData(redirect=AWAY)),
        ):
            with pytest.raises(refusal):
                await ref.ask(order, within=5)
        assert session(yard, called).relayed == replace(relay, feed=second.id, redirect=OTHER)
        assert set(yard.engine.datagram_ports) == {second.id}


async def test_a_socket_that_crashes_feeds_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_yard() as yard:
        socket = await yard.socket()
        _, called, _ = await pair(yard, feed=socket.id, redirect=HOME)
        Saboteur(monkeypatch, DeviceSocket, f"/devices/{socket.id}").crash("handle")
        ref = find_socket(yard.house.system.registry, socket.id)
        assert ref is not None
        ref.tell(ShowSocket())
        await settle()
        assert session(yard, called).relayed == ChannelRelay(MessageFormat.BINARY, None, HOME)
        assert yard.events(called) == [Opened()]
        another = await yard.socket()
        await yard.watcher.actors[called].ask(ChangeData(another.id), within=5)
        assert yard.engine.datagram_ports.keys() == {another.id}


async def test_networks_that_may_be_sent_to_no_more() -> None:
    async with open_yard() as yard:
        robot, called, _ = await pair(yard, redirect=HOME)
        robot.ref.tell(RedirectsChanged((ip_network("127.0.0.0/16"),)))
        await settle()
        relayed = session(yard, called).relayed
        assert relayed is not None
        assert relayed.redirect == HOME
        robot.ref.tell(RedirectsChanged((ip_network("::/0"), ip_network("10.0.0.0/8"))))
        await settle()
        assert session(yard, called).relayed == ChannelRelay(MessageFormat.BINARY)
        assert yard.events(called) == [Opened()]


async def test_a_connection_whose_socket_does_not_answer_never_was(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_yard() as yard:
        yard.limit(ask_seconds=2.0)
        robot, socket = await yard.open("robot"), await yard.socket()
        saboteur = Saboteur(monkeypatch, DeviceSocket, f"/devices/{socket.id}")
        with saboteur.holding(), pytest.raises(Busy):
            await robot.connect("camera", feed=socket.id)
        await trio.sleep(10)
        assert yard.watcher.log[-1] == (robot.token, Opened())
        assert robot.events == [Opened()]
        assert not yard.engine.sessions
        shown = await robot.ref.ask(ShowPeer(), within=5)
        assert shown.connections == ()
        called = await robot.connect("camera", feed=socket.id)
        assert session(yard, called).relayed == ChannelRelay(MessageFormat.BINARY, socket.id)


async def test_a_change_to_a_socket_that_does_not_answer_changes_nothing(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_yard() as yard:
        yard.limit(ask_seconds=2.0)
        kept, late = await yard.socket(), await yard.socket()
        _, called, _ = await pair(yard, feed=kept.id)
        connection = yard.watcher.actors[called]
        saboteur = Saboteur(monkeypatch, DeviceSocket, f"/devices/{late.id}")
        with saboteur.holding():
            with pytest.raises(Busy):
                await connection.ask(ChangeData(feed=late.id), within=5)
            await trio.sleep(10)
        await settle()
        socket = find_socket(yard.house.system.registry, late.id)
        assert socket is not None
        assert (await socket.ask(ShowSocket(), within=5)).users == 0
        assert (await connection.ask(ShowData(), within=5)).feed == kept.id
        await yard.end(connection, EndConnection())
        assert set(yard.engine.datagram_ports) == {late.id}
