"""The job that has a plug-in look at streams.

It is never started again: what a plug-in has learnt of a stream is lost with its process, and half
of an analysis must not pass for a whole one. Who wants to go on starts another one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec

from actors.core import ActorStopped, ChildSpec, MailboxFull, Message, Ref, Restart
from actors.jobs.media_job import GRACE_SECONDS, MediaJob
from actors.streams.services import MediaServices
from media.contract.analysis import (
    DEEPEST,
    EVENT_BYTES,
    MOST_VALUES,
    NAME_LENGTH,
    AnalysisBegan,
    AnalysisEnd,
    AnalysisNoted,
    AnalysisOver,
)
from media.contract.jobs import JobEnded, WorkEvent

NAME = re.compile(rf"[A-Za-z0-9_.-]{{1,{NAME_LENGTH}}}")
MOST_DETAIL = 1000  # of why it is over, with the names of plug-ins
LAST_MOMENT = 1e11  # seconds since 1970: some thousand years
KINDS = {"audio", "video"}
DEATHS = {
    "killed": "its process was killed",
    "stalled": "its process does not answer: the algorithm keeps it from doing so",
    "exited": "its process has ended",
    "failed": "its process has failed, and not in the algorithm",
    "garbage": "its process says what nobody understands",
    "not_started": "its process did not start",
}


@dataclass(frozen=True, slots=True)
class AnalyticDied(Message):
    """The fact told to the room: the process has ended by itself. `detail` is for people."""

    id: str
    reason: str
    detail: str


class Analysis(MediaJob):
    """Told what to do by DoWork with an AnalysisWanted. `about` is what its log lines say."""

    kind = "analysis"

    def __init__(
        self,
        id: str,
        media: MediaServices,
        room: Ref[Any],
        algorithm: str,
        about: Mapping[str, str],
    ) -> None:
        super().__init__(id, media.engine, room)
        self._tally = media.analytics
        self._algorithm = algorithm
        self._about = about
        self._dropped = 0  # events, as the plug-in's process has counted
        self._events = 0
        self._known = False  # that there is such an algorithm: others are not counted
        self._is_over = False

    async def handle(self, message: Message) -> None:
        if not self._is_over:
            await super().handle(message)

    async def teardown(self, reason: str) -> None:
        await super().teardown(reason)
        if self._known:
            self._tally.ended[self._algorithm, reason if self._is_over else "stopped"] += 1
        self.ctx.log.info("analytic.ended", reason=reason, events=self._events, **self._about)

    def snapshot(self) -> Mapping[str, object]:
        return {
            **super().snapshot(),
            "algorithm": self._algorithm,
            "events": self._events,
            "events_dropped": self._dropped,
        }

    def begin_anew(self) -> None:
        """Note that it could not be told what to do: it ends, as `_may_go_on` says."""

    def _may_go_on(self) -> bool:
        self._die("not_started", DEATHS["not_started"])
        return False

    def _hear(self, event: WorkEvent | JobEnded) -> None:
        if self._is_over:
            return
        match event:
            case AnalysisBegan(kinds) if not kinds or not KINDS.issuperset(kinds):
                self._die("garbage", DEATHS["garbage"])
            case AnalysisBegan(kinds):
                self._known = True
                self.ctx.log.info("analytic.began", kinds=list(kinds), **self._about)
                self.hear(event)
            case AnalysisNoted() if not _makes_sense(event):
                self._die("garbage", DEATHS["garbage"])
            case AnalysisNoted():
                self._count(event.dropped)
                self._events += 1
                self._tally.events[self._algorithm] += 1
                self.ctx.log.info("analytic.event", name=event.name, **self._about)
                self.hear(event)
            case AnalysisOver(reason, detail, dropped):
                self._known |= reason in (AnalysisEnd.NOT_LOADED, AnalysisEnd.UNFIT)
                self._count(dropped)
                self._die(reason.value, _line_of(detail))
            case JobEnded(reason, detail):
                self._ended = self._number
                why = DEATHS.get(reason, "its process has ended")
                self._die(reason, f"{why} ({detail})" if reason == "killed" and detail else why)
            case _:
                super()._hear(event)

    def _count(self, dropped: int) -> None:
        self._tally.dropped[self._algorithm] += max(0, dropped - self._dropped)
        self._dropped = max(dropped, self._dropped)

    def _die(self, reason: str, detail: str) -> None:
        """Tell the room why it ends, and end. Neither waits nor raises."""
        self._is_over = True
        self.ctx.log.warning("analytic.over", reason=reason, detail=detail, **self._about)
        with suppress(ActorStopped, MailboxFull):  # then its Down has to do
            self._room.tell(AnalyticDied(self.id, reason, detail))
        self.ctx.stop(reason)


def _line_of(detail: str) -> str:
    """Return what a process says of its end as a line for logs and people."""
    line = " ".join(detail[:MOST_DETAIL].split())
    return "".join(each if each.isprintable() else "?" for each in line)


def _makes_sense(event: AnalysisNoted) -> bool:
    """Tell whether this is an event: a plug-in may have written over the memory of its process."""
    if not NAME.fullmatch(event.name) or len(event.body) > EVENT_BYTES:
        return False
    if not 0 <= event.time < LAST_MOMENT:
        return False
    try:
        values = msgspec.json.decode(event.body)
    except (msgspec.DecodeError, RecursionError):
        return False
    return isinstance(values, dict) and _is_small(values)


def _is_small(values: object) -> bool:
    """Tell whether these are no more, and no deeper, than a plug-in may tell."""
    count, level = 1, [values]
    for _ in range(DEEPEST + 1):
        inner: list[object] = []
        for each in level:
            if isinstance(each, dict):
                inner.extend(each.values())
            elif isinstance(each, list):
                inner.extend(each)
        count, level = count + len(inner), inner
        if not level or count > MOST_VALUES:
            break
    return not level and count <= MOST_VALUES


def analysis_spec(
    id: str, media: MediaServices, room: Ref[Any], algorithm: str, about: Mapping[str, str]
) -> ChildSpec:
    """Return how to spawn one, for a room that accepts AnalyticDied; the rest as for others."""
    make = partial(Analysis, id, media, room, algorithm, about)
    return ChildSpec(id, make, Restart.TEMPORARY, grace=GRACE_SECONDS)
