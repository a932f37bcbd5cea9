"""Sockets of SIP: what comes is told whole, what hurts is cut, everything has a bound."""

from __future__ import annotations

import socket
from collections.abc import Callable
from contextlib import suppress

import pytest
import trio

from api.sip.binding import CannotListen, sip_sockets
from api.sip.connections import SEND_BYTES, STRANGER_CONNECTIONS, ConnectionPlaces, SipConnection
from api.sip.flows import Flow, Transport
from api.sip.transports import NotReached, source_towards
from tests.support.sip_wire import HOST, PING, NotedWire, came, open_transports, until
from tests.support.tls import NAME

CALLER = Flow("tcp", (HOST, 5060), (HOST, 40000))


@pytest.mark.parametrize("transport", ["udp", "tcp", "tls"])
async def test_two_ends_talk_over(transport: Transport) -> None:
    async with open_transports(transport) as there, open_transports("udp") as here:
        flow = await here.transports.reach(transport, (HOST, there.port(transport)), NAME)
        assert flow.remote == (HOST, there.port(transport))
        assert here.transports.send(flow, PING)
        ((data, back),) = await came(there.wire)
        assert (data, back.transport, back.remote) == (PING, transport, flow.local)
        assert there.transports.send(back, b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n")
        assert (await came(here.wire))[0] == (b"SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", flow)


async def test_a_socket_on_every_address_says_which_one_it_is_reached_by() -> None:
    async with open_transports("udp", host="0.0.0.0") as there, open_transports("udp") as here:
        flow = await here.transports.reach("udp", (HOST, there.port("udp")))
        here.transports.send(flow, PING)
        ((_, back),) = await came(there.wire)
        assert back.local == (HOST, there.port("udp"))
        assert there.transports.send(back, PING)
        await came(here.wire)


async def test_ipv6() -> None:
    async with open_transports("udp", "tcp", host="::1") as there:
        for transport in ("udp", "tcp"):
            flow = await there.transports.reach(transport, ("::1", there.port(transport)))
            assert there.transports.send(flow, PING)
        assert {flow.transport for _, flow in await came(there.wire, 2)} == {"udp", "tcp"}


def test_nothing_is_sent_to_learn_an_address() -> None:
    assert source_towards(socket.AF_INET, HOST) == HOST
    assert source_towards(socket.AF_INET, "no address") is None


async def test_a_connection_is_used_again_while_it_is_open() -> None:
    async with open_transports("tcp") as there, open_transports("udp") as here:
        remote = (HOST, there.port("tcp"))
        flows: list[Flow] = []

        async def reach() -> None:
            flows.append(await here.transports.reach("tcp", remote))

        async with trio.open_nursery() as nursery:
            for _ in range(5):
                nursery.start_soon(reach)
        assert len(set(flows)) == 1
        assert len(here.transports) == 1
        there.transports.send(flows[0], PING)  # not ours: nothing happens
        here.transports._open[flows[0]].cut("test")
        await until(lambda: here.wire.gone == flows[:1])
        assert not here.transports.send(flows[0], PING)
        assert await here.transports.reach("tcp", remote) != flows[0]


async def test_a_certificate_of_somebody_else_is_no_way() -> None:
    async with open_transports("tls") as there, open_transports("udp") as here:
        with pytest.raises(NotReached, match="certificate"):
            await here.transports.reach("tls", (HOST, there.port("tls")), "other.example")
        assert len(here.transports) == 0


async def test_nobody_there_is_no_way() -> None:
    with sip_sockets([("tcp", HOST, 0)]) as (gone,):
        port = gone.port
    async with open_transports("udp") as here:
        with pytest.raises(NotReached):
            await here.transports.reach("tcp", (HOST, port))
        with pytest.raises(NotReached):
            await here.transports.reach("udp", ("::1", port))


async def test_messages_in_pieces_come_whole_and_pings_are_answered() -> None:
    async with open_transports("tcp") as there:
        stream = await trio.open_tcp_stream(HOST, there.port("tcp"))
        async with stream:
            for piece in (PING[:5], PING[5:] + PING + PING[:9], PING[9:]):
                await stream.send_all(piece)
                await trio.lowlevel.checkpoint()
            assert [data for data, _ in await came(there.wire, 3)] == [PING] * 3
            await stream.send_all(b"\r\n\r\n")
            with trio.fail_after(30):
                assert await stream.receive_some() == b"\r\n"
        await until(lambda: len(there.wire.gone) == 1)


GARBAGE: list[bytes] = [
    b"\x16\x03\x01" * 30_000,
    b"GET / HTTP/1.1\r\n\r\n",
    b"\0" * 70_000,
    b"INVITE sip:a SIP/2.0\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * 70_000,
]


@pytest.mark.parametrize("garbage", GARBAGE)
@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_garbage_ends_its_own_connection_alone(transport: Transport, garbage: bytes) -> None:
    async with open_transports(transport) as there, open_transports("udp") as here:
        flow = await here.transports.reach(transport, (HOST, there.port(transport)), NAME)
        async with await trio.open_tcp_stream(HOST, there.port(transport)) as stream:
            with trio.fail_after(30), suppress(trio.BrokenResourceError):
                await stream.send_all(garbage)
                while await stream.receive_some():
                    pass
        here.transports.send(flow, PING)
        await came(there.wire)


async def test_garbage_datagrams_are_told_and_empty_ones_are_not() -> None:
    async with open_transports("udp") as there:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            sender.connect((HOST, there.port("udp")))
            for data in (b"", b"\0\xff", b"x" * 65_507):
                sender.send(data)
            assert [len(data) for data, _ in await came(there.wire, 2)] == [2, 65_507]


async def test_what_is_not_admitted_is_not_told() -> None:
    wire = NotedWire(admitting=False)
    async with open_transports("udp", "tcp", wire=wire) as there, open_transports("udp") as here:
        for transport in ("udp", "tcp"):
            flow = await here.transports.reach(transport, (HOST, there.port(transport)))
            here.transports.send(flow, PING)
        await here.transports.sent()
        wire.admitting = True
        here.transports.send(flow, PING)
        assert len(await came(wire)) == 1


async def test_strangers_have_a_share_of_the_connections() -> None:
    wire = NotedWire(knows=False)
    async with open_transports("tcp", wire=wire) as there:
        streams = [
            await trio.open_tcp_stream(HOST, there.port("tcp"))
            for _ in range(STRANGER_CONNECTIONS + 1)
        ]
        with trio.fail_after(30):
            with suppress(trio.BrokenResourceError):
                assert await streams[-1].receive_some() == b""
        assert len(there.transports) == STRANGER_CONNECTIONS
        for stream in streams:
            await stream.aclose()
        await until(lambda: len(there.transports) == 0)


def test_places_are_shared_and_come_back() -> None:
    places = ConnectionPlaces(8)
    taken = [places.take(f"192.0.2.{each}", known=False) for each in range(6)]
    assert taken.count(None) == 2  # half of them are for strangers
    taken += [places.take("192.0.2.9", known=True) for _ in range(5)]
    assert taken.count(None) == 3  # and all there is, is eight
    for key in taken:
        if key is not None:
            places.give(key)
    assert len(places) == 0
    assert places.take("192.0.2.1", known=False) is not None


class StuckStream:
    """A stream whose other side takes nothing, and says nothing."""

    async def receive_some(self, max_bytes: int | None = None) -> bytes:
        await trio.sleep_forever()
        raise AssertionError

    async def send_all(self, data: bytes) -> None:
        await trio.sleep_forever()

    async def aclose(self) -> None:
        await trio.lowlevel.checkpoint()


@pytest.mark.parametrize(
    ("fill", "known", "why", "seconds"),
    [
        (lambda it: [it.send(PING * 100) for _ in range(SEND_BYTES)], True, "too_slow", 0),
        (lambda it: it.send(PING), True, "too_slow", 10),
        (lambda it: None, False, "silent", 30),
        (lambda it: None, True, "silent", 7200),
    ],
)
async def test_who_is_slow_or_silent_is_cut(
    fill: Callable[[SipConnection], object],
    known: bool,
    why: str,
    seconds: float,
    autojump_clock: trio.testing.MockClock,
) -> None:
    connection = SipConnection(StuckStream(), CALLER, lambda _: known)
    fill(connection)
    started = trio.current_time()
    await connection.run(lambda data, flow: None)
    assert connection.why == why
    assert trio.current_time() - started == pytest.approx(seconds)
    assert not connection.send(PING)


async def test_a_handshake_that_does_not_come_ends(autojump_clock: trio.testing.MockClock) -> None:
    async with open_transports("tls") as there:
        left, right = trio.testing.memory_stream_pair()
        assert await there.transports._handshake(left) is None  # type: ignore[arg-type]
        assert trio.current_time() == pytest.approx(10)
        with pytest.raises(trio.BrokenResourceError):
            await right.send_all(b"x")


async def test_a_crash_of_who_listens_ends_all_of_it() -> None:
    class Crashing(NotedWire):
        def receive(self, data: bytes, flow: Flow) -> None:
            raise ZeroDivisionError

    with pytest.RaisesGroup(ZeroDivisionError, flatten_subgroups=True):
        async with open_transports("tcp", wire=Crashing()) as there:
            flow = await there.transports.reach("tcp", (HOST, there.port("tcp")))
            there.transports.send(flow, PING)
            await trio.sleep(5)
            raise AssertionError("nothing has crashed")


def test_an_address_in_use_is_named_and_nothing_stays_bound() -> None:
    with sip_sockets([("udp", HOST, 0)]) as (first,):
        with (
            pytest.raises(CannotListen, match=f"udp:{HOST}:{first.port}"),
            sip_sockets([("tcp", HOST, 0), ("udp", HOST, first.port)]),
        ):
            pass
