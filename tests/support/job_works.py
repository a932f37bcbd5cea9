"""Works for the process of a job in tests: one that sends on what it takes, and ones that break.

A process is started with `--kinds tests.support.job_works:KINDS`. What it does beyond that, the
names of its inputs say: "raise" has its first packet raise, "hang" sleeps in `change`, "fail"
raises there, "garbage control" and "garbage media" write what is no message, or packet. A packet
that ends in POISON or in ENDLESS kills it, or keeps it, as one that a decoder cannot bear.
"""

from __future__ import annotations

import os
import signal
import sys
import time

from media.contract.jobs import (
    ActiveInput,
    JobWanted,
    MixWanted,
    PictureSeen,
    TranscodeWanted,
    names_sent,
)
from media.job.work import Outside, WorkFigures
from media.rtp.rtp_packet import parse_packet

CLOCK_RATE = 90_000
REPORT_SECONDS = 0.2
POISON, ENDLESS = b"poison", b"endless"


class EchoWork:
    """Sends what comes on all of its outputs, and tells of the first packet of each input."""

    def __init__(self, outside: Outside) -> None:
        self.figures = WorkFigures()
        self._outside = outside
        self._names: tuple[str, ...] = ()
        self._seen: set[str] = set()
        self._newest: tuple[int, float] | None = None
        self._due = float("inf")

    def change(self, wanted: JobWanted) -> None:
        ids = {it.id for it in wanted.inputs}
        if "fail" in ids:
            raise RuntimeError("as it was asked for")
        if "hang" in ids:
            time.sleep(3600)
        for place, socket in enumerate(("control", "media"), start=1):
            if f"garbage {socket}" in ids:
                os.write(int(sys.argv[place]), b"\xc1 is no message, and no packet")
        self._names = tuple(names_sent(wanted))

    def take(self, input: str, packet: bytes, arrival: float) -> None:
        if input == "raise":
            raise RuntimeError("as it was asked for")
        if packet.endswith(POISON):
            os.kill(os.getpid(), signal.SIGSEGV)
        if packet.endswith(ENDLESS):
            time.sleep(3600)
        parsed = parse_packet(packet, arrival)
        assert parsed is not None
        self.figures.frames_in += 1
        if input not in self._seen:
            self._seen.add(input)
            self._outside.tell(PictureSeen(input, 320, 180))
            self._outside.tell(ActiveInput(input))
            self._outside.request_keyframe(input)
        self._newest = (parsed.timestamp, arrival)
        self._due = min(self._due, arrival)
        for name in self._names:
            marker = bool(parsed.marker)
            self._outside.send(name, parsed.payload, parsed.timestamp, marker=marker)

    def take_report(self, input: str, timestamp: int, moment: float) -> None:
        self.figures.decode_errors += abs(moment - time.monotonic()) > 5.0

    def keyframe_wanted(self, name: str) -> None:
        self.figures.late_frames += 1

    def due(self) -> float:
        return self._due

    def tick(self, now: float) -> None:
        self._due = now + REPORT_SECONDS
        self.figures.frames_out += 1
        if self._newest is not None:
            for name in self._names:
                self._outside.clock(name, *self._newest)


KINDS = {
    MixWanted: "tests.support.job_works:EchoWork",
    TranscodeWanted: "tests.support.job_works:EchoWork",
}
