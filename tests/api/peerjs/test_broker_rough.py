"""The broker under junk, wreck and wear: nobody else is disturbed, and nothing is left behind."""

from __future__ import annotations

import json
import os
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import trio
import trio.testing

from actors.signalling.switchboard import Switchboard
from actors.words.keys import peers_realm
from tests.support.peerjs import Broker, BrokerClient, broker_server, broker_settings
from tests.support.serving import CARRIERS

KINDS = (
    "OFFER", "ANSWER", "CANDIDATE", "LEAVE", "HEARTBEAT", "EXPIRE", "OPEN", "ID-TAKEN", "ERROR", "",
    "offer", "\x00", "😀", None, 1, [], {}, True,
)  # fmt: skip
TARGETS = (
    "ann", "bob", "fuzz", "nobody", "", " ", "x" * 300, "\u202e", "\ud800", "\ufffd", "a\nb", None,
    0, 1.5, [], {}, False,
)  # fmt: skip
PAYLOADS = (
    None,
    0,
    "",
    "x" * 5000,
    [[]] * 50,
    {"sdp": {"sdp": "\x00"}},
    {"type": "OPEN"},
    "\ud800",
)
RELAYED = ("OFFER", "ANSWER", "CANDIDATE", "LEAVE")
ROUNDS, FRAMES = 15, 60


def junk(chance: random.Random) -> Iterator[str | bytes]:
    """Frames of every kind of wrong, for ever; none of them says goodbye."""
    while True:
        frame: dict[str, object] = {"type": chance.choice(KINDS), "dst": chance.choice(TARGETS)}
        if chance.random() < 0.7:
            frame["payload"] = chance.choice(PAYLOADS)
        if chance.random() < 0.3:
            frame["src"] = chance.choice(TARGETS)
        text = json.dumps(frame)
        match chance.randrange(8):
            case 0:
                yield chance.randbytes(chance.randrange(200))
            case 1:
                yield text.encode()  # binary, with JSON in it
            case 2:
                yield text[: chance.randrange(len(text))]
            case 3:
                yield "".join(chr(chance.randrange(0xD7FF)) for _ in range(50))
            case 4:
                depth = chance.choice((10, 1000, 50_000))
                yield '{"type":"OFFER","dst":"ann","payload":' + "[" * depth + "]" * depth + "}"
            case 5:
                yield chance.choice(("null", "[]", "5", '"OFFER"', "{}", '{"dst":"ann"}', "\x00"))
            case _:
                if frame["type"] != "LEAVE" or frame["dst"] not in (None, ""):
                    yield text


async def undisturbed(ann: BrokerClient, bob: BrokerClient, number: int) -> None:
    """Have ann reach bob; all that he got meanwhile is from whom it says it is."""
    await ann.send("OFFER", "bob", payload=f"round {number}")
    while (frame := await bob.next())["src"] != "ann":
        assert frame["src"] == "fuzz"
        assert frame["type"] in RELAYED
        assert set(frame) <= {"type", "src", "dst", "payload"}
    assert frame["payload"] == f"round {number}"


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_junk_hurts_nobody_else_and_ends_nothing(tmp_path: Path, carrier: str) -> None:
    settings = broker_settings(peerjs={"expire_timeout": 0.5})
    async with (
        broker_server(tmp_path, carrier, settings) as broker,
        broker.client("ann") as ann,
        broker.client("bob") as bob,
        broker.client("fuzz") as fuzz,
        trio.open_nursery() as nursery,
    ):
        nursery.start_soon(drain, fuzz)
        frames = junk(random.Random(14))
        for number in range(ROUNDS):
            for _ in range(FRAMES):
                await fuzz.raw(next(frames))
            await undisturbed(ann, bob, number)
        assert broker.services.traffic.websocket("peerjs").crashed == 0
        assert fuzz.socket.closed is None
        nursery.cancel_scope.cancel()


async def drain(client: BrokerClient) -> None:
    """Read all that comes, for ever."""
    while True:
        await client.socket.get_message()


async def test_a_frame_that_is_too_large_ends_who_sent_it_alone(tmp_path: Path) -> None:
    settings = broker_settings(limits={"message_bytes": 100_000})
    async with (
        broker_server(tmp_path, settings=settings) as broker,
        broker.client("ann") as ann,
        broker.client("bob") as bob,
    ):
        async with broker.client("fuzz") as fuzz:
            await fuzz.send("OFFER", "bob", payload="x" * 100_001)
            assert await fuzz.gone() == 1009
        await undisturbed(ann, bob, 0)
        assert broker.services.traffic.websocket("peerjs").crashed == 0


@pytest.mark.slow
async def test_a_crash_of_the_clock_costs_nobody_a_connection_and_it_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expire, calls = Switchboard.expire, 0

    async def crash_once(switchboard: Switchboard) -> None:
        nonlocal calls
        calls += 1
        if calls == 1:
            raise RuntimeError("wrecked")
        await expire(switchboard)

    monkeypatch.setattr(Switchboard, "expire", crash_once)
    settings = broker_settings(peerjs={"expire_timeout": 0.5, "alive_timeout": 4.0})
    async with (
        broker_server(tmp_path, settings=settings) as broker,
        broker.client("ann") as ann,
        broker.client("bob") as bob,
        broker.client("silent") as silent,
    ):
        await ann.send("OFFER", "nobody", payload=1)
        assert await ann.next() == {"type": "EXPIRE", "src": "nobody", "dst": "ann"}
        assert calls > 1
        await undisturbed(ann, bob, 0)
        for _ in range(8):
            await ann.send("HEARTBEAT")
            await trio.sleep(1)
            if broker.services.traffic.websocket("peerjs").open < 3:
                break
        assert await silent.gone() is not None
        assert await ann.silent()


async def left_over(broker: Broker) -> tuple[int, int, int]:
    """Wait until nobody is there; return how many descriptors, tasks and waiting messages are."""
    with trio.fail_after(30):
        while await broker.services.directory.members(peers_realm("peerjs")):
            await trio.sleep(0.01)
    await trio.testing.wait_all_tasks_blocked(0.05)
    descriptors = len(os.listdir("/proc/self/fd"))  # noqa: PTH208  no wait, and no pathlib here
    tasks = trio.lowlevel.current_statistics().tasks_living
    return descriptors, tasks, broker.services.absent.messages


@pytest.mark.slow
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_many_who_come_and_go_leave_nothing_behind(tmp_path: Path, carrier: str) -> None:
    async with broker_server(tmp_path, carrier) as broker:
        times = 1000 if carrier == "lane" else 200
        async with broker.client("ann"):
            pass
        before = await left_over(broker)
        for number in range(times):
            async with broker.client(f"p{number % 7}", f"t{number}") as client:
                await client.send("HEARTBEAT")
            await broker.until_gone(client.id)
        assert await left_over(broker) == before
