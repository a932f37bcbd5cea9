"""Brings HLS or DASH from a private folder to an HTTP target, while a process writes it there.

    process ──files──▶ folder ──listing, looked at every POLL_SECONDS──▶ segments, a few at a time
                                                                      └▶ listing, after its segments

A listing is sent as far as all segments before are taken, and without those that never will be: it
never names a file that the target has not. Segments are what listings name: nothing else in the
folder is looked at, so that files in the making do not matter.

What a target answers, and what is done then:

- A time-out, a lost connection, 408, 425, 429, 5xx: it is tried again after 0.2, 0.4, 0.8 … s, or
  when the target asks for it. A segment is tried for as long as one plays; then it is dropped, and
  no listing names it. A listing, and what segments begin with, is tried for as long as this runs,
  a newer listing in place of an older one.
- Another 4xx, 501, 505, a redirect, an address that may not be reached: the end, with the reason.

A segment that listings name no more is deleted at the target, once no player may want it.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import structlog
import trio

from media.contract.streaming import TargetFlows, TargetLost
from media.outside.dash_manifest import DashManifests
from media.outside.hls_playlist import HlsPlaylists
from media.outside.listing import (
    MAX_LISTING_BYTES,
    BadListing,
    Listing,
    Listings,
    ShownListing,
    plain_name,
)
from media.outside.upload_answers import TargetTrouble
from media.outside.upload_target import UploadTarget, media_type

log = structlog.get_logger("media.outside.uploader")

POLL_SECONDS = 0.15
AT_ONCE = 4  # segments
FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
END_SECONDS = 5.0  # for what is left when nothing is written any more, beyond one segment's length
MAX_FILE_BYTES = 41_943_040  # a segment is cut at 32 MiB, or a little later
MAX_OLD = 256  # files that wait to be deleted; of more, the oldest stay at the target
STOP_DELETING = frozenset({400, 401, 403, 404, 405, 410, 501})


@dataclass(frozen=True, slots=True)
class _Old:
    """A file that no listing of the process names any more, and when players do not want it."""

    name: str
    due: float
    was_taken: bool


class Uploader:
    """Sends what is in one folder to one target. `run` does it, until `stop` or the target ends it.

    `listing` is the name of the playlist or manifest (.mpd) in the folder, which goes to exactly
    `url`, by `method` (PUT, POST); the other files go beside it. `events` hears when the target
    takes listings, and when it does not; it must not wait. Raises NotReachable for a URL that is
    none of HTTP.
    """

    def __init__(
        self,
        folder: Path,
        playlist: str,
        url: str,
        method: str,
        segment_seconds: float,
        client: httpx.AsyncClient,
        events: Callable[[TargetFlows | TargetLost], None],
    ) -> None:
        self._folder = folder
        self._file = folder / plain_name(playlist)
        self._target = UploadTarget(client, url, method)
        self._seconds = segment_seconds
        self._events = events
        self._listings: Listings[Any] = (
            DashManifests() if self._file.suffix == ".mpd" else HlsPlaylists()
        )
        self._listing: Listing | None = None  # the newest that could be read
        self._seen: tuple[int, int, int] | None = None  # which file that was
        self._open: set[str] = set()  # names that are on their way
        self._taken: set[str] = set()
        self._dropped: set[str] = set()
        self._sent: ShownListing | None = None  # that the target has, if that is sure
        self._old: deque[_Old] = deque(maxlen=MAX_OLD)
        self._slots = trio.CapacityLimiter(AT_ONCE)
        self._change = trio.Event()  # of what the listing shows
        self._stop = trio.Event()
        self._last_seen = False  # the last listing there will be
        self._flows: bool | None = None
        self._scope = trio.CancelScope()
        self._trouble: TargetTrouble | None = None  # that has ended it
        self.segments_taken = 0
        self.segments_dropped = 0

    def stop(self) -> None:
        """Say that nothing is written any more: `run` brings what is there, and ends in seconds."""
        self._stop.set()

    async def run(self) -> None:
        """Send files until `stop` was called and all is there, or the target ends it for good."""
        with self._scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._watch, nursery)
                nursery.start_soon(self._delete_old)
                await self._send_listings()
                while self._old:
                    await self._delete(self._old.popleft())  # whoever still plays has the end, too
                nursery.cancel_scope.cancel()
        if self._trouble is not None:
            trouble = self._trouble
            log.warning("upload.ended", reason=trouble.reason.value, detail=trouble.detail)
            self._events(TargetLost(trouble.reason, trouble.detail, over=True))
        elif self._scope.cancelled_caught:
            log.warning("upload.end_not_sent")

    async def _watch(self, nursery: trio.Nursery) -> None:
        """Look for new listings, and begin to send what they name."""
        while not self._last_seen:
            with trio.move_on_after(POLL_SECONDS):
                await self._stop.wait()
            last = self._stop.is_set()
            if last:
                self._scope.deadline = trio.current_time() + END_SECONDS + self._seconds
            await self._look(nursery)
            self._last_seen = last
            self._ring()

    async def _look(self, nursery: trio.Nursery) -> None:
        try:
            found = self._file.stat()
        except OSError:
            return  # none yet
        seen = (found.st_ino, found.st_mtime_ns, found.st_size)
        if seen == self._seen:
            return
        self._seen = seen
        data = await self._content(self._file, MAX_LISTING_BYTES)
        if data is None:
            return
        try:
            listing: Listing = self._listings.read(data)
        except BadListing as error:
            log.warning("upload.listing_unreadable", detail=str(error))
            return
        now = trio.current_time()
        for name in listing.headers:
            self._begin(name, nursery, math.inf)
        for name in listing.segments:
            self._begin(name, nursery, self._seconds)
        named = {*listing.headers, *listing.segments}
        due = now + listing.seconds + self._seconds  # RFC 8216, section 6.2.2
        for name in (self._taken | self._dropped) - named:
            self._old.append(_Old(name, due, name in self._taken))
        self._taken &= named
        self._dropped &= named
        self._listing = listing

    def _begin(self, name: str, nursery: trio.Nursery, seconds: float) -> None:
        if name not in self._open | self._taken | self._dropped:
            self._open.add(name)
            nursery.start_soon(self._send_file, name, seconds)

    async def _send_file(self, name: str, within: float) -> None:
        """Send what a listing names; drop it where that takes too long."""
        async with self._slots:
            taken = await self._is_taken(name, within)
        self._open.discard(name)
        (self._taken if taken else self._dropped).add(name)
        self.segments_taken += taken
        self.segments_dropped += not taken
        self._ring()

    async def _is_taken(self, name: str, within: float) -> bool:
        body = await self._content(self._folder / name, MAX_FILE_BYTES)
        if body is None or not self._is_named(name):
            return False
        begin = trio.current_time()
        for pause in _pauses():
            try:
                await self._target.send(name, body, media_type(name), self._seconds)
            except TargetTrouble as trouble:
                await self._unless_over(trouble)
                passed = trio.current_time() - begin
                if passed >= self._seconds:
                    self._lost(trouble)
                if passed >= within or not self._is_named(name):
                    log.warning("upload.segment_dropped", reason=trouble.reason.value)
                    return False
                await trio.sleep(min(pause, max(within - passed, 0.0)))
            else:
                return True
        raise AssertionError("unreachable")

    def _is_named(self, name: str) -> bool:
        """Tell whether the newest listing still names a file."""
        listing = self._listing
        return listing is None or name in listing.segments or name in listing.headers

    async def _send_listings(self) -> None:
        """Send the newest listing again and again, as far as it can be shown."""
        pauses, failing_since = _pauses(), math.inf
        while True:
            change = self._change = trio.Event()
            shown = self._shown()
            if shown is None or (self._sent is not None and shown.data == self._sent.data):
                if self._last_seen and not self._open:
                    return
                await change.wait()
                continue
            try:
                await self._target.send(
                    None, shown.data, media_type(self._file.name), self._seconds
                )
            except TargetTrouble as trouble:
                await self._unless_over(trouble)
                self._sent = None
                failing_since = min(failing_since, trio.current_time())
                if trio.current_time() - failing_since >= self._seconds:
                    self._lost(trouble)
                await trio.sleep(next(pauses))
            else:
                pauses, failing_since = _pauses(), math.inf
                self._sent = shown
                self._flowing()

    def _shown(self) -> ShownListing | None:
        if self._listing is None:
            return None
        return self._listings.shown(
            self._listing, self._taken, self._dropped, ended=self._last_seen
        )

    async def _delete_old(self) -> None:
        """Delete at the target what players do not want any more, as far as it lets us."""
        while True:
            await trio.sleep(self._seconds / 2)
            while self._old and self._sent is not None:
                if self._old[0].due > trio.current_time():
                    break
                await self._delete(self._old.popleft())

    async def _delete(self, old: _Old) -> None:
        """Delete a file that the target's listing surely does not name; else leave it there."""
        if self._sent is None or old.name in self._sent.names:
            return
        status = await self._target.delete(old.name, self._seconds)
        if status in STOP_DELETING and (old.was_taken or status != 404):
            log.info("upload.deletes_no_more", status=status)
            self._old = deque(maxlen=0)

    async def _content(self, path: Path, most: int) -> bytes | None:
        """Return what is in a file; None where it is gone or too long, which is logged."""
        try:
            data = await trio.to_thread.run_sync(_read, path, most + 1)
        except OSError as error:
            log.warning("upload.file_unreadable", trouble=type(error).__name__)
            return None
        if len(data) > most:
            log.warning("upload.file_too_long", limit=most)
            return None
        return data

    async def _unless_over(self, trouble: TargetTrouble) -> None:
        """End all, if it is over."""
        if trouble.over:
            self._trouble = self._trouble or trouble
            self._scope.cancel()
        await trio.lowlevel.checkpoint()

    def _ring(self) -> None:
        self._change.set()

    def _flowing(self) -> None:
        if self._flows is not True:
            self._flows = True
            self._events(TargetFlows())

    def _lost(self, trouble: TargetTrouble) -> None:
        if self._flows is not False:
            self._flows = False
            log.warning("upload.stalled", reason=trouble.reason.value, detail=trouble.detail)
            self._events(TargetLost(trouble.reason, trouble.detail))


def _pauses() -> Iterator[float]:
    pause = FIRST_PAUSE
    while True:
        yield pause
        pause = min(pause * 2, LONGEST_PAUSE)


def _read(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        return file.read(most)
