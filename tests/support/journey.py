"""A sender and a network made up of numbers: when packets are captured, and when they arrive."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from media.recording.recorded_track import RecordedTrack
from media.recording.recorder import REORDERING
from media.recording.recording_clock import RecordingClock
from media.rtp.depayload import Frame
from media.rtp.rtp_packet import write_packet
from tests.support.rtp_stream import OPUS, VP8

START = 1000.0  # the clock of arrivals when the first frame was captured
ON_THE_WAY = 0.05
TICK_SECONDS = 0.5
NTP_EPOCH = 3_900_000_000.0  # the sender's wall clock then
Span = tuple[float, float]
PAYLOADS = {"opus": b"\xfc\xff\xfe", "vp8": b"\x10\x10\x00\x00\x9d\x01\x2a\x40\x01\xf0\x00\x00"}


@dataclass
class Network:
    """What happens to packets on the way: they keep their order.

    In `stalls` nothing arrives; afterwards it comes at `speed` times the pace it was sent with.
    """

    jitter: float = 0.0
    stalls: tuple[Span, ...] = ()
    speed: float = 1e9
    seed: int = 1

    def arrivals(self, sent: list[float]) -> list[float]:
        random, arrivals, before = Random(self.seed), list[float](), (0.0, 0.0)
        for time in sent:
            arrival = START + time + ON_THE_WAY + random.uniform(0.0, self.jitter)
            for begin, end in self.stalls:
                if begin <= arrival - START < end:
                    arrival = START + end
            last_sent, last_arrival = before
            arrival = max(arrival, last_arrival + (time - last_sent) / self.speed)
            before = (time, arrival)
            arrivals.append(arrival)
        return arrivals


@dataclass
class Journey:
    """One stream. In `pauses` nothing is sent and the RTP clock stands still.

    In `silences` a packet goes only every 400 ms (DTX). At each of `leaps`, the RTP clock is set
    forward by so many seconds. `drift` is of the RTP clock, in parts. `reports`: seconds between
    sender reports, 0 for none; in a pause they go on, by the clock as if it had not paused.
    """

    codec: str
    seconds: float = 30.0
    pauses: tuple[Span, ...] = ()
    silences: tuple[Span, ...] = ()
    leaps: tuple[Span, ...] = ()
    drift: float = 0.0
    reports: float = 0.0
    captured: list[float] = field(default_factory=list)
    placed: list[float] = field(default_factory=list)  # of each frame, on the clock of arrivals

    @property
    def rate(self) -> int:
        return (OPUS if self.codec == "opus" else VP8).clock_rate

    def times(self) -> Iterator[float]:
        step, last = (0.02 if self.codec == "opus" else 1 / 30), -1.0
        for number in range(round(self.seconds / step)):
            time = number * step
            if any(begin <= time < end for begin, end in self.pauses):
                continue
            quiet = any(begin <= time < end for begin, end in self.silences)
            if not quiet or time - last >= 0.399:
                last = time
                yield time

    def rtp(self, time: float, *, paused: bool = True) -> int:
        """Return the timestamp of a moment; for a report, the current pause counts as time."""
        stood = sum(
            min(time, end) - begin
            for begin, end in self.pauses
            if begin <= time and (paused or end <= time)
        )
        leapt = sum(by for at, by in self.leaps if at <= time)
        return 2**32 - 5000 + round(((time - stood) * (1 + self.drift) + leapt) * self.rate)

    def events(self, network: Network) -> Iterator[tuple[float, int, bytes | tuple[int, int]]]:
        """Return packets, and reports as their two times, with when they arrive."""
        self.captured = list(self.times())
        for number, (time, arrival) in enumerate(
            zip(self.captured, network.arrivals(self.captured), strict=True)
        ):
            rtp = self.rtp(time) % 2**32
            packet = write_packet(111, 0x80, number % 2**16, rtp, 1, PAYLOADS[self.codec])
            yield arrival, number, packet
        sent = [self.reports * number for number in range(round(self.seconds))]
        sent = [time for time in sent if self.reports and time < self.seconds]
        for number, (time, arrival) in enumerate(zip(sent, network.arrivals(sent), strict=True)):
            ntp = int((NTP_EPOCH + time) * 2**32)
            yield arrival, number, (ntp, self.rtp(time, paused=False) % 2**32)


def travel(network: Network, *journeys: Journey) -> None:
    """Have recorded tracks of one publisher place all frames; audio comes first."""
    tracks: list[RecordedTrack] = []
    leader: RecordingClock | None = None
    events = []
    for at, journey in enumerate(journeys):
        codec = OPUS if journey.codec == "opus" else VP8
        clock = RecordingClock(codec.clock_rate, leader, reorders=journey.codec in REORDERING)
        leader = leader or clock
        tracks.append(RecordedTrack(codec, clock, _noting(journey.placed)))
        events += [(arrival, at, order, what) for arrival, order, what in journey.events(network)]
    tick = START
    for arrival, at, _, what in sorted(events, key=lambda event: event[:3]):
        while tick < arrival:
            for track in tracks:
                track.tick(tick)
            tick += TICK_SECONDS
        if isinstance(what, bytes):
            tracks[at].take(what, arrival)
        else:
            tracks[at].take_report(*what, arrival)
    for track in tracks:
        track.finish()


def _noting(placed: list[float]) -> Callable[[float, Frame], None]:
    def note(time: float, frame: Frame) -> None:
        placed.append(time)

    return note
