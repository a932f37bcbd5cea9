"""The thread of a recording: the disk may be slow, the Trio thread may not.

Whatever a recording has to do is posted to it as calls, packet by packet. The thread wakes twice a
second and does them all at once: that costs a third of doing each as it comes, and bounds what a
kill of the process loses.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from media.contract.errors import CannotRecord
from media.contract.recordings import RecordingState
from media.recording.container import ContainerFile, Sample, Writer
from media.recording.recording_file import RecordingFile, reason_of

BEAT_SECONDS = 0.5
QUEUE_BYTES = 16 << 20  # of packets that wait for the disk; more, and the recording ends
QUEUE_CALLS = 65_536

_NEARLY_FULL = "disk_nearly_full"


@dataclass(frozen=True, slots=True)
class MuxingOutcome:
    """How a recording ended; `path` is None if there is no file.

    It ends in `.part` where the disk refused the last step: the file has no name of its own, and
    may not be safe, until the next start finds it.
    """

    state: RecordingState
    reason: str
    path: Path | None = None


class Muxing:
    """Writes one recording. `write` is for calls that were posted, all else for any thread."""

    def __init__(
        self, path: Path, make_writer: Callable[[ContainerFile], Writer], *, min_free_bytes: int = 0
    ) -> None:
        self._path = path
        self._make_writer = make_writer
        self._min_free_bytes = min_free_bytes
        self._lock = threading.Lock()
        self._queue: list[tuple[Callable[..., None], tuple[Any, ...]]] = []
        self._queued_bytes = 0
        self._end = threading.Event()  # wakes the thread
        self._closed = False  # the same, and cheaper to look at
        self._end_reason = ""
        self._whole = True
        self._ended = threading.Event()
        self._samples = 0
        self._writer: Writer
        self._file: RecordingFile | None = None
        self.outcome: MuxingOutcome | None = None

    @property
    def bytes_written(self) -> int:
        """How large the file is."""
        return 0 if self._file is None else self._file.written

    def post(self, size: int, call: Callable[..., None], *arguments: Any) -> None:
        """Have the thread call this; `size` is how many bytes it holds.

        When too much waits for the disk, the recording ends, and later calls are dropped.
        """
        with self._lock:
            if self._closed:
                return
            self._queue.append((call, arguments))
            self._queued_bytes += size
            if self._queued_bytes > QUEUE_BYTES or len(self._queue) > QUEUE_CALLS:
                self._queue.clear()
                self._close("disk_too_slow", whole=False)

    def write(self, sample: Sample) -> None:
        """Put a sample into the file. Raises OSError, CannotRecord; both end the recording."""
        self._writer.write(sample)
        self._samples += 1

    def end(self, reason: str, *, whole: bool = True) -> None:
        """Have the file finalised, as a whole one or a part; only the first reason counts."""
        with self._lock:
            if not self._closed:
                self._close(reason, whole=whole)

    def wait_ended(self, seconds: float) -> bool:
        """Wait until `run` is through; False if that took longer."""
        return self._ended.wait(seconds)

    def run(self) -> None:
        """Write until the end, then give the file its name. The thread's whole work."""
        try:
            self.outcome = self._run()
        finally:
            self.end("crashed", whole=False)  # let nothing queue up, whatever happened
            self._ended.set()

    def _close(self, reason: str, *, whole: bool) -> None:
        self._closed = True
        self._whole = whole
        self._end_reason = reason
        self._end.set()

    def _run(self) -> MuxingOutcome:
        try:
            self._file = file = RecordingFile(self._path)
        except OSError as error:
            return MuxingOutcome(RecordingState.FAILED, reason_of(error))
        try:
            reason = self._write(file)
        except (OSError, CannotRecord) as error:
            trouble = reason_of(error) if isinstance(error, OSError) else "too_complex"
            return self._keep(file, trouble, whole=False)
        except BaseException:
            self.outcome = self._keep(file, "crashed", whole=False)
            raise
        return self._keep(file, reason, whole=self._whole)

    def _write(self, file: RecordingFile) -> str:
        """Write until the end; return the reason. Raises OSError, CannotRecord."""
        self._writer = writer = self._make_writer(file)
        while True:
            last = self._end.wait(BEAT_SECONDS)
            for call, arguments in self._take():
                call(*arguments)
            writer.flush()
            file.write_out()
            if last:
                break
            if file.free_bytes() < self._min_free_bytes:
                self.end(_NEARLY_FULL)
        if self._samples:
            writer.finish()
            file.write_out()
        return self._end_reason

    def _take(self) -> list[tuple[Callable[..., None], tuple[Any, ...]]]:
        with self._lock:
            taken, self._queue = self._queue, []
            self._queued_bytes = 0
        return taken

    def _keep(self, file: RecordingFile, reason: str, *, whole: bool) -> MuxingOutcome:
        try:
            if not self._samples:
                file.discard()
                ordinary = whole and reason != _NEARLY_FULL
                return MuxingOutcome(RecordingState.FAILED, "no_media" if ordinary else reason)
        except OSError as error:
            return MuxingOutcome(RecordingState.FAILED, reason_of(error))
        try:
            path = file.keep(whole=whole)
        except OSError as error:
            return MuxingOutcome(RecordingState.PARTIAL, reason_of(error), file.place)
        return MuxingOutcome(
            RecordingState.FINALISED if whole else RecordingState.PARTIAL, reason, path
        )
