"""JSON documents that count how much they are read, so that a stranger's query has an end.

A library that evaluates queries asks the containers for their members again and again. Each time
costs what it makes the library do: per member a step, and more where the way to it is long.
"""

from __future__ import annotations

import threading
from collections.abc import ItemsView, Iterator
from typing import Any, SupportsIndex

_STEEP = 16  # levels that cost another step
_FAR = 500  # characters of a path that cost another step


class TooMuchWork(Exception):
    """The steps are used up."""


class Meter(threading.local):
    """The steps that are left for the evaluation under way in this thread.

    `factor` is what each of them costs: longer queries do more at every step.
    """

    left = 0
    factor = 1

    def begin(self, steps: int) -> None:
        """Start counting anew."""
        self.left = steps
        self.factor = 1

    def charge(self, steps: int) -> None:
        """Use up some. Raises TooMuchWork."""
        self.left -= steps * self.factor
        if self.left < 0:
            raise TooMuchWork


meter = Meter()


class _Object(dict[str, Any]):
    __slots__ = ("cost",)
    __hash__ = None

    cost: int

    def __iter__(self) -> Iterator[str]:
        meter.charge(self.cost)
        return super().__iter__()

    def items(self) -> ItemsView[str, Any]:  # type: ignore[override]
        meter.charge(self.cost)
        return super().items()

    def __eq__(self, other: object) -> bool:
        meter.charge(self.cost)
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other


class _Array(list[Any]):
    __slots__ = ("cost",)
    __hash__ = None

    cost: int

    def __iter__(self) -> Iterator[Any]:
        meter.charge(self.cost)
        return super().__iter__()

    def __getitem__(self, index: SupportsIndex | slice) -> Any:
        meter.charge(self.cost if isinstance(index, slice) else 1)
        return super().__getitem__(index)

    def __contains__(self, item: object) -> bool:
        meter.charge(self.cost)
        return super().__contains__(item)

    def __eq__(self, other: object) -> bool:
        meter.charge(self.cost)
        return super().__eq__(other)

    def __ne__(self, other: object) -> bool:
        return not self == other


def metered(document: Any, depth: int = 0, way: int = 0) -> Any:
    """Return a copy of a JSON document that counts; `way` is the length of the path to it."""
    each = 1 + depth // _STEEP + way // _FAR
    if isinstance(document, dict):
        made = _Object()
        made.cost = 1 + len(document) * each
        for key, value in document.items():
            made[key] = metered(value, depth + 1, way + len(key) + 4)
            made.cost += len(key) // _FAR
        return made
    if isinstance(document, list):
        array = _Array(metered(value, depth + 1, way + 6) for value in document)
        array.cost = 1 + len(document) * each
        return array
    return document
