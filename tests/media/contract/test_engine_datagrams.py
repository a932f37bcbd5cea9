"""Datagram ports and relays as every media engine offers them, the real one and the fake."""

from __future__ import annotations

from ipaddress import ip_network

import pytest

from media.contract.datagrams import (
    LONGEST_DATAGRAM,
    ChannelRelay,
    DatagramPortFacts,
    DatagramPortWanted,
    MessageFormat,
    RelayStats,
)
from media.contract.engine import MediaEngine
from media.contract.errors import BadAddress, IdTaken, NoFreePort, UnknownPort, WrongState
from media.contract.plans import ChannelWanted, PortWanted
from media.contract.session import ChannelClosed, MessageReceived
from tests.support.outside import Outside, outside, relayed
from tests.support.ports import free_udp_ports
from tests.support.sessions import Pair, Told, open_pair

HERE = "127.0.0.1"
ANYWHERE = DatagramPortWanted(HERE)
RAW, JSON, BINARY, JSON_TEXT = MessageFormat
CLOSE_JSON = '{"__peerData":{"type":"close"}}'
CLOSE_BINARY = b"\x81\xba__peerData\x81\xb4type\xb5close"


async def open_channel(engine: MediaEngine, label: str = "one") -> tuple[Pair, str, str]:
    pair = await open_pair(engine)
    await pair.connected()
    return pair, *await pair.channel(ChannelWanted(label))


async def message(told: Told, number: int = 0) -> str | bytes:
    """Return the message with this number that was told."""
    await told.until(MessageReceived, lambda _: len(told.of(MessageReceived)) > number)
    return told.of(MessageReceived)[number].data


# Ports.


@pytest.mark.parametrize("address", [HERE, "::1"])
async def test_a_datagram_port_says_where_it_is(any_engine: MediaEngine, address: str):
    facts = await any_engine.open_datagram_port("one", DatagramPortWanted(address))
    assert facts == DatagramPortFacts((address, facts.address[1]))
    assert facts.address[1] > 0
    assert await any_engine.datagram_port_facts("one") == facts
    assert (await any_engine.stats()).ports == 1


async def test_ports_of_both_kinds_share_their_ids(any_engine: MediaEngine):
    await any_engine.open_datagram_port("one", ANYWHERE)
    await any_engine.open_port("two", PortWanted(HERE))
    assert (await any_engine.stats()).ports == 2
    for taken in ("one", "two"):
        with pytest.raises(IdTaken):
            await any_engine.open_datagram_port(taken, ANYWHERE)
        with pytest.raises(IdTaken):
            await any_engine.open_port(taken, PortWanted(HERE))
    with pytest.raises(UnknownPort):
        await any_engine.port_facts("one")
    with pytest.raises(UnknownPort):
        await any_engine.change_port("one", None, None)
    with pytest.raises(UnknownPort):
        await any_engine.datagram_port_facts("two")
    for each in ("one", "two"):
        await any_engine.close_port(each)
    assert (await any_engine.stats()).ports == 0


async def test_a_closed_datagram_port_is_free(any_engine: MediaEngine):
    number = free_udp_ports()
    wanted = DatagramPortWanted(HERE, (number, number))
    assert (await any_engine.open_datagram_port("one", wanted)).address == (HERE, number)
    with pytest.raises(NoFreePort):
        await any_engine.open_datagram_port("two", wanted)
    await any_engine.close_port("one")
    await any_engine.open_datagram_port("two", wanted)


async def test_a_datagram_port_counts_what_comes(any_engine: MediaEngine):
    await any_engine.open_datagram_port("one", ANYWHERE)
    async with outside(any_engine) as program:
        await program.send("one", b"", b"abc", bytes(LONGEST_DATAGRAM))
    facts = await any_engine.datagram_port_facts("one")
    assert (facts.datagrams, facts.bytes, facts.strangers) == (3, 3 + LONGEST_DATAGRAM, 0)


@pytest.mark.parametrize(
    ("networks", "taken"),
    [
        ((), False),
        (("192.0.2.0/24", "::/0"), False),
        (("192.0.2.0/24", "127.0.0.0/8"), True),
        (("127.0.0.1/32",), True),
    ],
)
async def test_only_allowed_networks_send_to_a_port(
    any_engine: MediaEngine, networks: tuple[str, ...], taken: bool
):
    allow = tuple(ip_network(network) for network in networks)
    await any_engine.open_datagram_port("one", DatagramPortWanted(HERE, allow=allow))
    async with outside(any_engine) as program:
        await program.send("one", b"a", b"b")
    facts = await any_engine.datagram_port_facts("one")
    assert (facts.datagrams, facts.bytes, facts.strangers) == ((2, 2, 0) if taken else (0, 0, 2))


async def test_a_datagram_port_nobody_opened_is_unknown(any_engine: MediaEngine):
    with pytest.raises(UnknownPort):
        await any_engine.datagram_port_facts("one")
    with pytest.raises(UnknownPort):
        await any_engine.route_rtcp("one", ())
    pair = await open_pair(any_engine)
    with pytest.raises(UnknownPort):
        await pair.first.relay(ChannelRelay(RAW, feed="one"))
    assert (await pair.first.stats()).relay is None


async def test_a_wish_that_cannot_be_met_leaves_the_id_free(any_engine: MediaEngine):
    for address in ("192.0.2.1", "localhost", ""):
        with pytest.raises(BadAddress):
            await any_engine.open_datagram_port("one", DatagramPortWanted(address))
    with pytest.raises(ValueError):
        await any_engine.open_datagram_port("one", DatagramPortWanted(HERE, (9, 8)))
    await any_engine.open_datagram_port("one", ANYWHERE)


async def test_a_closed_engine_has_no_datagram_ports(any_engine: MediaEngine):
    await any_engine.open_datagram_port("one", ANYWHERE)
    await any_engine.close()
    assert (await any_engine.stats()).ports == 0
    with pytest.raises(WrongState):
        await any_engine.open_datagram_port("two", ANYWHERE)


async def test_rtcp_can_be_about_what_is_there_or_not(any_engine: MediaEngine):
    await any_engine.open_datagram_port("one", ANYWHERE)
    for streams in (("nobody/in", "nobody/out"), (), ("other/in",)):
        await any_engine.route_rtcp("one", streams)
        async with outside(any_engine) as program:
            await program.send("one", b"\x80\xc8\x00\x00", b"junk")
    await any_engine.close_port("one")


# From UDP to the other side.


@pytest.mark.parametrize(
    ("format", "datagram", "sent"),
    [
        (RAW, b"\x00\xff", b"\x00\xff"),
        (RAW, b"", b""),
        (JSON, b'{"a": 1}', b'{"a": 1}'),
        (JSON_TEXT, b'{"a": 1}', '{"a": 1}'),
        (BINARY, b"hello", b"\xa5hello"),
    ],
)
async def test_a_datagram_becomes_a_message(
    any_engine: MediaEngine, format: MessageFormat, datagram: bytes, sent: str | bytes
):
    pair, _, _ = await open_channel(any_engine)
    await any_engine.open_datagram_port("feed", ANYWHERE)
    await pair.first.relay(ChannelRelay(format, feed="feed"))
    async with outside(any_engine) as program:
        await program.send("feed", datagram)
    assert await message(pair.second_told) == sent
    expected = RelayStats(messages_out=1, bytes_out=len(datagram))
    assert await relayed(pair.first) == expected


async def test_what_is_no_json_does_not_become_a_message(any_engine: MediaEngine):
    pair, _, _ = await open_channel(any_engine)
    await any_engine.open_datagram_port("feed", ANYWHERE)
    await pair.first.relay(ChannelRelay(JSON, feed="feed"))
    async with outside(any_engine) as program:
        await program.send("feed", b"no json", b"7")
    assert await message(pair.second_told) == b"7"
    assert (await relayed(pair.first)).malformed == 1


async def test_without_an_open_channel_datagrams_are_dropped(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    await any_engine.open_datagram_port("feed", ANYWHERE)
    await pair.first.relay(ChannelRelay(RAW, feed="feed"))
    async with outside(any_engine) as program:
        await program.send("feed", b"early")
        assert await relayed(pair.first) == RelayStats(nowhere=1)
        await pair.connected()
        await pair.channel(ChannelWanted("later"))
        await program.send("feed", b"now")
    assert await message(pair.second_told) == b"now"


async def test_the_channel_that_opened_first_takes_the_datagrams(any_engine: MediaEngine):
    pair, mine, theirs = await open_channel(any_engine)
    _, others = await pair.channel(ChannelWanted("two"))
    await any_engine.open_datagram_port("feed", ANYWHERE)
    await pair.first.relay(ChannelRelay(RAW, feed="feed"))
    async with outside(any_engine) as program:
        await program.send("feed", b"a")
        await message(pair.second_told)
        await pair.first.close_channel(mine)
        await pair.first_told.until(ChannelClosed)
        await program.send("feed", b"b")
        await message(pair.second_told, 1)
    told = [(it.channel, it.data) for it in pair.second_told.of(MessageReceived)]
    assert told == [(theirs, b"a"), (others, b"b")]


async def test_a_port_feeds_many_sessions(any_engine: MediaEngine):
    await any_engine.open_datagram_port("feed", ANYWHERE)
    pairs = [await open_pair(any_engine, name) for name in ("one", "two")]
    for pair in pairs:
        await pair.connected()
        await pair.channel(ChannelWanted("data"))
        await pair.first.relay(ChannelRelay(RAW, feed="feed"))
    async with outside(any_engine) as program:
        await program.send("feed", b"to both")
        assert [await message(pair.second_told) for pair in pairs] == [b"to both"] * 2
        await pairs[0].first.close()
        await program.send("feed", b"to one")
        assert await message(pairs[1].second_told, 1) == b"to one"


async def test_the_feed_can_change_and_end(any_engine: MediaEngine):
    pair, _, _ = await open_channel(any_engine)
    for port in ("one", "two"):
        await any_engine.open_datagram_port(port, ANYWHERE)
    async with outside(any_engine) as program:
        await pair.first.relay(ChannelRelay(RAW, feed="one"))
        await program.send("one", b"a")
        await relayed(pair.first, lambda it: it.messages_out == 1)
        await pair.first.relay(ChannelRelay(RAW, feed="two"))
        await program.send("one", b"not this")
        await program.send("two", b"b")
        await relayed(pair.first, lambda it: it.messages_out == 2)
        await pair.first.relay(ChannelRelay(RAW, feed="two"))  # the same again: once each still
        await program.send("two", b"c")
        await relayed(pair.first, lambda it: it.messages_out == 3)
        await pair.first.relay(ChannelRelay(RAW))
        await program.send("two", b"nor this")
        await pair.first.relay(ChannelRelay(RAW, feed="two"))
        await any_engine.close_port("two")
        await any_engine.open_datagram_port("two", ANYWHERE)  # another one of that name
        await program.send("two", b"nor that")
        await pair.first.relay(ChannelRelay(RAW, feed="two"))
        await program.send("two", b"d")
        await message(pair.second_told, 3)
    assert [it.data for it in pair.second_told.of(MessageReceived)] == [b"a", b"b", b"c", b"d"]


# From the other side to UDP.


@pytest.mark.parametrize(
    ("format", "sent", "datagram"),
    [
        (RAW, b"\x00\xff", b"\x00\xff"),
        (RAW, b"", b""),
        (RAW, "grüße", "grüße".encode()),
        (RAW, CLOSE_BINARY, CLOSE_BINARY),
        (RAW, bytes(LONGEST_DATAGRAM), bytes(LONGEST_DATAGRAM)),
        (JSON, b'{"a":1}', b'{"a":1}'),
        (JSON, '{"a":1}', b'{"a":1}'),
        (BINARY, b"\xa5hello", b"hello"),
        (BINARY, b"\xb5hello", b"hello"),
        (BINARY, b"\x81\xb1a\x92\x01\xc0", b'{"a":[1,null]}'),
    ],
)
async def test_a_message_becomes_a_datagram_and_is_not_told(
    any_engine: MediaEngine, format: MessageFormat, sent: str | bytes, datagram: bytes
):
    pair, mine, _ = await open_channel(any_engine)
    async with outside(any_engine) as program:
        await pair.second.relay(ChannelRelay(format, redirect=program.address))
        await pair.first.send(mine, sent)
        found = await relayed(pair.second, lambda it: it != RelayStats())
        assert await program.receive() == datagram
    assert found == RelayStats(messages_in=1, bytes_in=len(datagram))
    assert pair.second_told.of(MessageReceived) == []


@pytest.mark.parametrize(
    ("format", "sent", "why"),
    [
        (RAW, bytes(LONGEST_DATAGRAM + 1), "too_large"),
        (BINARY, b"\xda\xff\xff" + bytes(65_535), "too_large"),
        (BINARY, b"hello", "malformed"),
        (BINARY, b"\x81\xba__peerData\x01", "malformed"),
    ],
)
async def test_what_cannot_be_a_datagram_is_dropped_and_counted(
    any_engine: MediaEngine, format: MessageFormat, sent: bytes, why: str
):
    pair, mine, _ = await open_channel(any_engine)
    async with outside(any_engine) as program:
        await pair.second.relay(ChannelRelay(format, redirect=program.address))
        await pair.first.send(mine, sent)
        assert await relayed(pair.second, lambda it: it != RelayStats()) == RelayStats(**{why: 1})


async def test_the_messages_of_every_channel_go_to_where_they_are_redirected_now(
    any_engine: MediaEngine,
):
    pair, mine, _ = await open_channel(any_engine)
    other, _ = await pair.channel(ChannelWanted("two"))
    await pair.second.relay(ChannelRelay(RAW))
    await pair.first.send(mine, b"nowhere")
    await relayed(pair.second, lambda it: it.nowhere == 1)
    for channel in (mine, other):
        async with outside(any_engine) as program:
            await pair.second.relay(ChannelRelay(RAW, redirect=program.address))
            await pair.first.send(channel, channel)
            done = 1 + (channel == other)
            await relayed(pair.second, lambda it, done=done: it.messages_in == done)
            assert await program.receive() == channel.encode()
    assert pair.second_told.of(MessageReceived) == []


async def test_chunks_become_one_datagram(any_engine: MediaEngine):
    pair, mine, _ = await open_channel(any_engine)
    head = b"\x84\xba__peerData\x01\xb1n"
    async with outside(any_engine) as program:
        await pair.second.relay(ChannelRelay(BINARY, redirect=program.address))
        await pair.first.send(mine, head + b"\x01\xb4data\xa3llo\xb5total\x02")
        await pair.first.send(mine, head + b"\x00\xb4data\xa3\xa5he\xb5total\x02")
        found = await relayed(pair.second, lambda it: it.messages_in)
        assert await program.receive() == b"hello"
    assert found == RelayStats(messages_in=1, bytes_in=5)


@pytest.mark.parametrize(
    ("format", "close"),
    [(JSON, CLOSE_JSON), (JSON, CLOSE_JSON.encode()), (BINARY, CLOSE_BINARY)],
)
async def test_the_close_message_of_peerjs_closes_its_channel(
    any_engine: MediaEngine, format: MessageFormat, close: str | bytes
):
    pair, mine, theirs = await open_channel(any_engine)
    _, other = await pair.channel(ChannelWanted("two"))
    await pair.second.relay(ChannelRelay(format))
    await pair.first.send(mine, close)
    assert (await pair.second_told.until(ChannelClosed)).channel == theirs
    await pair.first_told.until(ChannelClosed)
    await pair.second.send(other, b"open still")
    assert await message(pair.first_told) == b"open still"
    assert await relayed(pair.second) == RelayStats()


# Both ways, and the end.


async def test_two_programs_talk_through_two_sessions(any_engine: MediaEngine):
    pair, _, _ = await open_channel(any_engine)
    async with outside(any_engine) as one, outside(any_engine) as two:
        sides: list[tuple[Outside, str]] = [(one, "first"), (two, "second")]
        for program, name in sides:
            await any_engine.open_datagram_port(name, ANYWHERE)
            session = pair.first if name == "first" else pair.second
            await session.relay(ChannelRelay(BINARY, name, program.address))
        await one.send("first", b"ping")
        await relayed(pair.second, lambda it: it.messages_in == 1)
        assert await two.receive() == b"ping"
        await two.send("second", b"pong")
        await relayed(pair.first, lambda it: it.messages_in == 1)
        assert await one.receive() == b"pong"
    expected = RelayStats(messages_in=1, bytes_in=4, messages_out=1, bytes_out=4)
    assert await relayed(pair.first) == await relayed(pair.second) == expected


async def test_a_closed_session_relays_nothing_and_its_port_goes_on(any_engine: MediaEngine):
    pair, _, _ = await open_channel(any_engine)
    await any_engine.open_datagram_port("feed", ANYWHERE)
    async with outside(any_engine) as program:
        await pair.first.relay(ChannelRelay(RAW, "feed", program.address))
        await pair.first.close()
        await program.send("feed", b"nobody takes it")
    with pytest.raises(WrongState):
        await pair.first.relay(ChannelRelay(RAW, feed="feed"))
    assert (await any_engine.datagram_port_facts("feed")).datagrams == 1


@pytest.mark.parametrize("redirect", [("localhost", 5000), (HERE, 0), (HERE, 65_536)])
def test_a_message_goes_to_numeric_addresses_only(redirect: tuple[str, int]):
    with pytest.raises(ValueError):
        ChannelRelay(RAW, redirect=redirect)


# What all relays did together.


async def test_the_engine_sums_up_relays_also_of_sessions_that_are_gone(any_engine: MediaEngine):
    assert (await any_engine.stats()).relay == RelayStats()
    await any_engine.open_datagram_port("feed", ANYWHERE)
    pairs = [await open_pair(any_engine, name) for name in ("one", "two")]
    async with outside(any_engine) as program:
        for pair in pairs:
            await pair.connected()
            await pair.channel(ChannelWanted("data"))
            await pair.first.relay(ChannelRelay(RAW, feed="feed"))
            await pair.second.relay(ChannelRelay(RAW, redirect=program.address))
        await program.send("feed", b"abc")
        for pair in pairs:
            await relayed(pair.second, lambda it: it.messages_in == 1)
        both = RelayStats(messages_in=2, bytes_in=6, messages_out=2, bytes_out=6)
        assert (await any_engine.stats()).relay == both
        await pairs[0].first.close()
        await pairs[0].second.close()
        assert (await any_engine.stats()).relay == both
