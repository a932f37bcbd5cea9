"""A media job: kept at its work over processes that fail, end, or have no room to change."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest
import structlog
import trio
from msgspec.structs import replace
from trio.testing import MockClock

from actors.core import Actor, ChildSpec, Down, Message, Ref, Spawn
from actors.jobs.media_job import (
    CHANGES,
    CHANGES_SECONDS,
    RETRY_SECONDS,
    DoWork,
    JobNoted,
    JobRuns,
    media_job_spec,
)
from actors.jobs.mix import Mix
from actors.jobs.process_deaths import DEATHS_OF_INPUT, RESTART_SECONDS, RESTARTS
from actors.words.keys import ROOMS
from media.contract.errors import JobFailed, NoCapacity, UnknownJob
from media.contract.jobs import (
    ActiveInput,
    AudioTarget,
    InputSlowed,
    JobFigures,
    JobInput,
    JobSink,
    JobWanted,
    MixWanted,
    SoundMix,
    sink_of,
)
from media.contract.paths import MediaPath, PathFailure, PathTrouble
from media.contract.session import Direction, SessionWanted, TrackWanted
from tests.fakes.media import FakeEngine
from tests.support.actors import House, open_house, settle

VOICES = tuple(JobInput(f"{it}-audio", "audio", "opus", publisher=it) for it in "123")
ONE, TWO, THREE = (
    MixWanted(VOICES[:number], audio=SoundMix(AudioTarget("opus"))) for number in (1, 2, 3)
)
JOB = "mix:1"


class Owner(Actor[Message]):
    """Stands for the room: has the job, and notes what it is told."""

    kind = "owner"
    accepts = (JobRuns, JobNoted)

    def __init__(self, stage: Stage) -> None:
        self._stage = stage

    async def setup(self) -> None:
        stage = self._stage
        spec = media_job_spec(Mix, JOB, stage.engine, self.ctx.self_ref)
        stage.job = await self.ctx.spawn(spec)
        self.ctx.watch(stage.job)

    async def handle(self, message: Message) -> None:
        self._stage.told.append(message)

    async def on_down(self, down: Down) -> None:
        self._stage.downs.append(down.reason)


@dataclass
class Stage:
    engine: FakeEngine
    house: House
    job: Ref[Any] = None  # type: ignore[assignment]
    told: list[Message] = field(default_factory=list)
    downs: list[str] = field(default_factory=list)

    async def want(self, wanted: JobWanted, **paths: tuple[str | None, bool]) -> None:
        work = {name.replace("_", "-").removeprefix("x"): path for name, path in paths.items()}
        self.job.tell(DoWork(wanted, work))
        await settle()

    @property
    def wanted(self) -> JobWanted | None:
        job = self.engine.jobs.jobs.get(JOB)
        return None if job is None else job.wanted


@asynccontextmanager
async def on_stage() -> AsyncIterator[Stage]:
    engine = FakeEngine()
    async with open_house(engine=engine) as house:
        stage = Stage(engine, house)
        await house.find(ROOMS).ask(Spawn(ChildSpec("owner", lambda: Owner(stage))), within=5)
        await settle()
        yield stage
    assert engine.jobs.jobs == {}, "a process was left over"


async def sender(engine: FakeEngine) -> str:
    """Return the id of a source of sound."""
    track = TrackWanted("audio", Direction.RECEIVE, ("opus",))
    theirs = TrackWanted("audio", Direction.SEND, ("opus",))
    session = await engine.open_session("s", SessionWanted((track,)), lambda _: None)
    client = await engine.open_session("c", SessionWanted((theirs,)), lambda _: None)
    answer = await session.accept_offer((await client.create_offer()).sdp)
    await client.accept_answer(answer.sdp)
    source = session.tracks[0].source
    assert source is not None
    return source


async def test_it_starts_changes_and_tells_what_it_does() -> None:
    async with on_stage() as stage:
        source = await sender(stage.engine)
        await stage.want(ONE, x1_audio=(source, True))
        assert stage.engine.attached == {sink_of(JOB, "1-audio"): source}
        await stage.want(TWO, x1_audio=(source, False), x2_audio=(source, True))
        assert stage.engine.attached[sink_of(JOB, "2-audio")] == source
        assert stage.engine.paused == {sink_of(JOB, "1-audio")}
        assert stage.told == [JobRuns(JOB, ONE), JobRuns(JOB, TWO)]
        assert stage.engine.jobs.jobs[JOB].changes == [ONE, TWO]


async def test_only_the_last_word_counts_of_what_is_said_while_it_works(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    start = FakeEngine.open_job

    async def slowly(self: FakeEngine, *args: Any) -> None:
        await trio.sleep(5)
        await start(self, *args)

    monkeypatch.setattr(FakeEngine, "open_job", slowly)
    async with on_stage() as stage:
        await stage.want(ONE)
        await stage.want(TWO)
        await stage.want(ONE)
        await stage.want(TWO)
        await trio.sleep(6)
        await settle()
        assert stage.engine.jobs.jobs[JOB].changes == [ONE, TWO]


async def test_a_process_that_ends_is_replaced_with_its_inputs(autojump_clock: MockClock) -> None:
    async with on_stage() as stage:
        source = await sender(stage.engine)
        await stage.want(ONE, x1_audio=(source, True))
        stage.engine.end_job(JOB, "killed")
        assert stage.engine.attached == {}
        await settle()
        assert stage.engine.attached == {sink_of(JOB, "1-audio"): source}
        assert stage.told == [JobRuns(JOB, ONE)] * 2
        assert stage.downs == []


async def test_one_whose_processes_end_too_often_ends(autojump_clock: MockClock) -> None:
    async with on_stage() as stage:
        await stage.want(ONE)
        for _ in range(RESTARTS):
            stage.engine.end_job(JOB, "killed")
            await settle()
        assert stage.wanted == ONE
        await trio.sleep(RESTART_SECONDS)
        for _ in range(RESTARTS):
            stage.engine.end_job(JOB, "killed")
            await settle()
        assert stage.downs == []
        stage.engine.end_job(JOB, "killed")
        await settle()
        assert stage.downs == ["processes end too often"]


async def test_a_mix_goes_on_without_an_input_of_which_processes_die(
    autojump_clock: MockClock,
) -> None:
    with structlog.testing.capture_logs() as logs:
        async with on_stage() as stage:
            source = await sender(stage.engine)
            paths = {"x1_audio": (source, True), "x2_audio": (source, True)}
            await stage.want(TWO, **paths)
            for _ in range(DEATHS_OF_INPUT):
                assert stage.wanted == TWO
                stage.engine.end_job(JOB, "killed", input="2-audio")
                await settle()
            assert stage.wanted == stage.told[-1].wanted == ONE  # type: ignore[attr-defined]
            assert stage.engine.attached == {sink_of(JOB, "1-audio"): source}
            await stage.want(THREE, **paths)
            assert stage.wanted == replace(THREE, inputs=(THREE.inputs[0], THREE.inputs[2]))
            for _ in range(RESTARTS):  # the others were explained
                stage.engine.end_job(JOB, "killed")
                await settle()
            assert stage.downs == []
            assert stage.wanted is not None
    left = [line for line in logs if line["event"] == "job.input_left_out"]
    assert [(line["input"], line["stream"]) for line in left] == [("2-audio", "2")]


async def test_an_input_is_left_out_though_its_process_dies_while_it_changes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def die(self: FakeEngine, job_id: str, wanted: JobWanted) -> None:
        self.end_job(job_id, "killed", input="2-audio")
        await trio.lowlevel.checkpoint()
        raise UnknownJob(job_id)

    async with on_stage() as stage:
        await stage.want(TWO)
        stage.engine.end_job(JOB, "killed", input="2-audio")
        await settle()
        monkeypatch.setattr(FakeEngine, "change_job", die)
        await stage.want(THREE)
        assert stage.wanted is not None
        assert [it.id for it in stage.wanted.inputs] == ["1-audio", "3-audio"]


async def test_an_input_that_is_slowed_is_logged_once() -> None:
    with structlog.testing.capture_logs() as logs:
        async with on_stage() as stage:
            await stage.want(TWO)
            for name in ("1-audio", "2-audio", "1-audio", "of nobody"):
                stage.engine.tell_of_job(JOB, InputSlowed(name))
                await settle()
            assert stage.told == [JobRuns(JOB, TWO)]
    assert [it["stream"] for it in logs if it["event"] == "job.input_slowed"] == ["1", "2"]


async def test_a_storm_of_orders_is_told_to_the_process_at_a_pace_and_the_last_one_counts(
    autojump_clock: MockClock,
) -> None:
    orders, seconds = 10_000, 10.0
    async with on_stage() as stage:
        await stage.want(ONE)
        changes = stage.engine.jobs.jobs[JOB].changes
        for number in range(orders):
            stage.job.tell(DoWork((ONE, TWO)[number % 2], {}))
            await settle()
            if number % 100 == 0:
                await trio.sleep(seconds * 100 / orders)
        at_most = CHANGES * (seconds / CHANGES_SECONDS + 1)
        assert CHANGES < len(changes) - 1 <= at_most
        await stage.want(THREE)
        await trio.sleep(CHANGES_SECONDS)
        assert stage.wanted == THREE
        assert len(changes) - 1 <= at_most + 1


async def test_one_that_never_starts_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    tries = []

    async def fail(self: FakeEngine, job_id: str, wanted: JobWanted, events: JobSink) -> None:
        tries.append(job_id)
        await trio.lowlevel.checkpoint()
        raise JobFailed("it does not start")

    monkeypatch.setattr(FakeEngine, "open_job", fail)
    async with on_stage() as stage:
        await stage.want(ONE)
        assert stage.downs == ["processes end too often"]
        assert len(tries) == RESTARTS + 1


async def test_without_room_it_ends_at_once_and_says_so() -> None:
    async with on_stage() as stage:
        stage.engine.jobs.places = 0
        await stage.want(ONE)
        assert stage.downs == ["mix"]


async def test_a_change_without_room_is_tried_again_while_it_goes_on_as_it_was(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    change = FakeEngine.change_job

    async def refuse(self: FakeEngine, job_id: str, wanted: JobWanted) -> None:
        raise NoCapacity("mix")

    async with on_stage() as stage:
        source = await sender(stage.engine)
        await stage.want(ONE, x1_audio=(source, True))
        monkeypatch.setattr(FakeEngine, "change_job", refuse)
        await stage.want(TWO, x1_audio=(source, True))
        assert stage.wanted == ONE
        monkeypatch.setattr(FakeEngine, "change_job", change)
        await trio.sleep(RETRY_SECONDS + 0.1)
        await settle()
        assert stage.wanted == TWO
        assert stage.told[-1] == JobRuns(JOB, TWO)


async def test_however_often_it_is_told_while_there_is_no_room_it_tries_at_one_pace(
    monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    tried: list[float] = []

    async def refuse(self: FakeEngine, job_id: str, wanted: JobWanted) -> None:
        tried.append(trio.current_time())
        raise NoCapacity("mix")

    async with on_stage() as stage:
        source = await sender(stage.engine)
        await stage.want(ONE, x1_audio=(source, True))
        monkeypatch.setattr(FakeEngine, "change_job", refuse)
        for _ in range(10):
            await stage.want(TWO, x1_audio=(source, True))
            await trio.sleep(0.1)
        tried.clear()
        await trio.sleep(3 * RETRY_SECONDS + 0.1)
        assert len(tried) == 3


async def test_an_input_that_is_out_is_heard_no_more_before_the_process_knows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def hang(self: FakeEngine, job_id: str, wanted: JobWanted) -> None:
        await trio.sleep_forever()

    async with on_stage() as stage:
        source = await sender(stage.engine)
        await stage.want(TWO, x1_audio=(source, True), x2_audio=(source, True))
        monkeypatch.setattr(FakeEngine, "change_job", hang)
        await stage.want(ONE, x1_audio=(source, True))
        assert stage.engine.attached == {sink_of(JOB, "1-audio"): source}


@pytest.mark.parametrize("told_first", [True, False])
async def test_a_process_that_ends_while_it_changes_is_replaced_once(
    told_first: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def end(self: FakeEngine, job_id: str, wanted: JobWanted) -> None:
        monkeypatch.setattr(FakeEngine, "change_job", change)
        self.end_job(job_id, "killed")
        if told_first:
            await settle()
        raise JobFailed("it is gone")

    async with on_stage() as stage:
        await stage.want(ONE)
        change = FakeEngine.change_job
        monkeypatch.setattr(FakeEngine, "change_job", end)
        await stage.want(TWO)
        await settle()
        assert stage.wanted == TWO
        assert stage.engine.jobs.started.total() == 2
        assert stage.told == [JobRuns(JOB, ONE), JobRuns(JOB, TWO)]
        for _ in range(RESTARTS - 1):
            stage.engine.end_job(JOB, "killed")
            await settle()
        assert stage.downs == []


async def test_what_it_hears_is_told_and_its_figures_are_shown() -> None:
    async with on_stage() as stage:
        await stage.want(ONE)
        stage.engine.tell_of_job(JOB, ActiveInput("1-audio"))
        stage.engine.tell_of_job(JOB, JobFigures(cpu_seconds=1.5, frames_out=7))
        await settle()
        assert stage.told[-1] == JobNoted(JOB, ActiveInput("1-audio"))
        figures = msgspec.structs.asdict(JobFigures(cpu_seconds=1.5, frames_out=7))
        shown = stage.house.facts(stage.job.path)
        assert figures.items() <= shown.items()
        assert (shown["running"], shown["inputs"], shown["processes"]) == (True, 1, 1)


@pytest.mark.parametrize(
    ("why", "ends"),
    [
        (PathTrouble.SOURCE_GONE, False),
        (PathTrouble.SINK_GONE, False),
        (PathTrouble.CODEC_MISMATCH, False),
        (PathTrouble.BUG, True),
    ],
)
async def test_it_ends_where_it_might_go_on_with_what_is_held(
    why: PathTrouble, ends: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(self: FakeEngine, paths: list[MediaPath]) -> tuple[PathFailure, ...]:
        await trio.lowlevel.checkpoint()
        return tuple(PathFailure(path.sink, why) for path in paths)

    monkeypatch.setattr(FakeEngine, "wire", fail)
    async with on_stage() as stage:
        await stage.want(ONE)
        assert stage.downs == (["media_lost"] if ends else [])
