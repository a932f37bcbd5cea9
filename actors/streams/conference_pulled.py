"""The streams of a room that are pulled from outside: theirs is no member, and no session. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from actors.streams.alternatives import with_alternatives
from actors.streams.conference_views import ConferenceViews
from actors.streams.outcome import NOTHING, Outcome
from actors.streams.publishing import KINDS, changed_stream
from actors.streams.tables import PulledStream
from actors.words.conference_refusals import AudioForbidden, TooManyStreams, VideoForbidden
from actors.words.facts import StreamAdded, StreamChanged, StreamRemoved
from actors.words.streams import AudioTrack, StatusChange, Stream, VideoTrack
from actors.words.views import AnyStreamChange

OWNER = "admin"  # as the original calls it; no participant has such an id
STREAMING = "streaming"


@dataclass(slots=True)
class ConferencePulled(ConferenceViews):
    """The rules of what is pulled; `rules.Conference` has all others."""

    def pull(self, pulled: PulledStream, *, audio: bool | None, video: bool | None) -> None:
        """Take a stream in, of which nothing comes yet; it is wanted with sound, with a picture.

        Raises TooManyStreams, AudioForbidden, VideoForbidden.
        """
        if 0 <= self.rules.input_limit <= self.inputs:
            raise TooManyStreams
        if audio and not self.rules.audio_in:
            raise AudioForbidden
        if video and not self.rules.video_in:
            raise VideoForbidden
        self.pulled[pulled.id] = pulled

    def flow_in(self, id: str, audio: AudioTrack | None, video: VideoTrack | None) -> Outcome:
        """Note that media comes of a source, for the first time or again, and as what.

        Takers have what they want of it as it is now; who cannot, loses it.
        """
        pulled, before = self.pulled[id], self.streams.get(id)
        pulled.lost = False
        audio, video = with_alternatives(audio, video, self.rules.outputs)
        if before is None:
            return self._add(pulled, audio, video)
        after = held_stream(replace(before, audio=audio, video=video), pulled.held)
        outcome = self._become(before, after)
        # Also where nothing is new to anybody: another process may send it.
        return outcome + Outcome(rewired=self.takers.of_stream(id))

    def lose_source(self, id: str) -> Outcome:
        """Note that nothing comes of a source for now: its stream is inactive meanwhile."""
        pulled, before = self.pulled[id], self.streams.get(id)
        if before is None or pulled.lost:
            return NOTHING
        pulled.lost = True
        return self._become(before, held_stream(before, frozenset(KINDS)))

    def end_pulled(self, id: str) -> Outcome:
        """End a stream in, whether it has flowed or not."""
        del self.pulled[id]
        outcome = Outcome(ended=(id,))
        stream = self.streams.pop(id, None)
        if stream is not None:
            outcome += Outcome(self._announced(StreamRemoved(id))) + self._put(stream, ())
        return outcome + self._lose(id)

    def _possible(
        self, stream: str, changes: tuple[AnyStreamChange, ...]
    ) -> tuple[AnyStreamChange, ...]:
        """Return changes of a stream; what nothing comes of stays inactive until something does."""
        pulled = self.pulled.get(stream)
        if pulled is None or not pulled.lost:
            return changes
        return tuple(
            StatusChange(each.kind, active=False) if isinstance(each, StatusChange) else each
            for each in changes
        )

    def _hold(self, stream: str, changes: tuple[AnyStreamChange, ...]) -> None:
        """Remember which kinds of a stream in are to flow once something comes."""
        pulled = self.pulled.get(stream)
        if pulled is None:
            return
        for each in changes:
            if isinstance(each, StatusChange):
                held = pulled.held - {each.kind}
                pulled.held = held if each.active else held | {each.kind}

    def _add(
        self, pulled: PulledStream, audio: AudioTrack | None, video: VideoTrack | None
    ) -> Outcome:
        views = self.rules.mixes[:1] if self.rules.auto_mix else ()
        labels = tuple(view.label for view in views)
        stream = Stream(pulled.id, OWNER, audio, video, pulled.attributes, labels, kind=STREAMING)
        self.streams[pulled.id] = stream
        return Outcome(self._announced(StreamAdded(stream))) + self._put(stream, labels)

    def _become(self, before: Stream, after: Stream) -> Outcome:
        id_ = after.id
        self.streams[id_] = after
        if before == after:
            return NOTHING
        if held_stream(before, KINDS) == held_stream(after, KINDS):  # the status alone is new
            changed = (kind for kind in KINDS if _active(before, kind) != _active(after, kind))
            told = (StreamChanged(after, f"{kind}.status") for kind in reversed(tuple(changed)))
            self._note(id_)
            return Outcome(self._announced(*told), rewired=self.takers.of_stream(id_))
        outcome = Outcome(self._announced(StreamChanged(after, ".")))
        if (before.video is None) != (after.video is None):  # a view has another place for it
            outcome += self._put(after, ()) + self._put(after, after.in_views)
        self._note(id_)
        return outcome + self._fit_anew(id_)


def _active(stream: Stream, kind: str) -> bool:
    track = stream.audio if kind == "audio" else stream.video
    return track is not None and track.active


def held_stream(stream: Stream, kinds: Iterable[str]) -> Stream:
    """Return a stream of which exactly these kinds do not flow."""
    kinds = frozenset(kinds)
    changes = [
        StatusChange(kind, kind not in kinds)
        for kind in KINDS
        if (stream.audio if kind == "audio" else stream.video) is not None
    ]
    return changed_stream(stream, changes, ())[0]
