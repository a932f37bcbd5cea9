"""The pure mix: who is in it, how loud it gets, and that nothing jumps."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.job.limiter import Limiter
from media.job.pcm import RATE, STEP, Sound, silence
from media.job.sound_mixer import STAYING, LoudestMixer, MixedStep
from tests.support.examples import examples
from tests.support.sound import stereo, tone

FREQUENCY = {each: 200 + 110 * place for place, each in enumerate("abcdef")}
STEEPEST = 2 * np.pi * max(FREQUENCY.values()) / RATE  # between two samples of a tone of 1.0


def step_of(input: str, number: int, loudness: float) -> Sound | None:
    times = (np.arange(STEP) + number * STEP) / RATE
    return stereo(tone(FREQUENCY[input], loudness)(times)) if loudness else None


def mixed(mixer: LoudestMixer, number: int, **loudness: float) -> MixedStep:
    return mixer.step({each: step_of(each, number, level) for each, level in loudness.items()})


def test_without_inputs_there_is_silence() -> None:
    step = LoudestMixer(3).step({})
    assert not step.common.any()
    assert step.own == {}


def test_what_is_heard_is_the_sum_and_for_each_the_sum_of_the_others() -> None:
    mixer = LoudestMixer(3)
    for number in range(3):
        step = mixed(mixer, number, a=0.1, b=0.2)
    first, second = step_of("a", 2, 0.1), step_of("b", 2, 0.2)
    assert first is not None
    assert second is not None
    np.testing.assert_allclose(step.common, first + second, atol=1e-6)
    np.testing.assert_allclose(step.own["a"], second, atol=1e-6)
    np.testing.assert_allclose(step.own["b"], first, atol=1e-6)


def test_the_loudest_are_in_it() -> None:
    mixer = LoudestMixer(2)
    assert set(mixed(mixer, 0, a=0.1, b=0.3, c=0.2).own) == {"b", "c"}


def test_one_a_little_louder_does_not_take_a_place_and_one_much_louder_does() -> None:
    mixer = LoudestMixer(1)
    mixed(mixer, 0, a=0.1, b=0)
    for number in range(1, 200):
        assert set(mixed(mixer, number, a=0.1, b=0.15).own) == {"a"}
    seen = [set(mixed(mixer, number, a=0.1, b=0.5).own) for number in range(200, 220)]
    assert seen[0] in ({"a"}, {"b"})
    assert seen[-1] == {"b"}


def test_places_do_not_flap_between_two_who_are_as_loud() -> None:
    mixer = LoudestMixer(1)
    chance = np.random.default_rng(1)
    changes, before = 0, set()
    for number in range(1000):
        a, b = chance.uniform(0.05, 0.4, 2)
        now = set(mixed(mixer, number, a=float(a), b=float(b)).own)
        changes += now != before
        before = now
    assert changes <= 3


def test_nobody_who_came_in_is_sent_away_at_once() -> None:
    mixer = LoudestMixer(1)
    mixed(mixer, 0, a=0.02, b=0)
    inside = [set(mixed(mixer, number, a=0.02, b=0.8).own) for number in range(1, 30)]
    assert inside.index({"b"}) >= STAYING - 1


def test_who_is_silent_for_a_second_gives_up_the_place() -> None:
    mixer = LoudestMixer(3)
    for number in range(10):
        mixed(mixer, number, a=0.1)
    for number in range(10, 40):
        assert set(mixed(mixer, number, a=0).own) == {"a"}
    for number in range(40, 200):
        step = mixed(mixer, number, a=0)
    assert step.own == {}


def test_who_leaves_fades_out_in_one_step() -> None:
    mixer = LoudestMixer(3)
    for number in range(3):
        mixed(mixer, number, a=0.3, b=0.3)
    sounds = {each: step_of(each, 3, 0.3) for each in "ab"}
    step = mixer.step(sounds, {"a"})
    np.testing.assert_allclose(step.common[-1], sounds["b"][-1], atol=1e-6)
    assert set(step.own) == {"a", "b"}
    np.testing.assert_allclose(mixed(mixer, 4, b=0.3).common, step_of("b", 4, 0.3), atol=1e-6)


def test_a_step_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError):
        LoudestMixer(1).step({"a": silence(480)})


def test_a_limiter_leaves_alone_what_fits() -> None:
    sound = stereo(tone(300, 0.8)(np.arange(STEP) / RATE))
    assert Limiter().limit(sound) is sound


@settings(max_examples=examples(100))
@given(st.lists(st.floats(0, 8, width=32), min_size=1, max_size=40))
def test_a_limiter_keeps_below_full_scale_without_a_jump(loudness: list[float]) -> None:
    limiter = Limiter()
    level, parts = loudness[0], []
    for number, wanted in enumerate(loudness):
        gains = np.linspace(level, wanted, STEP)
        level = wanted
        times = (np.arange(STEP) + number * STEP) / RATE
        parts.append(limiter.limit(stereo(gains * tone(300, 1.0)(times))))
    out = np.concatenate(parts)
    assert np.abs(out).max() <= 1.0
    steepest = 8 * (2 * np.pi * 300 / RATE + 2 / STEP)
    assert np.abs(np.diff(out, axis=0)).max() <= steepest
    assert np.isfinite(out).all()


LOUDNESS = st.sampled_from([0.0, 0.0005, 0.02, 0.1, 0.4])
ROUNDS = st.lists(
    st.tuples(st.integers(1, 25), st.dictionaries(st.sampled_from("abcdef"), LOUDNESS)),
    min_size=1,
    max_size=12,
)


@settings(max_examples=examples(100))
@given(ROUNDS, st.integers(1, 3))
def test_whoever_comes_and_goes_places_are_kept_and_nothing_jumps(
    rounds: list[tuple[int, dict[str, float]]], loudest: int
) -> None:
    """Loudness moves evenly, as a voice does; who goes is said to leave for a step."""
    mixer = LoudestMixer(loudest)
    number, before = 0, dict[str, float]()
    last = {each: np.zeros(2, np.float32) for each in ("common", *FREQUENCY)}
    for steps, wanted in rounds:
        for _ in range(steps):
            heard = {}
            for each in wanted.keys() | before.keys():
                gains = np.linspace(before.get(each, 0.0), wanted.get(each, 0.0), STEP)
                times = (np.arange(STEP) + number * STEP) / RATE
                heard[each] = stereo(gains * tone(FREQUENCY[each], 1.0)(times))
            inputs = {each: sound.copy() for each, sound in heard.items()}
            step = mixer.step(heard, before.keys() - wanted.keys())
            assert all((heard[each] == sound).all() for each, sound in inputs.items())
            assert len(step.own) <= loudest
            # What one hears: the own mix while there is one, else the common one.
            hears = {"common": step.common}
            hears |= {each: step.own.get(each, step.common) for each in FREQUENCY}
            for each, sound in hears.items():
                assert np.abs(sound).max() <= 1.0
                whole = np.concatenate((last[each][None], sound))
                assert np.abs(np.diff(whole, axis=0)).max() < 4 * STEEPEST, each
                last[each] = sound[-1]
            number, before = number + 1, wanted
