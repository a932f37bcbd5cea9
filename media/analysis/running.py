"""The thread in which a plug-in runs, under a Trio of its own: it may block, the process may not.

What there is to analyse is handed over as a function that makes a frame, which is called only
where the plug-in gets to it: in its thread. All methods may be called by the process's loop, and
none of them waits but `close`.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import trio

from media.analysis.events import EventRate, cleaned, written
from media.analysis.installed import UnknownPlugin, load, names
from media.analysis.plugin import Frame, Frames, Plugin, Wants
from media.contract.analysis import AnalysisEnd, AnalysisNoted, AnalysisOver

MakeFrame = Callable[[int], Frame]
"""Makes a frame, with this as its `skipped`."""

MOST_TOLD = 256  # events that wait for the loop; more are dropped
MOST_NAMED = 30  # plug-ins, where one is not known


class PluginThread:
    """Runs the plug-in of this name once `start` was called. `wake` is called where there is news.

    It tells what the plug-in wants first, and AnalysisOver last.
    """

    def __init__(self, name: str, wake: Callable[[], None]) -> None:
        self._name = name
        self._wake = wake
        self._news: deque[Wants | AnalysisNoted | AnalysisOver] = deque()
        self._rate = EventRate()
        self._fits = threading.Event()  # or it is closed
        self._closed = False
        self._frames = _WaitingFrames()
        self._scope: trio.CancelScope | None = None
        self._token: trio.lowlevel.TrioToken | None = None
        self._thread = threading.Thread(target=self._run, name="plug-in", daemon=True)

    @property
    def taken(self) -> int:
        """How many frames the plug-in has had."""
        return self._frames.taken

    @property
    def skipped(self) -> int:
        """How many it had no time for."""
        return self._frames.skipped

    def start(self) -> None:
        """Load the plug-in; what it wants is news then."""
        self._thread.start()

    def begin(self) -> None:
        """Have it analyse: it can be given what it wants."""
        self._fits.set()

    def offer_picture(self, make: MakeFrame) -> None:
        """Hand over a picture in place of one that was not taken."""
        self._frames.offer_picture(make)
        self._notify()

    def offer_sound(self, make: MakeFrame, most: int) -> None:
        """Hand over a piece of sound; of those that were not taken, so many are kept."""
        self._frames.offer_sound(make, most)
        self._notify()

    def news(self) -> list[Wants | AnalysisNoted | AnalysisOver]:
        """Return what has happened since."""
        return [self._news.popleft() for _ in range(len(self._news))]

    def close(self, seconds: float) -> bool:
        """Have it end, and wait for so long; return whether it has."""
        self._closed = True
        self._fits.set()
        token = self._token
        if token is not None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(self._cancel)
        self._thread.join(seconds)
        return not self._thread.is_alive()

    # --- in its thread

    def _run(self) -> None:
        try:
            over = self._outcome()
        except BaseException as error:  # noqa: BLE001 - the boundary: a stranger's code
            _print_error()
            over = self._over(AnalysisEnd.RAISED, cleaned(error))
        self._tell(over)

    def _outcome(self) -> AnalysisOver:
        try:
            plugin = load(self._name)
            wants = plugin.wants
        except UnknownPlugin:
            known = ", ".join(names()[:MOST_NAMED])
            return self._over(AnalysisEnd.UNKNOWN, f"there is no such algorithm here, but {known}")
        except BaseException as error:  # noqa: BLE001 - as above
            _print_error()
            return self._over(AnalysisEnd.NOT_LOADED, cleaned(error))
        self._tell(wants)
        self._fits.wait()
        if not self._closed:
            trio.run(self._analyse, plugin)
        return self._over(AnalysisEnd.DONE, "the algorithm has ended by itself")

    async def _analyse(self, plugin: Plugin) -> None:
        with trio.CancelScope() as self._scope:
            self._token = trio.lowlevel.current_trio_token()
            if self._closed:
                return
            await plugin.analyse(self._frames, self._emit)

    def _emit(self, name: str, values: Mapping[str, Any] | None = None) -> bool:
        """See media.analysis.plugin.Emit."""
        kept, body = written(name, values)
        if len(self._news) >= MOST_TOLD or not self._rate.admits(time.monotonic()):
            return False
        self._tell(AnalysisNoted(kept, body, time.time(), self._rate.dropped))
        return True

    def _cancel(self) -> None:
        if self._scope is not None:
            self._scope.cancel()

    def _over(self, reason: AnalysisEnd, detail: str) -> AnalysisOver:
        return AnalysisOver(reason, detail, self._rate.dropped)

    def _tell(self, news: Wants | AnalysisNoted | AnalysisOver) -> None:
        self._news.append(news)
        self._wake()

    # --- between both

    def _notify(self) -> None:
        token = self._token
        if token is not None:
            with suppress(trio.RunFinishedError):
                token.run_sync_soon(self._frames.look, idempotent=True)


def _print_error() -> None:
    """Write what was raised for the log, unless the plug-in has closed or replaced stderr."""
    with suppress(Exception):
        traceback.print_exc(file=sys.stderr)


class _WaitingFrames(Frames):
    """The frames that were not taken yet, and who waits for one."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._picture: MakeFrame | None = None
        self._sounds: deque[MakeFrame] = deque()
        self._missed = {"picture": 0, "sound": 0}  # since the last one
        self._last = ""  # kind
        self._arrived: trio.Event | None = None
        self.taken = self.skipped = 0

    def offer_picture(self, make: MakeFrame) -> None:
        with self._lock:
            if self._picture is not None:
                self._miss("picture")
            self._picture = make

    def offer_sound(self, make: MakeFrame, most: int) -> None:
        with self._lock:
            self._sounds.append(make)
            while len(self._sounds) > most:
                self._sounds.popleft()
                self._miss("sound")

    def look(self) -> None:
        """Wake who waits; called in the plug-in's thread."""
        if self._arrived is not None:
            self._arrived.set()

    def __aiter__(self) -> _WaitingFrames:
        return self

    async def __anext__(self) -> Frame:
        await trio.lowlevel.checkpoint()
        while True:
            if self._arrived is None or self._arrived.is_set():
                self._arrived = trio.Event()  # one for all who wait
            arrived = self._arrived
            found = self._next()
            if found is not None:
                make, skipped = found
                self.taken += 1
                return make(skipped)
            await arrived.wait()

    def _next(self) -> tuple[MakeFrame, int] | None:
        with self._lock:
            kind = "sound" if self._sounds else "picture"
            if self._sounds and self._picture is not None:  # neither kind starves the other
                kind = "picture" if self._last == "sound" else "sound"
            if kind == "sound":
                make = self._sounds.popleft()
            elif self._picture is not None:
                make, self._picture = self._picture, None
            else:
                return None
            self._last = kind
            skipped, self._missed[kind] = self._missed[kind], 0
            return make, skipped

    def _miss(self, kind: str) -> None:
        self._missed[kind] += 1
        self.skipped += 1
