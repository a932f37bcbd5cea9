"""The cameras that were opened: between whom sdp, candidates and watches may pass."""

from __future__ import annotations

from collections.abc import Callable

OPEN_PER_VIEWER = 100
"""Cameras that one person may have opened; one more, and the first one opened is forgotten."""


class Cameras:
    """Pairs of member ids: an owner, and who was let see his camera and still may."""

    __slots__ = ("_opened", "_watchers")

    def __init__(self) -> None:
        self._opened: dict[str, dict[str, None]] = {}  # owners by viewer, the first opened first
        self._watchers: dict[str, set[str]] = {}  # viewers by owner

    def open(self, owner: str, viewer: str) -> None:
        opened = self._opened.setdefault(viewer, {})
        opened.pop(owner, None)
        opened[owner] = None
        self._watchers.setdefault(owner, set()).add(viewer)
        if len(opened) > OPEN_PER_VIEWER:
            self.shut(next(iter(opened)), viewer)

    def between(self, one: str, other: str) -> bool:
        """Tell whether one of these two has opened the other's camera."""
        return one in self._opened.get(other, ()) or other in self._opened.get(one, ())

    def shut(self, owner: str, viewer: str) -> None:
        """Forget a pair; an unknown one changes nothing."""
        opened, watchers = self._opened.get(viewer), self._watchers.get(owner)
        if opened is None or watchers is None or owner not in opened:
            return
        del opened[owner]
        watchers.discard(viewer)
        if not opened:
            del self._opened[viewer]
        if not watchers:
            del self._watchers[owner]

    def keep(self, one: str, allowed: Callable[[str, str], bool]) -> None:
        """Forget the pairs of this member that are not allowed (owner, viewer) any more."""
        for viewer in tuple(self._watchers.get(one, ())):
            if not allowed(one, viewer):
                self.shut(one, viewer)
        for owner in tuple(self._opened.get(one, ())):
            if not allowed(owner, one):
                self.shut(owner, one)

    def forget(self, one: str) -> None:
        """Forget all pairs of a member who leaves."""
        self.keep(one, lambda _owner, _viewer: False)

    def __len__(self) -> int:
        return sum(map(len, self._opened.values()))
