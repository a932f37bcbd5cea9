"""JSON of strangers: read strictly, since what is taken in here is written out again elsewhere."""

from __future__ import annotations

from typing import Any

import msgspec

DEPTH = 64
"""Levels of a value. Who reads or writes deeper ones may run out of stack."""

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_MALFORMED = (msgspec.MsgspecError, RecursionError, UnicodeError)


def read_json(data: bytes) -> Any:
    """Return the value of a JSON text in UTF-8.

    Raises ValueError for anything else, and for what could not be written as JSON again or shown to
    everybody: numbers beyond all bounds, half surrogate pairs, values nested too deep.
    """
    try:
        value = msgspec.json.decode(data.removeprefix(_BYTE_ORDER_MARK))
    except _MALFORMED as error:
        raise ValueError("malformed JSON") from error
    if is_deep(value):
        raise ValueError("nested too deep")
    return value


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
