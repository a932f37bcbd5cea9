"""What goes out: read by FFmpeg as any receiver would."""

from __future__ import annotations

import io
import random
from fractions import Fraction

import av
import numpy as np
import pytest

from media.contract.jobs import (
    COMMON,
    AudioTarget,
    JobInput,
    MixWanted,
    SoundMix,
    TranscodeWanted,
    VideoTarget,
    own_mix,
)
from media.job.pcm import RATE, STEP, stretched
from media.job.resample import EvenResampler
from media.job.sound_encoder import CannotEncode, SoundEncoder
from media.job.sound_mix import SoundMixer
from media.job.sound_transcode import SoundTranscode
from media.rtp.aac import audio_specific_config, unpack_unit
from tests.support.sound import (
    BEGIN,
    Ears,
    Mono,
    Talk,
    Talker,
    crackle,
    decoded,
    stereo,
    strength,
    tone,
    within,
)

SAMPLING = {"opus": RATE, "pcmu": 8000, "pcma": 8000, "g722": 16_000}


def transcoded(source: str, target: AudioTarget, seconds: float = 3) -> Ears:
    ears = Ears()
    work = SoundTranscode(ears)
    work.change(TranscodeWanted(JobInput("a", "audio", source), target))
    Talk(work, [Talker("a", tone(440), source)]).run(seconds)
    return ears


@pytest.mark.parametrize("source", ["opus", "pcmu", "pcma", "g722"])
@pytest.mark.parametrize("target", ["opus", "pcmu", "pcma", "g722"])
def test_each_codec_becomes_each_other(source: str, target: str) -> None:
    ears = transcoded(source, AudioTarget(target))
    sound = ears.heard(COMMON, target)
    rate = SAMPLING[target]
    assert len(sound) == pytest.approx(3 * rate, abs=0.05 * rate)
    assert strength(sound, 440, rate) == pytest.approx(0.2, rel=0.06)
    assert ears.steps(COMMON) == {960 if target == "opus" else 160}
    sizes = {len(payload) for payload, _ in ears.sent[COMMON]}
    assert target == "opus" or sizes == {160}
    assert ears.markers == {False}
    clock = 48_000 if target == "opus" else 8000
    (_, first, then), *rest = ears.clocks
    assert rest
    assert all((time - first) / clock == pytest.approx(moment - then) for _, time, moment in rest)


def mp4(payloads: list[tuple[bytes, int]], channels: int) -> bytes:
    """Return a file of access units, made as a recorder would: by config and times alone."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        stream = container.add_stream("aac", rate=RATE)
        stream.codec_context.layout = "stereo" if channels == 2 else "mono"
        stream.codec_context.extradata = audio_specific_config(RATE, channels)
        stream.time_base = Fraction(1, RATE)
        container.start_encoding()
        first = payloads[0][1]
        for payload, time in payloads:
            unit = unpack_unit(payload)
            assert unit is not None
            packet = av.Packet(unit)
            packet.stream, packet.time_base = stream, Fraction(1, RATE)
            packet.pts = packet.dts = time - first
            packet.duration = 1024
            container.mux(packet)
    return file.getvalue()


def read(file: bytes) -> Mono:
    """Return the left channel; raises for any error of the decoder."""
    with av.open(io.BytesIO(file)) as container:
        stream = container.streams.audio[0]
        stream.codec_context.options = {"err_detect": "explode"}
        parts = [frame.to_ndarray()[0] for frame in container.decode(stream)]
    return np.concatenate(parts).astype(np.float64)


@pytest.mark.parametrize("channels", [1, 2])
def test_aac_in_a_file_is_decoded_without_an_error(channels: int) -> None:
    ears = transcoded("opus", AudioTarget("aac", channels=channels), 5)
    assert ears.steps(COMMON) == {1024}
    assert ears.markers == {True}
    sound = read(mp4(ears.sent[COMMON], channels))
    assert len(sound) == 1024 * len(ears.sent[COMMON])
    assert len(sound) == pytest.approx(5 * RATE, abs=4096)
    assert strength(sound, 440) == pytest.approx(0.2, rel=0.05)


def test_the_configuration_is_what_the_encoder_says() -> None:
    for channels, layout in ((1, "mono"), (2, "stereo")):
        encoder = av.CodecContext.create("aac", "w")
        encoder.sample_rate, encoder.layout, encoder.format = RATE, layout, "fltp"
        encoder.open()
        assert encoder.extradata is not None
        assert encoder.extradata[:2] == audio_specific_config(RATE, channels)


def test_sound_of_aac_is_where_its_times_say() -> None:
    """A beat at a known position comes out there: players put it beside a picture by that."""
    encoder = SoundEncoder(AudioTarget("aac"))
    beat = 100_000
    sound = np.zeros(3 * RATE)
    sound[beat : beat + 4800] = tone(440, 0.5)(np.arange(4800) / RATE)
    sent = [
        each
        for place in range(0, len(sound), STEP)
        for each in encoder.encode(stereo(sound[place : place + STEP]), RATE + place)
    ]
    heard = read(mp4(sent, 2))
    begins = int(np.argmax(np.abs(heard) > 0.1)) + sent[0][1] - RATE
    assert begins == pytest.approx(beat, abs=100)


def test_a_mix_in_aac_goes_from_the_common_one_to_an_own_one_and_back() -> None:
    ears = Ears()
    mixer = SoundMixer(ears)
    inputs = tuple(JobInput(each, "audio", "opus") for each in "ab")
    mixer.change(MixWanted(inputs, audio=SoundMix(AudioTarget("aac"), without=("a",))))
    voices = {"a": within(tone(1000), (1.5, 3)), "b": tone(440)}
    Talk(mixer, [Talker(each, voice) for each, voice in voices.items()]).run(6)
    assert ears.steps(own_mix("a")) == {1024}
    sound = read(mp4(ears.sent[own_mix("a")], 2))
    assert strength(sound[: int(2.8 * RATE)], 1000) < 0.001
    assert strength(sound, 440) > 0.15
    assert crackle(sound[9600:]) < 0.002
    common = read(mp4(ears.sent[COMMON], 2))
    assert strength(common[: int(2.8 * RATE)], 1000) > 0.15


def test_a_gap_is_told_by_times_and_frames_stay_aligned() -> None:
    encoder = SoundEncoder(AudioTarget("aac"))
    silent = stereo(np.zeros(STEP))
    before = [each for step in range(20) for each in encoder.encode(silent, step * STEP)]
    after = [each for step in range(40, 60) for each in encoder.encode(silent, step * STEP)]
    times = [time for _, time in before + after]
    assert times == sorted(set(times))
    assert all(time % 1024 == 0 for time in times)
    whole = 60 * STEP // 1024  # frames that went in; FFmpeg holds back one, and puts one in front
    assert after[-1][1] == (whole - 1 - 2) * 1024


@pytest.mark.parametrize(
    "target",
    [
        AudioTarget("mp3"),
        AudioTarget("opus", channels=6),
        AudioTarget("aac", 44_100),
        AudioTarget("aac", channels=0),
    ],
    ids=str,
)
def test_a_target_that_is_none_is_refused(target: AudioTarget) -> None:
    with pytest.raises(CannotEncode):
        SoundEncoder(target)


def test_transcoding_goes_over_to_another_target_and_another_input() -> None:
    ears = Ears()
    work = SoundTranscode(ears)
    assert work.due() == float("inf")
    work.tick(BEGIN)
    first = JobInput("a", "audio", "opus")
    work.change(TranscodeWanted(first, AudioTarget("pcmu")))
    talk = Talk(work, [Talker("a", tone(440)), Talker("b", tone(1000), "pcma")])
    talk.run(2)
    sent = len(ears.sent[COMMON])
    work.change(TranscodeWanted(first, AudioTarget("opus", channels=1)))
    talk.run(4)
    sound = decoded("opus", [payload for payload, _ in ears.sent[COMMON][sent:]])
    assert strength(sound, 440) == pytest.approx(0.2, rel=0.05)
    work.change(TranscodeWanted(JobInput("b", "audio", "pcma"), AudioTarget("opus", channels=1)))
    talk.run(6)
    sound = decoded("opus", [payload for payload, _ in ears.sent[COMMON][sent:]])
    assert strength(sound, 440) < 0.002
    assert strength(sound, 1000) == pytest.approx(0.2, rel=0.05)
    assert work.figures.frames_out == len(ears.sent[COMMON])
    picture = VideoTarget("vp8", 640, 360, 24, 500)
    with pytest.raises(ValueError):
        work.change(TranscodeWanted(JobInput("v", "video", "vp8"), picture))


def test_a_pause_of_the_sender_is_silence_of_the_same_length() -> None:
    ears = Ears()
    work = SoundTranscode(ears)
    work.change(TranscodeWanted(JobInput("a", "audio", "opus"), AudioTarget("pcmu")))
    Talk(work, [Talker("a", tone(440), talks=lambda sent: not 1 < sent < 4)]).run(6)
    assert ears.steps(COMMON) == {160}
    sound = ears.heard(COMMON, "pcmu")
    assert np.abs(sound[8000 * 2 : 8000 * 4]).max() < 0.001
    assert strength(sound, 440, 8000) > 0.15


@pytest.mark.parametrize(("source", "target"), [(8000, RATE), (RATE, 8000), (16_000, RATE)])
def test_resampling_gives_as_much_each_time(source: int, target: int) -> None:
    resampler = EvenResampler(source, target)
    chance = random.Random(1)
    for _ in range(200):
        count = chance.randrange(1, 20) * source // 1000
        given = resampler.convert(np.zeros(count, np.int16))
        assert len(given) == count * target // source


def test_a_little_longer_or_shorter_is_the_same_sound() -> None:
    times = np.arange(2 * STEP) / RATE
    sound = stereo(tone(440)(times))
    for taken in (STEP - 9, STEP, STEP + 9):
        other = stretched(sound[:taken], STEP, sound[taken:])
        assert other.shape == (STEP, 2)
        wanted = tone(440)(np.arange(STEP) * (taken / STEP) / RATE)
        np.testing.assert_allclose(other[:, 0], wanted, atol=0.0005)
