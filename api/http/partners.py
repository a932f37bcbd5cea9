"""With whom a client has signalled: whom it is told to have left where the operator puts it out."""

from __future__ import annotations

from collections.abc import Iterator

MOST = 100  # that are remembered, the latest: those that somebody talks to are far fewer
LONGEST = 256  # characters: nobody has a longer id, however long those are that clients write to


class Partners:
    """The ids of others, in order of first contact. An empty one holds nothing."""

    __slots__ = ("_ids",)

    def __init__(self) -> None:
        self._ids: dict[str, None] | None = None

    def __iter__(self) -> Iterator[str]:
        return iter(tuple(self._ids or ()))

    def add(self, id_: str) -> None:
        """Remember another one; where there are too many, the first is forgotten."""
        if len(id_) > LONGEST:
            return
        if self._ids is None:
            self._ids = {}
        if id_ not in self._ids:
            if len(self._ids) >= MOST:
                del self._ids[next(iter(self._ids))]
            self._ids[id_] = None

    def discard(self, id_: str) -> None:
        """Forget one that has left; an unknown one changes nothing."""
        if self._ids is not None:
            self._ids.pop(id_, None)
