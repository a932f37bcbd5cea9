"""DASH into a folder, by FFmpeg's muxer: it writes, names and removes the files."""

from __future__ import annotations

import os
import re
import time
import zlib
from contextlib import suppress
from pathlib import Path

import av
from av.container import OutputContainer

from media.contract.jobs import BroadcastWanted
from media.job.sending.broadcast_files import GuardedFile
from media.job.sending.broadcast_output import ERRORS
from media.job.sending.broadcast_trouble import disk_trouble
from media.job.sending.coded_muxer import INTERLEAVE, CodedMuxer
from media.job.sending.coded_unit import CodedUnit, Formats

EXTRA = 1  # segments that are kept beyond twice the window, for who loads them by an older manifest


class DashOutput:
    """See media.job.sending.broadcast_output.BroadcastOutput.

    Each one begins a manifest of its own, and its segments have names of their own. What earlier
    ones of this manifest have left is removed once it is there; others may lie beside it.
    """

    def __init__(
        self, wanted: BroadcastWanted, formats: Formats, origin: float, reorders: bool
    ) -> None:
        self.formats = formats
        self.flows = False
        self._wanted = wanted
        self._origin = origin
        self._reorders = reorders
        self._manifest = Path(wanted.folder, wanted.playlist)
        self._trouble: OSError | None = None
        self._open_files: list[GuardedFile] = []
        self._manifest_begun = False
        self._left: list[Path] = []
        self._container: OutputContainer | None = None
        self._muxer: CodedMuxer | None = None

    def open(self) -> None:
        files = self._manifest.parent.iterdir()
        tag = f"{zlib.crc32(os.fsencode(self._manifest.name)):08x}"
        segment = re.compile(rf"(init|chunk)-{tag}-\d+-.*\.m4s(\.tmp)?", re.ASCII)
        self._left = [each for each in files if segment.fullmatch(each.name)]
        run = f"{tag}-{time.time_ns() // 1_000_000}"
        wanted = self._wanted
        options = {
            "seg_duration": f"{wanted.segment_seconds:g}",
            "window_size": str(wanted.window),
            "extra_window_size": str(wanted.window + EXTRA),
            "streaming": "0",
            "use_template": "1",
            "use_timeline": "1",
            "init_seg_name": f"init-{run}-$RepresentationID$.m4s",
            "media_seg_name": f"chunk-{run}-$RepresentationID$-$Number%05d$.m4s",
            **INTERLEAVE,
        }
        self._container = av.open(
            str(self._manifest), "w", format="dash", options=options, io_open=self._open_file
        )
        self._muxer = CodedMuxer(
            self._container, self.formats, self._origin, reorders=self._reorders
        )

    def write(self, unit: CodedUnit) -> None:
        if self._muxer is None:
            raise ValueError("an output that is not open")
        try:
            self._muxer.write(unit)
        except OSError as error:
            raise disk_trouble(self._trouble_said() or error) from error
        self._check()
        if self._left or not self.flows:
            self._look_for_the_manifest()

    def close(self, *, last: bool) -> None:
        container, self._container, self._muxer = self._container, None, None
        if container is None:
            return
        if not last and self._trouble is None:  # a manifest that is ended would send viewers away
            self._trouble = InterruptedError("nothing is written any more")
        if self._trouble is None:
            container.close()
            self._check()
        else:
            with suppress(*ERRORS):
                container.close()

    def abort(self) -> None:
        """Do nothing: what blocks is a disk."""

    def _open_file(self, url: str, flags: int, options: dict[str, str]) -> GuardedFile:
        trouble = self._trouble_said()
        if trouble is not None:
            raise trouble
        try:
            file = GuardedFile(Path(url))
        except OSError as error:
            self._trouble = error
            raise
        self._manifest_begun |= self._manifest.name in file.name
        self._open_files = [*(each for each in self._open_files if not each.closed), file]
        return file

    def _check(self) -> None:
        """Raise what the disk said where the muxer went on all the same."""
        trouble = self._trouble_said()
        if trouble is not None:
            raise disk_trouble(trouble)

    def _trouble_said(self) -> OSError | None:
        for file in self._open_files:
            self._trouble = self._trouble or file.trouble
        return self._trouble

    def _look_for_the_manifest(self) -> None:
        """See whether the manifest is there, which no longer names what was left."""
        if not self._manifest_begun:
            return
        self.flows = True
        for each in self._left:
            each.unlink(missing_ok=True)
        self._left = []
