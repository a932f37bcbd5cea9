"""The views that are watched: where their files are, and what may be served of these.

However many viewers a view has, its room is asked once in a few seconds. It is the room that has
the view made, and that ends it when nobody has asked for long enough.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import structlog
import trio

from api.hls.addresses import PLAYLIST
from api.hls.errors import NOT_FOUND, STARTING, HlsRefused
from api.hls.playlists import BadPlaylist, bounded

if TYPE_CHECKING:
    from api.hls.rooms import WatchableRooms

log = structlog.get_logger(__name__)

ASK_SECONDS = 3.0  # between two questions to a room, of all viewers of a view
FIRST_SECONDS = 10.0  # that a viewer waits for the first playlist
LOOK_SECONDS = 0.1  # between two looks at it, of all viewers of a view
FORGET_SECONDS = 60.0  # after the last request
PLAYLIST_BYTES = 262_144


@dataclass(slots=True)
class WatchedFolder:
    """`asked` is when the room was asked last; `shortened`, whether it was said in the log.

    `text` is what the playlist was at `read`, None where there was none; all viewers are served it.
    """

    path: Path | None = None
    asked: float = float("-inf")
    used: float = 0.0
    shortened: bool = False
    text: str | None = None
    read: float = float("-inf")
    asking: trio.Lock = field(default_factory=trio.Lock)


class WatchedViews:
    """Made once a process. `most` returns the bytes that the segments of one view may have."""

    def __init__(
        self,
        rooms: WatchableRooms,
        most: Callable[[], int],
        clock: Callable[[], float] = trio.current_time,
    ) -> None:
        self._rooms = rooms
        self._most = most
        self._clock = clock
        self._folders: dict[tuple[str, str], WatchedFolder] = {}

    def __len__(self) -> int:
        return len(self._folders)

    async def playlist(self, room: str, view: str) -> str:
        """Return a view's playlist, and keep the view going.

        The first one is waited for. Raises HlsRefused.
        """
        folder = self._folder(room, view)
        with trio.move_on_after(FIRST_SECONDS):
            while True:
                text = await self._latest(folder, room, view)
                if text is not None:
                    return text
                await trio.sleep(LOOK_SECONDS)
        raise HlsRefused(STARTING)

    def segments(self, room: str, view: str) -> Path:
        """Return the folder with the segments of a view that is watched. Raises HlsRefused."""
        folder = self._folders.get((room, view))
        if folder is None or folder.path is None:
            raise HlsRefused(NOT_FOUND)
        return folder.path

    def _folder(self, room: str, view: str) -> WatchedFolder:
        now = self._clock()
        for key, each in tuple(self._folders.items()):
            if now - each.used > FORGET_SECONDS:
                del self._folders[key]
        folder = self._folders.setdefault((room, view), WatchedFolder())
        folder.used = now
        return folder

    async def _latest(self, folder: WatchedFolder, room: str, view: str) -> str | None:
        """Return the playlist of just now, None while there is none; one viewer looks for all."""
        async with folder.asking:
            path = await self._asked(folder, room, view)
            if self._clock() - folder.read >= LOOK_SECONDS:
                folder.text = await self._read(folder, path, room, view)
                folder.read = self._clock()
            return folder.text

    async def _asked(self, folder: WatchedFolder, room: str, view: str) -> Path:
        """Ask the room unless that was done just now, and forget a view that it refuses."""
        now = self._clock()
        if folder.path is None or now - folder.asked >= ASK_SECONDS:
            try:
                path = await self._rooms.watch(room, view)
            except HlsRefused:
                folder.path, folder.read = None, float("-inf")
                if self._folders.get((room, view)) is folder:
                    del self._folders[room, view]
                raise
            if path != folder.path:
                folder.path, folder.read = path, float("-inf")
            folder.asked = now
        return folder.path

    async def _read(self, folder: WatchedFolder, path: Path, room: str, view: str) -> str | None:
        """Return the playlist of a folder, None while there is none that can be served."""
        read = partial(_read_bounded, path, self._most())
        try:
            found = await trio.to_thread.run_sync(read, abandon_on_cancel=True)
        except (OSError, UnicodeDecodeError):
            return None
        except BadPlaylist as error:
            log.error("hls.bad_playlist", room=room, view=view, reason=str(error))
            return None
        text, dropped = found
        if dropped and not folder.shortened:
            folder.shortened = True
            log.warning("hls.shortened", room=room, view=view, most=self._most())
        return text


def _read_bounded(folder: Path, most: int) -> tuple[str, bool]:
    """Read a playlist, and remove the segments that are too many.

    Returns what may be served of it, and whether that is less. Blocks. Raises OSError, BadPlaylist.
    """
    with (folder / PLAYLIST).open(encoding="utf-8") as file:
        text = file.read(PLAYLIST_BYTES)
    found = bounded(text, lambda name: _size(folder / name, most), most)
    for name in found.dropped:
        (folder / name).unlink(missing_ok=True)
    return found.text, bool(found.dropped)


def _size(file: Path, most: int) -> int:
    """Return the bytes of a file; one that was removed is too large, as those before it."""
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return most + 1
