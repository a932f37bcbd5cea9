"""Real encoders and decoders on both sides of the engine, over real sockets."""

from __future__ import annotations

import logging
import random
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio

from media.contract.stats import SourceStats
from media.local_engine import LocalEngine
from media.webrtc.bridge import MediaLoop
from tests.media.clients import FRAMES_PER_SECOND, Client, attach, publisher, subscriber
from tests.support.paths import lead

HALF_A_SECOND = FRAMES_PER_SECOND // 2  # of frames

VP8 = ("opus", "vp8")
H264 = ("pcmu", "h264")


@pytest.fixture(autouse=True)
def only_loopback(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the clients use loopback too, which is there on any machine."""
    monkeypatch.setattr("aioice.ice.get_host_addresses", lambda use_ipv4, use_ipv6: ["127.0.0.1"])


@asynccontextmanager
async def closing(*clients: Client) -> AsyncIterator[None]:
    try:
        yield
    finally:
        with trio.CancelScope(shield=True):
            for client in clients:
                await client.close()


@pytest.mark.parametrize(
    "codecs",
    [
        pytest.param(VP8, id="vp8-opus"),
        pytest.param(H264, id="h264-pcmu", marks=pytest.mark.slow),
    ],
)
async def test_three_subscribers_decode_what_one_publishes_without_a_gap(
    media_loop: MediaLoop, engine: LocalEngine, codecs
):
    one = await publisher(media_loop, engine, "publisher", codecs)
    three = [await subscriber(media_loop, engine, f"s{n}", codecs) for n in range(3)]
    async with closing(one, *three):
        for client in three:
            await attach(engine, one, client)
        for client in three:
            video = await client.frames("video", 30)
            audio = await client.frames("audio", 30)
            assert video.missing == audio.missing == 0
            assert abs(video.grey - 60) < 12


async def frames_until_first(engine: LocalEngine, one: Client, other: Client, late: Client) -> int:
    """Attach one who comes late; return how many frames another saw until that one saw one."""
    before = other.seen["video"].frames
    await attach(engine, one, late)
    await late.frames("video", 1)
    return other.seen["video"].frames - before


async def test_late_joiners_see_a_frame_at_once(media_loop: MediaLoop, engine: LocalEngine):
    one = await publisher(media_loop, engine, "publisher")
    first = await subscriber(media_loop, engine, "first")
    async with closing(one, first):
        await attach(engine, one, first)
        await first.frames("video", 20)
        late = await subscriber(media_loop, engine, "late")
        async with closing(late):
            assert await frames_until_first(engine, one, first, late) <= HALF_A_SECOND


@pytest.mark.slow
async def test_ten_who_join_within_a_second_see_a_frame_each(
    media_loop: MediaLoop, engine: LocalEngine
):
    one = await publisher(media_loop, engine, "publisher")
    first = await subscriber(media_loop, engine, "first")
    ten = [await subscriber(media_loop, engine, f"late{n}") for n in range(10)]
    async with closing(one, first, *ten):
        await attach(engine, one, first)
        await first.frames("video", 10)
        waited = []

        async def join(late: Client) -> None:
            waited.append(await frames_until_first(engine, one, first, late))

        async with trio.open_nursery() as nursery:
            for late in ten:
                nursery.start_soon(join, late)
                await trio.sleep(0.1)
        assert max(waited) <= HALF_A_SECOND
        assert video_source(engine).counts.keyframe_requests <= 7, (
            "they are asked for at most every 300 ms"
        )


def video_source(engine: LocalEngine) -> SourceStats:
    (video,) = [each for each in engine.router.stats().sources if each.kind == "video"]
    return video


async def until(happened: Callable[[], bool]) -> None:
    """Losses hit sound as well: go on until one has hit the picture."""
    with trio.fail_after(30):
        while not happened():
            await trio.sleep(0.05)


class Pauses:
    """How long nothing came at all: then it was the machine that stood still, not the picture."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._last = time.monotonic()

    def note(self) -> None:
        now = time.monotonic()
        self.longest, self._last = max(self.longest, now - self._last), now


@pytest.mark.slow
async def test_packets_lost_on_the_way_in_are_asked_for_again(
    media_loop: MediaLoop, engine: LocalEngine
):
    one = await publisher(media_loop, engine, "publisher")
    client = await subscriber(media_loop, engine, "subscriber")
    dice, pauses = random.Random(3), Pauses()
    (protocol,) = one.session._peer._connection._protocols
    take = protocol._take

    def take_some(data: bytes, arrival: float) -> None:
        pauses.note()
        is_rtp = 128 <= data[0] <= 191 and not 192 <= data[1] <= 223
        if not is_rtp or dice.random() > 0.03:
            take(data, arrival)

    protocol._take = take_some
    async with closing(one, client):
        await attach(engine, one, client)
        seen = await client.frames("video", 80)
        await until(lambda: video_source(engine).counts.recovered > 0)
        assert seen.longest_gap < 0.6 + pauses.longest


@pytest.mark.slow
async def test_lost_packets_are_sent_again(media_loop: MediaLoop, engine: LocalEngine):
    one = await publisher(media_loop, engine, "publisher")
    client = await subscriber(media_loop, engine, "subscriber")
    dice, lost, pauses = random.Random(7), set[bytes](), Pauses()

    def loses(packet: bytes) -> bool:
        pauses.note()
        # Each packet once: when a repeated one is lost again, aiortc waits for the next gap to ask.
        first = packet[:12] not in lost and dice.random() < 0.03
        lost.update([packet[:12]] if first else [])
        return first

    client.loses = loses
    async with closing(one, client):
        await attach(engine, one, client)
        seen = await client.frames("video", 80)
        await until(lambda: engine.router.stats().totals.retransmitted_out > 0)
        assert seen.longest_gap < 0.5 + pauses.longest
    assert lost


async def test_switching_the_publisher_goes_without_decoder_errors(
    media_loop: MediaLoop, engine: LocalEngine, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.WARNING)
    dark = await publisher(media_loop, engine, "dark", grey=40)
    bright = await publisher(media_loop, engine, "bright", grey=200)
    client = await subscriber(media_loop, engine, "subscriber")
    async with closing(dark, bright, client):
        await attach(engine, dark, client)
        for source, grey in ((dark, 40), (bright, 200), (dark, 40)):
            await attach(engine, source, client)
            with trio.fail_after(30):
                while abs(client.seen["video"].grey - grey) > 12:
                    await trio.sleep(0.01)
            await client.frames("video", client.seen["video"].frames + 10)
        assert client.seen["video"].missing == client.seen["audio"].missing == 0
    assert [r.getMessage() for r in caplog.records if "ecoder" in r.getMessage()] == []


async def test_a_paused_sink_gets_nothing_and_goes_on_with_a_keyframe(
    media_loop: MediaLoop, engine: LocalEngine
):
    one = await publisher(media_loop, engine, "publisher")
    client = await subscriber(media_loop, engine, "subscriber")
    async with closing(one, client):
        await attach(engine, one, client)
        video = await client.frames("video", 10)
        await lead(engine, one.told.source("video"), client.told.sink("video"), flows=False)
        await client.frames("audio", client.seen["audio"].frames + 5)
        held = video.frames
        await client.frames("audio", client.seen["audio"].frames + 10)
        assert video.frames <= held + 1
        await lead(engine, one.told.source("video"), client.told.sink("video"))
        await client.frames("video", held + 10)
        assert video.missing == 0
