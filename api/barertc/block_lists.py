"""Block lists that the web site leaves for people who are yet to come in; lost with the process."""

from __future__ import annotations

from collections import OrderedDict


class BlockLists:
    """The latest list of each name, exactly as the site names them.

    Where `lists` or `bytes` are more than may be, those left longest ago go.
    """

    def __init__(self) -> None:
        self._lists: OrderedDict[str, tuple[str, ...]] = OrderedDict()
        self._bytes = 0

    def put(self, name: str, blocked: tuple[str, ...], lists: int, most_bytes: int) -> None:
        """Replace somebody's list; an empty one is forgotten."""
        self._drop(name)
        size = _size(name, blocked)
        if not blocked or size > most_bytes:
            return
        self._lists[name] = blocked
        self._bytes += size
        while len(self._lists) > lists or self._bytes > most_bytes:
            self._drop(next(iter(self._lists)))

    def get(self, name: str) -> tuple[str, ...]:
        """Return who is on somebody's list; nobody where none was left."""
        return self._lists.get(name, ())

    def __len__(self) -> int:
        return len(self._lists)

    @property
    def bytes(self) -> int:
        """About how many bytes are taken."""
        return self._bytes

    def _drop(self, name: str) -> None:
        blocked = self._lists.pop(name, None)
        if blocked is not None:
            self._bytes -= _size(name, blocked)


def _size(name: str, blocked: tuple[str, ...]) -> int:
    """Return the bytes of a list, with what Python adds to each text."""
    return sum(len(text.encode("utf-8", "surrogatepass")) + 64 for text in (name, *blocked))
