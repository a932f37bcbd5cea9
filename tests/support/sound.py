"""What tests of mixed and transcoded sound need: talkers, a network, a server's ears.

Time is virtual: nothing here waits.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from itertools import pairwise

import av
import numpy as np
import numpy.typing as npt

from media.contract.jobs import AudioTarget, WorkEvent
from media.job.pcm import CHANNELS, RATE, STEP, STEP_SECONDS, Sound
from media.job.sound_encoder import SoundEncoder
from media.job.work import Work
from media.rtp.rtp_packet import write_packet

Mono = npt.NDArray[np.float64]
Voice = Callable[[Mono], Mono]
"""From times in seconds to samples."""

BEGIN = 1000.0
SSRC = 7


def tone(frequency: float, loudness: float = 0.2) -> Voice:
    """Return a sine that comes and goes gently when it is switched on or off."""
    return lambda times: loudness * np.sin(2 * np.pi * frequency * times)


def within(voice: Voice, *spans: tuple[float, float]) -> Voice:
    """Return a voice that is heard in these spans only, rising and falling over 100 ms."""

    def heard(times: Mono) -> Mono:
        gain = np.zeros_like(times)
        for start, end in spans:
            gain += np.clip((times - start) / 0.1, 0, 1) * np.clip((end - times) / 0.1, 0, 1)
        return voice(times) * gain

    return heard


@dataclass
class Ears:
    """The outside of a work, which keeps what is sent and told."""

    sent: dict[str, list[tuple[bytes, int]]] = field(default_factory=dict)
    markers: set[bool] = field(default_factory=set)
    told: list[WorkEvent] = field(default_factory=list)
    clocks: list[tuple[str, int, float]] = field(default_factory=list)

    def send(self, name: str, payload: bytes, timestamp: int, *, marker: bool) -> bool:
        self.sent.setdefault(name, []).append((payload, timestamp))
        self.markers.add(marker)
        return True

    def clock(self, name: str, timestamp: int, moment: float) -> None:
        self.clocks.append((name, timestamp, moment))

    def request_keyframe(self, input: str) -> None:
        raise AssertionError("sound has no keyframes")

    def mark(self, input: str) -> None: ...

    def wake(self) -> None: ...

    def tell(self, event: WorkEvent) -> None:
        self.told.append(event)

    def steps(self, name: str) -> set[int]:
        """Return the differences of successive timestamps of an output."""
        return {after - before for (_, before), (_, after) in pairwise(self.sent[name])}

    def heard(self, name: str, codec: str = "opus") -> Mono:
        """Return the left channel of what went out, as an independent decoder makes of it."""
        return decoded(codec, [payload for payload, _ in self.sent[name]])


def decoded(codec: str, payloads: Iterable[bytes]) -> Mono:
    """Return the samples, in the codec's own rate, of the left channel."""
    name = {"opus": "libopus", "pcmu": "pcm_mulaw", "pcma": "pcm_alaw", "g722": "g722"}[codec]
    decoder = av.CodecContext.create(name, "r")
    decoder.sample_rate = {"opus": RATE, "g722": 16_000}.get(codec, 8000)
    decoder.layout = "stereo" if codec == "opus" else "mono"
    parts = [
        frame.to_ndarray().reshape(-1, len(frame.layout.channels))[:, 0]
        for payload in payloads
        for frame in decoder.decode(av.Packet(payload))
    ]
    return np.concatenate(parts).astype(np.float64) / 32768


def stereo(samples: Mono) -> Sound:
    return np.repeat(samples.astype(np.float32)[:, None], CHANNELS, axis=1)


@dataclass
class Talker:
    """A sender of one input. `clock` is how much quicker its clock is: 1e-6 for one ppm."""

    input: str
    voice: Voice
    codec: str = "opus"
    clock: float = 0.0
    timestamp: int = 0xFFFF0000  # its first one: it will wrap
    talks: Callable[[float], bool] = lambda _: True
    start: float = 0.0  # when it begins, in seconds
    _sequence: int = 65_500
    _steps: int = 0
    _encoder: SoundEncoder | None = None

    def packets_until(self, time: float) -> Iterable[tuple[float, bytes]]:
        """Return when packets leave, in seconds from the begin, and what they are."""
        if self._encoder is None:
            self._encoder = SoundEncoder(AudioTarget(self.codec))
            self._steps = round(self.start / STEP_SECONDS)
        while (sent := (self._steps + 1) * STEP_SECONDS / (1 + self.clock)) <= time:
            at = (np.arange(STEP) + self._steps * STEP) / RATE
            position = self._steps * STEP
            self._steps += 1
            if not self.talks(sent):
                continue
            for payload, stamp in self._encoder.encode(stereo(self.voice(at)), position):
                self._sequence += 1
                stamp += self.timestamp
                yield sent, write_packet(96, 0, self._sequence, stamp, SSRC, payload)


Network = Callable[[float, bytes], Iterable[float]]
"""From when a packet leaves to when it arrives: never, once or several times."""


def wire(sent: float, packet: bytes) -> Iterable[float]:
    """Take three milliseconds, always."""
    return (sent + 0.003,)


@dataclass
class Talk:
    """A work, those who talk to it, and what is between them; all times from the begin on."""

    work: Work
    talkers: list[Talker]
    network: Network = wire
    now: float = 0.0
    _way: list[tuple[float, int, str, bytes]] = field(default_factory=list)
    _count: int = 0

    def run(self, until: float) -> None:
        """Let time pass."""
        while self.now < until:
            self.now = round(self.now + 0.01, 9)
            for talker in self.talkers:
                for sent, packet in talker.packets_until(self.now):
                    for arrival in self.network(sent, packet):
                        self._count += 1
                        heapq.heappush(self._way, (arrival, self._count, talker.input, packet))
            while self._way and self._way[0][0] <= self.now:
                arrival, _, input, packet = heapq.heappop(self._way)
                self.work.take(input, packet, BEGIN + arrival)
            if self.work.due() <= BEGIN + self.now:
                self.work.tick(BEGIN + self.now)


def strength(sound: Mono, frequency: float, rate: int = RATE) -> float:
    """Return the loudness of a tone in the last second: 1 for a sine of full scale."""
    last = sound[-rate:] * np.hanning(rate)
    spectrum = np.abs(np.fft.rfft(last)) * 4 / rate
    return float(spectrum[int(frequency) - 2 : int(frequency) + 3].max())


def crackle(sound: Mono) -> float:
    """Return the highest peak of what is above 6 kHz: of low tones, clicks only."""
    taps = np.arange(-64, 65)
    low = 0.25 * np.sinc(0.25 * taps) * np.blackman(len(taps))
    high = -low / low.sum()
    high[64] += 1
    return float(np.abs(np.convolve(sound, high, "valid")).max())
