"""What a camera and its microphone send: flashes with beeps, encoded beforehand, as packets."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass

from media.contract.jobs import JobInput
from media.job.picture_packets import payload_maker
from media.job.work import Work
from media.rtp.aac import aac_fmtp, pack_unit
from media.rtp.rtp_packet import MARKER, write_packet
from tests.support.encoded import EncodedFrame, aac, video, with_backward_pictures

SOUND = JobInput("mic", "audio", "aac", aac_fmtp(48_000, 2), "ann", 2, 48_000)
PICTURE = JobInput("camera", "video", "h264", publisher="ann")
SIGNALS = (1.0, 2.5, 4.5)
RATE = 25


@dataclass(frozen=True)
class Event:
    """A packet, or with `report` the moment of a timestamp; times in seconds from the begin."""

    arrival: float
    input: str
    packet: bytes = b""
    report: tuple[int, float] | None = None


def picture(
    seconds: float = 6.0,
    *,
    every: float = 2.0,
    size: tuple[int, int] = (320, 240),
    late: float = 0.0,
    backward: bool = False,
    bitrate: int = 300_000,
) -> list[Event]:
    """Return what the camera sends, `late` by so many seconds."""
    keyframes = tuple(number * every for number in range(int(seconds / every) + 1))
    if backward:
        frames = with_backward_pictures(seconds)
    else:
        frames = video(
            "h264", seconds, rate=RATE, size=size, keyframes=keyframes, flashes=SIGNALS,
            bitrate=bitrate,
        )  # fmt: skip
    return packets_of(PICTURE, frames, payload_maker("h264"), 4_294_000_000, late)


def sound(seconds: float = 6.0, *, late: float = 0.0) -> list[Event]:
    """Return what the microphone sends."""
    return packets_of(
        SOUND, aac(seconds, beeps=SIGNALS), lambda unit: [pack_unit(unit)], 123_456, late
    )


def packets_of(
    input: JobInput,
    frames: list[EncodedFrame],
    cut: Callable[[bytes], list[bytes]],
    first: int,
    late: float,
) -> list[Event]:
    """Return frames as packets, with a report in front and each second."""
    events, sequence, reported = [], 65_500, float("-inf")
    for number, frame in enumerate(frames):
        sent = number / 30 if frame.time < 0 else max(frame.time, 0.0)
        timestamp = first + round(frame.time * input.clock_rate) & 0xFFFFFFFF
        if sent - reported >= 1.0:
            reported = sent
            events.append(Event(sent + late, input.id, report=(timestamp, frame.time)))
        payloads = cut(frame.data)
        for payload in payloads:
            mark = MARKER if payload is payloads[-1] else 0
            packet = write_packet(96, mark, sequence, timestamp, 7, payload)
            sequence = sequence + 1 & 0xFFFF
            events.append(Event(sent + late, input.id, packet))
    return events


def after(seconds: float, events: list[Event]) -> list[Event]:
    """Return the same, so much later, with packets that are numbered from elsewhere."""
    return [
        Event(
            it.arrival + seconds,
            it.input,
            _moved(it.packet, round(seconds * 2000), _ticks(it, seconds)),
            it.report and (it.report[0] + _ticks(it, seconds) & 0xFFFFFFFF, it.report[1] + seconds),
        )
        for it in events
    ]


def _ticks(event: Event, seconds: float) -> int:
    return round(seconds * (SOUND if event.input == SOUND.id else PICTURE).clock_rate)


def _moved(packet: bytes, packets: int, ticks: int) -> bytes:
    if not packet:
        return packet
    number = int.from_bytes(packet[2:4]) + packets & 0xFFFF
    timestamp = int.from_bytes(packet[4:8]) + ticks & 0xFFFFFFFF
    return packet[:2] + number.to_bytes(2) + timestamp.to_bytes(4) + packet[8:]


def lossy(events: list[Event], share: float) -> list[Event]:
    """Return the same without a share of the packets."""
    chance = random.Random(1)
    return [it for it in events if it.report is not None or chance.random() >= share]


def play(
    work: Work,
    *streams: list[Event],
    real_time: bool = False,
    begin: float | None = None,
    until: Callable[[], bool] = lambda: False,
) -> float:
    """Have a work take these, each at its time, or as fast as it can; return the begin.

    It ends early once something is so.
    """
    begin = time.monotonic() if begin is None else begin
    for event in sorted((it for stream in streams for it in stream), key=lambda it: it.arrival):
        now = begin + event.arrival
        if real_time and (wait := now - time.monotonic()) > 0:
            time.sleep(wait)
        if event.report is not None:
            work.take_report(event.input, event.report[0], begin + event.report[1])
        else:
            work.take(event.input, event.packet, now)
        if work.due() <= now:
            work.tick(now)
        if until():
            break
    return begin
