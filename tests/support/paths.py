"""One path in an engine at a time."""

from __future__ import annotations

from media.contract.engine import MediaEngine
from media.contract.paths import MediaPath, PathTrouble


async def trouble_with(
    engine: MediaEngine, source: str | None, sink: str, *, flows: bool = True
) -> PathTrouble | None:
    """Lead a sink to a source; return why it is not so."""
    failures = await engine.wire((MediaPath(sink, source, flows),))
    assert all(failure.sink == sink for failure in failures)
    return failures[0].why if failures else None


async def lead(engine: MediaEngine, source: str | None, sink: str, *, flows: bool = True) -> None:
    """Lead a sink to a source, which has to be possible."""
    assert await trouble_with(engine, source, sink, flows=flows) is None
