"""How far a bug reaches: it ends the part it is in, a session or a recording, never the engine."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import outcome

Stray = Callable[[BaseException, str], None]
"""Takes an error nobody waits for, and what was not done because of it; logs and counts it."""


def contained(stray: Stray, what: str, step: Callable[..., object], *arguments: object) -> bool:
    """Call a plain function. What it raises goes to `stray`; returns whether it raised nothing."""
    return _passed(outcome.capture(step, *arguments), stray, what)


async def contained_async(
    stray: Stray, what: str, step: Callable[..., Awaitable[object]], *arguments: object
) -> bool:
    """Do the same with a function that waits. Its being cancelled is let through."""
    return _passed(await outcome.acapture(step, *arguments), stray, what)


def _passed(result: outcome.Outcome[object], stray: Stray, what: str) -> bool:
    if not isinstance(result, outcome.Error):
        return True
    if not isinstance(result.error, Exception):  # cancelled, or the program is interrupted
        result.unwrap()
    stray(result.error, what)
    return False
