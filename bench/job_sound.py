"""What the sound of a mixed view costs: CPU time per second of media, in this process.

`python -m bench.job_sound`. Each party sends Opus that was encoded beforehand; everyone takes the
mix without himself. Time is virtual, so the figure says nothing of waking up and of sockets.
"""

from __future__ import annotations

import argparse
import statistics
import time

import numpy as np

from media.contract.jobs import (
    AudioTarget,
    JobInput,
    MixWanted,
    SoundMix,
    TranscodeWanted,
    WorkEvent,
)
from media.job.pcm import CHANNELS, RATE, STEP, Sound
from media.job.sound_decoder import SoundDecoder
from media.job.sound_encoder import SoundEncoder
from media.job.sound_mix import SoundMixer
from media.job.sound_transcode import SoundTranscode
from media.job.work import Work
from media.rtp.rtp_packet import write_packet

STEPS_A_SECOND = RATE // STEP


class Nowhere:
    """An outside that counts, and forgets."""

    def __init__(self) -> None:
        self.packets = 0

    def send(self, name: str, payload: bytes, timestamp: int, *, marker: bool) -> bool:
        self.packets += 1
        return True

    def clock(self, name: str, timestamp: int, moment: float) -> None:
        pass

    def request_keyframe(self, input: str) -> None:
        pass

    def mark(self, input: str) -> None: ...

    def wake(self) -> None: ...

    def tell(self, event: WorkEvent) -> None:
        pass


def speech(seconds: int, seed: int) -> Sound:
    """Return something like it: harmonics in syllables and pauses, over a little noise."""
    chance = np.random.default_rng(seed)
    times = np.arange(seconds * RATE) / RATE
    pitch = 110 + 25 * seed + 8 * np.sin(2 * np.pi * 0.7 * times)
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(number * phase) / number for number in range(1, 25))
    syllables = np.clip(np.sin(2 * np.pi * 4 * times + seed), 0, 1)
    talking = np.sin(2 * np.pi * 0.11 * times + 2 * seed) > -0.3
    sound = 0.12 * voice * syllables * talking + 0.001 * chance.standard_normal(len(times))
    return np.repeat(sound.astype(np.float32)[:, None], CHANNELS, axis=1)


def packets(seconds: int, seed: int, codec: str = "opus") -> list[bytes]:
    """Return the packets of one sender, 20 ms apart."""
    sound, encoder = speech(seconds, seed), SoundEncoder(AudioTarget(codec))
    payloads = [
        payload
        for place in range(0, len(sound), STEP)
        for payload, _ in encoder.encode(sound[place : place + STEP], place)
    ]
    return [
        write_packet(96, 0, number, number * STEP, seed, payload)
        for number, payload in enumerate(payloads)
    ]


def measure(work: Work, sent: dict[str, list[bytes]], seconds: int) -> float:
    """Return the milliseconds of CPU that a second of media takes."""
    begin = 1000.0
    before = time.process_time()
    for step in range(seconds * STEPS_A_SECOND):
        now = begin + step / STEPS_A_SECOND
        for input, stream in sent.items():
            work.take(input, stream[step], now)
        work.tick(now + 0.005)
    return (time.process_time() - before) * 1000 / seconds


def mix(parties: int, sent: dict[str, list[bytes]], seconds: int) -> float:
    """Return the cost of a mix in which each party takes all but himself."""
    inputs = tuple(JobInput(each, "audio", "opus") for each in list(sent)[:parties])
    work = SoundMixer(Nowhere())
    without = tuple(each.id for each in inputs)
    work.change(MixWanted(inputs, audio=SoundMix(AudioTarget("opus"), without=without)))
    return measure(work, {each.id: sent[each.id] for each in inputs}, seconds)


def transcode(target: str, sent: dict[str, list[bytes]], seconds: int) -> float:
    """Return the cost of one stream in another codec."""
    work = SoundTranscode(Nowhere())
    input = next(iter(sent))
    work.change(TranscodeWanted(JobInput(input, "audio", "opus"), AudioTarget(target)))
    return measure(work, {input: sent[input]}, seconds)


def codecs_alone(encoders: int, sent: dict[str, list[bytes]], seconds: int) -> float:
    """Return the cost of FFmpeg's part of the mix of 4: so many encoders, and four decoders."""
    decoding = [SoundDecoder("opus") for _ in range(4)]
    encoding = [SoundEncoder(AudioTarget("opus")) for _ in range(encoders)]
    streams = [[packet[12:] for packet in stream] for stream in list(sent.values())[:4]]
    before = time.process_time()
    for step in range(seconds * STEPS_A_SECOND):
        sounds = [
            decoder.decode(stream[step]) for decoder, stream in zip(decoding, streams, strict=True)
        ]
        for encoder, sound in zip(encoding, sounds, strict=False):
            if sound is not None:
                encoder.encode(sound, step * STEP)
    return (time.process_time() - before) * 1000 / seconds


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=30)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    sent = {f"party{each}": packets(chosen.seconds, each) for each in range(8)}
    works = {
        "mix of 4, each without himself": lambda: mix(4, sent, chosen.seconds),
        "mix of 8, each without himself": lambda: mix(8, sent, chosen.seconds),
        "4 encoders, 4 decoders, no more": lambda: codecs_alone(4, sent, chosen.seconds),
        "opus to aac": lambda: transcode("aac", sent, chosen.seconds),
        "opus to pcmu": lambda: transcode("pcmu", sent, chosen.seconds),
        "opus to opus": lambda: transcode("opus", sent, chosen.seconds),
    }
    print("CPU ms per second of media: median (range)")
    for name, work in works.items():
        figures = [work() for _ in range(chosen.rounds)]
        print(
            f"{name:32} {statistics.median(figures):6.1f} ({min(figures):.1f} – {max(figures):.1f})"
        )


if __name__ == "__main__":
    main()
