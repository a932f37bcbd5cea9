"""One input as a sound that never stops: decoded, in time, without a click.

It plays at the pace of the mix, not of the sender. Where the place of its packets moves, for their
jitter grew or the sender's clock drifts, it plays a hundredth faster or slower for a while, or
leaves out or puts in silence where there is some. What is lost is replaced by the last period of
what came before, fading out within 20 ms; PyAV reaches neither the concealment of Opus nor its
forward error correction.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from media.job.concealment import REMEMBERED, begun, fading
from media.job.jitter import JitterBuffer
from media.job.pcm import RATE, STEP, STEP_SECONDS, Sound, power, silence, stretched
from media.job.sound_decoder import CLOCK_RATES, LONGEST, SoundDecoder
from media.job.work import WorkFigures
from media.rtp.rtp_packet import parse_packet

HURRY = STEP // 100  # samples that a step takes more or fewer, to get to its place
AWAY, THERE = 480, 48  # samples from its place where that begins and ends
LEAP = RATE * 3 // 10  # samples from its place at which it is put there at once
FAR = RATE  # samples from its place at which nothing is kept of what there is
QUIET = 1e-6  # power, below which a sound is moved without anybody noticing: -60 dB
LONGEST_LAG = 10.0  # seconds that a sound may have taken; by more, its sender's clock is wrong

_SILENT = silence(STEP)
_KEPT = REMEMBERED // STEP


class SoundInput:
    """Takes RTP packets, gives a step of sound at a time.

    `codec`: "opus", "pcmu", "pcma", "g722"; KeyError for another one. Counts what it decodes.
    """

    def __init__(self, codec: str, figures: WorkFigures) -> None:
        self._figures = figures
        self.jitter = JitterBuffer(CLOCK_RATES[codec])
        self._decoder = SoundDecoder(codec)
        self._leaps = -1  # those of the buffer that are known; -1 before anything is played
        self._start = 0  # the time of what is played next
        self._ready = silence(0)  # what is played next
        self._played = deque([_SILENT] * _KEPT, maxlen=_KEPT)  # the last steps
        self._gap = True  # whether nothing real is at the end of what is ready
        self._fade = silence(0)  # what is still to come of the sound in front of the gap
        self._hurrying = 0
        self._captured: float | None = None  # moment at which time 0 was captured

    def take(self, packet: bytes, arrival: float) -> None:
        """Take an RTP packet as it came."""
        parsed = parse_packet(packet, arrival)
        if parsed is not None and parsed.payload:
            self.jitter.push(parsed.timestamp, parsed.payload, arrival)

    def take_report(self, timestamp: int, moment: float) -> None:
        """Take when the sound of an RTP time was captured."""
        time = self.jitter.widen(timestamp)
        self._captured = None if time is None else moment - time / RATE

    def lag(self, moment: float) -> float | None:
        """Return the seconds from capture to what a step takes at this moment, None if unknown."""
        if self._leaps < 0 or self._captured is None:
            return None
        lag = moment - self._captured - self._start / RATE
        return lag if 0 <= lag <= LONGEST_LAG else None

    def step(self, moment: float) -> Sound | None:
        """Return the STEP samples that are mixed at this moment; None for silence."""
        if not self.jitter.begun:
            return None
        place = int((moment - STEP_SECONDS - self.jitter.place) * RATE)
        if self._leaps != self.jitter.leaps or abs(place - self._start) > FAR:
            self._begin(place)
        take = self._paced(place - self._start)
        self._fill(take + (take != STEP))
        self._start += take
        if not len(self._ready):
            self._played.append(_SILENT)
            return None
        sound, self._ready = self._ready[:take], self._ready[take:]
        heard = stretched(sound, STEP, self._ready)
        self._played.append(heard)
        return heard

    def _begin(self, place: int) -> None:
        """Play from this time on, whatever was played."""
        self._leaps = self.jitter.leaps
        self._start = place
        self._ready = silence(0)
        self._fade = self._last_played()
        self._gap = True
        self._hurrying = 0

    def _paced(self, late: int) -> int:
        """Return how many samples this step takes, to be less late; leap if it is far too late."""
        if abs(late) > THERE and (abs(late) > LEAP or self._is_quiet()):
            self._hurrying = 0
            if late > 0:
                self._leave_out(late)
            else:
                self._put_in(-late)
        elif self._hurrying * late <= 0 or abs(late) < THERE:
            self._hurrying = 0
            if abs(late) > AWAY:
                self._hurrying = HURRY if late > 0 else -HURRY
        return STEP + self._hurrying

    def _leave_out(self, samples: int) -> None:
        self._fill(samples)
        self._ready = begun(self._ready[samples:], self._last_played())
        self._start += samples

    def _put_in(self, samples: int) -> None:
        self._start -= samples
        if not len(self._ready):
            return
        between = silence(samples)
        last = self._last_played()
        between[: len(last)] = last[:samples]
        self._ready = np.concatenate((between, begun(self._ready, last[samples:])))

    def _is_quiet(self) -> bool:
        return power(self._played[-1]) < QUIET

    def _last_played(self) -> Sound:
        return silence(0) if self._is_quiet() else fading(np.concatenate(self._played))

    def _fill(self, samples: int) -> None:
        """Have so much ready; nothing at all where there is nothing to hear."""
        until = self._start + samples
        self.jitter.give_up(self._start - LONGEST)  # later ones change how the decoder goes on
        while len(self._ready) < samples:
            packet = self.jitter.pop(until)
            if packet is None:
                self._go_on(until)
                return
            time, payload = packet
            sound = self._decoder.decode(payload)
            if sound is None:
                self._figures.decode_errors += 1
            else:
                self._figures.frames_in += 1
                self.jitter.give_up(time + len(sound))
                self._add(time, sound)

    def _add(self, time: int, sound: Sound) -> None:
        """Put a packet's sound to its time; what is too late of it is left out."""
        if self._start + len(self._ready) < time:
            self._go_on(time, keeping=True)
        sound = sound[max(0, self._start + len(self._ready) - time) :]
        if not len(sound):
            return
        if self._gap:
            sound = begun(sound, self._fade)
            self._gap = False
        self._ready = np.concatenate((self._ready, sound)) if len(self._ready) else sound

    def _go_on(self, until: int, *, keeping: bool = False) -> None:
        """Let what was heard fade out up to a time."""
        if not self._gap:
            self._gap = True
            self._fade = fading(np.concatenate((*self._played, self._ready)))
        if not (keeping or len(self._ready) or len(self._fade)):
            return
        missing = until - self._start - len(self._ready)
        part, self._fade = self._fade[:missing], self._fade[missing:]
        self._ready = np.concatenate((self._ready, part, silence(missing - len(part))))
