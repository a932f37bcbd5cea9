"""A real process that dies of what one sends: the mix goes on without him, and hears the others."""

from __future__ import annotations

from itertools import count

import pytest
import structlog
import trio

from actors.core import Actor, ChildSpec, Message, Spawn
from actors.jobs.media_job import DoWork, JobNoted, JobRuns, media_job_spec
from actors.jobs.mix import Mix
from actors.jobs.process_deaths import DEATHS_OF_INPUT
from actors.words.keys import ROOMS
from media.contract.jobs import JobInput, PictureSeen
from media.local_engine import LocalEngine
from media.webrtc.bridge import open_media_loop
from tests.support.actors import open_house
from tests.support.job_works import POISON
from tests.support.jobs import SECONDS, clean_engine, mix
from tests.support.rtp import a_source, rtp, vp8

pytestmark = pytest.mark.slow

JOB = "mix:poisoned"
GOOD, BAD = (JobInput(f"{name}-video", "video", "vp8", publisher=name) for name in ("good", "bad"))


class Listener(Actor[Message]):
    """Stands for the room, which has the job do one thing for ever."""

    kind = "listener"
    accepts = (JobRuns, JobNoted)

    def __init__(self, engine: LocalEngine) -> None:
        self._engine = engine
        self.told: list[Message] = []

    async def setup(self) -> None:
        job = await self.ctx.spawn(media_job_spec(Mix, JOB, self._engine, self.ctx.self_ref))
        paths = {each.id: (each.publisher, True) for each in (GOOD, BAD)}
        job.tell(DoWork(mix(GOOD, BAD), paths))

    async def handle(self, message: Message) -> None:
        self.told.append(message)

    @property
    def runs(self) -> list[JobRuns]:
        return [each for each in self.told if isinstance(each, JobRuns)]


async def test_a_mix_goes_on_without_whom_its_processes_die_of() -> None:
    with structlog.testing.capture_logs() as logs:
        async with open_media_loop() as loop, clean_engine(loop) as engine:
            good, bad = (a_source(each.publisher) for each in (GOOD, BAD))
            for source in (good, bad):
                engine.router.add_source(source)
            async with open_house(engine=engine) as house:
                listener = Listener(engine)
                await house.find(ROOMS).ask(Spawn(ChildSpec("it", lambda: listener)), within=5)
                with trio.fail_after(SECONDS):
                    for number in count(1):
                        good.feed(rtp(number, 0, vp8(number, keyframe=True)), 1000.0 + number)
                        bad.feed(rtp(number, 0, vp8(number, POISON, keyframe=True)), 1000.0)
                        await trio.sleep(0.02)
                        last = listener.told[-1:]
                        if len(listener.runs) > DEATHS_OF_INPUT and last != listener.runs[-1:]:
                            break
                heard = [each for each in listener.told if isinstance(each, JobNoted)]
                assert heard[-1].event != PictureSeen(BAD.id, 320, 180)
                assert listener.runs[-1].wanted == mix(GOOD)
            for source in (good, bad):
                engine.router.remove_source(source.id)
    ends = [it for it in logs if it["event"] == "job.ended" and it.get("detail") == "SIGSEGV"]
    assert {it["input"] for it in ends} == {BAD.id}
    (left,) = (it for it in logs if it["event"] == "job.input_left_out")
    assert left["stream"] == BAD.publisher
