"""The tables of a room with streams, and what is read from them. Pure.

What may be changed, and who must hear of it, is said by `rules.Conference`.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from actors.streams.call_sources import CallSources
from actors.streams.mixing import Mixing
from actors.streams.outcome import NOTHING, Outcome
from actors.streams.outputs import Output
from actors.streams.publishing import KINDS, Publication
from actors.streams.takers import Feed, Feeds, Takers
from actors.words.conference_refusals import (
    EmptySubscription,
    NotAllowed,
    StreamUnknown,
    TargetUnsatisfying,
)
from actors.words.facts import Fact, SessionEnded, StreamRemoved
from actors.words.rooms import ConferenceRules, Notice
from actors.words.streams import AudioWanted, SessionEnd, SourceChange, Stream, VideoWanted
from actors.words.views import AnyStream, MixedStream


@dataclass(slots=True)
class PulledStream:
    """A stream in, from asking for it to its end. `lost` while nothing comes of its source.

    `held` are the kinds that a management API holds, whether anything comes or not.
    """

    id: str
    attributes: bytes | None = None
    held: frozenset[str] = frozenset()
    lost: bool = False


@dataclass(slots=True)
class CallMedia:
    """A telephone call, whose id is its member's: the ids of what it sends, and of what it takes.

    `hears` and `sees` are what it is to be sent. `held` are the kinds that a management API holds,
    `silent` those that the other side does not send for now; it takes `bandwidth` kbit/s at most.
    """

    id: str
    stream: str
    output: str
    hears: AudioWanted | None
    sees: VideoWanted | None
    held: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    bandwidth: int = 0


@dataclass(slots=True)
class ConferenceTables:
    """All tables of one room, by id.

    `streams` are the publications, and the streams in (`pulled`), whose media can flow; `known` has
    the mixed streams as well.
    """

    rules: ConferenceRules
    sessions_per_participant: int = 100
    recordings_limit: int = 20
    broadcasts_limit: int = 20
    analytics_limit: int = 20
    publications: dict[str, Publication] = field(default_factory=dict)
    pulled: dict[str, PulledStream] = field(default_factory=dict)
    calls: dict[str, CallMedia] = field(default_factory=dict)
    call_of: dict[str, str] = field(default_factory=dict)  # by what it sends, and what it takes
    streams: dict[str, Stream] = field(default_factory=dict)
    subscriptions: dict[str, Output] = field(default_factory=dict)
    recordings: dict[str, Output] = field(default_factory=dict)
    broadcasts: dict[str, Output] = field(default_factory=dict)
    watched: dict[str, Output] = field(default_factory=dict)
    analytics: dict[str, Output] = field(default_factory=dict)
    mixing: Mixing = field(default_factory=Mixing)
    takers: Takers = field(default_factory=Takers)
    _sessions: dict[str, int] = field(default_factory=dict)  # how many a member has
    _hung_up: set[str] = field(default_factory=set)  # sessions that their owner has closed
    known: ChainMap[str, AnyStream] = field(init=False)

    def __post_init__(self) -> None:
        self.mixing = Mixing.of(self.rules.mixes, self.rules.outputs)
        self.takers.mixed = frozenset(self.mixing.streams)
        self.known = ChainMap[str, AnyStream](self.streams, self.mixing.streams)  # type: ignore[arg-type]

    @property
    def busy(self) -> bool:
        """Whether anything keeps the room from being empty: streams in and out do until they end.

        Who only watches does not: that may be anybody, and for ever. Nor does an analytic: the view
        that it looks at would never be gone.
        """
        given = self.publications or self.pulled or self.calls
        return bool(given or self.subscriptions or self.broadcasts)

    @property
    def inputs(self) -> int:
        """How many streams come into the room, or are about to."""
        begun = sum(it.stream not in self.publications for it in self.calls.values())
        return len(self.publications) + len(self.pulled) + begun

    def source(self, output: str, kind: str) -> str | None:
        """Return the stream that an output takes this kind from."""
        found = self._output(output)
        return found.sources.get(kind) if found is not None else None

    def feed(self, output: str, kind: str) -> Feed | None:
        """Return what an output takes of this kind."""
        return self.takers.feeds.get(output, {}).get(kind)

    def feeds_of(self, output: Output) -> Feeds:
        """Return what an output takes, or would take, by kind."""
        feeds = {}
        for kind, stream in output.sources.items():
            without = None
            if kind == "audio":
                without = self.mixing.own_input(stream, output.owner, self.streams)
            feeds[kind] = Feed(stream, kind, output.target(kind), without)
        return feeds

    def flows(self, output: str, kind: str) -> bool:
        """Tell whether media goes through: held at neither end."""
        found = self._output(output)
        if found is None or kind in found.held:
            return False
        return self.active(found.sources.get(kind, ""), kind)

    def active(self, stream: str, kind: str) -> bool:
        """Tell whether a stream has a track of this kind that is not held."""
        found = self.known.get(stream)
        track = None if found is None else found.audio if kind == "audio" else found.video
        return track is not None and track.active

    def suits(self, output: str, feed: Feed) -> bool:
        """Tell whether what comes as a feed is, by now, of the codec that an output takes."""
        found, stream = self._output(output), self.known.get(feed.stream)
        if found is None or stream is None:
            return False
        sound = feed.kind == "audio"
        track = stream.audio if sound else stream.video
        taken = found.audio_format if sound else found.video_format
        if track is None or taken is None:
            return False
        return (feed.target or track.format).codec == taken.codec

    def sources_for(self, output: str) -> Mapping[str, AnyStream]:
        """Return the streams as somebody can have them: a call, or anybody."""
        return CallSources(self.known) if output in self.call_of else self.known

    def call_view(self, but: str = "") -> MixedStream | None:
        """Return the first view with sound: a call is mixed into it, and hears it."""
        mixed = self.mixing.streams.values()
        return next((it for it in mixed if it.audio is not None and it.id != but), None)

    # --- changes that all rules share

    def _fitted(
        self, id: str, owner: str | None, audio: AudioWanted | None, video: VideoWanted | None
    ) -> Output:
        if audio is None and video is None:
            raise EmptySubscription
        return Output(id, owner, audio, video).fitted(self.known)

    def _take(self, table: dict[str, Output], output: Output) -> None:
        table[output.id] = output
        self.takers.take(output, self.feeds_of(output))

    def _drop(self, table: dict[str, Output], id: str) -> Output:
        self.takers.drop(id)
        return table.pop(id)

    def _note(self, stream: str) -> None:
        """Note a change of a stream, for the processes that take it."""
        self.takers.note(stream)
        self.takers.stale |= dict.fromkeys(self.mixing.of_input(stream))

    def _put(self, stream: Stream, labels: Iterable[str]) -> Outcome:
        """Have a stream be in these views; whoever takes one of them may not hear himself."""
        outcome = NOTHING
        for mix, told in self.mixing.put(stream, labels).items():
            mine = [
                output
                for output in self.takers.of_stream(mix)
                if output in self.subscriptions and self.subscriptions[output].owner == stream.owner
            ]
            for output in mine:
                self._take(self.subscriptions, self.subscriptions[output])
            self.takers.stale[mix] = None
            outcome += Outcome(self._announced(*told), rewired=tuple(mine))
        return outcome

    def _mixed_anew(self, mix: str) -> Outcome:
        self.takers.stale[mix] = None
        return Outcome(self._announced(*self.mixing.refresh(mix)))

    def _lose(self, stream: str) -> Outcome:
        """End what takes from a stream that is gone."""
        outcome = NOTHING
        for taker in self.takers.of_stream(stream):
            if taker in self.call_of:
                outcome += self._turn_to_view(taker, (stream,), self.call_view(stream), *KINDS)
                continue
            if taker in self.subscriptions:
                outcome += self._end_subscription(taker, SessionEnd.SOURCE_LOST)
                continue
            for kind, source in self._jobs_with(taker)[taker].sources.items():
                if source == stream:
                    outcome += self._take_less(taker, kind)
        return outcome

    def _end_subscription(self, id: str, why: SessionEnd | None, detail: str = "") -> Outcome:
        output = self._drop(self.subscriptions, id)
        assert output.owner is not None  # noqa: S101  only what jobs take has none
        self._count(output.owner, -1)
        return Outcome(self._told(output.owner, id, why, detail), ended=(id,))

    def _end_publication(self, id: str, why: SessionEnd | None, detail: str) -> Outcome:
        publication = self.publications.pop(id)
        self._count(publication.owner, -1)
        outcome = Outcome(self._told(publication.owner, id, why, detail), ended=(id,))
        stream = self.streams.pop(id, None)
        if stream is not None:
            outcome += Outcome(self._announced(StreamRemoved(id))) + self._put(stream, ())
        return outcome + self._lose(id)

    def _turn_to_view(
        self, output: str, lost: Collection[str], view: MixedStream | None, *kinds: str
    ) -> Outcome:
        """Let a call have a view instead of what it cannot have any more of streams, by kinds.

        Without sound, what it takes ends.
        """
        found = self.subscriptions[output]
        for kind, source in found.sources.items():
            if source not in lost or kind not in kinds:
                continue
            try:
                change = SourceChange(kind, "" if view is None else view.id)
                found = found.changed([change], self.sources_for(output))
            except TargetUnsatisfying:
                found = found.without(kind)
        if "audio" not in found.sources:
            return self._end_subscription(output, SessionEnd.SOURCE_LOST)
        self._take(self.subscriptions, found)
        return Outcome(rewired=(output,))

    def is_job(self, output: str) -> bool:
        """Tell whether this is what a recording takes, a stream out, a viewer, or an analytic."""
        return output in self._jobs_with(output)

    def _jobs_with(self, job: str) -> dict[str, Output]:
        """Return the table that has a job; that of recordings for what is none."""
        others = (self.broadcasts, self.watched, self.analytics)
        return next((table for table in others if job in table), self.recordings)

    def _take_less(self, job: str, kind: str) -> Outcome:
        """Let a job go on with its other source, if it has one, and is no analytic: that ends."""
        table = self._jobs_with(job)
        if job not in table:
            return NOTHING  # it has ended with the other source
        left = table[job].without(kind)
        if not left.sources or table is self.analytics:
            self._drop(table, job)
            return Outcome(stopped=(job,))
        self._take(table, left)
        return Outcome(rewired=(job,))

    def _own_publication(self, by: str, stream: str) -> None:
        if stream in self.pulled:
            raise NotAllowed
        if stream not in self.publications:
            raise StreamUnknown(stream)
        if self.publications[stream].owner != by:
            raise NotAllowed

    def _output(self, id: str) -> Output | None:
        return self.subscriptions.get(id) or self._jobs_with(id).get(id)

    def _announced(self, *facts: Fact) -> tuple[Notice, ...]:
        return tuple(map(Notice, facts)) if self.rules.announces_streams else ()

    def _count(self, member: str, step: int) -> None:
        count = self._sessions.get(member, 0) + step
        if count:
            self._sessions[member] = count
        else:
            self._sessions.pop(member, None)

    def _told(
        self, owner: str, session: str, why: SessionEnd | None, detail: str
    ) -> tuple[Notice, ...]:
        """Return what its owner is told of the end of a session, which is over with this."""
        if session in self._hung_up:
            self._hung_up.remove(session)
            why, detail = (None if why is None else SessionEnd.HUNG_UP), ""
        return () if why is None else (Notice(SessionEnded(session, why, detail), to=owner),)
