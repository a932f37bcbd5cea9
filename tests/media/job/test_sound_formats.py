"""The sound of a view in several formats at a time: real encoders and decoders, virtual time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.contract.jobs import (
    COMMON,
    AudioTarget,
    JobInput,
    MixWanted,
    OtherSound,
    SoundMix,
    own_mix,
    sound_name,
)
from media.job.sound_encoder import CannotEncode
from media.job.sound_mix import SoundMixer
from tests.support.examples import examples
from tests.support.sound import BEGIN, Ears, Talk, Talker, strength, tone

OPUS = AudioTarget("opus")
PCMU, PCMA = AudioTarget("pcmu", 8000, 1), AudioTarget("pcma", 8000, 1)
G722 = AudioTarget("g722", 16_000, 1)
RATES = {"opus": 48_000, "pcmu": 8000, "pcma": 8000, "g722": 16_000}
TONES = {"a": 440, "b": 900, "c": 1400, "d": 1900, "e": 2400}
TELEPHONES = pytest.mark.parametrize("target", [PCMU, PCMA, G722], ids=lambda it: it.codec)


def mixer_of(ears: Ears, mix: SoundMix, **codecs: str) -> SoundMixer:
    mixer = SoundMixer(ears)
    inputs = tuple(JobInput(each, "audio", codec) for each, codec in codecs.items())
    mixer.change(MixWanted(inputs, audio=mix))
    return mixer


def talking(mixer: SoundMixer, loudness: float = 0.2, **codecs: str) -> Talk:
    talkers = [Talker(it, tone(TONES[it], loudness), codec) for it, codec in codecs.items()]
    return Talk(mixer, talkers)


def heard(ears: Ears, name: str, codec: str) -> str:
    """Return whose tones are in the last second of what went out."""
    sound = ears.heard(name, codec)
    found = {each: strength(sound, TONES[each], RATES[codec]) for each in TONES}
    assert all(level < 0.004 or level > 0.1 for level in found.values()), found
    return "".join(each for each, level in found.items() if level > 0.1)


def test_each_hears_the_others_in_his_own_format_and_not_himself() -> None:
    ears, codecs = Ears(), {"a": "pcmu", "b": "g722", "c": "opus"}
    others = OtherSound(PCMU, "a"), OtherSound(G722, "b"), OtherSound(PCMA)
    mix = SoundMix(OPUS, without=("c",), others=others)
    talking(mixer_of(ears, mix, **codecs), **codecs).run(3)
    assert heard(ears, sound_name(others[0]), "pcmu") == "bc"
    assert heard(ears, sound_name(others[1]), "g722") == "ac"
    assert heard(ears, own_mix("c"), "opus") == "ab"
    assert heard(ears, sound_name(others[2]), "pcma") == "abc"
    assert heard(ears, COMMON, "opus") == "abc"


@TELEPHONES
def test_who_is_not_among_the_loudest_shares_the_packets_of_all(target: AudioTarget) -> None:
    """However many they are, there are as many encoders as places, and one for all others."""
    ears, codecs = Ears(), dict.fromkeys("abcde", target.codec)
    others = tuple(OtherSound(target, each) for each in codecs)
    mixer = mixer_of(ears, SoundMix(OPUS, 2, others=others, common=False), **codecs)
    talk = talking(mixer, **codecs)
    for talker in talk.talkers[2:]:
        talker.voice = tone(TONES[talker.input], 0.05)
    talk.run(3)
    names = [sound_name(each) for each in others]
    assert heard(ears, names[0], target.codec) == "b"
    assert heard(ears, names[1], target.codec) == "a"
    assert heard(ears, names[2], target.codec) == "ab"
    for name in names[3:]:
        assert ears.sent[name][-50:] == ears.sent[names[2]][-50:]
    assert len(mixer._encoders) == 3
    assert COMMON not in ears.sent


@TELEPHONES
def test_silence_is_sent_from_the_first_tick_on_where_there_is_no_input(
    target: AudioTarget,
) -> None:
    ears, other = Ears(), OtherSound(target)
    mixer = mixer_of(ears, SoundMix(OPUS, others=(other,)))
    assert mixer.due() <= BEGIN
    mixer.tick(BEGIN)
    for name in (sound_name(other), COMMON):
        assert len(ears.sent[name]) == 1
    Talk(mixer, []).run(2)
    for name, codec in ((sound_name(other), target.codec), (COMMON, "opus")):
        assert len(ears.sent[name]) == pytest.approx(100, abs=1)
        assert np.abs(ears.heard(name, codec)).max() < 0.001
    assert ears.steps(sound_name(other)) == {160}  # of 8000 Hz, also of G.722
    assert {len(payload) for payload, _ in ears.sent[sound_name(other)]} == {160}


def test_inputs_that_fall_silent_leave_a_line_that_is_not_dead() -> None:
    ears, other = Ears(), OtherSound(PCMU, "a")
    talk = talking(mixer_of(ears, SoundMix(OPUS, others=(other,)), a="pcmu", b="opus"), b="opus")
    talk.run(1)
    talk.talkers.clear()
    talk.run(5)
    assert len(ears.sent[sound_name(other)]) == pytest.approx(250, abs=1)
    assert ears.steps(sound_name(other)) == {160}


def test_who_goes_from_his_own_mix_to_that_of_all_misses_no_packet() -> None:
    ears, other = Ears(), OtherSound(PCMU, "a")
    talk = talking(mixer_of(ears, SoundMix(OPUS, others=(other,)), a="pcmu", b="opus"), b="opus")
    caller = Talker("a", tone(TONES["a"]), "pcmu", talks=lambda at: int(at) % 3 == 1)
    talk.talkers.append(caller)
    talk.run(9)
    assert ears.steps(sound_name(other)) == {160}
    sound = ears.heard(sound_name(other), "pcmu")[8000:]
    assert np.abs(np.diff(sound)).max() < 0.25  # of a tone of 900 Hz at 8000: 0.14, and no click


def test_a_format_that_comes_and_goes_leaves_the_others_alone() -> None:
    ears, other = Ears(), OtherSound(PCMU, "a")
    mixer = mixer_of(ears, SoundMix(OPUS), a="opus", b="opus")
    talk = talking(mixer, a="opus", b="opus")
    inputs = tuple(JobInput(each, "audio", "opus") for each in "ab")
    talk.run(1)
    mixer.change(MixWanted(inputs, audio=SoundMix(OPUS, others=(other,))))
    talk.run(3)
    assert heard(ears, sound_name(other), "pcmu") == "b"
    mixer.change(MixWanted(inputs, audio=SoundMix(OPUS)))
    talk.run(4)
    assert len(ears.sent[sound_name(other)]) == pytest.approx(100, abs=2)
    assert ears.steps(COMMON) == {960}
    assert len(ears.sent[COMMON]) == pytest.approx(200, abs=1)


@pytest.mark.parametrize(
    "target", [AudioTarget("mp3"), AudioTarget("aac", 44_100), AudioTarget("opus", channels=6)]
)
def test_a_format_that_no_encoder_reaches_is_refused_at_once(target: AudioTarget) -> None:
    with pytest.raises(CannotEncode):
        mixer_of(Ears(), SoundMix(OPUS, others=(OtherSound(target),)))


TARGETS = st.builds(
    AudioTarget,
    st.sampled_from(["opus", "aac", "pcmu", "g722"]),
    st.sampled_from([8000, 16_000, 48_000]),
    st.sampled_from([1, 2]),
)
INPUTS = st.text("aut:8-without ", max_size=30)
SOUNDS = st.builds(OtherSound, TARGETS, st.none() | INPUTS)


@settings(max_examples=examples(300))
@given(st.sets(SOUNDS), st.sets(INPUTS))
def test_each_sound_has_a_name_of_its_own(others: set[OtherSound], without: set[str]) -> None:
    mix = SoundMix(OPUS, without=tuple(without), others=tuple(others))
    assert len(mix.sent) == 1 + len(without) + len(others)
