"""The views of a room that are mixed, and the streams that they are. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from actors.streams.alternatives import (
    ENCODED_AUDIO,
    UNKNOWN_FRAMERATE,
    UNKNOWN_SIZE,
    can_encode,
    with_alternatives,
)
from actors.streams.bitrates import usual_bitrate
from actors.streams.view_state import ViewState
from actors.words.conference_refusals import LayoutImpossible, NotAllowed, ViewUnknown
from actors.words.facts import StreamChanged
from actors.words.streams import AudioTrack, Stream, VideoTrack
from actors.words.views import (
    AnyStreamChange,
    LayoutChange,
    MixedStream,
    OutputRules,
    RegionChange,
    ViewRules,
    ViewVideo,
)

ORIGIN = ""  # of a track that the server makes
LAYOUT, ACTIVE_INPUT = "video.layout", "activeInput"  # fields of StreamChanged


@dataclass(slots=True)
class Mixing:
    """`streams` are the mixed streams by id, `views` by the same."""

    views: dict[str, ViewState] = field(default_factory=dict)
    streams: dict[str, MixedStream] = field(default_factory=dict)

    @classmethod
    def of(cls, rules: Iterable[ViewRules], outputs: OutputRules) -> Mixing:
        """Make what is mixed of views: without sound or picture of a format that we cannot make."""
        views = {each.id: ViewState(_made(each)) for each in rules}
        streams = {id_: _stream(view.rules, outputs) for id_, view in views.items()}
        streams = {id_: it for id_, it in streams.items() if it.audio or it.video}
        return cls({id_: views[id_] for id_ in streams}, streams)

    def labelled(self, label: str) -> str | None:
        """Return the id of the mixed stream of a view, None where that is not mixed."""
        return next((id_ for id_, it in self.streams.items() if it.label == label), None)

    def required(self, label: str) -> tuple[str, ViewState]:
        """Return the id of a view's stream, and the view. Raises ViewUnknown."""
        id_ = self.labelled(label)
        if id_ is None:
            raise ViewUnknown(label)
        return id_, self.views[id_]

    def own_input(self, mix: str, member: str | None, streams: Mapping[str, Stream]) -> str | None:
        """Return the stream of which a member is not to hear the sound in a view.

        Of several, that of a microphone; None for somebody who is not heard in it.
        """
        view = self.views.get(mix)
        if view is None or member is None:
            return None
        own = [streams[it] for it in view.inputs if it in streams and streams[it].owner == member]
        heard = [(it.id, it.audio.origin) for it in own if it.audio is not None]
        spoken = (id_ for id_, origin in heard if origin == "mic")
        return next(spoken, heard[0][0] if heard else None)

    def of_input(self, stream: str) -> tuple[str, ...]:
        """Return the mixed streams that a stream is in."""
        return tuple(id_ for id_, view in self.views.items() if stream in view.inputs)

    def become(self, other: Mixing, streams: Mapping[str, Stream]) -> None:
        """Have the views of another one, with what is in those that there are already.

        `streams` are those of the room, for views that it did not have.
        """
        known = dict(self.views)
        self.views.clear()
        self.streams.clear()
        self.streams |= other.streams
        for id_, view in other.views.items():
            if id_ in known:
                view = known[id_].under(view.rules)
            self.views[id_] = view
            for stream in streams.values():
                if view.rules.label in stream.in_views:
                    view.add(stream.id, picture=stream.video is not None)
            self.refresh(id_)

    # --- changes; each returns what is to be told

    def put(self, stream: Stream, labels: Iterable[str]) -> dict[str, list[StreamChanged]]:
        """Have a stream be in the views of these labels, and in no others.

        Returns the mixed streams for which that is new, with what is told of them.
        """
        labels, changed = frozenset(labels), {}
        for id_, view in self.views.items():
            if (stream.id in view.inputs) == (view.rules.label in labels):
                continue
            if stream.id in view.inputs:
                view.remove(stream.id)
            else:
                view.add(stream.id, picture=stream.video is not None)
            changed[id_] = self.refresh(id_)
        return changed

    def changed(self, mix: str, changes: Iterable[AnyStreamChange]) -> ViewState:
        """Return how a view is after all changes. Raises LayoutImpossible, NotAllowed."""
        view = self.views[mix]
        view = replace(view, inputs=dict(view.inputs))
        for change in changes:
            if view.rules.video is None:
                raise LayoutImpossible("There is no video")
            match change:
                case LayoutChange(layout):
                    view.lay_out(layout)
                case RegionChange(index, stream):
                    view.show_at(index, stream)
                case _:
                    raise NotAllowed("a mixed stream is neither held nor mixed")
        return view

    def refresh(self, mix: str) -> list[StreamChanged]:
        """Bring a mixed stream in line with its view; return what is to be told."""
        view, before = self.views[mix], self.streams[mix]
        after = self.streams[mix] = replace(
            before, layout=view.layout, active_input=view.active, inputs=tuple(view.inputs)
        )
        fields = []
        if after.layout != before.layout:
            fields.append(LAYOUT)
        if after.active_input != before.active_input:
            fields.append(ACTIVE_INPUT)
        return [StreamChanged(after, name) for name in fields]


def same_formats(one: MixedStream, other: MixedStream) -> bool:
    """Tell whether two views send the same: who takes of one could take of the other."""
    return all(
        (before and before.format) == (after and after.format)
        for before, after in ((one.audio, other.audio), (one.video, other.video))
    )


def _made(rules: ViewRules) -> ViewRules:
    video = rules.video
    return rules if video is None or can_encode(video.format) else replace(rules, video=None)


def _stream(rules: ViewRules, outputs: OutputRules) -> MixedStream:
    audio, video = with_alternatives(
        AudioTrack(ORIGIN, rules.audio) if rules.audio.codec in ENCODED_AUDIO else None,
        None if rules.video is None else _picture(rules.video),
        outputs,
        mixed=True,
    )
    return MixedStream(rules.id, rules.label, audio, video)


def _picture(video: ViewVideo) -> VideoTrack:
    """Return the track of a view's picture, with all its parameters."""
    own = video.parameters
    size, rate = own.resolution or UNKNOWN_SIZE, own.framerate or UNKNOWN_FRAMERATE
    bitrate = own.bitrate
    if not isinstance(bitrate, int):
        bitrate = usual_bitrate(size, rate, video.motion_factor)
    parameters = replace(own, resolution=size, framerate=rate, bitrate=bitrate)
    return VideoTrack(ORIGIN, video.format, parameters)
