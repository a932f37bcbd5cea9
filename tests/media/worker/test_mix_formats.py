"""A mix that sends in several formats, in a process of its own and in real time."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import trio

from media.contract.jobs import (
    COMMON,
    AudioTarget,
    JobInput,
    MixWanted,
    OtherSound,
    SoundMix,
    own_mix,
    sink_of,
    sound_name,
    source_of,
)
from media.local_engine import LocalEngine
from media.media_jobs import JobsPlan
from media.rtp.router import Codec
from media.webrtc.bridge import MediaLoop
from media.worker.job_codecs import codec_sent
from tests.support.jobs import SECONDS, JobTold, job_engine
from tests.support.rtp import Receiver, a_sink, a_source
from tests.support.sound import SSRC, Talker, decoded, strength, tone

PLAN = JobsPlan(warm=0, cores=64.0)
TARGETS = {
    "pcmu": AudioTarget("pcmu", 8000, 1),
    "g722": AudioTarget("g722", 16_000, 1),
    "opus": AudioTarget("opus"),
}
CODECS = {
    "pcmu": Codec("pcmu", 8000, 96),
    "g722": Codec("g722", 8000, 96),
    "opus": Codec("opus", 48_000, 96, channels=2),
}
TONES = {"pcmu": 440, "g722": 900, "opus": 1400}


@asynccontextmanager
async def talking(engine: LocalEngine) -> AsyncIterator[None]:
    """Have one who talks in each codec, until the end of the block."""
    sources = {}
    for codec in TONES:
        sources[codec] = a_source(codec, CODECS[codec], ssrc=SSRC, time=time.monotonic)  # type: ignore[arg-type]
        engine.router.add_source(sources[codec])
        engine.router.attach(codec, sink_of("view", codec))
    talkers = [Talker(each, tone(TONES[each]), each) for each in TONES]

    async def talk() -> None:
        began = time.monotonic()
        while True:
            for talker in talkers:
                for _, packet in talker.packets_until(time.monotonic() - began):
                    sources[talker.input].feed(packet, time.monotonic())
            await trio.sleep(0.01)

    async with trio.open_nursery() as nursery:
        nursery.start_soon(talk)
        yield
        nursery.cancel_scope.cancel()
    for codec in TONES:
        engine.router.remove_source(codec)


def listen(engine: LocalEngine, name: str, target: AudioTarget) -> Receiver:
    """Have somebody take what the mix sends."""
    receiver = Receiver()
    codec = codec_sent(target)
    engine.router.add_sink(a_sink(name, codec, receiver=receiver, time=time.monotonic))  # type: ignore[arg-type]
    engine.router.attach(source_of("view", name), name)
    return receiver


async def until_heard(receiver: Receiver, packets: int) -> None:
    with trio.fail_after(SECONDS):
        while len(receiver.data) < packets:
            await trio.sleep(0.02)


def heard(codec: str, receiver: Receiver) -> set[str] | None:
    """Return whose tones were in the last second, None where that is not clear, or too early."""
    payloads = [it.payload for it in receiver.got]
    if len(payloads) < 60:
        return None
    sound = decoded(codec, payloads)
    rate = {"pcmu": 8000, "g722": 16_000}.get(codec, 48_000)
    levels = {it: strength(sound, TONES[it], rate) for it in TONES}
    clear = all(level < 0.01 or level > 0.05 for level in levels.values())
    return {it for it, level in levels.items() if level > 0.05} if clear else None


async def test_each_of_three_hears_the_others_in_his_format_and_not_himself(media_loop: MediaLoop):
    inputs = tuple(
        JobInput(each, "audio", each, channels=it.channels, clock_rate=it.clock_rate)
        for each, it in CODECS.items()
    )
    others = {each: OtherSound(TARGETS[each], each) for each in ("pcmu", "g722")}
    names = {each: sound_name(it) for each, it in others.items()} | {"opus": own_mix("opus")}
    mix = SoundMix(TARGETS["opus"], without=("opus",), others=tuple(others.values()))
    async with job_engine(media_loop, PLAN) as engine:
        await engine.open_job("view", MixWanted(inputs, audio=mix), JobTold())
        ears = {each: listen(engine, name, TARGETS[each]) for each, name in names.items()}
        async with talking(engine):
            with trio.fail_after(SECONDS):  # on a busy machine a second may have gaps
                while any(heard(each, ear) != TONES.keys() - {each} for each, ear in ears.items()):
                    await until_heard(ears["opus"], len(ears["opus"].data) + 25)
        for ear in ears.values():
            got = ear.got
            assert [it.sequence - got[0].sequence & 0xFFFF for it in got] == list(range(len(got)))
        for name in names.values():
            engine.router.remove_sink(name)


async def test_who_takes_an_empty_mix_hears_silence_at_once(media_loop: MediaLoop):
    target = TARGETS["pcmu"]
    mix = SoundMix(TARGETS["opus"], others=(OtherSound(target),), common=False)
    async with job_engine(media_loop, PLAN) as engine:
        told = JobTold()
        await engine.open_job("view", MixWanted((), audio=mix), told)
        name = sound_name(OtherSound(target))
        ear = listen(engine, name, target)
        assert source_of("view", COMMON) not in engine.router._sources
        await until_heard(ear, 50)
        got = ear.got
        assert {it.payload for it in got[5:]} == {b"\xff" * 160}
        times = [it.timestamp for it in got]
        assert {(after - one) & 0xFFFFFFFF for one, after in pairwise(times)} == {160}
        engine.router.remove_sink(name)
