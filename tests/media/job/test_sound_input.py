"""One input over networks that lose, delay and repeat, and from senders whose clocks are odd."""

from __future__ import annotations

import random
from collections.abc import Iterable
from itertools import count

import numpy as np
import pytest

from media.job.concealment import FADE, RESUMED, begun, fading
from media.job.pcm import RATE, STEP, STEP_SECONDS, Sound, silence
from media.job.sound_decoder import CLOCK_RATES, SoundDecoder
from media.job.sound_input import SoundInput
from media.job.work import WorkFigures
from tests.support.sound import BEGIN, Mono, Network, Talker, crackle, stereo, strength, tone, wire

AMPLITUDE = 0.2


class Listening:
    """An input that is played step by step, as a mix does."""

    def __init__(self, talker: Talker, network: Network = wire) -> None:
        self.figures = WorkFigures()
        self.input = SoundInput(talker.codec, self.figures)
        self.talker = talker
        self.network = network
        self.heard: list[Sound] = []
        self.delays: list[float] = []  # a sound's age when it was played
        self.now = 0.0
        self._way: list[tuple[float, int, bytes]] = []
        self._numbers = count()

    def run(self, until: float) -> None:
        while self.now < until:
            self.now += STEP_SECONDS
            for sent, packet in self.talker.packets_until(self.now):
                self._way += [
                    (arrival, next(self._numbers), packet) for arrival in self.network(sent, packet)
                ]
            ready = sorted(each for each in self._way if each[0] <= self.now)
            self._way = [each for each in self._way if each[0] > self.now]
            for arrival, _, packet in ready:
                self.input.take(packet, BEGIN + arrival)
            sound = self.input.step(BEGIN + self.now)
            self.heard.append(silence(STEP) if sound is None else sound)
            if self.input.jitter.begun:
                first = self.talker.timestamp * (RATE // CLOCK_RATES[self.talker.codec])
                wide = self.input._start - STEP - first
                self.delays.append(self.now * (1 + self.talker.clock) - wide / RATE)

    def sound(self, seconds: float) -> Mono:
        """Return the last seconds, left channel."""
        return np.concatenate(self.heard)[-int(seconds * RATE) :, 0].astype(np.float64)


def lossy(loss: float, jitter: float, repeated: float = 0.0) -> Network:
    chance = random.Random(5)

    def network(sent: float, packet: bytes) -> Iterable[float]:
        if chance.random() < loss:
            return ()
        times = 2 if chance.random() < repeated else 1
        return tuple(sent + 0.01 + chance.uniform(0, jitter) for _ in range(times))

    return network


@pytest.mark.parametrize("codec", ["opus", "pcmu", "pcma", "g722"])
def test_a_tone_arrives_as_loud_as_it_was(codec: str) -> None:
    listening = Listening(Talker("a", tone(440, AMPLITUDE), codec))
    listening.run(2)
    sound = listening.sound(1)
    assert strength(sound, 440) == pytest.approx(AMPLITUDE, rel=0.05)
    assert listening.figures.decode_errors == 0
    assert listening.figures.frames_in == pytest.approx(98, abs=2)
    # Nothing else is in it: what is left without the tone is the noise of the codec.
    times = np.arange(RATE) / RATE
    basis = np.stack([np.sin(2 * np.pi * 440 * times), np.cos(2 * np.pi * 440 * times)], axis=1)
    left = sound - basis @ np.linalg.lstsq(basis, sound, rcond=None)[0]
    assert np.sqrt((left**2).mean()) < 0.02 * AMPLITUDE


def test_without_jitter_the_delay_is_short() -> None:
    listening = Listening(Talker("a", tone(440)))
    listening.run(3)
    assert max(listening.delays[50:]) < 0.07


def test_jitter_alone_is_not_heard() -> None:
    """Late packets wait for none: the delay grows to what they need, and sound is whole."""
    listening = Listening(Talker("a", tone(440)), lossy(0, 0.06, repeated=0.1))
    listening.run(20)
    assert listening.input.jitter.repeated > 50
    assert crackle(listening.sound(15)) < 0.01
    assert max(listening.delays[250:]) < 0.16


@pytest.mark.slow
@pytest.mark.unhurried
@pytest.mark.parametrize("drift", [200e-6, -200e-6])
def test_ten_minutes_of_loss_jitter_and_drift_keep_the_delay(drift: float) -> None:
    network = lossy(0.05, 0.06)
    listening = Listening(Talker("a", tone(440), "pcmu", clock=drift), network)
    listening.run(600)
    settled = listening.delays[500:]
    # Measured on the sender's clock, which alone gains or loses 120 ms.
    assert min(settled) > 0.03
    assert max(settled) < 0.2
    assert listening.input.jitter.leaps == 0
    assert listening.figures.frames_in > 0.91 * 30_000
    assert strength(listening.sound(1), 440) > 0.15


def test_loss_does_not_click() -> None:
    listening = Listening(Talker("a", tone(440)), lossy(0.05, 0))
    listening.run(20)
    sound = listening.sound(18)
    assert crackle(sound) < 0.01
    hard = sound.copy()
    hard[100_000:100_960] = 0
    assert crackle(hard) > 0.015


@pytest.mark.parametrize("stops", [False, True])
def test_a_pause_of_a_minute_is_silence_and_then_it_goes_on(stops: bool) -> None:
    """Whether the sender's clock goes on meanwhile, or stops."""
    talker = Talker("a", tone(440), talks=lambda sent: not 2 < sent < 62)
    listening = Listening(talker)
    listening.run(60)
    assert not listening.sound(57).any()
    assert crackle(listening.sound(59)) < 0.002
    if stops:
        listening.network = stopped(talker, 60 * RATE)
    listening.run(64)
    assert strength(listening.sound(1), 440) > 0.15
    assert listening.input.jitter.leaps == stops
    assert listening.delays[-1] - (60 if stops else 0) < 0.08


def stopped(talker: Talker, samples: int) -> Network:
    talker.timestamp -= samples
    return wire


@pytest.mark.parametrize("samples", [-50_000_000, -100_000, 100_000, 1 << 31])
def test_a_jump_in_time_costs_a_moment(samples: int) -> None:
    listening = Listening(Talker("a", tone(440)))
    listening.run(2)
    listening.talker.timestamp = listening.talker.timestamp + samples
    listening.run(5)
    assert listening.input.jitter.leaps == 1
    assert strength(listening.sound(1), 440) > 0.15
    assert crackle(listening.sound(4)) < 0.01


def test_a_stall_of_the_network_does_not_leave_a_delay() -> None:
    def network(sent: float, packet: bytes) -> Iterable[float]:
        return (max(sent, 3.5) if 2 < sent < 3.5 else sent,)

    listening = Listening(Talker("a", tone(440)), network)
    listening.run(10)
    assert listening.delays[-1] < 0.26
    listening.run(20)  # what was slow once is forgotten
    assert listening.delays[-1] < 0.1
    assert strength(listening.sound(1), 440) > 0.15


def test_what_cannot_be_decoded_is_counted_and_hurts_nothing() -> None:
    chance = random.Random(2)
    listening = Listening(Talker("a", tone(440)))
    listening.run(1)
    for number in range(4):
        # Of how many frames it is, is not there: no decoder takes it.
        stamp = listening.talker.timestamp + int(listening.now * RATE) + number * STEP
        broken = bytes((0x80, 96, 0, 0)) + (stamp & 0xFFFFFFFF).to_bytes(4) + bytes(4) + b"\xff\x00"
        listening.input.take(broken, BEGIN + listening.now)
        listening.input.take(chance.randbytes(300 * number), BEGIN + listening.now)
    listening.run(3)
    assert listening.figures.decode_errors == 4
    assert strength(listening.sound(1), 440) > 0.15


@pytest.mark.parametrize("apart", [1, 40, 960, 14_000, -960])
def test_a_flood_costs_little_in_a_step(apart: int) -> None:
    """Whatever its times are: close together, overlapping, or running far ahead or back."""
    listening = Listening(Talker("a", tone(440)))
    listening.run(1)
    (_, packet), *_ = Talker("a", tone(440)).packets_until(0.1)
    time = listening.talker.timestamp + RATE
    for _ in range(20):
        for _ in range(2000):
            time += apart
            flood = packet[:4] + (time & 0xFFFFFFFF).to_bytes(4) + packet[8:]
            listening.input.take(flood, BEGIN + listening.now)
        decoded = listening.figures.frames_in
        listening.run(listening.now + STEP_SECONDS)
        assert listening.figures.frames_in - decoded <= 60
        assert len(listening.input._ready) < RATE
    time = listening.now
    listening.run(time + 25)  # a tone has no pauses: its delay shrinks by 9 ms a second
    assert strength(listening.sound(1), 440) > 0.15


def test_the_age_of_a_sound_is_known_by_reports() -> None:
    listening = Listening(Talker("a", tone(440)))
    assert listening.input.lag(BEGIN) is None
    listening.input.take_report(0, BEGIN)
    listening.run(1)
    assert listening.input.lag(BEGIN + 1) is None
    listening.input.take_report(listening.talker.timestamp + 24_000, BEGIN + 0.5)
    assert listening.input.lag(BEGIN + 1) == pytest.approx(listening.delays[-1] - 0.02, abs=0.002)
    listening.input.take_report(listening.talker.timestamp, BEGIN - 100)
    assert listening.input.lag(BEGIN + 1) is None


@pytest.mark.parametrize("codec", ["opus", "pcmu", "pcma", "g722"])
def test_a_decoder_takes_anything(codec: str) -> None:
    chance = random.Random(3)
    decoder = SoundDecoder(codec)
    for _ in range(400):
        sound = decoder.decode(chance.randbytes(chance.randrange(1, 3000)))
        assert sound is None or (sound.shape[1] == 2 and 0 < len(sound) <= RATE * 120 // 1000)
        assert sound is None or np.abs(sound).max() <= 1.0


def test_a_codec_that_is_none_is_refused() -> None:
    with pytest.raises(KeyError):
        SoundInput("speex", WorkFigures())


def test_a_sound_that_stops_goes_on_as_it_was_and_fades() -> None:
    times = np.arange(2 * STEP) / RATE
    before = stereo(tone(300, 0.5)(times))
    after = fading(before)
    assert after.shape == (FADE, 2)
    going_on = stereo(tone(300, 0.5)(np.arange(2 * STEP, 3 * STEP) / RATE))
    np.testing.assert_allclose(after[:200], going_on[:200], atol=0.15)
    assert np.abs(np.diff(np.concatenate((before, after)), axis=0)).max() < 0.025
    assert not after[-1].any()


@pytest.mark.parametrize("length", [0, 1, RESUMED - 1, RESUMED, STEP])
def test_a_sound_begins_where_the_other_one_was(length: int) -> None:
    over = stereo(np.full(STEP, 0.5))
    sound = begun(stereo(np.full(length, 0.5)), over)
    np.testing.assert_allclose(sound, 0.5, atol=1e-6)
    assert not begun(silence(length), silence(0)).any()
