"""What a server and a process say to each other is read as it was written, or is garbage."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.contract.jobs import ActiveInput, JobFigures, PictureSeen
from media.job.control import (
    MESSAGE_BYTES,
    ChangeWork,
    CostsMeasured,
    Garbage,
    MeasureCosts,
    ProcessEnded,
    ProcessReady,
    StartWork,
    StopWork,
    WorkTaken,
    read_answer,
    read_order,
    write_message,
)
from tests.support.examples import examples
from tests.support.jobs import mix, picture, transcode, voice

MIX = mix(picture("a"), voice("b"), without=("b",))
ORDERS = [
    StartWork(MIX, {"a": 1, "b": 2}, {"video": 3}, 12.5),
    ChangeWork(7, transcode(), {"camera": 1}, {"video": 0xFFFFFFFF}),
    StopWork(),
    MeasureCosts(),
]
ANSWERS = [
    ProcessReady(),
    WorkTaken(3),
    CostsMeasured({"encode.vp8": 0.08}),
    JobFigures(cpu_seconds=1.5, dropped=3),
    ActiveInput(None),
    PictureSeen("a", 640, 360),
    ProcessEnded("failed", "RuntimeError"),
]


@pytest.mark.parametrize("order", ORDERS, ids=lambda it: type(it).__name__)
def test_an_order_is_read_as_it_was_written(order: object):
    assert read_order(write_message(order)) == order  # type: ignore[arg-type]


@pytest.mark.parametrize("answer", ANSWERS, ids=lambda it: type(it).__name__)
def test_an_answer_is_read_as_it_was_written(answer: object):
    assert read_answer(write_message(answer)) == answer  # type: ignore[arg-type]


def test_an_order_is_no_answer():
    with pytest.raises(Garbage):
        read_answer(write_message(StopWork()))
    with pytest.raises(Garbage):
        read_order(write_message(ProcessReady()))


def test_a_message_that_no_socket_takes_is_refused_before():
    many = mix(*(voice("x" * 100 + str(number)) for number in range(3000)))
    with pytest.raises(ValueError, match="bytes"):
        write_message(StartWork(many, {}, {}, 0.0))
    with pytest.raises(Garbage):
        read_order(bytes(MESSAGE_BYTES + 1))


def test_a_mix_of_a_large_room_is_one_message():
    names = [f"participant-{number:04}" for number in range(250)]
    large = mix(*map(voice, names), without=tuple(names))
    write_message(StartWork(large, dict.fromkeys(names, 1 << 31), {}, 0.0))


@settings(max_examples=examples(300))
@given(st.binary(max_size=200), st.sampled_from(ORDERS), st.integers(0, 60))
def test_whatever_comes_is_a_message_or_garbage(noise: bytes, order: StartWork, cut: int):
    whole = write_message(order)
    for data in (noise, whole[:cut] + noise, whole[cut:]):
        for read in (read_order, read_answer):
            with contextlib.suppress(Garbage):
                read(data)
