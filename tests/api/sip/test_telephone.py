"""The telephone around the agent: calls out and in, their bounds, crashes and the end."""

from __future__ import annotations

import socket
from contextlib import suppress

import pytest
import trio

from actors.words.calls import (
    CallDescription,
    CallEnd,
    CallRefused,
    CallSection,
    LegAnswered,
    LegEnded,
)
from api.sip.auth import Credentials
from api.sip.flows import Transport
from api.sip.rooms import RoomAccount
from api.sip.strangers import ADDRESS_BURST
from media.contract.codec import Codec
from media.contract.plans import Remote
from tests.fakes.sip_agent import NOTHING, FakeSipAgent, line
from tests.support.sip_wire import HOST, until
from tests.support.telephones import NotedCall, OpenTelephone, call, open_telephone

TRUNK = {"trunk": "sip:account@localhost:1", "users": {"account": "sesame"}, "call_allow": ()}


def crash(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.sendto(line("CRASH"), (HOST, port))


async def answered(it: NotedCall) -> None:
    await until(lambda: LegAnswered(NOTHING) in it.told)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_call_is_made_and_ends(transport: Transport) -> None:
    async with (
        open_telephone(FakeSipAgent, transport, answer=NOTHING) as there,
        open_telephone(FakeSipAgent) as here,
    ):
        made = await call(here.telephone, there.uri(transport), NOTHING)
        await answered(made)
        assert here.telephone.facts()["calls"] == there.telephone.facts()["calls"] == 1
        assert made.leg.address == HOST
        made.leg.hang_up()
        assert made.end is CallEnd.HUNG_UP
        await until(lambda: LegEnded(CallEnd.HUNG_UP) in there.rooms.told)
        assert here.telephone.facts()["calls"] == there.telephone.facts()["calls"] == 0
        assert here.telephone.tally.calls == {("out", "hung_up"): 1}
        assert there.telephone.tally.calls == {("in", "hung_up"): 1}


@pytest.mark.parametrize(
    ("uri", "why"),
    [
        ("sip:bob@192.0.2.1", CallEnd.NOT_ALLOWED),
        ("nonsense", CallEnd.NOT_FOUND),
        ("110", CallEnd.NOT_ALLOWED),
        (f"sip:bob@{HOST}:1;transport=tcp", CallEnd.UNREACHABLE),
        ("sip:bob@[::1]:1;transport=udp", CallEnd.UNREACHABLE),
    ],
)
async def test_who_may_not_or_cannot_be_called(uri: str, why: CallEnd) -> None:
    async with open_telephone(FakeSipAgent) as here:
        with pytest.raises(CallRefused) as caught:
            await call(here.telephone, uri, NOTHING)
        assert caught.value.why is why
        assert here.agents[0].dialled == []
        assert here.telephone.facts()["calls"] == 0


async def resolved(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> None:
    async def found(host: str, port: int, **_: object) -> list[object]:
        await trio.lowlevel.checkpoint()
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    monkeypatch.setattr(trio.socket, "getaddrinfo", found)


async def test_a_name_is_looked_up_once_and_that_address_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await resolved(monkeypatch, "192.0.2.1", HOST)
    async with open_telephone(FakeSipAgent, call_allow=("127.0.0.0/8",)) as here:
        await call(here.telephone, "sip:bob@desk.example:9", NOTHING)
        uri, flow, *_ = here.agents[0].dialled[0]
        assert (uri, flow.remote) == ("sip:bob@desk.example:9", (HOST, 9))
    await resolved(monkeypatch, "192.0.2.1")
    async with open_telephone(FakeSipAgent, call_allow=("127.0.0.0/8",)) as here:
        with pytest.raises(CallRefused, match="may not be called"):
            await call(here.telephone, "sip:bob@desk.example:9", NOTHING)


async def test_numbers_go_to_the_trunk_with_its_password() -> None:
    async with open_telephone(FakeSipAgent, **TRUNK) as here:
        await call(here.telephone, "tel:+49-30-1", NOTHING)
        uri, _, credentials, local, *_ = here.agents[0].dialled[0]
        assert uri == "sip:+49301@localhost:1"
        assert local == "sip:account@localhost"
        assert credentials == Credentials("account", "sesame")


async def test_a_room_calls_its_server_by_its_own_account_and_nobody_else() -> None:
    async with open_telephone(FakeSipAgent) as here:
        here.rooms.accounts["here"] = RoomAccount("r 1", "sesame", "localhost:9")
        await call(here.telephone, "sip:bob@localhost:9", NOTHING)
        await call(here.telephone, f"sip:bob@{HOST}:9", NOTHING)
        (_, _, own, local, *_), (_, _, none, other, *_) = here.agents[0].dialled
        assert (local, own) == ("sip:r%201@localhost", Credentials("r 1", "sesame"))
        assert (other, none) == (f"sip:r%201@{HOST}", None)


async def test_there_are_no_more_calls_than_may_be() -> None:
    async with (
        open_telephone(FakeSipAgent, calls=1, answer=NOTHING) as there,
        open_telephone(FakeSipAgent, calls=2) as here,
    ):
        first = await call(here.telephone, there.uri("udp"), NOTHING)
        await answered(first)
        second = await call(here.telephone, there.uri("udp"), NOTHING)
        with pytest.raises(CallRefused) as caught:
            await call(here.telephone, there.uri("udp"), NOTHING)
        assert caught.value.why is CallEnd.NO_CAPACITY
        await until(lambda: second.end is not None)
        assert there.telephone.tally.calls == {("in", "busy"): 1}
        first.leg.hang_up()
        await call(here.telephone, there.uri("udp"), NOTHING)


async def test_who_gives_up_dialling_has_called_nobody() -> None:
    async with open_telephone(FakeSipAgent) as here:

        async def never(_: str) -> CallDescription:
            await trio.sleep_forever()
            raise AssertionError

        with trio.move_on_after(0.05):
            await here.telephone.dial(f"sip:bob@{HOST}:9", "room", never)
        assert here.agents[0].dialled == []
        assert here.telephone.facts()["calls"] == 0


async def test_a_crash_ends_calls_and_the_telephone_works_again() -> None:
    async with (
        open_telephone(FakeSipAgent, "udp", "tcp", answer=NOTHING) as there,
        open_telephone(FakeSipAgent) as here,
    ):
        made = await call(here.telephone, there.uri("tcp"), NOTHING)
        await answered(made)
        crash(there.port("udp"))
        await until(lambda: LegEnded(CallEnd.LOST) in there.rooms.told)
        await until(lambda: made.end is CallEnd.LOST)  # its connection has gone
        await until(lambda: len(there.agents) == 2 and there.telephone.alive)
        again = await call(here.telephone, there.uri("tcp"), NOTHING)
        await answered(again)


async def test_one_that_crashes_too_often_is_closed_and_the_rest_lives_on() -> None:
    async with open_telephone(FakeSipAgent) as there:
        for life in range(1, 12):
            await until(lambda life=life: len(there.agents) == life and there.telephone.alive)  # type: ignore[misc]
            crash(there.port("udp"))
        await until(lambda: there.system.counters.crashes == 11)
        await until(lambda: not there.telephone.alive)
        with pytest.raises(CallRefused):
            await call(there.telephone, f"sip:bob@{HOST}", NOTHING)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_a_drain_ends_calls_in_order_and_takes_no_more(transport: Transport) -> None:
    async with (
        open_telephone(FakeSipAgent, transport, answer=NOTHING) as there,
        open_telephone(FakeSipAgent) as here,
    ):
        made = await call(here.telephone, there.uri(transport), NOTHING)
        await answered(made)
        with trio.fail_after(30):
            await here.telephone.drain()
        assert made.end is CallEnd.STOPPED
        await until(lambda: LegEnded(CallEnd.HUNG_UP) in there.rooms.told)
        with pytest.raises(CallRefused):
            await call(here.telephone, there.uri(transport), NOTHING)


async def test_the_end_of_the_actor_hangs_up_without_a_drain() -> None:
    async with open_telephone(FakeSipAgent, answer=NOTHING) as there:
        async with open_telephone(FakeSipAgent) as here:
            made = await call(here.telephone, there.uri("udp"), NOTHING)
            await answered(made)
        assert made.end is CallEnd.STOPPED
        await until(lambda: LegEnded(CallEnd.HUNG_UP) in there.rooms.told)


async def test_the_clock_of_the_agent_runs(autojump_clock: trio.testing.MockClock) -> None:
    async with open_telephone(FakeSipAgent) as here:
        agent, before = here.agents[0], here.agents[0].ticks
        agent.at = trio.current_time() + 1800
        here.telephone._alive().wake()
        await trio.sleep(1801)
        assert agent.ticks > before
        assert agent.at > trio.current_time()


async def test_a_flood_of_a_stranger_is_bounded() -> None:
    async with open_telephone(FakeSipAgent, allow=(), answer=NOTHING) as there:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            answers = 0
            for each in range(1000):
                sender.sendto(line("INVITE", f"x{each}", "room"), (HOST, there.port("udp")))
                if each % 50 == 49:
                    await until(lambda each=each: there.telephone.tally.messages["INVITE"] > each)  # type: ignore[misc]
            with suppress(BlockingIOError):
                while sender.recv(1000):
                    answers += 1
        assert 0 < answers <= ADDRESS_BURST + 20
        assert there.telephone.tally.refused["stranger"] == 1000 - answers
        assert there.rooms.calls == []


async def registered(it: OpenTelephone, count: int) -> None:
    await until(lambda: it.telephone.facts()["registered"] == count)


async def test_rooms_are_registered_again_after_a_crash_until_they_are_not() -> None:
    async with (
        open_telephone(FakeSipAgent) as there,
        open_telephone(FakeSipAgent) as here,
    ):
        server = f"{HOST}:{there.port('udp')}"
        assert here.telephone.register("a", server, "alice", "sesame")
        assert not here.telephone.register("b", "192.0.2.1", "alice", "sesame")
        assert not here.telephone.register("b", "no host", "alice", "sesame")
        await registered(here, 1)
        crash(here.port("udp"))
        await until(lambda: len(here.agents) == 2)
        await registered(here, 1)
        here.telephone.unregister("a")
        assert here.agents[1].registering == {}
        assert here.telephone.facts()["registered"] == 0


async def test_a_registration_that_was_lost_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("api.sip.accounts.FIRST_PAUSE", 0.01)
    async with (
        open_telephone(FakeSipAgent, "tcp") as there,
        open_telephone(FakeSipAgent) as here,
    ):
        server = f"sip:{HOST}:{there.port('tcp')};transport=tcp"
        assert here.telephone.register("a", server, "alice", "sesame")
        await registered(here, 1)
        for connection in there.telephone._alive().transports._open.values():
            connection.cut("test")
        await until(lambda: here.telephone.tally.registrations["failed"] == 1)
        await registered(here, 1)


async def test_behind_nat_others_are_told_the_address_that_is_announced() -> None:
    codec = Codec("pcmu", 8000, 1, 0)
    ours = CallDescription((CallSection("audio", (codec,), Remote((HOST, 4000), (HOST, 4001))),))
    outside = "192.0.2.5"
    async with (
        open_telephone(FakeSipAgent, "udp", "tcp", announced=(outside,), answer=ours) as there,
        open_telephone(FakeSipAgent, "udp", announced=("::1", outside)) as here,
    ):
        for transport in ("udp", "tcp"):
            made = await call(here.telephone, there.uri(transport), ours)
            await answered(made)
            assert made.leg.address == there.rooms.calls[-1].leg.address == HOST
        for _, flow, _, local, offer, _ in here.agents[0].dialled:
            assert flow.local[0] == outside
            assert local == f"sip:quintet@{outside}"
            assert offer.sections[0].remote == Remote((outside, 4000), (outside, 4001))
        for leg in there.agents[0].legs.values():
            assert leg.answers[0].sections[0].remote.rtp == (outside, 4000)
