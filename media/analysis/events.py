"""Events of a plug-in: what is one, and how many may be told. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

import msgspec

from media.analysis.plugin import BadEvent
from media.contract.analysis import (
    DEEPEST,
    DETAIL_LENGTH,
    EVENT_BYTES,
    EVENTS_PER_SECOND,
    MOST_VALUES,
    NAME_LENGTH,
)

NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{NAME_LENGTH}}}")
PLAIN = (str, int, float, bool, type(None))
LARGEST_NUMBER = 2**53  # beyond it, readers of JSON round


class EventRate:
    """At most EVENTS_PER_SECOND, and as many at once. Times are handed in, in seconds."""

    def __init__(self) -> None:
        self._left = EVENTS_PER_SECOND
        self._at: float | None = None
        self.dropped = 0

    def admits(self, now: float) -> bool:
        """Tell whether an event may be told; what may not is counted."""
        passed = 0.0 if self._at is None else max(0.0, now - self._at)
        self._at = now
        self._left = min(EVENTS_PER_SECOND, self._left + passed * EVENTS_PER_SECOND)
        if self._left < 1:
            self.dropped += 1
            return False
        self._left -= 1
        return True


def written(name: object, values: object) -> tuple[str, bytes]:
    """Return an event's name, and its values as JSON. Raises BadEvent."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise BadEvent('the name of an event is of letters, digits, "_", "-" and "."')
    if values is None:
        values = {}
    if not isinstance(values, Mapping):
        raise BadEvent("the values of an event have names: a dict")
    left = [MOST_VALUES]
    plain = _plain(values, left, DEEPEST)
    try:
        body = msgspec.json.encode(plain)
    except (ValueError, OverflowError) as error:  # of surrogates
        raise BadEvent("an event has text that cannot be sent") from error
    if len(body) > EVENT_BYTES:
        raise BadEvent(f"an event has {len(body)} bytes as JSON, more than {EVENT_BYTES}")
    return name, body


def cleaned(error: BaseException) -> str:
    """Return an error's type and message in one short line that is fit for logs and people.

    Of a group of one, that one's.
    """
    while isinstance(error, BaseExceptionGroup) and len(error.exceptions) == 1:
        error = error.exceptions[0]
    try:
        text = _one_line(str(error))
    except BaseException:  # noqa: BLE001 - it is a stranger's
        text = ""
    name = _one_line(type(error).__name__)[:NAME_LENGTH]
    return (f"{name}: {text}" if text else name)[:DETAIL_LENGTH]


def _one_line(text: str) -> str:
    line = " ".join(text.split())
    return "".join(each if each.isprintable() else "?" for each in line)


def _plain(value: Any, left: list[int], depth: int) -> Any:
    """Return a value as JSON has it; numbers of numpy are numbers. Raises BadEvent."""
    left[0] -= 1
    if left[0] < 0 or depth < 0:
        raise BadEvent("an event has too many values, or they are too deep")
    if isinstance(value, Mapping):
        if not all(isinstance(key, str) for key in value):
            raise BadEvent("the names of values are text")
        return {str(key): _plain(each, left, depth - 1) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(each, left, depth - 1) for each in value]
    if isinstance(value, Enum):
        value = value.value
    if not isinstance(value, PLAIN) and callable(getattr(value, "item", None)):
        if getattr(value, "shape", ()) != ():
            raise BadEvent("an event has an array: make a list of it")
        value = value.item()
    if not isinstance(value, PLAIN):
        raise BadEvent(f"an event has a value of {type(value).__name__}, which JSON has not")
    if isinstance(value, float) and not -float("inf") < value < float("inf"):
        raise BadEvent("an event has a number that is none")
    if isinstance(value, int) and abs(value) > LARGEST_NUMBER:
        raise BadEvent("an event has a number that is too large")
    return _of_json(value)


def _of_json(value: Any) -> Any:
    """Return a plain value as the very type that JSON has: numpy's float64 is a float, too."""
    for kind in (str, float, int):
        if isinstance(value, kind) and not isinstance(value, bool):
            return kind(value)
    return value
