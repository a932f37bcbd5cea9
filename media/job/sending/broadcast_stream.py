"""RTMP and RTSP: a connection that is held, through the gate which knows where it may lead.

PyAV holds the interpreter's lock while a header or a trailer is written. The gate is a thread of
Python: it could not pass on what FFmpeg waits for then. So the muxer proper is in FFmpeg's "fifo",
which has a thread of its own; only `mux` may wait for it, and that is without the lock. For the
same reason the gate is closed first in the end: the thread is joined, and must not wait; and no
packet holds an object of Python, for the thread would need the lock to let it go.
"""

from __future__ import annotations

import re
import time

import av
from av.container import OutputContainer

from media.contract.jobs import BroadcastWanted
from media.job.sending.broadcast_output import ERRORS
from media.job.sending.coded_muxer import INTERLEAVE, CodedMuxer
from media.job.sending.coded_unit import CodedUnit, Formats
from media.outside.errors import NotReachable
from media.outside.gate import Gate
from media.outside.places import Places

QUEUE = 16  # units between us and the thread of FFmpeg
HOLDS_SECONDS = 1.0  # since the server agreed; nginx-rtmp does that, too, before it refuses
LINGER_SECONDS = 0.2  # for the last units to go
_SPECIAL = re.compile(r"[\\':\s]")


class StreamOutput:
    """See media.job.sending.broadcast_output.BroadcastOutput."""

    def __init__(
        self, wanted: BroadcastWanted, formats: Formats, origin: float, reorders: bool
    ) -> None:
        self.formats = formats
        self._wanted = wanted
        self._origin = origin
        self._reorders = reorders
        self._agreed_at: float | None = None
        self._over = False
        self._gate: Gate | None = None
        self._container: OutputContainer | None = None
        self._muxer: CodedMuxer | None = None

    @property
    def flows(self) -> bool:
        agreed = self._agreed_at
        return agreed is not None and time.monotonic() - agreed >= HOLDS_SECONDS

    def open(self) -> None:
        target = self._wanted.target
        if target is None:
            raise ValueError("a stream without a target")
        places = Places(target.networks, target.folder)
        gate = Gate(target.url, places, open_seconds=self._wanted.stalled_seconds)
        self._gate = gate
        if self._over:
            gate.close()
        try:
            self._container = self._open(gate)
            self._muxer = CodedMuxer(
                self._container, self.formats, self._origin, reorders=self._reorders
            )
            self._container.start_encoding()
        except ERRORS as error:
            raise self._said_by_the_gate(error) from error

    def write(self, unit: CodedUnit) -> None:
        if self._muxer is None:
            raise ValueError("an output that is not open")
        try:
            self._muxer.write(unit)
        except ERRORS as error:
            raise self._said_by_the_gate(error) from error
        if self._agreed_at is None and self._gate is not None and self._gate.takes:
            self._agreed_at = time.monotonic()

    def close(self, *, last: bool) -> None:
        container, self._container, self._muxer = self._container, None, None
        if last and not self._over:
            time.sleep(LINGER_SECONDS)
        if self._gate is not None:
            self._gate.close()
        if container is not None:
            container.close()

    def abort(self) -> None:
        self._over = True
        if self._gate is not None:
            self._gate.close()

    def _open(self, gate: Gate) -> OutputContainer:
        rtsp = self._wanted.protocol == "rtsp"
        how = {"rtsp_transport": "tcp"} if rtsp else {"flvflags": "no_duration_filesize"}
        options = {
            "fifo_format": "rtsp" if rtsp else "flv",
            "format_opts": listed({**gate.options, **how}),
            "queue_size": str(QUEUE),
            **INTERLEAVE,
        }
        return av.open(gate.url, "w", format="fifo", options=options)

    def _said_by_the_gate(self, error: Exception) -> Exception:
        trouble = self._gate.trouble if self._gate is not None else None
        return trouble if isinstance(trouble, NotReachable) else error


def listed(options: dict[str, str]) -> str:
    """Return options as FFmpeg takes them in one string: what has a meaning there is escaped."""
    return ":".join(f"{name}={_SPECIAL.sub(_escaped, value)}" for name, value in options.items())


def _escaped(found: re.Match[str]) -> str:
    return "\\" + found[0]
