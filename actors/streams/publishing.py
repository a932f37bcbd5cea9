"""A publication: what a member sends, from its order to publish until its media can flow."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from actors.words.conference_refusals import NotAllowed, TrackUnknown, ViewUnknown
from actors.words.streams import (
    AS_IT_COMES,
    AudioFormat,
    AudioTrack,
    StatusChange,
    Stream,
    StreamChange,
    VideoFormat,
    VideoParameters,
    VideoTrack,
    ViewChange,
)
from actors.words.views import AnyStreamChange
from media.contract.codec import H264Profile

AUDIO_FORMATS = {
    "opus": AudioFormat("opus", 48_000, 2),
    "g722": AudioFormat("g722", 16_000, 1),
    "pcmu": AudioFormat("pcmu"),
    "pcma": AudioFormat("pcma"),
}
VIDEO_FORMATS = {"vp8": VideoFormat("vp8"), "h264": VideoFormat("h264", "CB")}
PROFILES = {H264Profile.BASELINE: "CB", H264Profile.MAIN: "M", H264Profile.HIGH: "H"}
KINDS = ("audio", "video")
CODECS = {"audio": tuple(AUDIO_FORMATS), "video": tuple(VIDEO_FORMATS)}  # what media can forward


@dataclass(frozen=True, slots=True)
class Publication:
    """An order to publish. The origins are in the publisher's words, None for what is not sent."""

    id: str
    owner: str
    audio_origin: str | None
    video_origin: str | None
    parameters: VideoParameters = AS_IT_COMES
    attributes: bytes | None = None
    codecs: dict[str, str] = field(default_factory=dict)  # by kind, once negotiated
    rid: str | None = None
    profile: str | None = None  # of H.264, where it is not the usual one
    kind: str = "webrtc"

    @property
    def kinds(self) -> tuple[str, ...]:
        pairs = (("audio", self.audio_origin), ("video", self.video_origin))
        return tuple(kind for kind, origin in pairs if origin is not None)

    def negotiated(
        self, codecs: dict[str, str], rid: str | None, profile: str | None = None
    ) -> Publication:
        """Note the codec of each kind, the simulcast layer that is received, H.264's profile."""
        return replace(self, codecs=codecs, rid=rid, profile=profile)

    def as_stream(self) -> Stream:
        """Return the stream that this is, once negotiated."""
        audio = video = None
        if self.audio_origin is not None:
            audio = AudioTrack(self.audio_origin, AUDIO_FORMATS[self.codecs["audio"]])
        if self.video_origin is not None:
            format_ = VIDEO_FORMATS[self.codecs["video"]]
            if format_.profile is not None and self.profile is not None:
                format_ = replace(format_, profile=self.profile)
            video = VideoTrack(self.video_origin, format_, self.parameters, self.rid)
        return Stream(self.id, self.owner, audio, video, self.attributes, kind=self.kind)


def of_its_tracks(stream: Stream, changes: Iterable[StreamChange]) -> tuple[StreamChange, ...]:
    """Return the changes without those of a track that a stream has not, if one of the others is.

    Clients hold audio and video alike, whatever a stream has of them.
    """
    changes = tuple(changes)
    fit = tuple(
        change
        for change in changes
        if not isinstance(change, StatusChange) or getattr(stream, change.kind) is not None
    )
    return fit or changes


def changed_stream(
    stream: Stream, changes: Iterable[AnyStreamChange], views: Iterable[str]
) -> tuple[Stream, tuple[str, ...]]:
    """Return how a stream is after all changes, and the names of the fields that are new.

    Raises ViewUnknown, TrackUnknown where a track that it has not is to be held or resumed, and
    NotAllowed for what only mixed streams have.
    """
    known, before = frozenset(views), stream
    for change in changes:
        match change:
            case StatusChange("audio", active) if stream.audio is not None:
                stream = replace(stream, audio=replace(stream.audio, active=active))
            case StatusChange("video", active) if stream.video is not None:
                stream = replace(stream, video=replace(stream.video, active=active))
            case StatusChange():
                raise TrackUnknown
            case ViewChange(view, member):
                if view not in known:
                    raise ViewUnknown(view)
                others = tuple(label for label in stream.in_views if label != view)
                stream = replace(stream, in_views=(*others, view) if member else others)
            case _:
                raise NotAllowed("only mixed streams have a layout")
    fields = [f"{kind}.status" for kind in KINDS if _active(stream, kind) != _active(before, kind)]
    if set(stream.in_views) != set(before.in_views):
        fields.append(".")
    return stream, tuple(sorted(fields, reverse=True))


def _active(stream: Stream, kind: str) -> bool:
    track = stream.audio if kind == "audio" else stream.video
    return track is not None and track.active
