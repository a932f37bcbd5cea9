"""The streams of a room: who may send and take what, who must hear of it, what ends with what.

A `Conference` is changed by plain method calls and answers with an `Outcome` for the actor to carry
out; it knows no actor, no clock, no engine and no dialect. Refusals are raised and leave the state
as it was. A *session* is a publication or a subscription: what a member negotiates.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from actors.streams.alternatives import with_alternatives
from actors.streams.conference_calls import ConferenceCalls
from actors.streams.conference_jobs import ConferenceJobs
from actors.streams.outcome import NOTHING, Outcome
from actors.streams.outputs import Output
from actors.streams.publishing import CODECS, Publication, changed_stream, of_its_tracks
from actors.streams.takers import ProcessKey
from actors.words.conference_refusals import (
    AudioForbidden,
    EmptySubscription,
    NotAllowed,
    SessionUnknown,
    StreamUnknown,
    SubscriptionUnknown,
    TooManyStreams,
    VideoForbidden,
)
from actors.words.facts import (
    SessionReady,
    StreamAdded,
    StreamChanged,
)
from actors.words.permission import Permission
from actors.words.refusals import Busy
from actors.words.rooms import Notice
from actors.words.streams import (
    AudioWanted,
    OutputChange,
    Resolution,
    SessionEnd,
    StreamChange,
    VideoWanted,
)
from actors.words.views import AnyStreamChange


@dataclass(slots=True)
class Conference(ConferenceCalls, ConferenceJobs):
    """The rules; those of views, of what is pulled, of calls, of recordings and streams out, and
    the tables are in its bases."""

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
        if 0 <= rules.input_limit <= self.inputs:
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

    def change(self, stream: str, changes: Iterable[AnyStreamChange]) -> Outcome:
        """Change any stream. Raises StreamUnknown, TrackUnknown, ViewUnknown, LayoutImpossible."""
        if stream in self.mixing.streams:
            view = self.mixing.changed(stream, changes)
            self.mixing.views[stream] = view
            return self._mixed_anew(stream)
        if stream not in self.streams:
            raise StreamUnknown(stream)
        changes = tuple(changes)
        changed, fields = changed_stream(
            self.streams[stream], self._possible(stream, changes), self.rules.views
        )
        self._hold(stream, changes)
        self.streams[stream] = changed
        outcome = Outcome(self._announced(*(StreamChanged(changed, name) for name in fields)))
        if fields:
            self._note(stream)
            outcome += Outcome(rewired=self.takers.of_stream(stream))
        return outcome + self._put(changed, changed.in_views)

    def unpublish(self, by: str, stream: str) -> Outcome:
        """End a member's own publication. Raises StreamUnknown, NotAllowed."""
        self._own_publication(by, stream)
        return self.end(stream, None)

    def end_stream(self, stream: str) -> Outcome:
        """End any stream. Raises StreamUnknown."""
        if stream in self.mixing.streams:
            raise NotAllowed("a mixed stream is there as long as its room")
        if stream not in self.streams:
            raise StreamUnknown(stream)
        if stream in self.pulled:
            return self.end_pulled(stream)
        return self.end(stream, SessionEnd.REMOVED)

    def seen(self, stream: str, size: Resolution) -> Outcome:
        """Note how large the picture of a stream is, where its publisher has not said so."""
        known = self.streams.get(stream)
        if known is None or known.video is None or known.video.parameters.resolution is not None:
            return NOTHING
        parameters = replace(known.video.parameters, resolution=size)
        _, video = with_alternatives(
            None, replace(known.video, parameters=parameters), self.rules.outputs
        )
        self.streams[stream] = changed = replace(known, video=video)
        return Outcome(self._announced(StreamChanged(changed, ".")))

    # --- subscriptions

    def subscription(
        self,
        id: str,
        owner: str,
        audio: AudioWanted | None,
        video: VideoWanted | None,
        permission: Permission,
    ) -> Output:
        """Return what a subscription would be.

        Raises NotAllowed, EmptySubscription, TargetUnsatisfying, and Busy at the limit of sessions.
        """
        may = permission.subscribe
        if (audio is not None and not may.audio) or (video is not None and not may.video):
            raise NotAllowed
        if self._sessions.get(owner, 0) >= self.sessions_per_participant:
            raise Busy("this participant has too many sessions")
        return self._fitted(id, owner, audio, video)

    def subscribe(
        self,
        id: str,
        owner: str,
        audio: AudioWanted | None,
        video: VideoWanted | None,
        permission: Permission,
    ) -> None:
        """Take a subscription, connecting. Raises what `subscription` raises."""
        self._take(self.subscriptions, self.subscription(id, owner, audio, video, permission))
        self._count(owner, 1)

    def controlled(self, by: str, subscription: str, changes: Iterable[OutputChange]) -> Output:
        """Return what a member's own subscription would be after changes.

        Raises SubscriptionUnknown, NotAllowed, TargetUnsatisfying.
        """
        return self._own_subscription(by, subscription).changed(changes, self.known)

    def control_subscription(
        self, by: str, subscription: str, changes: Iterable[OutputChange]
    ) -> Outcome:
        """Change a member's own. Raises what `controlled` raises."""
        self._take(self.subscriptions, self.controlled(by, subscription, changes))
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
        stream = publication.as_stream()
        audio, video = with_alternatives(stream.audio, stream.video, self.rules.outputs)
        views = self.rules.mixes[:1] if self.rules.auto_mix else ()
        labels = tuple(view.label for view in views)
        stream = replace(stream, audio=audio, video=video, in_views=labels)
        self.streams[session] = stream
        ready = Notice(SessionReady(session), to=publication.owner)
        added = Outcome((ready, *self._announced(StreamAdded(stream))))
        return added + self._put(stream, labels)

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

    # --- processes

    def lost(self, key: ProcessKey, detail: str) -> Outcome:
        """End what takes from a process that is gone for good."""
        outcome = NOTHING
        for taker in self.takers.of_process(key):
            if taker in self.subscriptions:
                outcome += self._end_subscription(taker, SessionEnd.MEDIA_LOST, detail)
                continue
            for kind, feed in self.takers.feeds[taker].items():
                if self.is_job(taker) and key in self.takers.processes(feed):
                    outcome += self._take_less(taker, kind)
        return outcome

    # --- inside

    def _own_subscription(self, by: str, subscription: str) -> Output:
        if subscription not in self.subscriptions:
            raise SubscriptionUnknown(subscription)
        if self.subscriptions[subscription].owner != by:
            raise NotAllowed
        return self.subscriptions[subscription]
