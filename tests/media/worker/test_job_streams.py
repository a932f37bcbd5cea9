"""Packets of a job: from the router through a process, and back, over real sockets."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable

import pytest
import trio

from media.contract.errors import RouterFull
from media.contract.jobs import (
    COMMON,
    PICTURE,
    ActiveInput,
    JobFigures,
    PictureSeen,
    own_mix,
    sink_of,
    source_of,
)
from media.local_engine import LocalEngine, open_local_engine
from media.rtp import rtcp
from media.rtp.router import RtpSource
from media.rtp.sender_clock import ntp_time
from media.webrtc.bridge import MediaLoop
from tests.support.jobs import (
    JOBS,
    LOOPBACK,
    SECONDS,
    JobTold,
    job_engine,
    mix,
    picture,
    transcode,
    voice,
)
from tests.support.rtp import OPUS, Receiver, Sender, a_sink, a_source, read, rtp, vp8

STEP = 3000


async def until(true: Callable[[], bool]) -> None:
    """Wait until something is so."""
    with trio.fail_after(SECONDS):
        while not true():
            await trio.sleep(0.01)


def a_camera(engine: LocalEngine, sender: Sender | None = None) -> RtpSource:
    source = a_source("camera", sender=sender, time=time.monotonic)  # type: ignore[arg-type]
    engine.router.add_source(source)
    return source


def a_screen(engine: LocalEngine) -> Receiver:
    receiver = Receiver()
    sink = a_sink("screen", receiver=receiver, time=time.monotonic)  # type: ignore[arg-type]
    engine.router.add_sink(sink)
    return receiver


def show(camera: RtpSource, number: int, body: bytes = b"picture", *, keyframe: bool = False):
    payload = vp8(number, body, keyframe=keyframe)
    camera.feed(rtp(number, number * STEP, payload, marker=True), time.monotonic())


def clean(engine: LocalEngine) -> None:
    engine.router.remove_source("camera")
    engine.router.remove_sink("screen")


async def test_packets_go_through_a_process_and_keep_their_times(media_loop: MediaLoop):
    told = JobTold()
    async with job_engine(media_loop) as engine:
        sender = Sender()
        camera, screen = a_camera(engine, sender), a_screen(engine)
        await engine.open_job("view", transcode(), told)
        engine.router.attach("camera", sink_of("view", "camera"))
        engine.router.attach(source_of("view", PICTURE), "screen")
        assert sender.keyframes == 1
        for number in range(1, 11):
            show(camera, number, keyframe=number == 1)
        await until(lambda: len(screen.data) == 10)
        got = screen.got
        assert [it.payload[-7:] for it in got] == [b"picture"] * 10
        times = [it.timestamp - got[0].timestamp & 0xFFFFFFFF for it in got]
        assert times == [STEP * number for number in range(10)]
        assert [it.sequence - got[0].sequence & 0xFFFF for it in got] == list(range(10))
        assert (await told.first(PictureSeen)) == PictureSeen("camera", 320, 180)
        assert (await told.first(ActiveInput)) == ActiveInput("camera")
        figures = await told.first(JobFigures, lambda it: it.packets_in == 10)
        assert (figures.packets_out, figures.frames_in, figures.dropped) == (10, 10, 0)
        assert figures.cpu_seconds >= 0
        assert figures.memory > 10_000_000
        clean(engine)


async def test_keyframes_are_asked_for_both_ways_and_of_an_input_once_a_second_at_most(
    media_loop: MediaLoop,
):
    told, sender = JobTold(), Sender()
    async with job_engine(media_loop) as engine:
        camera, _ = a_camera(engine, sender), a_screen(engine)
        await engine.open_job("view", transcode(), told)
        engine.router.attach("camera", sink_of("view", "camera"))
        show(camera, 1, keyframe=True)  # the echo asks for a keyframe when it sees the first one
        await until(lambda: sender.keyframes == 2)
        began = time.monotonic()
        engine.router.attach(source_of("view", PICTURE), "screen")  # asks, and goes on asking
        await told.first(JobFigures, lambda it: it.late_frames >= 3)
        assert time.monotonic() - began >= 1.9
        clean(engine)


async def test_reports_of_both_sides_tell_times_of_one_clock(media_loop: MediaLoop):
    told = JobTold()
    async with job_engine(media_loop) as engine:
        camera = a_camera(engine)
        await engine.open_job("view", transcode(), told)
        engine.router.attach("camera", sink_of("view", "camera"))
        screen = a_screen(engine)
        engine.router.attach(source_of("view", PICTURE), "screen")
        captured = time.monotonic() - 0.5  # a camera whose pictures are on the way for long
        report = rtcp.SenderReport(1, ntp_time(captured), STEP, 1, 1)
        camera.feed_rtcp(rtcp.write_sender_report(report, "x"), captured + 0.01)
        show(camera, 1, keyframe=True)
        await until(lambda: bool(screen.data) and bool(screen.reports))
        source = engine.router._source(source_of("view", PICTURE))
        await until(lambda: source._timeline._report is not None)
        show(camera, 2)
        # The work said that what it sent was of the moment it arrived here.
        await until(lambda: len(screen.data) == 2)
        told_at = source._timeline.capture_time(
            source._timeline._report[1],  # type: ignore[index]
            time.monotonic(),
        )
        assert 0 <= time.monotonic() - told_at < 60.0
        figures = await told.first(JobFigures)
        assert figures.decode_errors == 0  # what the echo counts where a moment makes no sense
        clean(engine)


async def test_what_a_process_has_no_room_for_is_dropped_and_a_keyframe_asked_for(
    media_loop: MediaLoop,
):
    told, sender = JobTold(), Sender()
    async with job_engine(media_loop) as engine:
        camera, _ = a_camera(engine, sender), a_screen(engine)
        await engine.open_job("view", transcode(), told)
        engine.router.attach("camera", sink_of("view", "camera"))
        show(camera, 1, keyframe=True)
        await told.first(PictureSeen)
        process = engine._jobs._jobs["view"].process
        assert process is not None
        os.kill(process.pid, signal.SIGSTOP)
        number = 1
        sink = engine.router._sinks[sink_of("view", "camera")]
        while sink.counts.dropped < 20:
            number += 1
            assert number < 10_000, "the socket has no end"
            show(camera, number, bytes(1000))
        asked = sender.keyframes
        os.kill(process.pid, signal.SIGCONT)
        with trio.fail_after(SECONDS):
            while sender.keyframes == asked:
                await trio.sleep(0.02)
                number += 1
                show(camera, number)
        figures = await told.first(JobFigures, lambda it: it.dropped >= 20)
        assert figures.packets_in < number
        await engine.close_job("view")
        clean(engine)


async def test_a_change_of_size_leaves_who_takes_the_picture_where_he_is(media_loop: MediaLoop):
    async with job_engine(media_loop) as engine:
        camera, screen = a_camera(engine), a_screen(engine)
        await engine.open_job("view", mix(picture("a"), voice("b"), without=("b",)), JobTold())
        engine.router.attach("camera", sink_of("view", "a"))
        engine.router.attach(source_of("view", PICTURE), "screen")
        show(camera, 1, keyframe=True)
        await until(lambda: len(screen.data) == 1)
        ours = engine._jobs._jobs["view"].port
        assert ours is not None
        before = ours.outputs
        await engine.change_job("view", mix(picture("a"), picture("c"), voice("b")))
        assert ours.outputs == {name: before[name] for name in (PICTURE, COMMON)}
        assert own_mix("b") not in ours.outputs
        assert set(ours.inputs) == {"a", "b", "c"}
        show(camera, 2)
        await until(lambda: len(screen.data) == 2)
        assert read(screen.data[1]).sequence == read(screen.data[0]).sequence + 1 & 0xFFFF
        await engine.close_job("view")
        clean(engine)


async def test_an_input_of_another_codec_under_the_same_id_is_another_sink(media_loop: MediaLoop):
    async with job_engine(media_loop) as engine:
        await engine.open_job("view", mix(picture("a")), JobTold())
        microphone = a_source("microphone", OPUS)
        engine.router.add_source(microphone)
        await engine.change_job("view", mix(voice("a"), picture=False))
        engine.router.attach("microphone", sink_of("view", "a"))
        engine.router.remove_source("microphone")


async def test_a_router_that_is_full_leaves_nothing_of_a_job(media_loop: MediaLoop):
    async with open_local_engine(media_loop, LOOPBACK, streams=3, jobs=JOBS) as engine:
        with pytest.raises(RouterFull):
            await engine.open_job("view", mix(*map(picture, "abcd")), JobTold())
        assert engine.router.empty
        await engine.open_job("view", mix(*map(picture, "ab")), JobTold())
        with pytest.raises(RouterFull):
            await engine.change_job("view", mix(*map(picture, "cdefg")))
        assert set(engine._jobs._jobs["view"].port.inputs) == {"a", "b"}  # type: ignore[union-attr]
        await engine.change_job("view", mix(*map(picture, "bc")))
