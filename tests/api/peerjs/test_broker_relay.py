"""The broker over real websockets, on both carriers: who is let in, what is relayed, who waits."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio
from trio_websocket import ConnectionClosed

from actors.member.messages import End
from actors.words.close_reasons import CloseReason
from actors.words.keys import MemberKey, peers_realm
from api.process.lifecycle import ServerState
from tests.support.peerjs import Broker, broker_server, broker_settings
from tests.support.serving import CARRIERS

TAKEN = ("ID-TAKEN", "ID is taken")
FULL = ("ERROR", "Server has reached its concurrent user limit")
INCOMPLETE = ("ERROR", "No id, token, or key supplied to websocket server")
SOON = {"expire_timeout": 2.0}
UPGRADE = {
    "Connection": "Upgrade",
    "Upgrade": "websocket",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    "Sec-WebSocket-Version": "13",
}


@pytest.fixture(params=CARRIERS)
def carrier(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def broker(tmp_path: Path, carrier: str) -> AsyncIterator[Broker]:
    async with broker_server(tmp_path, carrier) as running:
        yield running


async def test_a_relayed_frame_holds_four_fields_and_the_true_source(broker: Broker) -> None:
    async with broker.client("ann") as ann, broker.client("bob") as bob:
        payload = {"sdp": {"type": "offer", "sdp": "v=0\r\n"}, "connectionId": "dc_ä😀"}
        await ann.send("OFFER", "bob", payload=payload, src="eve", more=1)
        text = await bob.text()
        assert list(json.loads(text)) == ["type", "src", "dst", "payload"]
        assert json.loads(text) == {"type": "OFFER", "src": "ann", "dst": "bob", "payload": payload}
        await bob.send("CANDIDATE", "ann", payload=None)
        assert await ann.text() == '{"type":"CANDIDATE","src":"bob","dst":"ann","payload":null}'
        await bob.send("LEAVE", "ann")
        assert await ann.text() == '{"type":"LEAVE","src":"bob","dst":"ann"}'


async def test_a_payload_is_passed_on_as_the_text_it_is(broker: Broker) -> None:
    async with broker.client("ann") as ann, broker.client("bob") as bob:
        odd = '{ "n" : 1.0e+5, "n":  12345678901234567890123 , "t":"\\u00e4\\/" }'
        await ann.raw('{"payload":' + odd + ', "dst":"bob","type":"ANSWER"}')
        assert await bob.text() == (
            '{"type":"ANSWER","src":"ann","dst":"bob","payload":' + odd + "}"
        )


async def test_ids_and_tokens_are_percent_decoded(broker: Broker) -> None:
    query = "key=peerjs&id=J%C3%BCrgen%2B1&token=a%26b"
    async with broker.client("Jürgen+1", query=query) as one, broker.client("ann") as ann:
        await ann.send("OFFER", "Jürgen+1", payload=1)
        assert (await one.next())["dst"] == "Jürgen+1"
        await one.send("ANSWER", "ann", payload=2)
        assert (await ann.next())["src"] == "Jürgen+1"
        assert await broker.refused("Jürgen+1", "a") == TAKEN


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", INCOMPLETE),
        ("key=peerjs&id=ann", INCOMPLETE),
        ("key=peerjs&token=t", INCOMPLETE),
        ("id=ann&token=t", INCOMPLETE),
        ("key=&id=ann&token=t", INCOMPLETE),
        ("key=other&id=ann&token=t", ("ERROR", "Invalid key provided")),
        ("key=peerjs&id=a%0ab&token=t", ("ERROR", "Invalid id provided")),
        ("key=peerjs&id=a%00&token=t", ("ERROR", "Invalid id provided")),
        ("key=peerjs&id=%20ann&token=t", ("ERROR", "Invalid id provided")),
        ("key=peerjs&id=%ff&token=t", ("ERROR", "Invalid id provided")),
        ("key=peerjs&id=%E2%80%AEann&token=t", ("ERROR", "Invalid id provided")),
        (f"key=peerjs&id={'a' * 257}&token=t", ("ERROR", "Invalid id provided")),
        (f"key=peerjs&id=ann&token={'t' * 257}", ("ERROR", "Invalid token provided")),
    ],
)
async def test_what_is_missing_or_wrong_is_told_and_closed(
    broker: Broker, query: str, words: tuple[str, str]
) -> None:
    assert await broker.refused("", query=query) == words


async def test_an_id_is_one_clients_until_it_goes(broker: Broker) -> None:
    async with broker.client("ann", "hers") as ann:
        assert await broker.refused("ann", "mine") == TAKEN
        assert await ann.silent()
    await broker.until_gone("ann")
    async with broker.client("ann", "mine"):
        pass


async def test_who_comes_back_by_its_token_gets_open_and_the_old_socket_is_closed(
    broker: Broker,
) -> None:
    async with (
        broker.client("ann") as old,
        broker.client("bob") as bob,
        broker.client("ann") as new,
    ):
        assert await old.gone() == 1000
        await bob.send("OFFER", "ann", payload=1)
        assert (await new.next())["payload"] == 1
        await new.send("ANSWER", "bob", payload=2)
        assert (await bob.next())["src"] == "ann"
        assert await broker.refused("ann", "other") == TAKEN


async def test_who_is_called_while_away_is_told_all_of_it_once_and_in_order(
    broker: Broker,
) -> None:
    async with broker.client("ann") as ann, broker.client("eve") as eve:
        await ann.send("OFFER", "bob", payload=0)
        await broker.until_waiting(1)
        await eve.send("OFFER", "bob", payload="eve")
        await broker.until_waiting(2)
        for number in range(1, 9):
            await ann.send("CANDIDATE", "bob", payload=number)
        await ann.send("LEAVE", "bob")
        assert await ann.silent()
        async with broker.client("bob", "first") as bob:
            told = [(await bob.next())["payload"] for _ in range(10)]
            assert told == [0, "eve", *range(1, 9)]
            assert await bob.silent()
        await broker.until_gone("bob")
        async with broker.client("bob", "second") as bob:
            assert await bob.silent()
        assert broker.services.absent.messages == broker.services.absent.bytes == 0


async def test_who_waits_in_vain_is_told_once(tmp_path: Path, carrier: str) -> None:
    async with (
        broker_server(tmp_path, carrier, broker_settings(peerjs=SOON)) as broker,
        broker.client("ann") as ann,
        broker.client("eve") as eve,
    ):
        for kind in ("OFFER", "CANDIDATE", "CANDIDATE"):
            await ann.send(kind, "bob", payload=1)
        await ann.send("OFFER", "carl", payload=1)
        await eve.send("OFFER", "bob", payload=1)
        assert await ann.text() == '{"type":"EXPIRE","src":"bob","dst":"ann"}'
        assert await ann.text() == '{"type":"EXPIRE","src":"carl","dst":"ann"}'
        assert await eve.text() == '{"type":"EXPIRE","src":"bob","dst":"eve"}'
        async with broker.client("bob") as bob:
            assert await bob.silent()
        assert await ann.silent()


async def test_an_id_that_nobody_can_have_is_expired_at_once(broker: Broker) -> None:
    async with broker.client("ann") as ann:
        for impossible in ("a\nb", "x" * 300, " "):
            await ann.send("OFFER", impossible, payload=1)
            assert (await ann.next()) == {"type": "EXPIRE", "src": impossible, "dst": "ann"}
            await ann.send("LEAVE", impossible)
        assert await ann.silent()


async def test_who_leaves_is_gone_and_nobody_is_told(broker: Broker) -> None:
    async with broker.client("ann") as ann, broker.client("bob") as bob:
        await ann.send("LEAVE")
        assert await ann.gone() == 1000
        await broker.until_gone("ann")
        assert await bob.silent()


@pytest.mark.parametrize(
    "junk",
    [
        "", "junk", "[]", "null", "3", '"text"', "{", '{"type":1}', '{"dst":"bob"}', "\x00",
        '{"type":"OFFER"}', '{"type":"OFFER","dst":7}', '{"type":"OFFER","dst":"\\ud800"}',
        '{"type":"EXPIRE","dst":"bob","payload":{}}', '{"type":"OPEN","dst":"bob"}',
        '{"type":"ID-TAKEN","dst":"bob"}', '{"type":"HEARTBEAT","dst":"bob"}',
        '{"type":"OFFER","dst":"bob","payload":{]}',
        '{"type":"OFFER","dst":"bob","payload":' + "[" * 100_000 + "]" * 100_000 + "}",
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        b"", b"\xff\xfe\x00", b'{"type":"OFFER","dst":"bob","payload":1}',
    ],
    ids=lambda junk: repr(junk[:40]),
)  # fmt: skip
async def test_a_frame_of_no_sense_hurts_nobody(broker: Broker, junk: str | bytes) -> None:
    async with broker.client("ann") as ann, broker.client("bob") as bob:
        await ann.raw(junk)
        await ann.send("OFFER", "bob", payload="after")
        while (frame := await bob.next())["payload"] != "after":
            assert frame["src"] == "ann"  # deep, but JSON
            assert junk.__class__ is str
            assert len(junk) > 100_000
        assert await ann.silent()
        assert await bob.silent()


async def test_a_message_too_large_closes_its_sender_alone(tmp_path: Path, carrier: str) -> None:
    settings = broker_settings(limits={"message_bytes": 2000})
    async with (
        broker_server(tmp_path, carrier, settings) as broker,
        broker.client("ann") as ann,
        broker.client("bob") as bob,
    ):
        await ann.send("OFFER", "bob", payload="x" * 1900)
        assert len((await bob.next())["payload"]) == 1900
        await ann.send("OFFER", "bob", payload="x" * 2000)
        assert await ann.gone() == 1009
        assert await bob.silent()


async def test_no_more_clients_than_the_limit_but_one_may_come_back(
    tmp_path: Path, carrier: str
) -> None:
    settings = broker_settings(peerjs={"concurrent_limit": 2})
    async with (
        broker_server(tmp_path, carrier, settings) as broker,
        broker.client("ann") as ann,
        broker.client("bob"),
    ):
        assert await broker.refused("carl") == FULL
        assert await broker.refused("ann", "other") == TAKEN
        async with broker.client("ann"):
            await ann.gone()
        await broker.until_gone("ann")
        async with broker.client("carl"):
            pass


async def test_as_many_as_come_at_once_are_within_the_limit(tmp_path: Path, carrier: str) -> None:
    settings = broker_settings(peerjs={"concurrent_limit": 5})
    opened: list[str] = []
    done = trio.Event()
    asked = 0

    async def come(broker: Broker, number: int) -> None:
        nonlocal asked
        async with broker.connected(f"peer{number}") as client:
            frame = await client.next()
            asked += 1
            opened.append(frame["type"])
            if asked == 12:
                done.set()
            await done.wait()

    async with broker_server(tmp_path, carrier, settings) as broker:
        async with trio.open_nursery() as nursery:
            for number in range(12):
                nursery.start_soon(come, broker, number)
    assert opened.count("OPEN") <= 5
    assert sorted(set(opened)) == ["ERROR", "OPEN"]


async def test_guessing_the_token_of_somebody_ends_without_harm_to_others(
    tmp_path: Path, carrier: str
) -> None:
    async with (
        broker_server(tmp_path, carrier) as broker,
        broker.client("ann", "right") as ann,
    ):
        for number in range(12):
            assert await broker.refused("ann", f"guess {number}") == TAKEN
        assert await broker.refused("ann", "right") == TAKEN  # not looked at any more
        assert await ann.silent()
        async with broker.client("bob", "any"):
            pass
        await ann.send("LEAVE")
        await broker.until_gone("ann")
        async with broker.client("ann", "new"):
            pass


async def test_an_address_has_so_much_waiting_and_is_told_at_once_of_more(
    tmp_path: Path, carrier: str
) -> None:
    settings = broker_settings(peerjs={"absent_messages_per_address": 3})
    async with (
        broker_server(tmp_path, carrier, settings) as broker,
        broker.client("ann") as ann,
        broker.client("eve") as eve,
    ):
        for number in range(3):
            await ann.send("OFFER", f"nobody{number}", payload=1)
        await broker.until_waiting(3)
        await eve.send("OFFER", "bob", payload=1)
        assert await eve.text() == '{"type":"EXPIRE","src":"bob","dst":"eve"}'
        async with broker.client("nobody1") as one:
            assert (await one.next())["src"] == "ann"
        await eve.send("OFFER", "bob", payload=1)
        await broker.until_waiting(3)


HANDSHAKE = "".join(
    f"{line}\r\n"
    for line in (
        "GET /peerjs?key=peerjs&id=slow&token=t HTTP/1.1",
        "Host: test",
        *(f"{name}: {value}" for name, value in UPGRADE.items()),
        "",
    )
)


async def test_who_sends_more_than_another_reads_is_told_so_and_ends_nobody(
    tmp_path: Path, carrier: str
) -> None:
    settings = broker_settings(peerjs={"outbox_bytes": 200_000})
    async with (
        broker_server(tmp_path, carrier, settings) as broker,
        broker.client("ann") as ann,
        broker.client("bob") as bob,
        await trio.open_tcp_stream(broker.serving.host, broker.serving.port) as slow,
    ):
        await slow.send_all(HANDSHAKE.encode())
        head = b""
        while b'"OPEN"' not in head:
            head += await slow.receive_some(1000)
        with trio.fail_after(60.0):
            while not len(broker.services.flows):
                await ann.send("OFFER", "slow", payload="x" * 150_000)
                await trio.sleep(0.001)
            await ann.send("OFFER", "slow", payload="x")
            while (await ann.next())["type"] != "EXPIRE":
                pass
        assert await broker.services.directory.member(MemberKey(peers_realm("peerjs"), "slow"))
        await bob.send("OFFER", "ann", payload="hi")
        while (await ann.next()).get(
            "payload"
        ) != "hi":  # of others she may be told that they EXPIRE
            pass


async def test_while_the_server_drains_nobody_comes_and_everybody_is_told(broker: Broker) -> None:
    async with broker.client("ann") as ann:
        broker.services.lifecycle.state = ServerState.DRAINING
        async with broker.http() as http:
            query = "?key=peerjs&id=bob&token=t"
            assert (await http.get(f"/peerjs{query}", headers=UPGRADE)).status_code == 503
        await broker.services.directory.tell_members(End(CloseReason.SHUTTING_DOWN))
        assert await ann.gone() == 1001


async def test_neither_tokens_nor_payloads_reach_the_log(
    broker: Broker, capsys: pytest.CaptureFixture[str]
) -> None:
    async with broker.client("ann", "s3cret-1") as ann, broker.client("bob", "s3cret-2") as bob:
        await ann.send("OFFER", "bob", payload={"sdp": "s3cret-3"})
        await bob.next()
        await ann.send("OFFER", "nobody", payload="s3cret-4")
        await ann.raw("s3cret-5")
        assert await broker.refused("ann", "s3cret-6") == TAKEN
        assert (await broker.refused("ann", key="s3cret-7"))[0] == "ERROR"
    await broker.until_gone("ann")
    log = capsys.readouterr().out
    assert "peer.connected" in log
    assert "login.refused" in log
    assert "s3cret" not in log


async def test_a_dropped_connection_frees_the_id(broker: Broker) -> None:
    async with broker.client("ann") as ann:
        await trio.aclose_forcefully(ann.socket._stream)
        await broker.until_gone("ann")
        with pytest.raises(ConnectionClosed):
            await ann.socket.get_message()
    async with broker.client("ann", "another"):
        pass
