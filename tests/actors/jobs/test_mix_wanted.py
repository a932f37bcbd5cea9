"""What a mix is told to do."""

from __future__ import annotations

from dataclasses import replace

import pytest

from actors.jobs.mix import MOST_HEARD, audio_input, mix_wanted, sound_for
from actors.streams.mixing import Mixing
from actors.streams.publishing import AUDIO_FORMATS, VIDEO_FORMATS
from actors.streams.takers import Feed
from actors.words.streams import AudioTrack, Stream, VideoTrack
from media.contract.jobs import (
    COMMON,
    AudioTarget,
    JobInput,
    MixWanted,
    OtherSound,
    SoundMix,
    names_sent,
    own_mix,
    sound_name,
)
from media.job.control import ChangeWork, write_message
from tests.support.mixes import COMMON_MIX, OUTPUTS, VIEW


def test_a_mix_of_any_number_of_streams_can_be_told_to_its_process() -> None:
    assert VIEW.video is not None
    view = replace(VIEW, video=replace(VIEW.video, max_input=MOST_HEARD))
    mixing = Mixing.of([view], OUTPUTS)
    audio = AudioTrack("mic", AUDIO_FORMATS["opus"])
    video = VideoTrack("camera", VIDEO_FORMATS["h264"])
    streams = {str(10**18 + it): Stream(str(10**18 + it), "", audio, video) for it in range(600)}
    for stream in streams.values():
        mixing.put(stream, [view.label])
    fmtp = "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
    wanted = mix_wanted(
        mixing.views[COMMON_MIX],
        mixing.streams[COMMON_MIX],
        streams,
        lambda stream, kind: fmtp,
        tuple(
            Feed(COMMON_MIX, "audio", target, each)
            for target in (None, AudioTarget("pcmu", 8000, 1))
            for each in streams
        ),
    )
    heard = [it for it in wanted.inputs if it.kind == "audio"]
    assert heard == [audio_input(it, audio.format) for it in list(streams)[:MOST_HEARD]]
    assert len(wanted.inputs) == 2 * MOST_HEARD
    assert wanted.audio is not None
    assert wanted.audio.without == tuple(it.id for it in heard)
    assert len(wanted.audio.others) == MOST_HEARD + 1
    inputs = {it.id: 2**32 - 1 for it in wanted.inputs}
    outputs = dict.fromkeys(names_sent(wanted), 2**32 - 1)
    assert write_message(ChangeWork(2**16, wanted, inputs, outputs))


PCMU = AudioTarget("pcmu", 8000, 1)
G722 = AudioTarget("g722", 16_000, 1)


def sound_of(*sounds: Feed) -> SoundMix:
    """Return what becomes of the sound of the streams 1 and 2, of which this is heard."""
    mixing = Mixing.of([VIEW], OUTPUTS)
    track = AudioTrack("mic", AUDIO_FORMATS["opus"])
    streams = {each: Stream(each, "", track, None) for each in "12"}
    for stream in streams.values():
        mixing.put(stream, [VIEW.label])
    mixed = mixing.streams[COMMON_MIX]
    wanted = mix_wanted(mixing.views[COMMON_MIX], mixed, streams, lambda *_: "", sounds)
    assert wanted.audio is not None
    return wanted.audio


def heard(target: AudioTarget | None = None, without: str | None = None) -> Feed:
    return Feed(COMMON_MIX, "audio", target, without)


@pytest.mark.parametrize(
    ("sounds", "names"),
    [
        pytest.param([], ["audio"], id="what the next one would hear"),
        pytest.param([heard()], ["audio"], id="who is not in it"),
        pytest.param([heard(None, "1")], ["audio", "audio-without-1-audio"], id="who is"),
        pytest.param([heard(None, "3")], ["audio"], id="who is in it no more"),
        pytest.param([heard(PCMU)], ["audio:pcmu:8000:1"], id="a telephone alone"),
        pytest.param(
            [heard(PCMU, "1"), heard(PCMU, "2"), heard(G722, "3"), heard()],
            [
                "audio",
                "audio:g722:16000:1",
                "audio:pcmu:8000:1",
                "audio:pcmu:8000:1-without-1-audio",
                "audio:pcmu:8000:1-without-2-audio",
            ],
            id="several telephones, and a browser",
        ),
    ],
)
def test_a_mix_sends_what_is_heard_in_the_formats_in_which_it_is(
    sounds: list[Feed], names: list[str]
) -> None:
    assert list(sound_of(*sounds).sent) == names


def test_sounds_are_the_same_in_whichever_order_they_are_taken() -> None:
    sounds = [heard(PCMU, "1"), heard(PCMU), heard(G722, "2")]
    assert sound_of(*sounds) == sound_of(*reversed(sounds))


@pytest.mark.parametrize(
    ("feed", "name"),
    [
        (heard(), COMMON),
        (heard(None, "1"), own_mix("1-audio")),
        (heard(None, "2"), None),
        (heard(None, "3"), COMMON),
        (heard(PCMU), sound_name(OtherSound(PCMU))),
        (heard(PCMU, "2"), sound_name(OtherSound(PCMU, "2-audio"))),
        (heard(PCMU, "1"), None),
        (heard(PCMU, "3"), sound_name(OtherSound(PCMU))),
        (heard(G722), None),
    ],
)
def test_a_sound_is_found_once_the_process_sends_it(feed: Feed, name: str | None) -> None:
    inputs = tuple(JobInput(f"{each}-audio", "audio", "opus") for each in "12")
    others = OtherSound(PCMU), OtherSound(PCMU, "2-audio")
    running = MixWanted(
        inputs, audio=SoundMix(AudioTarget("opus"), without=("1-audio",), others=others)
    )
    assert sound_for(running, feed) == name
