"""What is told of an analytic: that it has begun, what its plug-in says, and why it is over."""

from __future__ import annotations

from enum import StrEnum

import msgspec

EVENT_BYTES = 4096  # of one event, as JSON
EVENTS_PER_SECOND = 20.0  # of one analytic; as many may come at once
NAME_LENGTH = 64  # of an algorithm, and of an event
MOST_VALUES, DEEPEST = 1000, 8  # of one event: values in it, and how deep they stand in each other
DETAIL_LENGTH = 200  # of why one is over


class AnalysisEnd(StrEnum):
    """Why a plug-in does nothing any more. The value is the word in logs, metrics and answers."""

    UNKNOWN = "unknown"  # no plug-in of that name is installed
    NOT_LOADED = "not_loaded"  # it is, and cannot be imported
    UNFIT = "unfit"  # it wants what there is not, or what cannot be decoded
    RAISED = "raised"
    DONE = "done"  # it has returned


class AnalysisBegan(msgspec.Struct, frozen=True, tag=True):
    """The plug-in is at work, on these `kinds` of its inputs ("audio", "video")."""

    kinds: tuple[str, ...]


class AnalysisNoted(msgspec.Struct, frozen=True, tag=True):
    """An event of the plug-in: its name, and its values as a JSON object.

    `time` is in seconds since 1970. `dropped` is how many events were too many until now.
    """

    name: str
    body: bytes
    time: float
    dropped: int = 0


class AnalysisOver(msgspec.Struct, frozen=True, tag=True):
    """The plug-in does nothing any more. `detail` says it to people; `dropped` as before."""

    reason: AnalysisEnd
    detail: str = ""
    dropped: int = 0


AnalysisEvent = AnalysisBegan | AnalysisNoted | AnalysisOver
