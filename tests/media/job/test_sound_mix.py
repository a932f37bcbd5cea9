"""The sound of a view, as its takers hear it: real encoders and decoders, virtual time."""

from __future__ import annotations

import random

import numpy as np
import pytest

from media.contract.jobs import (
    COMMON,
    ActiveInput,
    AudioTarget,
    Composition,
    JobInput,
    MixWanted,
    SoundMix,
    VideoTarget,
    own_mix,
)
from media.job.sound_mix import SoundMixer
from tests.support.sound import BEGIN, Ears, Talk, Talker, crackle, strength, tone, within

FREQUENCIES = {"a": 440, "b": 1000, "c": 1700, "d": 2600, "e": 3300}
CLICK = 0.001  # Opus itself makes a tenth of that of these tones; a sound cut off makes twenty


def wanted(
    *inputs: str, loudest: int = 3, codec: str = "opus", without: tuple[str, ...] | None = None
) -> MixWanted:
    return MixWanted(
        tuple(JobInput(each, "audio", "opus", publisher=f"of {each}") for each in inputs),
        audio=SoundMix(AudioTarget(codec), loudest, inputs if without is None else without),
    )


class View:
    """A mix and its talkers, one tone each."""

    def __init__(self, inputs: str, loudest: int = 3) -> None:
        self.ears = Ears()
        self.mixer = SoundMixer(self.ears)
        self.mixer.change(wanted(*inputs, loudest=loudest))
        self.talk = Talk(self.mixer, [Talker(each, tone(FREQUENCIES[each])) for each in inputs])

    def heard(self, name: str) -> dict[str, bool]:
        """Return whose tones are in what went out in the last second."""
        sound = self.ears.heard(name)
        found = {each: strength(sound, FREQUENCIES[each]) for each in FREQUENCIES}
        assert all(level < 0.002 or level > 0.1 for level in found.values()), found
        return {each: level > 0.1 for each, level in found.items()}

    def names(self, name: str) -> str:
        return "".join(each for each, heard in self.heard(name).items() if heard)


def test_nobody_hears_himself_and_all_hear_the_others() -> None:
    view = View("abc")
    view.talk.run(3)
    assert view.names(COMMON) == "abc"
    assert view.names(own_mix("a")) == "bc"
    assert view.names(own_mix("b")) == "ac"
    assert view.names(own_mix("c")) == "ab"


def test_packets_are_twenty_milliseconds_apart_and_the_same_time_on_all_outputs() -> None:
    view = View("abc")
    view.talk.run(2)
    times = {name: [time for _, time in sent] for name, sent in view.ears.sent.items()}
    assert set(times) == {COMMON, *map(own_mix, "abc")}
    assert view.ears.steps(COMMON) == {960}
    assert all(each == times[COMMON] for each in times.values())
    assert len(times[COMMON]) == pytest.approx(100, abs=1)


def test_the_clock_is_told_once_a_second_for_each_output() -> None:
    view = View("ab")
    view.talk.run(5)
    common = [(time, moment) for name, time, moment in view.ears.clocks if name == COMMON]
    assert len(common) == 5
    assert len(view.ears.clocks) == 15
    (first, then), *rest = common
    assert all(
        moment - then == pytest.approx((time - first) / 48_000, abs=1e-6) for time, moment in rest
    )


def test_who_is_not_among_the_loudest_gets_the_packets_of_all() -> None:
    view = View("abc", loudest=2)
    view.talk.talkers[2].voice = tone(FREQUENCIES["c"], 0.05)
    view.talk.run(3)
    assert view.names(COMMON) == "ab"
    assert view.ears.sent[own_mix("c")][-50:] == view.ears.sent[COMMON][-50:]
    assert view.names(own_mix("a")) == "b"


def test_there_are_never_more_encoders_than_places_and_the_common_one() -> None:
    view = View("abcde", loudest=2)
    for place, talker in enumerate(view.talk.talkers):
        talker.voice = within(talker.voice, *((when, when + 0.9) for when in range(place, 20, 3)))
    most = 0
    for step in range(600):
        view.talk.run(step / 50)
        most = max(most, len(view.mixer._encoders))
    assert most == 3
    encoded = view.mixer.figures.frames_out
    assert encoded <= 3 * len(view.ears.sent[COMMON])


def test_silence_is_sent_while_nobody_speaks() -> None:
    view = View("ab")
    view.talk.talkers.clear()
    view.talk.run(2)
    assert len(view.ears.sent[COMMON]) == pytest.approx(100, abs=1)
    assert np.abs(view.ears.heard(COMMON)).max() == 0
    assert view.ears.sent[own_mix("a")] == view.ears.sent[COMMON]


def test_a_click_would_be_noticed() -> None:
    view = View("ab")
    view.talk.run(2)
    sound = view.ears.heard(COMMON)[48_000:]
    assert crackle(sound) < CLICK
    sound[20_000:] = 0
    assert crackle(sound) > 10 * CLICK


def test_joining_muting_and_leaving_do_not_click() -> None:
    view = View("ab")
    view.talk.run(2)
    view.mixer.change(wanted(*"abc"))
    view.talk.talkers.append(Talker("c", within(tone(FREQUENCIES["c"]), (2, 99)), start=2))
    view.talk.run(4)
    assert view.names(COMMON) == "abc"
    view.talk.talkers[1].talks = lambda _: False  # a pause: nothing is sent any more
    view.talk.run(6)
    assert view.names(COMMON) == "ac"
    view.talk.talkers[1].talks = lambda _: True
    view.talk.run(8)
    assert view.names(COMMON) == "abc"
    view.mixer.change(wanted(*"bc"))
    view.talk.run(10)
    assert view.names(COMMON) == "bc"
    for name in (COMMON, own_mix("b"), own_mix("c")):
        assert crackle(view.ears.heard(name)[9600:]) < CLICK, name


def test_another_place_among_the_loudest_does_not_click() -> None:
    """Whoever comes in goes over to an encoder of his own, and back to the common one."""
    view = View("abc", loudest=2)
    view.talk.talkers[2].voice = within(tone(FREQUENCIES["c"], 0.6), (3, 6))
    view.talk.run(5)
    assert "c" in view.names(COMMON)
    assert len(view.names(COMMON)) == 2
    assert view.names(own_mix("c")) == view.names(COMMON).replace("c", "")
    view.talk.run(10)
    assert view.names(COMMON) == "ab"
    for name in (COMMON, *map(own_mix, "abc")):
        assert crackle(view.ears.heard(name)[9600:]) < CLICK, name


def test_another_codec_of_an_input_is_heard_without_a_click() -> None:
    view = View("ab")
    view.talk.talkers[0].talks = lambda sent: sent < 1.97  # nothing is on its way when it changes
    view.talk.run(2)
    inputs = (JobInput("a", "audio", "g722"), JobInput("b", "audio", "opus"))
    mix = SoundMix(AudioTarget("opus"), without=("a", "b"))
    view.mixer.change(MixWanted(inputs, audio=mix))
    voice = within(tone(440), (2.1, 9))
    view.talk.talkers[0] = Talker("a", voice, codec="g722", start=2)
    view.talk.run(5)
    assert view.names(COMMON) == "ab"
    assert crackle(view.ears.heard(COMMON)[9600:]) < 3 * CLICK  # G.722 hisses by itself


def test_a_late_tick_catches_up_and_one_far_too_late_leaves_out() -> None:
    view = View("ab")
    view.talk.run(1)
    before = len(view.ears.sent[COMMON])
    view.mixer.tick(BEGIN + 1.15)
    assert len(view.ears.sent[COMMON]) - before in (7, 8)
    view.talk.now = 1.15
    view.talk.run(2)
    before = len(view.ears.sent[COMMON])
    view.mixer.tick(BEGIN + 5)
    assert len(view.ears.sent[COMMON]) - before <= 11
    assert view.mixer.figures.late_frames == pytest.approx(140, abs=1)
    assert len(view.ears.steps(COMMON)) == 2  # one gap, which receivers see
    assert view.ears.clocks[-1][2] > BEGIN + 4.7
    view.talk.now = 5
    view.talk.run(8)
    assert view.names(COMMON) == "ab"


def test_who_is_heard_most_is_told() -> None:
    view = View("ab")
    first, second = view.talk.talkers
    first.voice = within(first.voice, (1, 4))
    second.voice = within(second.voice, (5, 7))
    view.talk.run(12)
    assert view.ears.told == [ActiveInput("a"), ActiveInput("b"), ActiveInput(None)]


def test_garbage_and_strangers_disturb_nobody() -> None:
    view = View("ab")
    view.talk.run(1)
    chance = random.Random(4)
    for number in range(300):
        packet = chance.randbytes(number)
        view.mixer.take("b", packet, BEGIN + 1)
        view.mixer.take("nobody", packet, BEGIN + 1)
        # A header as it should be, and nonsense behind it.
        view.mixer.take("b", view_header(number) + chance.randbytes(number % 90), BEGIN + 1)
    view.mixer.take_report("nobody", 1, 1.0)
    view.mixer.keyframe_wanted(COMMON)
    view.talk.run(5)
    assert view.names(own_mix("b")) == "a"
    assert view.names(COMMON) == "ab"


def view_header(number: int) -> bytes:
    stamp = 0xFFFF0000 + 48_000 + 960 * number & 0xFFFFFFFF
    return bytes((0x80, 96)) + number.to_bytes(2) + stamp.to_bytes(4) + bytes(4)


def test_a_view_without_sound_does_nothing_and_one_may_get_it_later() -> None:
    ears = Ears()
    mixer = SoundMixer(ears)
    inputs = (JobInput("v", "video", "vp8"), JobInput("a", "audio", "opus"))
    picture = Composition(VideoTarget("vp8", 640, 360, 24, 500))
    mixer.change(MixWanted(inputs, picture))
    assert mixer.due() == float("inf")
    mixer.tick(BEGIN)
    mixer.take("a", view_header(1) + b"x", BEGIN)
    mixer.change(MixWanted(inputs, picture, SoundMix(AudioTarget("opus"))))
    talk = Talk(mixer, [Talker("a", tone(440))])
    talk.run(2)
    assert strength(ears.heard(COMMON), 440) > 0.15
    mixer.change(MixWanted(inputs, picture))
    sent = len(ears.sent[COMMON])
    talk.run(3)
    assert len(ears.sent[COMMON]) == sent


def test_how_old_a_sound_is_can_be_asked() -> None:
    view = View("ab")
    view.talk.run(1)
    assert view.mixer.lag("of a", BEGIN + 1) is None
    view.mixer.take_report("a", 0xFFFF0000 + 24_000 & 0xFFFFFFFF, BEGIN + 0.5)
    view.talk.run(2)
    lag = view.mixer.lag("of a", BEGIN + 2)
    assert lag is not None
    assert 0.02 < lag < 0.12
    assert view.mixer.lag("of b", BEGIN + 2) is None
    assert view.mixer.lag("", BEGIN + 2) is None
