"""What is an event of a plug-in, how many there may be, and what may be wanted."""

from __future__ import annotations

import json
from enum import Enum, IntEnum
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.analysis import BadEvent, PictureWants, SoundWants, Wants
from media.analysis.events import EventRate, cleaned, written
from media.contract.analysis import EVENT_BYTES

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


class Colour(Enum):
    RED = "red"


class Level(IntEnum):
    HIGH = 3


class Number(int):
    pass


ITSELF: dict[str, Any] = {}
ITSELF["again"] = ITSELF


@pytest.mark.parametrize(
    ("values", "body"),
    [
        (None, {}),
        ({}, {}),
        ({"who": ["ann", None, True], "at": (1, 2)}, {"who": ["ann", None, True], "at": [1, 2]}),
        ({"np": np.float32(0.5), "n": np.int64(7)}, {"np": 0.5, "n": 7}),
        ({"is": np.bool_(True)}, {"is": True}),
        ({"mean": np.float64(0.5), "who": np.str_("ann")}, {"mean": 0.5, "who": "ann"}),
        (
            {"colour": Colour.RED, "level": Level.HIGH, "n": Number(7)},
            {"colour": "red", "level": 3, "n": 7},
        ),
        ({"text": "ä\n\x00"}, {"text": "ä\n\x00"}),
    ],
)
def test_what_json_has_is_an_event(values: Any, body: Any) -> None:
    name, found = written("motion", values)
    assert (name, json.loads(found)) == ("motion", body)


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("", {}),
        ("two words", {}),
        ("line\n", {}),
        ("x" * 65, {}),
        (None, {}),
        (b"motion", {}),
        ("motion", []),
        ("motion", "text"),
        ("motion", {1: 2}),
        ("motion", {"a": {1: 2}}),
        ("motion", {"a": b"bytes"}),
        ("motion", {"a": {1, 2}}),
        ("motion", {"a": object()}),
        ("motion", {"a": np.zeros(3)}),
        ("motion", {"a": float("nan")}),
        ("motion", {"a": np.float64("inf")}),
        ("motion", {"a": 2**64}),
        ("motion", {"a": "\ud800"}),
        ("motion", {"a": "x" * EVENT_BYTES}),
        ("motion", {"a": [0] * 2000}),
        ("motion", ITSELF),
    ],
)
def test_what_is_no_event_is_refused(name: Any, values: Any) -> None:
    with pytest.raises(BadEvent):
        written(name, values)


@given(JSON)
def test_whatever_is_told_is_json_of_bounded_size_or_refused(value: Any) -> None:
    try:
        _, body = written("it", {"value": value})
    except BadEvent:
        return
    assert len(body) <= EVENT_BYTES
    assert "value" in json.loads(body)


def test_twenty_may_be_told_at_once_and_twenty_a_second() -> None:
    rate = EventRate()
    assert [rate.admits(10.0) for _ in range(30)] == [True] * 20 + [False] * 10
    assert rate.dropped == 10
    assert [rate.admits(10.5) for _ in range(12)] == [True] * 10 + [False] * 2
    assert sum(rate.admits(100 + it / 100) for it in range(1000)) == pytest.approx(220, abs=2)


@given(st.lists(st.floats(0, 0.3), max_size=200))
def test_no_second_has_more_than_both(waits: list[float]) -> None:
    rate, now, told = EventRate(), 0.0, list[float]()
    for wait in waits:
        now += wait
        if rate.admits(now):
            told.append(now)
    assert all(sum(at <= it < at + 1 for it in told) <= 41 for at in told)


class Odd(Exception):
    def __str__(self) -> str:
        raise RuntimeError


class Interrupting(Exception):
    def __str__(self) -> str:
        raise KeyboardInterrupt


Named = type("two\n\x1blines", (Exception,), {})


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("no\x1b[31m such\n thing"), "ValueError: no?[31m such thing"),
        (KeyError(), "KeyError"),
        (Odd(), "Odd"),
        (Interrupting(), "Interrupting"),
        (Named("it"), "two ?lines: it"),
        (ExceptionGroup("", [ValueError("inner")]), "ValueError: inner"),
        (RuntimeError("x" * 1000), "RuntimeError: " + "x" * 186),
    ],
)
def test_an_error_is_one_short_line(error: BaseException, text: str) -> None:
    assert cleaned(error) == text


@pytest.mark.parametrize(
    "make",
    [
        lambda: Wants(),
        lambda: Wants(PictureWants),  # type: ignore[arg-type]
        lambda: Wants(SoundWants()),  # type: ignore[arg-type]
        lambda: Wants(sound=PictureWants()),  # type: ignore[arg-type]
        lambda: PictureWants(160.5, 90),  # type: ignore[arg-type]
        lambda: PictureWants(rate=1e-320),
        lambda: PictureWants(rate=float("nan")),
        lambda: SoundWants(16_000.0),  # type: ignore[arg-type]
        lambda: PictureWants(8, 8),
        lambda: PictureWants(0, 90),
        lambda: PictureWants(5000, 90),
        lambda: PictureWants(rate=0),
        lambda: PictureWants(rate=100),
        lambda: PictureWants(format="bgr"),  # type: ignore[arg-type]
        lambda: SoundWants(44_100),
        lambda: SoundWants(channels=6),
        lambda: SoundWants(seconds=0),
        lambda: SoundWants(seconds=60),
    ],
)
def test_what_cannot_be_had_is_refused(make: Any) -> None:
    with pytest.raises(ValueError):
        make()
