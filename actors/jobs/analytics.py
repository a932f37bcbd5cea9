"""The analytics of a room: what each looks at, what it told last, and who waits for it to begin.

One is told of when its plug-in is at work; what is not within BEGIN_SECONDS is ended with the
reason, as is what its caller waits for no more. It ends with the first of its sources.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

import msgspec

from actors.core import Actor, ChildSpec, Message
from actors.jobs.analysis import AnalyticDied, analysis_spec
from actors.jobs.media_job import DoWork, JobNoted
from actors.jobs.mix import audio_input
from actors.jobs.output_lines import OutputLine, OutputLines
from actors.streams.alternatives import parameters_sent, video_target_of
from actors.streams.feed_paths import FeedPaths
from actors.streams.outputs import Output
from actors.streams.rules import Conference
from actors.streams.services import MediaServices
from actors.words.analytics import (
    LAST_EVENTS,
    SENDER,
    AnalyticEvent,
    AnalyticView,
    StartAnalytic,
)
from actors.words.conference_refusals import AnalyticUnknown
from actors.words.facts import Said
from actors.words.media_refusals import CannotAnalyse
from actors.words.rooms import Notice
from actors.words.streams import AudioFormat
from actors.words.views import MixedStream
from media.contract.analysis import AnalysisBegan, AnalysisNoted
from media.contract.jobs import AnalysisWanted, JobInput

BEGIN_SECONDS = 18.0  # for a plug-in to be loaded, as long as the original waits
NOTICES_PER_SECOND = 5.0  # of one analytic to its room, and as many at once

Parameters = Callable[[str, str], str | None]
"""Return the parameters of the codec of a stream's track of a kind."""


@dataclass(slots=True, kw_only=True)
class AnalyticLine(OutputLine):
    """One analytic; `asker` waits for its begin.

    `notices` may be said now, of what may be at `notices_at`.
    """

    order: StartAnalytic
    events: deque[AnalyticEvent] = field(default_factory=lambda: deque(maxlen=LAST_EVENTS))
    dropped: int = 0
    notices: float = NOTICES_PER_SECOND
    notices_at: float = 0.0


class RoomAnalytics(OutputLines[AnalyticLine]):
    """`name` is the room's, for the log; `tell` tells its members."""

    __slots__ = ("_fmtp", "_name", "_tell")

    prefix = "analysis:"
    not_in_time = "the algorithm was not loaded in time"
    refusal = CannotAnalyse

    def __init__(
        self,
        room: Actor[Message],
        conference: Conference,
        media: MediaServices,
        paths: FeedPaths,
        fmtp: Parameters,
        name: str,
        tell: Callable[[Iterable[Notice]], None],
    ) -> None:
        super().__init__(room, conference, media, paths)
        self._fmtp = fmtp
        self._name = name
        self._tell = tell

    def views(self) -> tuple[AnalyticView, ...]:
        """Return those that have begun."""
        return tuple(self._view(it) for it in self._lines.values() if it.asker is None)

    def require(self, id: str) -> None:
        """Raise AnalyticUnknown for one that there is not, or that has not begun yet."""
        line = self._lines.get(id)
        if line is None or line.asker is not None:
            raise AnalyticUnknown(id)

    def wanted(self, output: Output, algorithm: str) -> AnalysisWanted:
        """Return what a process would do for this."""
        inputs = (self._audio(output), self._video(output))
        return AnalysisWanted(algorithm, tuple(it for it in inputs if it is not None))

    def start(self, output: Output, order: StartAnalytic) -> None:
        """Start what the conference has taken; the request is answered once it is at work."""
        ctx = self._room.ctx
        work = DoWork(self.wanted(output, order.algorithm), {})
        due = ctx.now() + BEGIN_SECONDS
        self._begin(AnalyticLine(id=output.id, work=work, asker=ctx.defer(), due=due, order=order))

    def began(self, noted: JobNoted) -> tuple[str, tuple[str, ...]] | None:
        """Take that one has begun; return it with the kinds that it takes, or None for no news.

        Answer by `answer`, once the conference knows of these. Events are kept, and said.
        """
        line = self._line_of(noted.id)
        if line is None:
            return None
        match noted.event:
            case AnalysisBegan(kinds) if line.asker is not None:
                return line.id, kinds
            case AnalysisNoted(name, body, time, dropped):
                event = AnalyticEvent(name, body, time)
                line.events.append(event)
                line.dropped = dropped
                self._say(line, {"event": name, "time": round(time * 1000), "data": body})
        return None

    def answer(self, id: str) -> str | None:
        """Answer who waits for one that has begun; return it if it is to be ended: he has left."""
        line = self._lines.get(id)  # none: it was ended, as it did not take what it is to take
        if line is None or line.asker is None:
            return None
        if line.asker.done:
            line.end = "caller_left"
            return line.id
        line.asker.reply(self._view(line))
        line.asker = None
        return None

    def died(self, died: AnalyticDied) -> str | None:
        """Take why one has ended by itself; return which one, if it is one of these."""
        line = self._line_of(died.id)
        if line is None:
            return None
        line.end = died.reason
        if line.asker is None:
            self._say(line, {"ended": died.reason, "detail": died.detail}, always=True)
        self._refuse(line, died.detail)
        return line.id

    # --- inside

    def _view(self, line: AnalyticLine) -> AnalyticView:
        output = self._conference.analytics[line.id]
        return AnalyticView(
            line.id,
            line.order.algorithm,
            output.audio,
            output.video,
            output.audio_format if output.audio is not None else None,
            output.video_format if output.video is not None else None,
            tuple(line.events),
            line.dropped,
            line.order.asked_as,
        )

    def _audio(self, output: Output) -> JobInput | None:
        if output.audio is None or output.audio_format is None:
            return None
        codec = output.audio_format.codec
        taken = audio_input(output.audio.source, AudioFormat(codec))
        return msgspec.structs.replace(taken, id="audio")

    def _video(self, output: Output) -> JobInput | None:
        if output.video is None or output.video_format is None:
            return None
        source = output.video.source
        stream = self._conference.known.get(source)
        if output.video_target is not None:
            fmtp = parameters_sent(output.video_target)
        elif isinstance(stream, MixedStream) and stream.video is not None:
            fmtp = parameters_sent(video_target_of(stream.video))
        else:
            fmtp = self._fmtp(source, "video") or ""
        return JobInput("video", "video", output.video_format.codec, fmtp, publisher=source)

    def _say(self, line: AnalyticLine, what: dict[str, object], *, always: bool = False) -> None:
        """Say something to all in the room, where that is wanted, and not too often."""
        if not line.order.notify:
            return
        now = self._room.ctx.now()
        passed, line.notices_at = max(0.0, now - line.notices_at), now
        line.notices = min(NOTICES_PER_SECOND, line.notices + passed * NOTICES_PER_SECOND)
        if line.notices < 1 and not always:
            return
        line.notices -= 1
        sources = self._conference.analytics[line.id].sources
        data = what.get("data")
        if isinstance(data, bytes):
            what = {**what, "data": json.loads(data)}
        head = {
            "analytics": line.id,
            "algorithm": line.order.algorithm,
            "stream": sources.get("video") or sources.get("audio"),
        }
        text = json.dumps({**head, **what}, ensure_ascii=False, separators=(",", ":"))
        self._tell([Notice(Said(SENDER, None, text, passing=True))])

    def _output(self, id: str) -> Output:
        return self._conference.analytics[id]

    def _wanted(self, line: AnalyticLine, output: Output) -> AnalysisWanted:
        return self.wanted(output, line.order.algorithm)

    def _spec(self, line: AnalyticLine) -> ChildSpec:
        sources, algorithm = self._output(line.id).sources, line.order.algorithm
        about = {
            "room": self._name,
            "analytic": line.id,
            "algorithm": algorithm,
            "stream": sources.get("video") or sources.get("audio") or "",
        }
        id, room = self.prefix + line.id, self._room.ctx.self_ref
        return analysis_spec(id, self._media, room, algorithm, about)
