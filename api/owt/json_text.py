"""JSON of strangers: read strictly, since what is taken in here is written out again elsewhere."""

from __future__ import annotations

from typing import Any

import msgspec

DEPTH = 64
"""Levels of a value. Who reads or writes deeper ones may run out of stack."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MALFORMED = (msgspec.MsgspecError, RecursionError, UnicodeError)


class TooManyValues(Exception):
    """A JSON text consists of more values than are looked at."""


def read_json(data: bytes, most_values: int) -> Any:
    """Return the value of a JSON text in UTF-8.

    Raises ValueError for anything else, and for what could not be written as JSON again or shown to
    everybody: numbers beyond all bounds, half surrogate pairs, values nested too deep. Raises
    TooManyValues for more than `most_values`: each would take its time again and again.
    """
    try:
        value = msgspec.json.decode(data.removeprefix(_BYTE_ORDER_MARK))
    except _MALFORMED as error:
        raise ValueError("malformed JSON") from error
    if weight(value, most_values)[0] > most_values:
        raise TooManyValues
    if is_deep(value):
        raise ValueError("nested too deep")
    return value


def weight(value: object, most: int) -> tuple[int, int]:
    """Return how many values a JSON value consists of, itself included, and their characters.

    Counts no further than a little beyond `most` values.
    """
    values = characters = 0
    left = [value]
    while left and values <= most:
        each = left.pop()
        values += 1
        if isinstance(each, str):
            characters += len(each)
        elif isinstance(each, list):
            values += max(0, len(each) - most)
            left += each[: most + 1]
        elif isinstance(each, dict):
            values += max(0, len(each) - most)
            characters += sum(map(len, each))
            left += each.values()
    return values, characters


def is_deep(value: object) -> bool:
    """Tell whether a JSON value is nested so deep that whoever is shown it might fail over it."""
    layer = [value]
    for _ in range(DEPTH):
        inner: list[object] = []
        for each in layer:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        if not inner:
            return False
        layer = inner
    return True
