"""Mixes, transcodes, streams out and watched views in any order.

Processes are slow, die and lose their room. In the end the engine carries what the room's tables
say, and every process does what it should.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from unittest.mock import patch

import trio
import trio.testing
from hypothesis import example, given, settings
from hypothesis import strategies as st

from actors.core import ActorError
from actors.jobs import hls_job
from actors.jobs.room_processes import IDLE_SECONDS
from actors.jobs.viewers import WATCHED_SECONDS
from actors.streams.services import StreamingPlan
from actors.words.broadcasts import (
    ChangeBroadcast,
    EndBroadcast,
    GetBroadcasts,
    Outlet,
    StartBroadcast,
)
from actors.words.orders import (
    ChangeStream,
    ControlStream,
    ControlSubscription,
    StartRecording,
    Subscribe,
    Unpublish,
    Unsubscribe,
    WatchView,
)
from actors.words.streams import (
    AudioWanted,
    ParametersChange,
    Resolution,
    SourceChange,
    StatusChange,
    VideoParameters,
    VideoWanted,
    ViewChange,
)
from media.contract.jobs import BroadcastWanted, JobSink, JobWanted, sink_of
from media.contract.streaming import OutsideTrouble, TargetFlows, TargetLost
from tests.actors.core.puppet import logged
from tests.actors.room.test_conference_interleavings import CRASHES, Busybody, Play, Step
from tests.fakes.media import FakeEngine
from tests.support.actors import open_house, poison, settle
from tests.support.conference import KINDS, MANAGED, Meeting, conference_spec, publish
from tests.support.examples import examples
from tests.support.mixes import AUTO, COMMON_MIX, running

NAMES = ("ann", "bob", "cid")
DEATHS = 3  # of all processes: one more might end a job
RTMP = Outlet("rtmp", "rtmp://203.0.113.7/live/key")
OPENING = (("publish", "ann"), ("publish", "bob"), ("take", "cid"), ("take", "ann"))
WHAT = (
    "publish", "take", "take", "take", "unpublish", "unsubscribe", "mix", "hold stream", "hold",
    "switch", "record", "send out", "send out", "flow", "lose target", "switch out", "die", "die",
    "crash", "leave", "watch", "watch", "fill disk", "pass time",
)  # fmt: skip
VGA = VideoParameters(Resolution(640, 480), 24)
WANTED = (VideoParameters(), VideoParameters(Resolution(320, 240)), VideoParameters(framerate=6))

STEPS = st.lists(
    st.builds(
        Step,
        st.sampled_from(WHAT),
        st.sampled_from(NAMES),
        st.integers(0, 10),
        st.sampled_from([0, 0, 1, 3, 10, 60]),
    ),
    max_size=30,
)

# Somebody keeps what he had until what he goes over to is there, and the process of that dies.
LATE_FROM_THE_DEAD = [
    Step("pass time", "ann", 7, 60),
    Step("watch", "ann", 8, 60),
    Step("switch", "ann", 5, 0),
    Step("die", "bob", 3, 3),
]


class SlowEngine(FakeEngine):
    """Takes its time for processes."""

    seconds = 0.0

    async def open_job(self, job_id: str, wanted: JobWanted, events: JobSink) -> None:
        await trio.sleep(self.seconds)
        await super().open_job(job_id, wanted, events)

    async def change_job(self, job_id: str, wanted: JobWanted) -> None:
        self.jobs.job(job_id)
        await trio.sleep(self.seconds / 3)
        await super().change_job(job_id, wanted)


class MixPlay(Play):
    deaths = 0

    async def enter(self, name: str) -> None:
        self.left += 1
        spec = conference_spec(AUTO)
        member = await self.meeting.member(f"{name}{self.left}", spec=spec, kind=Busybody)
        assert isinstance(member, Busybody)
        self.members[name] = member

    async def do(self, step: Step) -> None:
        member, number = self.members[step.who], step.number
        mine, taken = member.own("publish", number), member.own("subscribe", number)
        source = COMMON_MIX if number % 2 else member.seen(number)
        video = VideoWanted(source, parameters=WANTED[number % 3])
        engine = self.meeting.engine
        match step.what:
            case "publish":
                member.give(publish("audio", "video", parameters=VGA), "publish")
            case "take":
                audio = AudioWanted(COMMON_MIX if number % 3 else member.seen(number + 1))
                member.give(Subscribe(audio, video), "subscribe")
            case "unpublish":
                member.sessions.pop(mine, None)
                member.give(Unpublish(mine))
            case "unsubscribe":
                member.sessions.pop(taken, None)
                member.give(Unsubscribe(taken))
            case "mix":
                change = (ViewChange("common", number % 4 < 2),)
                self.manage(ChangeStream(member.seen(number), change))
            case "hold stream":
                hold = StatusChange(KINDS[number % 2], number % 3 == 0)
                member.give(ControlStream(mine, (hold,)))
            case "hold":
                hold = StatusChange(KINDS[number % 2], number % 3 == 0)
                member.give(ControlSubscription(taken, (hold,)))
            case "switch":
                to = (SourceChange("video", source), ParametersChange(WANTED[number % 3]))
                member.give(ControlSubscription(taken, to[: 1 + number % 2]))
            case "record":
                self.manage(StartRecording("auto", AudioWanted(COMMON_MIX), video))
            case "send out":
                self.manage(StartBroadcast(RTMP, AudioWanted(COMMON_MIX), video))
            case "flow":
                self.tell_of_target(number, TargetFlows())
            case "lose target":
                lost = TargetLost(OutsideTrouble.SILENT, "it takes nothing", over=number % 3 == 0)
                self.tell_of_target(number, lost)
            case "switch out":
                for job, _ in running(engine, BroadcastWanted):
                    id_ = job.partition(":")[2]
                    self.manage(ChangeBroadcast(id_, (SourceChange("video", source),)))
            case "watch":
                self.manage(WatchView("common"))
            case "fill disk":
                lost = TargetLost(OutsideTrouble.NO_SPACE, "the disk is full", over=number % 3 > 0)
                self.tell_of_target(number, lost, "hls:")
            case "pass time":
                await trio.sleep(4 * number)
            case "die" if engine.jobs.jobs and self.deaths < DEATHS:
                self.deaths += 1
                jobs = sorted(engine.jobs.jobs)
                engine.end_job(jobs[number % len(jobs)], "killed")
            case "crash" if self.crashes < CRASHES:
                self.crashes += 1
                room = self.meeting.house.system.registry.find(MANAGED)
                if room is not None:
                    with suppress(ActorError):
                        room.tell(poison())
            case "leave":
                await self.leave(member)
                await self.enter(step.who)
        for _ in range(step.turns):
            await trio.lowlevel.checkpoint()

    def tell_of_target(
        self, number: int, event: TargetFlows | TargetLost, kind: str = "broadcast:"
    ) -> None:
        sending = (job for job, _ in running(self.meeting.engine, BroadcastWanted))
        jobs = sorted(job for job in sending if job.startswith(kind))
        if jobs:
            self.meeting.engine.tell_of_job(jobs[number % len(jobs)], event)


def play(script: list[Step], seconds: float, check: Callable[[MixPlay], None]) -> None:
    async def main() -> None:
        engine = SlowEngine()
        engine.seconds = seconds
        work = stack.enter_context(TemporaryDirectory())
        plan = StreamingPlan(work=Path(work))
        assert plan.work is not None
        async with (
            open_house(engine=engine, streaming=plan) as house,
            trio.open_nursery() as nursery,
        ):
            it = MixPlay(Meeting(house, engine), nursery)
            for name in NAMES:
                await it.enter(name)
            for what, who in OPENING:
                await it.do(Step(what, who, 1, 1))
                await settle()
            for step in script:
                await it.do(step)
            for _ in range(12):  # asks, offers, recoveries and idle processes are over then
                await trio.sleep(5)
                it.manage(WatchView("common"))
            await trio.sleep(20)
            await settle()
            check(it)
            for member in list(it.members.values()):
                await it.leave(member)
            for recording in list(engine.recordings):
                await engine.stop_recording(recording)
            for view in await it.meeting.manage(GetBroadcasts(), within=30):
                await it.meeting.manage(EndBroadcast(view.id), within=30)
            await trio.sleep(WATCHED_SECONDS + 2 * IDLE_SECONDS)
            assert engine.jobs.jobs == {}, "a process runs for nobody"
            assert not any(plan.work.iterdir()), "a folder is left"
        assert engine.jobs.jobs == {}

    async def on_disk(do: Callable[[], object]) -> None:
        await trio.sleep(seconds / 2)
        do()

    with logged(), ExitStack() as stack:
        stack.enter_context(patch.object(hls_job, "_on_disk", on_disk))
        trio.run(main, clock=trio.testing.MockClock(autojump_threshold=0))


def check_agreement(it: MixPlay) -> None:
    """Hold that processes do what they should, and everybody has what the tables say."""
    engine, cell = it.meeting.engine, it.meeting.house.system.registry.cell_at(MANAGED)
    assert cell is not None
    room: Any = cell.life.actor
    conference, processes = room._conference._conference, room._conference._processes
    lines = processes._lines
    assert set(lines) == set(conference.takers.by_process)
    out = {f"broadcast:{id_}" for id_ in conference.broadcasts}
    out |= {f"hls:{id_}" for id_ in conference.watched}
    assert {line.id for line in lines.values()} | out == engine.jobs.jobs.keys()
    assert set(room._conference._jobs._broadcasts._lines) == set(conference.broadcasts)
    assert set(room._conference._jobs._viewers._lines) == set(conference.watched)
    assert len(conference.watched) == 1
    expected = {}
    for line in lines.values():
        work = processes._work(line.key)
        assert engine.jobs.jobs[line.id].wanted == work.wanted
        for name, (source, flows) in work.paths.items():
            assert source is not None
            if flows:
                expected[sink_of(line.id, name)] = source
    for id_, feeds in conference.takers.feeds.items():
        for kind, feed in feeds.items():
            sink = f"{id_}/out/{KINDS.index(kind)}"
            sink = f"{id_}.{kind}" if id_ in conference.recordings else sink
            if id_ in conference.broadcasts:
                sink = sink_of(f"broadcast:{id_}", kind)
            if id_ in conference.watched:
                sink = sink_of(f"hls:{id_}", kind)
            source = processes.source_of(feed)
            assert source is not None
            if conference.flows(id_, kind):
                expected[sink] = source
    assert it.meeting.sinks() == expected
    assert not room._conference._paths.late
    for member in it.members.values():
        known = {stream.id: stream for stream in room._conference.streams}
        assert member.streams == known, member.id
    children = set() if cell.life.children is None else set(cell.life.children.by_name)
    jobs = ("mix:", "transcode:", "broadcast:", "hls:")
    assert {name for name in children if name.startswith(jobs)} == out | {
        line.id for line in lines.values()
    }


@settings(max_examples=examples(120), deadline=None)
@given(STEPS, st.sampled_from([0.0, 0.001, 0.3, 8.0]))
@example(LATE_FROM_THE_DEAD, 8.0)
def test_room_processes_and_engine_agree_in_the_end(script: list[Step], seconds: float) -> None:
    play(script, seconds, check_agreement)
