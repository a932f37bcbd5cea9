"""A server without media refuses all of it in the contract's words, and holds nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from media.contract.engine import MediaEngine
from media.contract.errors import (
    CannotRecord,
    MediaError,
    NoCapacity,
    NoFreePort,
    UnknownJob,
    UnknownPort,
    UnknownRecording,
    UnknownSource,
    WrongState,
)
from media.contract.jobs import MixWanted
from media.contract.paths import MediaPath, PathFailure, PathTrouble
from media.no_engine import NoMedia

ANY: Any = None
MIX = MixWanted(inputs=())
REFUSALS: list[tuple[Callable[[MediaEngine], Any], type[MediaError]]] = [
    (lambda engine: engine.open_session("s", ANY, ANY), WrongState),
    (lambda engine: engine.request_keyframe("a"), UnknownSource),
    (lambda engine: engine.open_port("p", ANY), NoFreePort),
    (lambda engine: engine.change_port("p", None, None), UnknownPort),
    (lambda engine: engine.port_facts("p"), UnknownPort),
    (lambda engine: engine.close_port("p"), UnknownPort),
    (lambda engine: engine.open_datagram_port("p", ANY), NoFreePort),
    (lambda engine: engine.datagram_port_facts("p"), UnknownPort),
    (lambda engine: engine.route_rtcp("p", ()), UnknownPort),
    (lambda engine: engine.check_recording(ANY, {}), CannotRecord),
    (lambda engine: engine.start_recording(ANY, {}, ANY), CannotRecord),
    (lambda engine: engine.pace_keyframes("r", 5.0), UnknownRecording),
    (lambda engine: engine.recording_status("r"), UnknownRecording),
    (lambda engine: engine.stop_recording("r"), UnknownRecording),
    (lambda engine: engine.check_jobs([MIX]), NoCapacity),
    (lambda engine: engine.open_job("j", MIX, ANY), NoCapacity),
    (lambda engine: engine.change_job("j", MIX), UnknownJob),
    (lambda engine: engine.close_job("j"), UnknownJob),
]


@pytest.mark.parametrize(("step", "error"), REFUSALS)
async def test_whatever_would_open_something_is_refused(
    step: Callable[[MediaEngine], Any], error: type[MediaError]
) -> None:
    with pytest.raises(error):
        await step(NoMedia())


async def test_nothing_is_held_and_no_path_comes_about() -> None:
    engine: MediaEngine = NoMedia()
    engine.prepare_jobs()
    await engine.check_jobs([])
    assert await engine.wire([MediaPath("sink", "source")]) == (
        PathFailure("sink", PathTrouble.SINK_GONE),
    )
    stats = await engine.stats()
    assert (stats.sessions, stats.ports, stats.recordings, stats.stray_errors) == (0, 0, 0, 0)
    assert (stats.router.sources, stats.router.sinks) == ((), ())


def test_every_step_of_the_contract_is_here_with_its_parameters() -> None:
    steps = {name for name in vars(MediaEngine) if not name.startswith("_")}
    tested = Path(__file__).read_text("utf-8")
    for name in steps:
        ours, contract = (inspect.signature(getattr(of, name)) for of in (NoMedia, MediaEngine))
        assert list(ours.parameters) == list(contract.parameters)
        assert f"engine.{name}(" in tested
