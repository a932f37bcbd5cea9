"""Which work a process can do: one row for each kind, loaded in a process only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import import_module

from media.contract.jobs import (
    AnalysisWanted,
    BroadcastWanted,
    IngestWanted,
    JobWanted,
    MixWanted,
    TranscodeWanted,
)
from media.job.work import Outside, Work

Kinds = Mapping[type[JobWanted], str]
"""The class that does a kind of work, as "module:name"; it is made with its Outside."""

KINDS: Kinds = {
    MixWanted: "media.job.mix:MixWork",
    TranscodeWanted: "media.job.transcode:TranscodeWork",
    BroadcastWanted: "media.job.sending.broadcast:BroadcastWork",
    IngestWanted: "media.job.pulling.ingest:IngestWork",
    AnalysisWanted: "media.job.analysis:AnalysisWork",
}


def named(name: str) -> object:
    """Return what "module:name" names. Raises ImportError and AttributeError."""
    module, _, attribute = name.partition(":")
    found: object = getattr(import_module(module), attribute)
    return found


def load(kinds: Kinds) -> None:
    """Load what all kinds of work need, so that none has to wait for it."""
    for name in kinds.values():
        named(name)


def make_work(kinds: Kinds, wanted: JobWanted, outside: Outside) -> Work:
    """Make the work that is wanted; it does nothing until its first `change`."""
    make: Callable[[Outside], Work] = named(kinds[type(wanted)])  # type: ignore[assignment]
    return make(outside)
