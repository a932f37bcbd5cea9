"""Bugs in what an engine does by itself: each ends the part it is in, and nothing else."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import pytest
import trio

from media.contract.errors import UnknownPort
from media.contract.paths import MediaPath, PathFailure, PathTrouble
from media.contract.plans import PortReceives, PortWanted
from media.contract.recordings import Container, RecordingState
from media.contract.session import State
from media.local_engine import LocalEngine, open_local_engine
from media.recording.recorder import Recorder
from media.webrtc.bridge import MediaLoop, open_media_loop
from media.webrtc.containment import contained, contained_async
from tests.media.conftest import LOOPBACK
from tests.media.contract.test_engine_recordings import Ends, Sender
from tests.support.recording import plan
from tests.support.rtp import VP8
from tests.support.rtp_stream import OPUS
from tests.support.sessions import open_pair

HERE = "127.0.0.1"


def buggy(*_: object) -> NoReturn:
    raise LookupError("secret")


@pytest.fixture
async def loop() -> AsyncIterator[MediaLoop]:
    """Give a loop on which things may go astray."""
    async with open_media_loop() as loop:
        yield loop


@pytest.fixture
async def engine(loop: MediaLoop) -> AsyncIterator[LocalEngine]:
    async with open_local_engine(loop, LOOPBACK) as engine:
        yield engine
    assert engine.sessions == 0
    assert engine.router.empty


def test_what_is_not_an_error_is_let_through() -> None:
    def interrupted() -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        contained(lambda *_: None, "", interrupted)


async def test_being_cancelled_is_let_through() -> None:
    with trio.move_on_after(0) as scope:
        await contained_async(lambda *_: None, "", trio.sleep_forever)
    assert scope.cancelled_caught


@pytest.mark.parametrize("duty", ["tick", "beat"])
async def test_a_stream_that_cannot_be_kept_up_ends_its_session_only(
    engine: LocalEngine, loop: MediaLoop, monkeypatch: pytest.MonkeyPatch, duty: str
) -> None:
    other, pair = await open_pair(engine, "other"), await open_pair(engine)
    for each in (other, pair):
        await each.connected()
    source = engine.router._sources[pair.second_told.source("video")]
    monkeypatch.setattr(source, duty, buggy)
    assert (await pair.second_told.state(State.FAILED)).reason == "an error of ours"
    await pair.second_told.state(State.CLOSED)
    assert loop.stray_errors == 1
    assert other.first_told.states[-1] is other.second_told.states[-1] is State.CONNECTED


async def test_a_leg_that_cannot_be_kept_up_ends_its_session(
    engine: LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = await open_pair(engine)
    sink = engine.router._sinks[pair.first_told.sink("video")]
    monkeypatch.setattr(sink, "beat", buggy)
    await pair.first_told.state(State.FAILED)


async def test_a_path_that_cannot_be_led_is_told_and_the_rest_are_led(
    engine: LocalEngine, loop: MediaLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = await open_pair(engine)
    source, sink = pair.second_told.source("video"), pair.first_told.sink("video")
    other = await open_pair(engine, "other")
    broken = other.first_told.sink("video")
    monkeypatch.setattr(engine.router._sinks[broken], "attach", buggy)
    failures = await engine.wire((MediaPath(broken, source), MediaPath(sink, source)))
    assert failures == (PathFailure(broken, PathTrouble.BUG),)
    assert engine.router._sinks[sink].source is not None
    assert loop.stray_errors == 1


async def test_a_session_that_cannot_be_checked_ends_alone(
    engine: LocalEngine, loop: MediaLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    other, pair = await open_pair(engine, "other"), await open_pair(engine)
    await other.connected()
    monkeypatch.setattr(pair.first, "check", buggy)
    assert (await pair.first_told.state(State.FAILED)).reason == "an error of ours"
    await pair.first_told.state(State.CLOSED)
    assert loop.stray_errors == 1
    assert other.first_told.states[-1] is State.CONNECTED


async def test_a_session_that_cannot_be_closed_well_is_closed_all_the_same(
    engine: LocalEngine, loop: MediaLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = await open_pair(engine)
    await pair.connected()
    source = engine.router._sources[pair.second_told.source("video")]
    monkeypatch.setattr(source, "stats", buggy)
    monkeypatch.setattr(source, "tick", buggy)
    await pair.second_told.state(State.CLOSED)
    await pair.first_told.state(State.CLOSED)
    with trio.fail_after(30):
        while engine.sessions or loop.stray_errors < 2:  # the first one, and the closing
            await trio.sleep(0.01)
    assert engine.router.empty


async def test_a_port_whose_stream_cannot_be_kept_up_is_closed(
    engine: LocalEngine, loop: MediaLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = PortWanted(HERE, receives=PortReceives("video", VP8))
    for port in ("one", "other"):
        await engine.open_port(port, wanted)
    monkeypatch.setattr(engine.router._sources["one/in"], "tick", buggy)
    with trio.fail_after(30):
        while not loop.stray_errors:
            await trio.sleep(0.01)
    with pytest.raises(UnknownPort):
        await engine.port_facts("one")
    assert (await engine.port_facts("other")).source == "other/in"
    await engine.close_port("other")


async def test_a_port_that_cannot_take_a_packet_is_closed(
    engine: LocalEngine, loop: MediaLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    wanted = PortWanted(HERE, mux=True, receives=PortReceives("video", VP8))
    facts = await engine.open_port("one", wanted)
    monkeypatch.setattr(engine.router._sources["one/in"], "feed", buggy)
    with trio.socket.socket(type=trio.socket.SOCK_DGRAM) as sender, trio.fail_after(30):
        await sender.sendto(b"\x80" + bytes([VP8.payload_type]) + bytes(40), facts.address)
        while (await engine.stats()).ports:
            await trio.sleep(0.01)
    assert loop.stray_errors == 1


async def test_a_recording_that_cannot_be_kept_up_is_kept_as_a_part(
    engine: LocalEngine, loop: MediaLoop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = Sender(engine, "audio", OPUS, time.monotonic())
    tick, well = Recorder.tick, []

    def fragile(recorder: Recorder, now: float) -> None:
        if recorder is well[0]:
            tick(recorder, now)
        else:
            buggy()

    for number, name in enumerate(("other", "one")):
        wanted = replace(plan(tmp_path, Container.WEBM, (OPUS,)), id=name)
        await engine.start_recording(wanted, {"audio": "audio"}, ends := Ends())
        well += [engine._recordings._running[name].recorder] if not number else []
    monkeypatch.setattr(Recorder, "tick", fragile)
    sender.send(1.0)
    status = await ends.first()
    assert (status.state, status.reason) == (RecordingState.PARTIAL, "crashed")
    assert status.path == tmp_path / "one.partial.webm"
    assert loop.stray_errors == 1
    assert (await engine.stop_recording("other")).state is RecordingState.FINALISED
    engine.router.remove_source("audio")
