"""What the tree shows of what goes through connections and sockets of devices."""

from __future__ import annotations

import json
from itertools import count
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import Ref
from actors.device.events import Connected
from actors.device.medium import MediumWanted
from actors.device.socket import SocketKind
from actors.streams.connection import MEASURE_SECONDS, MeasureTraffic
from media.contract.datagrams import RelayStats
from media.contract.errors import MediaTimeout
from media.contract.session import SessionStats
from media.local_engine import LocalEngine
from media.rtp import rtcp
from tests.fakes.media import FakeEngine
from tests.support.actors import settle
from tests.support.device_calls import open_calls
from tests.support.device_media import ears, in_call, sound
from tests.support.device_peers import DeviceYard, open_yard
from tests.support.rtp import rtp

HOME = ("127.0.0.1", 4000)
WITHIN_SECONDS = 20.0
VIDEO = MediumWanted("video", "vi-a", receives=True, redirect=HOME)
BEN_VIDEO = MediumWanted("video", "vi-b", receives=True)


def facts(tree: dict[str, Any], name: str) -> dict[str, Any]:
    """Return the facts of the actor of a name, as they are told to others."""
    nodes = [tree]
    for node in nodes:
        if node["path"].rpartition("/")[2] == name:
            told: dict[str, Any] = json.loads(json.dumps(node["facts"]))
            return told
        nodes += node["children"]
    raise AssertionError(name)


async def connected(yard: DeviceYard) -> tuple[Ref[Any], str, str]:
    """Have a robot that is fed connect to an arm that is redirected; return all of them."""
    robot, arm = await yard.open("robot"), await yard.open("arm")
    feed = await yard.socket(SocketKind.DATA)
    called = await robot.connect("arm", feed=feed.id)
    (incoming,) = (it.connection for it in arm.events if isinstance(it, Connected))
    for data in (b"abc", b"de"):
        yard.engine.feed(feed.id, data)
    yard.engine.feed(feed.id, b"from away")
    return yard.watcher.actors[called], feed.id, incoming


async def test_figures_of_data_are_looked_at_every_few_seconds(autojump_clock: MockClock) -> None:
    async with open_yard() as yard:
        ref, socket, incoming = await connected(yard)
        tree = yard.house.system.tree
        assert "relay" not in facts(tree(), ref.name)
        await trio.sleep(MEASURE_SECONDS + 0.1)
        shown = facts(tree(), ref.name)
        assert (shown["remote"], shown["open"], shown["buffered"]) == ("arm", True, 0)
        assert RelayStats(**shown["relay"]) == RelayStats(messages_out=3, bytes_out=14)
        nowhere = facts(tree(), incoming)["relay"]
        assert RelayStats(**nowhere) == RelayStats(nowhere=3)
        assert facts(tree(), socket) == {
            "use": "data",
            "port": yard.engine.datagram_ports[socket].facts.address[1],
            "users": 1,
            "packets": 3,
            "bytes": 14,
            "strangers": 0,
        }
        yard.engine.feed(socket, b"more")
        await trio.sleep(MEASURE_SECONDS)
        assert facts(tree(), ref.name)["relay"]["messages_out"] == 4


async def test_figures_that_cannot_be_had_cost_nothing() -> None:
    async with open_yard() as yard:
        ref, _, _ = await connected(yard)

        async def too_slow() -> SessionStats:
            raise MediaTimeout("stats")

        yard.engine.sessions[ref.name].stats = too_slow  # type: ignore[method-assign]
        ref.tell(MeasureTraffic())
        await settle()
        assert ref.alive
        assert facts(yard.house.system.tree(), ref.name)["open"]


async def test_figures_of_a_call_are_by_medium() -> None:
    async with open_calls(FakeEngine()) as calls:
        for id_ in ("vi-a", "vi-b"):
            await calls.yard.socket(id_)
        ann, ben = await calls.call(VIDEO)
        tree = calls.yard.system.tree
        ben.tell(MeasureTraffic())  # of what has no session yet
        await settle()
        assert "media" not in facts(tree(), "mc-ben")
        await calls.answer(ben, BEN_VIDEO)
        await settle()
        for each in (ann, ben):
            each.tell(MeasureTraffic())
        await settle()
        (shown,) = facts(tree(), "mc-ann")["media"]
        port = (await calls.yard.engine.port_facts("mc-ann/video")).address[1]
        assert (shown["kind"], shown["codec"], shown["socket"]) == ("video", "vp8", "vi-a")
        assert (shown["foreign"], shown["redirect_port"]) == (0, port)
        (shown,) = facts(tree(), "mc-ben")["media"]
        assert (shown["socket"], shown["redirect_port"]) == ("vi-b", None)
        await calls.yard.engine.close_port("vi-b")  # as a bug does
        ben.tell(MeasureTraffic())
        await settle()
        assert ben.alive


async def test_what_is_lost_between_programs_and_us_is_measured(engine: LocalEngine) -> None:
    async with open_calls(engine) as calls, ears(2) as (source, target):
        port = (await calls.yard.socket("au-a")).address
        reports = (await calls.yard.socket("rc-b")).address
        ann = MediumWanted("audio", "au-a", codecs=("opus",), payload_type=96)
        ben = MediumWanted("audio", receives=True, rtcp_socket="rc-b", redirect=target.address)
        async with in_call(calls, (ann,), (ben,)) as ends:
            with trio.fail_after(WITHIN_SECONDS):
                for look in count(1):
                    for number in range(0, 20, 2):  # every other one is lost
                        data = sound(20 * look + number)
                        packet = rtp(20 * look + number, 0, data, payload_type=96, ssrc=7)
                        await source.send(packet, port)
                    for heard in target.packets[:1]:  # the program says that it loses one in five
                        block = rtcp.ReportBlock(heard.ssrc, 51, 20 * look, 100 * look, 0, 0, 0)
                        report = rtcp.write_receiver_report(1, (block,), "ben")
                        await target.send(report, reports)
                    for each in ends:
                        each.tell(MeasureTraffic())
                    await trio.sleep(0.1)
                    tree = calls.yard.system.tree()
                    lost = [
                        (facts(tree, id_).get("media", [{}])[0].get(way) or {}).get("fraction_lost")
                        for id_, way in (("mc-ann", "fed"), ("mc-ben", "redirected"))
                    ]
                    if None not in lost:
                        break
            assert lost == [pytest.approx(0.5, abs=0.05), 0.2]


async def test_sockets_of_every_kind_are_measured() -> None:
    async with open_yard() as yard:
        sockets = [await yard.socket(kind) for kind in SocketKind]
        for each in sockets:
            ref = yard.house.find(f"/devices/{each.id}")
            ref.tell(MeasureTraffic())
        await settle()
        for each in sockets:
            shown = facts(yard.house.system.tree(), each.id)
            assert shown["use"] == each.kind.name.lower()
            assert shown["strangers"] == 0
            assert ("packets" in shown) == (each.kind in (SocketKind.DATA, SocketKind.RTCP))
