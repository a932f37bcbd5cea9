"""The telephone calls of a room: what each sends is a publication, what it takes a subscription.

Neither is negotiated as those of members are: what a call and its room have agreed on comes as
`CallTerms`, at first and each time that the other side wants something else. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product

from msgspec import structs

from actors.streams.alternatives import with_alternatives
from actors.streams.conference_pulled import ConferencePulled, held_stream
from actors.streams.outcome import NOTHING, Outcome
from actors.streams.outputs import Output
from actors.streams.publishing import KINDS, Publication
from actors.streams.tables import CallMedia
from actors.words.calls import CallUnknown
from actors.words.conference_refusals import AudioForbidden, TargetUnsatisfying, TooManyStreams
from actors.words.facts import StreamAdded
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    OutputChange,
    StatusChange,
    Stream,
    VideoFormat,
    VideoWanted,
)
from actors.words.views import AnyStreamChange

SIP = "sip"  # the kind of what a call sends
ORIGINS = {"audio": "mic", "video": "camera"}


@dataclass(frozen=True, slots=True)
class CallTerms:
    """What both sides have agreed on: one format of each kind, None without it.

    `comes` are the kinds that the call may send, `silent` those of them that it does not send at
    the moment; `goes` are the kinds that it may be sent. `bandwidth` is what it takes of video at
    most, in kbit/s; 0: it has not said.
    """

    audio: AudioFormat | None = None
    video: VideoFormat | None = None
    comes: frozenset[str] = frozenset()
    silent: frozenset[str] = frozenset()
    goes: frozenset[str] = frozenset()
    bandwidth: int = 0


@dataclass(slots=True)
class ConferenceCalls(ConferencePulled):
    """The rules of calls; `rules.Conference` has all others."""

    def begin_call(self, media: CallMedia) -> None:
        """Take a call of which nothing comes yet. Raises TooManyStreams, AudioForbidden."""
        if 0 <= self.rules.input_limit <= self.inputs:
            raise TooManyStreams
        if not self.rules.audio_in:
            raise AudioForbidden
        self.calls[media.id] = media
        self.call_of[media.stream] = self.call_of[media.output] = media.id

    def call_output(self, call: str, terms: CallTerms) -> Output:
        """Return what a call would take. Raises TargetUnsatisfying."""
        return self._output_of(self._call(call), terms)

    def agree(self, call: str, terms: CallTerms) -> Outcome:
        """Have a call send and take what was agreed on, for the first time or anew.

        What it was to be sent may be gone meanwhile: then it is sent the view. Raises
        TargetUnsatisfying where there is no view either; nothing has changed then.
        """
        media = self._call(call)
        output = self._output_left(media, terms)
        media.silent, media.bandwidth = terms.silent, terms.bandwidth
        outcome = self._send(media, terms)
        if output.id not in self.subscriptions:
            self._count(call, 1)
        self._take(self.subscriptions, output)
        return outcome + Outcome(rewired=(output.id,))

    def call_after(self, call: str, changes: Iterable[OutputChange]) -> Output:
        """Return what a call would take after changes. Raises CallUnknown, TargetUnsatisfying."""
        media = self._call(call)
        if media.output not in self.subscriptions:
            raise CallUnknown(call)
        before = self.subscriptions[media.output]
        return _within(before.changed(changes, self.sources_for(media.output)), media.bandwidth)

    def change_call(self, call: str, changes: Iterable[OutputChange]) -> Outcome:
        """Raises CallUnknown, TargetUnsatisfying."""
        output, media = self.call_after(call, changes), self._call(call)
        if output.audio is not None:
            media.hears = output.audio
        if output.video is not None:
            media.sees = output.video
        self._take(self.subscriptions, output)
        return Outcome(rewired=(output.id,))

    def end_call(self, call: str) -> Outcome:
        """End what a call sends and takes; nothing for one that is unknown."""
        media = self.calls.pop(call, None)
        if media is None:
            return NOTHING
        del self.call_of[media.stream], self.call_of[media.output]
        outcome = NOTHING
        if media.output in self.subscriptions:
            outcome += self._end_subscription(media.output, None)
        if media.stream in self.publications:
            outcome += self._end_publication(media.stream, None, "")
        return outcome

    # --- inside

    def _call(self, call: str) -> CallMedia:
        if call not in self.calls:
            raise CallUnknown(call)
        return self.calls[call]

    def _output_of(self, media: CallMedia, terms: CallTerms) -> Output:
        """Raises TargetUnsatisfying."""
        hears, sees = media.hears, media.sees
        audio = video = None
        if "audio" in terms.goes and hears is not None:
            audio = replace(hears, format=terms.audio)
        if "video" in terms.goes and sees is not None:
            video = replace(sees, format=terms.video)
        wanted = Output(media.output, media.id, audio, video)
        output = wanted.fitted(self.sources_for(media.output))
        before = self.subscriptions.get(media.output)
        held = frozenset() if before is None else before.held & output.sources.keys()
        return _within(replace(output, held=held), terms.bandwidth)

    def _output_left(self, media: CallMedia, terms: CallTerms) -> Output:
        """Return what a call takes: what it was to, or the view, or that without a picture.

        Raises TargetUnsatisfying.
        """
        view = self.call_view()
        sounds, pictures = [media.hears], [media.sees]
        if view is not None and media.hears is not None:
            sounds.append(AudioWanted(view.id))
        if media.sees is not None:
            pictures += [None] if view is None else [VideoWanted(view.id), None]
        for hears, sees in product(sounds, pictures):
            with suppress(TargetUnsatisfying):
                return self._output_of(replace(media, hears=hears, sees=sees), terms)
        raise TargetUnsatisfying("audio", "stream")

    def _send(self, media: CallMedia, terms: CallTerms) -> Outcome:
        before = self.streams.get(media.stream)
        publication = _publication(media, terms)
        if not publication.kinds:
            if media.stream not in self.publications:
                return NOTHING
            media.silent = frozenset(KINDS)  # its stream stays, for the call may send again
            return NOTHING if before is None else self._become(before, self._as_held(before, media))
        if media.stream not in self.publications:
            self._count(media.id, 1)
        self.publications[media.stream] = publication
        stream = publication.as_stream()
        audio, video = with_alternatives(stream.audio, stream.video, self.rules.outputs)
        labels = before.in_views if before is not None else self._call_labels()
        after = replace(stream, audio=audio, video=video, in_views=labels)
        after = self._as_held(after, media)
        if before is not None:
            return self._become(before, after)
        self.streams[media.stream] = after
        return Outcome(self._announced(StreamAdded(after))) + self._put(after, labels)

    def _call_labels(self) -> tuple[str, ...]:
        """Return where a call is mixed, whatever else is mixed without being told to."""
        view = self.call_view()
        return () if view is None else (view.label,)

    def _as_held(self, stream: Stream, media: CallMedia) -> Stream:
        return held_stream(stream, media.held | media.silent)

    def _possible(
        self, stream: str, changes: tuple[AnyStreamChange, ...]
    ) -> tuple[AnyStreamChange, ...]:
        """Return changes of a stream; what a call does not send stays inactive until it does."""
        media = self.calls.get(self.call_of.get(stream, ""))
        if media is None:
            return ConferencePulled._possible(self, stream, changes)
        return tuple(
            StatusChange(each.kind, each.active and each.kind not in media.silent)
            if isinstance(each, StatusChange)
            else each
            for each in changes
        )

    def _hold(self, stream: str, changes: tuple[AnyStreamChange, ...]) -> None:
        """Remember which kinds of a stream are held, whatever the call sends."""
        media = self.calls.get(self.call_of.get(stream, ""))
        if media is None:
            ConferencePulled._hold(self, stream, changes)
            return
        for each in changes:
            if isinstance(each, StatusChange):
                held = media.held - {each.kind}
                media.held = held if each.active else held | {each.kind}


def _publication(media: CallMedia, terms: CallTerms) -> Publication:
    formats = {"audio": terms.audio, "video": terms.video}
    codecs = {
        kind: found.codec
        for kind, found in formats.items()
        if found is not None and kind in terms.comes
    }
    return Publication(
        media.stream,
        media.id,
        ORIGINS["audio"] if "audio" in codecs else None,
        ORIGINS["video"] if "video" in codecs else None,
        codecs=codecs,
        profile=None if terms.video is None else terms.video.profile,
        kind=SIP,
    )


def _within(output: Output, bandwidth: int) -> Output:
    """Return an output of whose picture no more is made than somebody takes."""
    target = output.video_target
    if target is None or not 0 < bandwidth < target.bitrate:
        return output
    return replace(output, video_target=structs.replace(target, bitrate=bandwidth))
