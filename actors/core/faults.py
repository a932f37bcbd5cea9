"""What may be told of a crash to people who must not see user data."""

from __future__ import annotations

from pathlib import Path


def place_of(error: BaseException) -> str:
    """Return the type of an error and where it was raised, without its message.

    "ValueError in room.py:88 handle"; the message may hold chat text or secrets.
    """
    kind = type(error).__name__
    trace = error.__traceback__
    if trace is None:
        return kind
    while trace.tb_next is not None:
        trace = trace.tb_next
    code = trace.tb_frame.f_code
    return f"{kind} in {Path(code.co_filename).name}:{trace.tb_lineno} {code.co_name}"
