"""What counts as a crash, and what may be told of one to people who must not see user data."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import trio


@contextmanager
def caught(report: Callable[[Exception], None]) -> Iterator[None]:
    """Report what fails in the block, also what fails in a nursery of it that is being cancelled.

    The cancellation itself goes on.
    """
    try:
        yield
    except Exception as error:  # noqa: BLE001 -- this is the supervisor
        report(error)
    except BaseExceptionGroup as group:
        cancelled, failed = group.split(trio.Cancelled)
        if not isinstance(failed, ExceptionGroup):
            raise
        report(failed)
        if cancelled is not None:
            raise cancelled from None


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
