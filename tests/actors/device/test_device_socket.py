"""A UDP socket of a program: one owner, several users, freed with the last of them."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import Actor, ActorError, ActorStopped, ChildSpec, Message, Ref, Spawn, StopChild
from actors.device.socket import (
    BIND_SECONDS,
    DeviceSocket,
    FreeSocket,
    ReleaseSocket,
    ShowSocket,
    SocketKind,
    UseSocket,
    find_socket,
    open_socket,
)
from actors.streams.connection import MEASURE_SECONDS
from actors.words.device_refusals import NoSocketFree, SocketInUse, SocketUnknown
from actors.words.keys import DEVICES
from actors.words.refusals import Busy
from media.contract.codec import Codec
from media.contract.datagrams import DatagramPortWanted
from media.contract.errors import RouterFull
from media.contract.plans import Address, PortReceives
from tests.support.actors import settle
from tests.support.device_peers import LOOPBACK, DeviceYard, open_yard
from tests.support.saboteur import Boom, Saboteur

VP8, H264 = Codec("vp8", 90_000, 100), Codec("h264", 90_000, 100)
BACK: Address = ("127.0.0.1", 5001)
OTHER_BACK: Address = ("127.0.0.1", 5003)

every_kind = pytest.mark.parametrize("kind", list(SocketKind))


class Stumble(Message):
    """A bug is near."""


class SocketUser(Actor[Message]):
    """Somebody who uses sockets."""

    accepts = (Stumble,)

    async def handle(self, message: Message) -> None:
        raise Boom


async def a_user(yard: DeviceYard, name: str = "user") -> Ref[Any]:
    ref: Ref[Any] = await yard.house.find(DEVICES).ask(Spawn(ChildSpec(name, SocketUser)), within=5)
    return ref


async def open_one(yard: DeviceYard, kind: SocketKind, **wanted: Any) -> tuple[str, Ref[Any]]:
    facts = await yard.socket(kind, **wanted)
    ref = find_socket(yard.house.system.registry, facts.id)
    assert ref is not None
    return facts.id, ref


def ports(yard: DeviceYard) -> set[str]:
    return {*yard.engine.ports, *yard.engine.datagram_ports}


@every_kind
async def test_one_that_nothing_uses_is_freed_after_a_time(
    kind: SocketKind, autojump_clock: MockClock
) -> None:
    seconds = 0.0
    async with open_yard() as yard:
        wanted, registry = DatagramPortWanted("127.0.0.1"), yard.house.system.registry
        for name in ("forgotten", "used"):
            await open_socket(registry, yard.engine, f"{kind}-{name}", wanted, 5, lambda: seconds)
        used = find_socket(registry, f"{kind}-used")
        assert used is not None
        user = await a_user(yard)
        await used.ask(UseSocket(user, kind), within=5)
        await trio.sleep(1000)
        assert len(ports(yard)) == 2, "0 is never"
        seconds = 1100.0
        await trio.sleep(50)
        assert len(ports(yard)) == 2
        await trio.sleep(50 + MEASURE_SECONDS)
        assert ports(yard) == {f"{kind}-used"}
        await used.ask(ReleaseSocket(user, keep=True), within=5)
        await trio.sleep(1000)
        assert ports(yard) == {f"{kind}-used"}, "it counts from the last use"
        await trio.sleep(100 + MEASURE_SECONDS)
        assert ports(yard) == set()


@every_kind
async def test_it_is_opened_used_and_freed_with_its_last_use(kind: SocketKind) -> None:
    async with open_yard() as yard:
        id_, ref = await open_one(yard, kind)
        facts = await ref.ask(ShowSocket(), within=5)
        assert (facts.id, facts.kind, facts.users) == (id_, kind, 0)
        assert facts.address[0] == "127.0.0.1"
        assert facts.address[1] > 0
        one, two = await a_user(yard, "one"), await a_user(yard, "two")
        assert (await ref.ask(UseSocket(one, kind), within=5)).users == 1
        assert (await ref.ask(UseSocket(one, kind), within=5)).users == 1
        assert (await ref.ask(UseSocket(two, kind), within=5)).users == 2
        with pytest.raises(SocketInUse):
            await ref.ask(FreeSocket(), within=5)
        await ref.ask(ReleaseSocket(one), within=5)
        await ref.ask(ReleaseSocket(one), within=5)
        assert ports(yard) == {id_}
        await ref.ask(ReleaseSocket(two), within=5)
        assert ports(yard) == set()
        await settle()
        assert not ref.alive


@every_kind
async def test_it_is_freed_by_hand_while_nothing_uses_it(kind: SocketKind) -> None:
    async with open_yard() as yard:
        id_, ref = await open_one(yard, kind)
        assert ports(yard) == {id_}
        await ref.ask(FreeSocket(), within=5)
        assert ports(yard) == set()
        await settle()
        assert find_socket(yard.house.system.registry, id_) is None
        with pytest.raises(ActorStopped):
            await ref.ask(FreeSocket(), within=5)


@every_kind
async def test_a_use_that_came_to_nothing_leaves_it_open(kind: SocketKind) -> None:
    async with open_yard() as yard:
        id_, ref = await open_one(yard, kind)
        user = await a_user(yard)
        await ref.ask(UseSocket(user, kind, VP8, BACK, ("s/in",)), within=5)
        await ref.ask(ReleaseSocket(user, keep=True), within=5)
        assert (await ref.ask(ShowSocket(), within=5)).users == 0
        assert ports(yard) == {id_}
        if id_ in yard.engine.ports:
            assert yard.engine.ports[id_].wanted.receives is None
        elif kind is SocketKind.RTCP:
            assert yard.engine.datagram_ports[id_].rtcp_about == ()
        await ref.ask(FreeSocket(), within=5)
        assert ports(yard) == set()


@every_kind
async def test_a_user_that_crashes_uses_it_no_more(kind: SocketKind) -> None:
    async with open_yard() as yard:
        _, ref = await open_one(yard, kind)
        one, two = await a_user(yard, "one"), await a_user(yard, "two")
        for user in (one, two):
            await ref.ask(UseSocket(user, kind), within=5)
        one.tell(Stumble())
        await settle()
        assert (await ref.ask(ShowSocket(), within=5)).users == 1
        two.tell(Stumble())
        await settle()
        assert not ref.alive
        assert ports(yard) == set()


async def test_a_user_that_has_ended_already_is_none() -> None:
    async with open_yard() as yard:
        _, ref = await open_one(yard, SocketKind.DATA)
        user = await a_user(yard)
        await yard.house.find(DEVICES).ask(StopChild(user.name), within=5)
        with suppress(ActorError):
            await ref.ask(UseSocket(user, SocketKind.DATA), within=5)
        await settle()
        assert ports(yard) == set()


@pytest.mark.parametrize("kind", list(SocketKind))
@pytest.mark.parametrize("other", list(SocketKind))
async def test_it_is_of_one_kind(kind: SocketKind, other: SocketKind) -> None:
    if kind is other:
        return
    async with open_yard() as yard:
        _, ref = await open_one(yard, kind)
        with pytest.raises(SocketUnknown):
            await ref.ask(UseSocket(await a_user(yard), other), within=5)
        assert (await ref.ask(ShowSocket(), within=5)).users == 0


async def test_media_is_of_one_codec_at_a_time() -> None:
    async with open_yard() as yard:
        id_, ref = await open_one(yard, SocketKind.VIDEO, allow=(LOOPBACK,))
        one, two = await a_user(yard, "one"), await a_user(yard, "two")
        await ref.ask(UseSocket(one, SocketKind.VIDEO, VP8, BACK), within=5)
        receives = PortReceives("video", VP8, feedback=(BACK,), allow=(LOOPBACK,))
        assert yard.engine.ports[id_].wanted.receives == receives
        assert yard.engine.ports[id_].facts.source == f"{id_}/in"
        with pytest.raises(SocketInUse):
            await ref.ask(UseSocket(two, SocketKind.VIDEO, H264), within=5)
        await ref.ask(UseSocket(two, SocketKind.VIDEO, VP8, OTHER_BACK), within=5)
        both = PortReceives("video", VP8, feedback=(BACK, OTHER_BACK), allow=(LOOPBACK,))
        assert yard.engine.ports[id_].wanted.receives == both
        await ref.ask(ReleaseSocket(one), within=5)
        left = PortReceives("video", VP8, feedback=(OTHER_BACK,), allow=(LOOPBACK,))
        assert yard.engine.ports[id_].wanted.receives == left
        await ref.ask(UseSocket(two, SocketKind.VIDEO, H264), within=5)
        changed = yard.engine.ports[id_].wanted.receives
        assert changed is not None
        assert changed.codec == H264


async def test_rtcp_is_about_what_all_users_name() -> None:
    async with open_yard() as yard:
        id_, ref = await open_one(yard, SocketKind.RTCP)
        one, two = await a_user(yard, "one"), await a_user(yard, "two")
        await ref.ask(UseSocket(one, SocketKind.RTCP, streams=("a", "b")), within=5)
        await ref.ask(UseSocket(two, SocketKind.RTCP, streams=("b", "c")), within=5)
        assert yard.engine.datagram_ports[id_].rtcp_about == ("a", "b", "c")
        await ref.ask(ReleaseSocket(one), within=5)
        assert yard.engine.datagram_ports[id_].rtcp_about == ("b", "c")


async def test_a_use_that_the_engine_cannot_take_leaves_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with open_yard() as yard:
        id_, ref = await open_one(yard, SocketKind.VIDEO)
        one, two = await a_user(yard, "one"), await a_user(yard, "two")
        await ref.ask(UseSocket(one, SocketKind.VIDEO, VP8), within=5)

        async def full(*_arguments: Any) -> None:
            raise RouterFull

        with monkeypatch.context() as patch:
            patch.setattr(yard.engine, "change_port", full)
            for order in (
                UseSocket(two, SocketKind.VIDEO, VP8, BACK),
                UseSocket(one, SocketKind.VIDEO, H264, BACK),
            ):
                with pytest.raises(Busy):
                    await ref.ask(order, within=5)
        assert (await ref.ask(ShowSocket(), within=5)).users == 1
        await ref.ask(UseSocket(two, SocketKind.VIDEO, VP8, OTHER_BACK), within=5)
        both = PortReceives("video", VP8, feedback=(OTHER_BACK,))
        assert yard.engine.ports[id_].wanted.receives == both


async def test_no_port_is_free() -> None:
    async with open_yard() as yard:
        kept = [await yard.socket(ports=(50_001, 50_002)) for _ in range(2)]
        assert [it.address[1] for it in kept] == [50_001, 50_002]
        for kind in SocketKind:
            with pytest.raises(NoSocketFree):
                await yard.socket(kind, ports=(50_001, 50_002))
        await settle()
        registry = yard.house.system.registry
        assert registry.count_children(DEVICES) == 2
        ref = find_socket(registry, kept[0].id)
        assert ref is not None
        await ref.ask(FreeSocket(), within=5)
        assert (await yard.socket(ports=(50_001, 50_002))).address[1] == 50_001


async def test_nothing_else_is_taken_for_a_socket() -> None:
    async with open_yard() as yard:
        await a_user(yard, "user")
        registry = yard.house.system.registry
        for id_ in ("user", "nobody", "", "..", "da-1/x"):
            assert find_socket(registry, id_) is None


async def test_one_that_is_bound_too_late_is_nobodys(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_yard() as yard:
        wanted = DatagramPortWanted("127.0.0.1")
        registry = yard.house.system.registry
        saboteur = Saboteur(monkeypatch, DeviceSocket, f"{DEVICES}/da-1")
        with saboteur.holding(), pytest.raises(Busy):
            await open_socket(registry, yard.engine, "da-1", wanted, 1.0)
        await settle()
        assert ports(yard) == set()
        assert registry.count_children(DEVICES) == 0


async def test_one_whose_opener_is_cancelled_is_nobodys(monkeypatch: pytest.MonkeyPatch) -> None:
    async with open_yard() as yard:
        wanted = DatagramPortWanted("127.0.0.1")
        registry = yard.house.system.registry
        saboteur = Saboteur(monkeypatch, DeviceSocket, f"{DEVICES}/da-1")
        with saboteur.holding():
            async with trio.open_nursery() as nursery:
                nursery.start_soon(open_socket, registry, yard.engine, "da-1", wanted, 5.0)
                await settle()
                nursery.cancel_scope.cancel()
        await settle()
        assert ports(yard) == set()
        assert registry.count_children(DEVICES) == 0


async def test_one_whose_opener_is_cancelled_before_it_knows_it_is_nobodys(
    autojump_clock: MockClock,
) -> None:
    async with open_yard() as yard:
        registry = yard.house.system.registry
        devices = registry.find(DEVICES)
        assert devices is not None
        wanted = DatagramPortWanted("127.0.0.1")
        kept = await yard.socket()
        await devices.ask(
            Spawn(ChildSpec("da-1", lambda: DeviceSocket(yard.engine, "da-1", wanted))), within=5
        )
        await trio.sleep(BIND_SECONDS + 1)
        assert registry.count_children(DEVICES) == 1
        assert find_socket(registry, kept.id) is not None


@pytest.mark.parametrize("phase", ["setup", "handle"])
async def test_one_that_crashes_as_it_is_opened(
    phase: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_yard() as yard:
        wanted = DatagramPortWanted("127.0.0.1")
        registry = yard.house.system.registry
        Saboteur(monkeypatch, DeviceSocket, f"{DEVICES}/da-1").crash(phase)
        with pytest.raises(Busy):
            await open_socket(registry, yard.engine, "da-1", wanted, 5.0)
        await settle()
        assert ports(yard) == set()
        assert registry.count_children(DEVICES) == 0
