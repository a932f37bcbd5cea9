"""Datagrams from elsewhere while a connection is being set up: they are nobody's."""

from __future__ import annotations

import socket

import pytest
import trio
from aioice import Candidate
from aioice.ice import Connection, StunProtocol

from media.contract.plans import ChannelWanted
from media.contract.session import MessageReceived, SessionWanted, State
from media.local_engine import LocalEngine
from media.webrtc.aioice_checks import OtherSide
from media.webrtc.bridge import MediaLoop
from tests.media.clients import Client, Hum, Picture
from tests.support.sessions import SENDS, TAKES, Pair, Told
from tests.support.udp_relay import UdpRelay, through

PUBLICATIONS = 3
ROUNDS = 200  # at most, of one datagram to every port
PAUSE = 0.005
RECORD = b"\xfe\xfd" + bytes(8)  # DTLS 1.2, epoch and number 0
FATAL_ALERT = b"\x15" + RECORD + b"\x00\x02\x02\x28"
CLOSE_NOTIFY = b"\x15" + RECORD + b"\x00\x02\x01\x00"
SERVER_HELLO = b"\x16" + RECORD + b"\x00\x0c\x02" + bytes(11)
CLIENT_HELLO = b"\x16" + RECORD + b"\x00\x0c\x01" + bytes(11)


async def spray(datagram: bytes, engine: LocalEngine) -> None:
    """Send a datagram to every media port, again and again."""
    with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
        for _ in range(ROUNDS):
            for port in ports(engine):
                await stranger.sendto(datagram, port)
            await trio.sleep(PAUSE)


def ports(engine: LocalEngine) -> list[tuple[str, int]]:
    sockets = [udp for session in engine._sessions.values() for udp in session._peer.sockets]
    return [udp.get_extra_info("sockname") for udp in sockets if not udp.is_closing()]


@pytest.mark.parametrize(
    "datagram",
    [FATAL_ALERT, CLOSE_NOTIFY, SERVER_HELLO],
    ids=["fatal alert", "close notify", "server hello"],
)
async def test_a_stranger_cannot_break_connections_that_are_set_up(
    media_loop: MediaLoop, engine: LocalEngine, datagram: bytes
):
    async with trio.open_nursery() as nursery:
        nursery.start_soon(spray, datagram, engine)
        clients = []
        for number in range(PUBLICATIONS):
            told = Told()
            session = await engine.open_session(f"p{number}", SessionWanted(TAKES), told)
            client = Client(media_loop, session, told)
            clients.append(client)
            await client.run(client._make, [Hum(), Picture(60)], [], ("opus", "vp8"))
            answer = await session.accept_offer(await client.run(client._offer))
            with trio.socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
                for port in ports(engine):
                    await stranger.sendto(datagram, port)  # before the first of the client's own
            await client.run(client._accept, answer.sdp)
            await told.state(State.CONNECTED)
        nursery.cancel_scope.cancel()
    assert all(State.FAILED not in client.told.states for client in clients)
    for client in clients:
        await client.close()


async def test_who_checks_from_an_address_nobody_told_is_heard(engine: LocalEngine):
    """As browsers do that hide their addresses: all that is told of them is the password."""
    told = (Told(), Told())
    first = await engine.open_session("first", SessionWanted(SENDS, data=True), told[0])
    pair = Pair(first, await engine.open_session("second", SessionWanted(TAKES), told[1]), told)
    offer = await first.create_offer()
    answer = await pair.second.accept_offer(without_candidates(offer.sdp))
    await first.accept_answer(answer.sdp)
    await pair.connected()
    mine, _ = await pair.channel(ChannelWanted("heard"))
    await pair.first.send(mine, "well")
    await pair.second_told.until(MessageReceived)


async def test_who_moves_within_a_call_is_heard_and_answered_there(
    engine: LocalEngine, media_loop: MediaLoop
):
    """As behind a NAT that forgets a mapping: a browser's next check nominates the new one."""
    told = (Told(), Told())
    first = await engine.open_session("first", SessionWanted(SENDS, data=True), told[0])
    pair = Pair(first, await engine.open_session("second", SessionWanted(TAKES), told[1]), told)
    with UdpRelay() as relay:
        offer = await first.create_offer()
        answer = await pair.second.accept_offer(without_candidates(offer.sdp))
        await first.accept_answer(through(relay, answer.sdp))
        await pair.connected()
        mine, theirs = await pair.channel(ChannelWanted("call"))
        connection = first._peer._connection

        async def check() -> None:
            (used,) = connection._nominated.values()
            await used.protocol.request(
                connection.build_request(used, nominate=True),
                used.remote_addr,
                integrity_key=connection.remote_password.encode(),
            )

        relay.move()
        await media_loop.call(check, within=5)
        await pair.first.send(mine, "there")
        await pair.second_told.until(MessageReceived)
        await pair.second.send(theirs, "back")
        await pair.first_told.until(MessageReceived)


def without_candidates(sdp: str) -> str:
    return "".join(
        line for line in sdp.splitlines(keepends=True) if not line.startswith("a=candidate")
    )


HERE, MOVED, STRANGER = ("192.0.2.1", 5000), ("192.0.2.9", 6000), ("192.0.2.1", 5001)


async def test_an_address_counts_once_it_was_told_or_checked_from(media_loop: MediaLoop):
    async def check() -> None:
        connection = Connection(ice_controlling=False)
        other_side = OtherSide(connection)
        assert not other_side.is_at(HERE)
        await connection.add_remote_candidate(Candidate("1", 1, "udp", 1, *HERE, "host"))
        assert other_side.is_at(HERE)
        assert not other_side.is_at(MOVED)
        connection._remote_candidates.append(Candidate("2", 1, "udp", 1, *MOVED, "prflx"))
        assert other_side.is_at(MOVED)  # as check_incoming leaves it
        assert other_side.is_at(HERE)  # the other address of a pair counts on
        assert not other_side.is_at(STRANGER)
        await connection.close()

    await media_loop.call(check, within=5)


async def test_a_check_that_waits_for_the_answer_proves_an_address_too(media_loop: MediaLoop):
    async def check() -> None:
        connection = Connection(ice_controlling=True)
        other_side = OtherSide(connection)
        connection._early_checks.append((None, MOVED, None))  # type: ignore[arg-type]
        assert other_side.is_at((*MOVED, 0, 0))  # as sockets of IPv6 tell it
        assert not other_side.is_at(STRANGER)
        connection._early_checks_done = True
        assert not other_side.is_at(MOVED)  # it is among the candidates by then, or was refused
        await connection.close()

    await media_loop.call(check, within=5)


async def test_a_relay_brings_datagrams_of_the_other_side_alone(media_loop: MediaLoop):
    async def check() -> None:
        connection = Connection(ice_controlling=True)
        came: list[bytes] = []
        connection.data_received = lambda data, component: came.append(data)  # type: ignore[method-assign]
        await connection.add_remote_candidate(Candidate("1", 1, "udp", 1, *HERE, "host"))
        protocol = StunProtocol(connection)
        protocol.local_candidate = Candidate("3", 1, "udp", 1, "192.0.2.3", 7000, "relay")
        OtherSide(connection).heed_alone(protocol)
        protocol.datagram_received(FATAL_ALERT, STRANGER)
        protocol.datagram_received(bytes(20), STRANGER)
        protocol.datagram_received(CLIENT_HELLO, HERE)
        assert came == [CLIENT_HELLO]
        await connection.close()

    await media_loop.call(check, within=5)
