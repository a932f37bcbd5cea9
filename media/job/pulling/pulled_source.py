"""One address outside, opened for reading: which way leads there, and with which options.

Everything here waits, and is for a thread of its own; but `close`, which ends what waits.
"""

from __future__ import annotations

from contextlib import ExitStack
from threading import Lock
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import av
from av.container import InputContainer

from media.contract.jobs import IngestWanted
from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable
from media.outside.gate import Gate
from media.outside.lenient_open import LENIENT
from media.outside.places import Places

if TYPE_CHECKING:
    from media.outside.http_files import OutsideFiles

GATED = ("rtsp", "rtsps", "rtmp", "rtmps")
# What is read at most to find out what there is. A camera names its codecs, and mostly all that a
# decoder needs; where it does not, that comes with a keyframe.
PROBED_BYTES = 5_000_000
PROBED_SECONDS = {"rtsp": 5.0, "rtmp": 2.0}
SILENCE = 0.9  # of the time to read, in which a server said nothing: FFmpeg gave up on it
SEGMENT_PATIENCE = 3  # as FFmpeg is given: between two segments of HLS nothing comes
_MICROSECONDS = 1_000_000

_SENTENCES = {
    OutsideTrouble.UNREACHABLE: "the source cannot be reached",
    OutsideTrouble.NOT_ALLOWED: "the source may not be reached",
    OutsideTrouble.UNAUTHORISED: "the source wants other credentials",
    OutsideTrouble.NOT_FOUND: "the source does not know what was asked for",
    OutsideTrouble.REFUSED: "the source answers with an error",
    OutsideTrouble.UNREADABLE: "the source has no media that is known here",
    OutsideTrouble.SILENT: "the source gives nothing any more",
    OutsideTrouble.ENDED: "the source has ended",
}
_KNOWN: tuple[tuple[type[BaseException], OutsideTrouble], ...] = (
    (av.error.HTTPUnauthorizedError, OutsideTrouble.UNAUTHORISED),
    (av.error.HTTPForbiddenError, OutsideTrouble.UNAUTHORISED),
    (av.error.HTTPNotFoundError, OutsideTrouble.NOT_FOUND),
    (av.error.FileNotFoundError, OutsideTrouble.NOT_FOUND),
    (av.error.HTTPError, OutsideTrouble.REFUSED),
    (av.error.HTTPClientError, OutsideTrouble.REFUSED),
    (av.error.HTTPServerError, OutsideTrouble.REFUSED),
    (av.error.ConnectionRefusedError, OutsideTrouble.UNREACHABLE),
    (av.error.DemuxerNotFoundError, OutsideTrouble.UNREADABLE),
    (av.error.DecoderNotFoundError, OutsideTrouble.UNREADABLE),
    (av.error.ProtocolNotFoundError, OutsideTrouble.UNREADABLE),
)


def not_reachable(trouble: OutsideTrouble) -> NotReachable:
    """Return the error for a reason, with a sentence that names no address."""
    return NotReachable(trouble, _SENTENCES[trouble])


class PulledSource:
    """Where an IngestWanted leads. `paced`, `ends` and `patience` are known when it is open.

    `paced` tells that it comes as fast as it is read; `ends`, that its end is one for good;
    `patience`, for how many times the seconds to read nothing may come.
    """

    def __init__(self, wanted: IngestWanted) -> None:
        self._wanted = wanted
        self._way: Gate | OutsideFiles | None = None
        self._lock = Lock()
        self._open = ExitStack()
        self._closed = False
        self.paced = self.ends = False
        self.patience = 1

    def open(self) -> InputContainer:
        """Return what comes from there; close it, and then `end`. Raises NotReachable."""
        scheme = urlsplit(self._wanted.source.url).scheme.lower()
        try:
            if scheme in GATED:
                return self._through_gate(rtsp=scheme.startswith("rtsp"))
            container = self._files()
        except (av.FFmpegError, OSError, ValueError) as error:
            raise self.trouble(error, opened=False) from None
        known_length = bool(container.duration and container.duration > 0)
        in_segments = "hls" in container.format.name
        self.patience = SEGMENT_PATIENCE if in_segments else 1
        self.paced = known_length or in_segments or scheme in ("file", "")
        self.ends = self.paced
        return container

    def close(self) -> None:
        """End all that waits for the source; any thread may call this."""
        with self._lock:
            self._closed = True
            way = self._way
        if way is not None:
            way.close()

    def end(self) -> None:
        """Let go of all, once what was opened is closed."""
        self._open.close()

    def trouble(self, error: BaseException, *, opened: bool) -> NotReachable:
        """Return why reading or opening failed."""
        way = self._way
        if way is not None and way.trouble is not None:
            return way.trouble
        if isinstance(error, NotReachable):
            return error
        for kind, trouble in _KNOWN:
            if isinstance(error, kind):
                return not_reachable(trouble)
        if not opened and isinstance(way, Gate) and way.gone(SILENCE * self._wanted.read_seconds):
            return not_reachable(OutsideTrouble.UNREACHABLE)  # FFmpeg has other words for that
        if opened:
            timed_out = isinstance(error, (av.error.TimeoutError, av.error.ExitError))
            return not_reachable(OutsideTrouble.SILENT if timed_out else OutsideTrouble.ENDED)
        if isinstance(error, OSError) and not isinstance(error, av.error.InvalidDataError):
            return not_reachable(OutsideTrouble.UNREACHABLE)
        if isinstance(error, av.error.ExitError):
            return not_reachable(OutsideTrouble.UNREACHABLE)
        return not_reachable(OutsideTrouble.UNREADABLE)

    def _through_gate(self, *, rtsp: bool) -> InputContainer:
        wanted, source = self._wanted, self._wanted.source
        places = Places(source.networks, source.folder)
        gate = Gate(source.url, places, open_seconds=wanted.open_seconds)
        self._go(gate)
        probed = PROBED_SECONDS["rtsp" if rtsp else "rtmp"]
        read = str(round(wanted.read_seconds * _MICROSECONDS))
        options = {
            "probesize": str(PROBED_BYTES),
            "analyzeduration": str(round(probed * _MICROSECONDS)),
            "fpsprobesize": "0",  # their rate is no reason to wait for more pictures
        }
        if rtsp:
            options |= {
                "rtsp_transport": wanted.transport,
                "buffer_size": str(wanted.buffer_bytes),
                "allowed_media_types": "video+audio",
                "timeout": read,
            }
        else:
            options |= {"rw_timeout": read}
        return av.open(
            gate.url,
            format="rtsp" if rtsp else "flv",  # whatever comes looks like
            options=options | gate.options,
            timeout=(wanted.open_seconds, wanted.read_seconds),
            **LENIENT,
        )

    def _files(self) -> InputContainer:
        # An HTTP client takes as long to load as all the rest, and few processes need one.
        from media.outside.http_files import OutsideFiles

        files = OutsideFiles(
            self._wanted.source,
            open_seconds=self._wanted.open_seconds,
            read_seconds=self._wanted.read_seconds,
        )
        self._go(files)
        return files.open_input()

    def _go(self, way: Gate | OutsideFiles) -> None:
        with self._lock:
            self._way = way
            self._open.enter_context(way)
            closed = self._closed
        if closed:
            way.close()
            raise not_reachable(OutsideTrouble.UNREACHABLE)
