"""Calls of devices on the real engine: RTP and RTCP of two programs, by real sockets."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import trio

from actors.device.events import StreamShown
from actors.device.medium import MediumWanted
from actors.device.messages import AskKeyframe
from media.local_engine import LocalEngine
from media.rtp import rtcp
from tests.support.device_calls import open_calls
from tests.support.device_media import (
    Camera,
    Ear,
    body,
    both_open,
    ears,
    in_call,
    nal,
    open_descriptors,
    picture,
    running,
    sound,
    taken,
    until,
)


@pytest.mark.parametrize(
    ("kind", "codec", "sent", "taken_as", "make"),
    [
        ("video", "vp8", 100, 97, picture),
        ("video", "h264", 97, 100, nal),
        ("audio", "opus", 96, 120, sound),
        ("audio", "pcmu", 0, 0, sound),
        ("audio", "pcma", 8, 8, sound),
    ],
)
async def test_rtp_goes_through_as_it_is_but_for_its_payload_type(
    engine: LocalEngine,
    kind: str,
    codec: str,
    sent: int,
    taken_as: int,
    make: Callable[[int], bytes],
):
    async with open_calls(engine) as calls, ears(2) as (source, target):
        name = "vi-a" if kind == "video" else "au-a"
        facts = await calls.yard.socket(name)
        camera = Camera(facts.address, sent, make)
        ann = MediumWanted(kind, name, codecs=(codec,), payload_type=sent)
        ben = MediumWanted(
            kind, receives=True, codecs=(codec,), payload_type=taken_as, redirect=target.address
        )
        with taken(facts.address):
            async with in_call(calls, (ann,), (ben,)), running(camera, source):
                assert calls.shown.of("mc-ben")[1:] == [StreamShown(kind, "")]
                assert calls.shown.of("mc-ann")[1:] == [StreamShown(kind, name)]
                await until(lambda: len(target.seen) >= 30)
        packets = target.packets
        assert {packet.payload_type for packet in packets} == {taken_as}
        assert len({packet.ssrc for packet in packets}) == 1
        came = [body(packet.payload, codec) for packet in packets]
        first = [body(payload, codec) for payload in camera.sent].index(came[0])
        went = camera.sent[first : first + len(packets)]
        assert came == [body(payload, codec) for payload in went]
        numbers = [packet.sequence for packet in packets]
        assert numbers == [(numbers[0] + more) & 0xFFFF for more in range(len(numbers))]
        assert (await engine.stats()).ports == 0


async def test_rtcp_goes_in_all_four_directions(engine: LocalEngine):
    async with open_calls(engine) as calls, ears(4) as (source, feedback, target, reports):
        camera_port = (await calls.yard.socket("vi-a")).address
        sent_rtcp = (await calls.yard.socket("rc-a")).address
        taken_rtcp = (await calls.yard.socket("rc-b")).address
        ann = MediumWanted(
            "video", "vi-a", rtcp_socket="rc-a", rtcp_redirect=feedback.address, codecs=("vp8",)
        )
        ben = MediumWanted(
            "video",
            receives=True,
            rtcp_socket="rc-b",
            redirect=target.address,
            rtcp_redirect=reports.address,
        )
        camera = Camera(camera_port, 96, picture, first=1)
        with taken(camera_port, sent_rtcp, taken_rtcp):
            async with in_call(calls, (ann,), (ben,)) as (_, called), running(camera, source):
                # The receiver's stack asks the sender for a picture to begin with, and reports.
                await until(lambda: feedback.said(rtcp.KeyframeRequest))
                assert feedback.said(rtcp.KeyframeRequest)[0].ssrc == camera.ssrc
                await until(lambda: feedback.said(rtcp.ReceiverReport))
                # What is sent on is reported as a sender does.
                await until(lambda: reports.said(rtcp.SenderReport))
                stream = target.packets[0].ssrc
                assert {it.ssrc for it in reports.said(rtcp.SenderReport)} == {stream}
                # The program asks for a keyframe by RTCP of its own …
                before = len(feedback.said(rtcp.KeyframeRequest))
                await trio.sleep(0.5)  # requests close behind each other are one
                await target.send(rtcp.write_pli(1, stream), taken_rtcp)
                await until(lambda: len(feedback.said(rtcp.KeyframeRequest)) > before)
                # … and the sender tells of its time, which goes on with the stream.
                ntp = int((time.time() + 2_208_988_800) * 2**32)
                report = rtcp.SenderReport(camera.ssrc, ntp, 0, 10, 1000)
                await source.send(rtcp.write_sender_report(report, "ann"), sent_rtcp)
                await until(
                    lambda: [
                        block
                        for it in feedback.said(rtcp.ReceiverReport)
                        for block in it.blocks
                        if block.last_report == ntp >> 16 & 0xFFFF_FFFF
                    ]
                )
                # By request of ben's program, another one.
                before = len(feedback.said(rtcp.KeyframeRequest))
                await trio.sleep(0.5)
                await called.ask(AskKeyframe(target.address), within=5)
                await until(lambda: len(feedback.said(rtcp.KeyframeRequest)) > before)
        assert all(data[1] in range(200, 208) for ear in (feedback, reports) for data in ear.seen)
        assert all(data[1] & 0x7F == 96 for data in target.seen)


async def test_without_a_place_for_it_no_rtcp_is_sent_to_a_program(engine: LocalEngine):
    async with open_calls(engine) as calls, ears(2) as (source, target):
        address = (await calls.yard.socket("vi-a")).address
        camera = Camera(address, 96, picture)
        ann = MediumWanted("video", "vi-a", codecs=("vp8",))
        ben = MediumWanted("video", receives=True, redirect=target.address)
        async with in_call(calls, (ann,), (ben,)), running(camera, source):
            await until(lambda: len(target.seen) > 100)
        assert source.seen == []
        assert all(data[1] & 0x7F == 96 for data in target.seen)


async def test_sound_and_picture_go_both_ways_at_once(engine: LocalEngine):
    async with open_calls(engine) as calls, ears(8) as all_ears:
        wants: dict[str, list[MediumWanted]] = {"a": [], "b": []}
        cameras: list[Any] = []
        targets: dict[str, Ear] = {}
        for who, (one, two, three, four) in zip("ab", (all_ears[:4], all_ears[4:]), strict=True):
            for kind, id_, codec, source, target, make in (
                ("audio", f"au-{who}", "opus", one, two, sound),
                ("video", f"vi-{who}", "h264", three, four, nal),
            ):
                address = (await calls.yard.socket(id_)).address
                usual = 111 if kind == "audio" else 100
                cameras += [Camera(address, usual, make), source]
                targets[id_] = target
                wanted = MediumWanted(
                    kind, id_, receives=True, codecs=(codec,), redirect=target.address
                )
                wants[who].append(wanted)
        async with in_call(calls, tuple(wants["a"]), tuple(wants["b"])) as both:
            async with running(*cameras):
                await until(lambda: all(len(it.seen) > 20 for it in targets.values()))
            shown = await calls.show(both[0])
            assert [socket for socket, _ in shown.ssrcs] == ["au-a", "vi-a"]
            assert len({ssrc for _, ssrc in shown.ssrcs}) == 2
        for id_, target in targets.items():
            usual = 111 if id_.startswith("au") else 100
            assert {packet.payload_type for packet in target.packets} == {usual}
        assert (await engine.stats()).ports == 0


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_the_longest_packet_of_an_ethernet_goes_through_to_either_family(
    engine: LocalEngine, host: str
):
    async with open_calls(engine) as calls, ears(1) as (source,), ears(1, host) as (target,):
        address = (await calls.yard.socket("au-a")).address
        camera = Camera(address, 111, lambda number: b"%5d" % number + bytes(1472 - 12 - 5))
        ann = MediumWanted("audio", "au-a", codecs=("opus",))
        ben = MediumWanted("audio", receives=True, redirect=target.address)
        async with in_call(calls, (ann,), (ben,)), running(camera, source):
            await until(lambda: len(target.seen) >= 10)
        assert {len(data) for data in target.seen} == {1472}
        assert target.packets[0].payload in camera.sent


async def test_a_band_width_is_said_to_the_other_side(engine: LocalEngine):
    async with open_calls(engine) as calls:
        await calls.yard.socket("vi-a")
        ann = MediumWanted("video", "vi-a", receives=True, bitrate=700)
        ben = MediumWanted("video", receives=True, bitrate=900)
        async with in_call(calls, (ann,), (ben,)):
            [(_, offer)], [(_, answer)] = (calls.lines[id_].said for id_ in ("mc-ann", "mc-ben"))
            assert b"b=AS:700" in offer
            assert b"b=AS:900" in answer


async def test_calls_leave_no_port_and_no_descriptor(engine: LocalEngine):
    async with open_calls(engine) as calls, ears(1) as (target,):
        open_before = None
        for number in range(20):
            address = (await calls.yard.socket("vi-a")).address
            rtcp_address = (await calls.yard.socket("rc-a")).address
            ann = MediumWanted("video", "vi-a", rtcp_socket="rc-a", codecs=("vp8",))
            ben = MediumWanted("video", receives=True, redirect=target.address)
            with taken(address, rtcp_address):
                async with in_call(calls, (ann,), (ben,)):
                    pass
            assert not calls.yard.has("rc-a")
            stats = await engine.stats()
            assert (stats.sessions, stats.ports, stats.stray_errors) == (0, 0, 0)
            calls.shown.events.clear()
            calls.shown.ends.clear()
            if number == 2:
                open_before = open_descriptors()
        assert open_descriptors() == open_before


async def test_one_camera_is_seen_in_two_calls_and_in_the_other_when_one_ends(engine: LocalEngine):
    async with open_calls(engine) as calls, ears(4) as (source, feedback, target, other):
        address = (await calls.yard.socket("vi-a")).address
        camera = Camera(address, 96, picture)
        one = MediumWanted("video", "vi-a", codecs=("vp8",))
        two = replace(one, rtcp_redirect=feedback.address)
        ben = MediumWanted("video", receives=True, redirect=target.address)
        bob = replace(ben, redirect=other.address)
        async with running(camera, source):
            async with in_call(calls, (one,), (ben,)):
                await until(lambda: target.seen)
                _, called = await calls.call(two, to="mc-bob", id="mc-amy")
                await calls.answer(called, bob)
                await until(lambda: other.seen)
                so_far = len(target.seen)
                await until(lambda: len(target.seen) > so_far + 20)
                calls.end(called)
                await calls.ended("mc-amy", "mc-bob")
                so_far, rest = len(target.seen), len(other.seen)
                await until(lambda: len(target.seen) > so_far + 20)
                assert len(other.seen) <= rest + 2  # its end is told as RTCP, where that may go
                assert feedback.said(rtcp.KeyframeRequest)
        assert not calls.yard.has("vi-a")


async def test_two_calls_may_be_redirected_to_one_address(engine: LocalEngine):
    async with open_calls(engine) as calls, ears(2) as (source, target):
        address = (await calls.yard.socket("vi-a")).address
        camera = Camera(address, 96, picture)
        wanted = MediumWanted("video", "vi-a", codecs=("vp8",))
        ben = MediumWanted("video", receives=True, redirect=target.address)
        async with running(camera, source), in_call(calls, (wanted,), (ben,)):
            _, called = await calls.call(wanted, to="mc-bob", id="mc-amy")
            await calls.answer(called, ben)
            await until(lambda: len({packet.ssrc for packet in target.packets}) == 2)
            calls.end(called)
            await calls.ended("mc-amy", "mc-bob")
            await calls.shown.actors["mc-ben"].ask(AskKeyframe(target.address), within=5)


@pytest.mark.parametrize("who", ["mc-ann", "mc-ben"])
async def test_whoever_falls_silent_is_gone_soon(engine: LocalEngine, who: str):
    async with open_calls(engine, silence_seconds=2.0) as calls, ears(1) as (target,):
        address = (await calls.yard.socket("vi-a")).address
        wanted = MediumWanted("video", "vi-a", codecs=("vp8",))
        ben = MediumWanted("video", receives=True, redirect=target.address)
        caller, called = await calls.call(wanted)
        await calls.answer(called, ben)
        await both_open(calls, caller, called)
        with taken(address):
            killed: Any = engine._sessions[who]
            other = "mc-ben" if who == "mc-ann" else "mc-ann"
            for socket in killed._peer.sockets:
                socket.close()
            await calls.ended(other, seconds=10)
            await calls.ended(who, seconds=10)
