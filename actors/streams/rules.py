"""The streams of a room: who may send and take what, who must hear of it, what ends with what.

A `Conference` is changed by plain method calls and answers with an `Outcome` for the actor to carry
out; it knows no actor, no clock, no engine and no dialect. Refusals are raised and leave the state
as it was. A *session* is a publication or a subscription: what a member negotiates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from actors.streams.outputs import Output, fit_audio, fit_video, require_no_mix
from actors.streams.publishing import CODECS, Publication, changed_stream, of_its_tracks
from actors.words.conference_refusals import (
    AudioForbidden,
    EmptySubscription,
    NotAllowed,
    RecordingUnknown,
    SessionUnknown,
    StreamUnknown,
    SubscriptionUnknown,
    TooManyStreams,
    VideoForbidden,
)
from actors.words.facts import (
    Fact,
    SessionEnded,
    SessionReady,
    StreamAdded,
    StreamChanged,
    StreamRemoved,
)
from actors.words.permission import Permission
from actors.words.refusals import Busy
from actors.words.rooms import ConferenceRules, Notice
from actors.words.streams import (
    AudioWanted,
    OutputChange,
    SessionEnd,
    Stream,
    StreamChange,
    VideoWanted,
)


@dataclass(frozen=True, slots=True)
class Outcome:
    """What follows from a change, for the actor to do.

    `ended` are sessions whose connections go, `stopped` recordings to finalise, `rewired` the
    outputs that take from elsewhere now, or flow or not.
    """

    notices: tuple[Notice, ...] = ()
    ended: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    rewired: tuple[str, ...] = ()

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.notices + other.notices,
            self.ended + other.ended,
            self.stopped + other.stopped,
            self.rewired + other.rewired,
        )


NOTHING = Outcome()


@dataclass(slots=True)
class Conference:
    """All tables of one room, by id. `streams` are the publications whose media can flow."""

    rules: ConferenceRules
    sessions_per_participant: int = 100
    recordings_limit: int = 20
    publications: dict[str, Publication] = field(default_factory=dict)
    streams: dict[str, Stream] = field(default_factory=dict)
    subscriptions: dict[str, Output] = field(default_factory=dict)
    recordings: dict[str, Output] = field(default_factory=dict)
    _takers: dict[str, dict[str, None]] = field(default_factory=dict)  # outputs by stream
    _sessions: dict[str, int] = field(default_factory=dict)  # how many a member has
    _hung_up: set[str] = field(default_factory=set)  # sessions that their owner has closed

    @property
    def busy(self) -> bool:
        """Whether anything keeps the room from being empty."""
        return bool(self.publications or self.subscriptions)

    # --- publications

    def publish(self, publication: Publication, permission: Permission) -> None:
        """Take a publication, connecting.

        Raises EmptySubscription, NotAllowed, TooManyStreams, AudioForbidden, VideoForbidden.
        """
        kinds, may, rules = publication.kinds, permission.publish, self.rules
        if not kinds:
            raise EmptySubscription
        if ("audio" in kinds and not may.audio) or ("video" in kinds and not may.video):
            raise NotAllowed
        if 0 <= rules.input_limit <= len(self.publications):
            raise TooManyStreams
        if self._sessions.get(publication.owner, 0) >= self.sessions_per_participant:
            raise TooManyStreams
        if "audio" in kinds and not rules.audio_in:
            raise AudioForbidden
        if "video" in kinds and not rules.video_in:
            raise VideoForbidden
        self.publications[publication.id] = publication
        self._count(publication.owner, 1)

    def control(self, by: str, stream: str, changes: Iterable[StreamChange]) -> Outcome:
        """Change a member's own stream; of several tracks, those that it has.

        Raises StreamUnknown, NotAllowed, TrackUnknown, ViewUnknown.
        """
        self._own_publication(by, stream)
        known = self.streams.get(stream)
        return self.change(stream, of_its_tracks(known, changes) if known is not None else changes)

    def change(self, stream: str, changes: Iterable[StreamChange]) -> Outcome:
        """Change any stream. Raises StreamUnknown, TrackUnknown, ViewUnknown."""
        if stream not in self.streams:
            raise StreamUnknown(stream)
        changed, fields = changed_stream(self.streams[stream], changes, self.rules.views)
        self.streams[stream] = changed
        notices = self._announced(*(StreamChanged(changed, name) for name in fields))
        return Outcome(notices, rewired=tuple(self._takers.get(stream, ())) if fields else ())

    def unpublish(self, by: str, stream: str) -> Outcome:
        """End a member's own publication. Raises StreamUnknown, NotAllowed."""
        self._own_publication(by, stream)
        return self.end(stream, None)

    def end_stream(self, stream: str) -> Outcome:
        """End any stream. Raises StreamUnknown."""
        if stream not in self.streams:
            raise StreamUnknown(stream)
        return self.end(stream, SessionEnd.REMOVED)

    # --- subscriptions

    def subscribe(
        self,
        id: str,
        owner: str,
        audio: AudioWanted | None,
        video: VideoWanted | None,
        permission: Permission,
    ) -> None:
        """Take a subscription, connecting.

        Raises NotAllowed, EmptySubscription, TargetUnsatisfying, and Busy at the limit of sessions.
        """
        may = permission.subscribe
        if (audio is not None and not may.audio) or (video is not None and not may.video):
            raise NotAllowed
        if self._sessions.get(owner, 0) >= self.sessions_per_participant:
            raise Busy("this participant has too many sessions")
        self._take(self.subscriptions, self._fitted(id, owner, audio, video))
        self._count(owner, 1)

    def control_subscription(
        self, by: str, subscription: str, changes: Iterable[OutputChange]
    ) -> Outcome:
        """Change a member's own. Raises SubscriptionUnknown, NotAllowed, TargetUnsatisfying."""
        output = self._own_subscription(by, subscription)
        changed = output.changed(changes, self.streams, self.rules.unmixed)
        self._take(self.subscriptions, changed)
        return Outcome(rewired=(subscription,))

    def unsubscribe(self, by: str, subscription: str) -> Outcome:
        """End a member's own subscription. Raises SubscriptionUnknown, NotAllowed."""
        self._own_subscription(by, subscription)
        return self.end(subscription, None)

    # --- either

    def require_own(self, by: str, session: str) -> None:
        """Check whose session it is. Raises SessionUnknown, NotAllowed."""
        known = self.publications.get(session) or self.subscriptions.get(session)
        if known is None:
            raise SessionUnknown(session)
        if known.owner != by:
            raise NotAllowed

    def codecs(self, session: str) -> dict[str, tuple[str, ...]]:
        """Return which codecs each kind of a session may have, best first."""
        publication = self.publications.get(session)
        if publication is not None:
            taken = {"audio": self.rules.audio_in, "video": self.rules.video_in}
            return {
                kind: tuple(name for name in CODECS[kind] if name in taken[kind])
                for kind in publication.kinds
            }
        output = self.subscriptions[session]
        formats = {"audio": output.audio_format, "video": output.video_format}
        return {kind: (found.codec,) for kind, found in formats.items() if found is not None}

    def negotiated(
        self, session: str, codecs: dict[str, str], rid: str | None, profile: str | None = None
    ) -> None:
        """Note what a publication carries, by kind; see `Publication.negotiated`."""
        publication = self.publications.get(session)
        if publication is not None:
            self.publications[session] = publication.negotiated(codecs, rid, profile)

    def ready(self, session: str) -> Outcome:
        """Say that the media of a negotiated session can flow."""
        publication = self.publications.get(session)
        if publication is None:
            owner = self.subscriptions[session].owner
            return Outcome((Notice(SessionReady(session), to=owner),), rewired=(session,))
        self.streams[session] = stream = publication.as_stream()
        ready = Notice(SessionReady(session), to=publication.owner)
        return Outcome((ready, *self._announced(StreamAdded(stream))))

    def hang_up(self, session: str) -> None:
        """Note that the owner has closed the connection: no end of it is news to him any more."""
        self._hung_up.add(session)

    def end(self, session: str, why: SessionEnd | None, detail: str = "") -> Outcome:
        """End a session and what hangs on it; its owner is told unless `why` is None."""
        if session in self.publications:
            return self._end_publication(session, why, detail)
        return self._end_subscription(session, why, detail)

    def leave(self, member: str) -> Outcome:
        """End all sessions of a member that has left."""
        mine = [
            *(it.id for it in self.subscriptions.values() if it.owner == member),
            *(it.id for it in self.publications.values() if it.owner == member),
        ]
        return sum((self.end(session, None) for session in mine), NOTHING)

    # --- recordings

    def record(self, id: str, audio: AudioWanted | None, video: VideoWanted | None) -> Output:
        """Take a recording. Raises EmptySubscription, TargetUnsatisfying, Busy at the limit."""
        if len(self.recordings) >= self.recordings_limit:
            raise Busy("the room has too many recordings")
        output = self._fitted(id, None, audio, video)
        self._take(self.recordings, output)
        return output

    def change_recording(self, recording: str, changes: Iterable[OutputChange]) -> Outcome:
        """Raises RecordingUnknown, TargetUnsatisfying."""
        if recording not in self.recordings:
            raise RecordingUnknown(recording)
        output = self.recordings[recording]
        self._take(self.recordings, output.changed(changes, self.streams, self.rules.unmixed))
        return Outcome(rewired=(recording,))

    def end_recording(self, recording: str) -> Outcome:
        """Raises RecordingUnknown."""
        if recording not in self.recordings:
            raise RecordingUnknown(recording)
        self._drop(self.recordings, recording)
        return Outcome(stopped=(recording,))

    # --- which outputs flow

    def source(self, output: str, kind: str) -> str | None:
        """Return the stream that an output takes this kind from."""
        found = self._output(output)
        return found.sources.get(kind) if found is not None else None

    def flows(self, output: str, kind: str) -> bool:
        """Tell whether media goes through: held at neither end."""
        found = self._output(output)
        if found is None or kind in found.held:
            return False
        stream = self.streams.get(found.sources.get(kind, ""))
        track = None if stream is None else stream.audio if kind == "audio" else stream.video
        return track is not None and track.active

    # --- inside

    def _end_publication(self, id: str, why: SessionEnd | None, detail: str) -> Outcome:
        publication = self.publications.pop(id)
        self._count(publication.owner, -1)
        outcome = Outcome(self._told(publication.owner, id, why, detail), ended=(id,))
        if self.streams.pop(id, None) is not None:
            outcome += Outcome(self._announced(StreamRemoved(id)))
        for taker in tuple(self._takers.get(id, ())):
            if taker in self.subscriptions:
                outcome += self._end_subscription(taker, SessionEnd.SOURCE_LOST)
            else:
                outcome += self._take_less(taker, id)
        return outcome

    def _end_subscription(self, id: str, why: SessionEnd | None, detail: str = "") -> Outcome:
        output = self._drop(self.subscriptions, id)
        assert output.owner is not None  # noqa: S101  only recordings have none
        self._count(output.owner, -1)
        return Outcome(self._told(output.owner, id, why, detail), ended=(id,))

    def _take_less(self, recording: str, stream: str) -> Outcome:
        """Let a recording go on with its other source, if it has one."""
        left = self.recordings[recording].without(stream)
        if not left.sources:
            return self.end_recording(recording)
        self._take(self.recordings, left)
        return Outcome(rewired=(recording,))

    def _fitted(
        self, id: str, owner: str | None, audio: AudioWanted | None, video: VideoWanted | None
    ) -> Output:
        if audio is None and video is None:
            raise EmptySubscription
        output = Output(id, owner, audio, video)
        require_no_mix(output.sources.items(), self.rules.unmixed)
        if audio is not None:
            output = replace(output, audio_format=fit_audio(audio, self.streams))
        if video is not None:
            fit = fit_video(video, self.streams, recorded=owner is None)
            output = replace(output, video_format=fit)
        return output

    def _take(self, table: dict[str, Output], output: Output) -> None:
        if output.id in table:
            self._release(table[output.id])
        table[output.id] = output
        for stream in output.sources.values():
            self._takers.setdefault(stream, {})[output.id] = None

    def _drop(self, table: dict[str, Output], id: str) -> Output:
        output = table.pop(id)
        self._release(output)
        return output

    def _release(self, output: Output) -> None:
        for stream in set(output.sources.values()):
            self._takers[stream].pop(output.id)
            if not self._takers[stream]:
                del self._takers[stream]

    def _output(self, id: str) -> Output | None:
        return self.subscriptions.get(id) or self.recordings.get(id)

    def _own_publication(self, by: str, stream: str) -> None:
        if stream not in self.publications:
            raise StreamUnknown(stream)
        if self.publications[stream].owner != by:
            raise NotAllowed

    def _own_subscription(self, by: str, subscription: str) -> Output:
        if subscription not in self.subscriptions:
            raise SubscriptionUnknown(subscription)
        if self.subscriptions[subscription].owner != by:
            raise NotAllowed
        return self.subscriptions[subscription]

    def _told(
        self, owner: str, session: str, why: SessionEnd | None, detail: str
    ) -> tuple[Notice, ...]:
        """Return what its owner is told of the end of a session, which is over with this."""
        if session in self._hung_up:
            self._hung_up.remove(session)
            why, detail = (None if why is None else SessionEnd.HUNG_UP), ""
        return () if why is None else (Notice(SessionEnded(session, why, detail), to=owner),)

    def _announced(self, *facts: Fact) -> tuple[Notice, ...]:
        return tuple(map(Notice, facts)) if self.rules.announces_streams else ()

    def _count(self, member: str, step: int) -> None:
        count = self._sessions.get(member, 0) + step
        if count:
            self._sessions[member] = count
        else:
            self._sessions.pop(member, None)
