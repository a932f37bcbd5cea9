"""A traceback that may be logged: frames and exception types, but no user data.

The message of an exception often quotes the value that was wrong, such as a chat text or a token.
So it is shown only for the kinds whose messages Python or Trio makes of names in the code.
"""

from __future__ import annotations

import errno
import os
import traceback
from collections.abc import Iterator

_OWN_WORDS = (
    TypeError,
    AttributeError,
    NameError,
    ImportError,
    NotImplementedError,
    RecursionError,
    MemoryError,
)
_FRAMES = 30
_DEEPEST = 6
_LONGEST = 16_384


def crash_text(error: BaseException) -> str:
    """Return the traceback of `error`, its causes first, in at most 16 KiB."""
    text = "\n".join(_blocks(error, 0))
    return text if len(text) <= _LONGEST else "…\n" + text[-_LONGEST:]


def summary(error: BaseException) -> str:
    """Return type and, where it holds no user data, message of `error`."""
    kind = type(error)
    name = (
        kind.__qualname__
        if kind.__module__ == "builtins"
        else f"{kind.__module__}.{kind.__qualname__}"
    )
    if isinstance(error, OSError) and error.errno is not None:
        code = errno.errorcode.get(error.errno, str(error.errno))
        return f"{name}: {code}, {os.strerror(error.errno)}"
    if isinstance(error, _OWN_WORDS) or kind.__module__.partition(".")[0] == "trio":
        message = str(error)[:200]
        return f"{name}: {message}" if message else name
    return name


def _blocks(error: BaseException, depth: int) -> Iterator[str]:
    if depth > _DEEPEST:
        yield "…"
        return
    if error.__cause__ is not None:
        yield from _blocks(error.__cause__, depth + 1)
        yield "which caused:"
    elif error.__context__ is not None and not error.__suppress_context__:
        yield from _blocks(error.__context__, depth + 1)
        yield "while handling it:"
    for frame in traceback.format_tb(error.__traceback__, limit=-_FRAMES):
        yield frame.rstrip("\n")
    yield summary(error)
    if isinstance(error, BaseExceptionGroup):
        for number, one in enumerate(error.exceptions[:10], 1):
            yield f"{number} of {len(error.exceptions)}:"
            for block in _blocks(one, depth + 1):
                yield "  " + block.replace("\n", "\n  ")
