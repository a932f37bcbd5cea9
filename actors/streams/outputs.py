"""What takes from streams: a subscription, a recording or a stream out, and what is fit for it.

What is wanted must be what the stream has, or one of its alternatives: those are made of it
(`audio_target`, `video_target`). But for keyframes, which their sender can be asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from actors.streams.alternatives import (
    audio_target,
    chosen_audio,
    chosen_video,
    multiple,
    video_target,
)
from actors.words.conference_refusals import TargetUnsatisfying
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    OutputChange,
    ParametersChange,
    SourceChange,
    StatusChange,
    VideoFormat,
    VideoParameters,
    VideoTrack,
    VideoWanted,
)
from actors.words.views import AnyStream
from media.contract.jobs import AudioTarget, VideoTarget

Streams = Mapping[str, AnyStream]
KEYFRAME_SECONDS = (1, 100)  # between those that a publisher is asked for: least and most


@dataclass(frozen=True, slots=True)
class Output:
    """What is taken: the streams by kind, in which formats, and the kinds held back.

    `owner` is a member's id, None for a recording or a stream out. The formats stay for life. The
    targets are what is encoded for it, None for what comes. A stream out needs a keyframe at least
    every `pace` seconds, and has them asked for; None leaves it to what it says of keyframes.
    """

    id: str
    owner: str | None
    audio: AudioWanted | None
    video: VideoWanted | None
    audio_format: AudioFormat | None = None
    video_format: VideoFormat | None = None
    audio_target: AudioTarget | None = None
    video_target: VideoTarget | None = None
    held: frozenset[str] = frozenset()
    pace: float | None = None

    @property
    def sources(self) -> dict[str, str]:
        """Return the stream of each kind."""
        pairs = (("audio", self.audio), ("video", self.video))
        return {kind: wanted.source for kind, wanted in pairs if wanted is not None}

    @property
    def keyframe_seconds(self) -> float | None:
        """Return how often it wants a keyframe, None if it does not say."""
        if self.video is None:
            return None
        said = self.video.parameters.keyframe_interval
        return said if self.pace is None else min(said or self.pace, self.pace)

    def target(self, kind: str) -> AudioTarget | VideoTarget | None:
        return self.audio_target if kind == "audio" else self.video_target

    def without(self, kind: str) -> Output:
        """Take nothing of that kind any more."""
        if kind == "audio":
            return replace(self, audio=None, audio_target=None)
        return replace(self, video=None, video_target=None)

    def fitted(self, streams: Streams) -> Output:
        """Return it with its formats and targets. Raises TargetUnsatisfying."""
        output = self
        if self.audio is not None:
            output = output._with_audio(self.audio, streams)
        if self.video is not None:
            output = output._with_video(self.video, streams)
        return output

    def changed(self, changes: Iterable[OutputChange], streams: Streams) -> Output:
        """Return how it is after all changes. Raises TargetUnsatisfying.

        To hold or resume a kind that is not taken changes nothing, as long as another is.
        """
        changes = tuple(changes)
        held = [change.kind for change in changes if isinstance(change, StatusChange)]
        if len(held) == len(changes) and held and not self.sources.keys() & set(held):
            raise TargetUnsatisfying(held[0], "stream")
        output = self
        for change in changes:
            output = output._changed(change, streams)
        return output

    def _changed(self, change: OutputChange, streams: Streams) -> Output:
        match change:
            case StatusChange(kind, True):
                return replace(self, held=self.held - {kind})
            case StatusChange(kind, False):
                return replace(self, held=self.held | ({kind} & self.sources.keys()))
            case SourceChange("audio", source) if self.audio is not None:
                return self._with_audio(replace(self.audio, source=source), streams)
            case SourceChange("video", source) if self.video is not None:
                return self._with_video(replace(self.video, source=source), streams)
            case ParametersChange(parameters) if self.video is not None:
                after = _merged(self.video.parameters, parameters)
                return self._with_video(replace(self.video, parameters=after), streams)
        kind = change.kind if isinstance(change, SourceChange) else "video"
        raise TargetUnsatisfying(kind, "stream")  # that kind is not taken

    def _with_audio(self, audio: AudioWanted, streams: Streams) -> Output:
        kept = replace(audio, format=self.audio_format or audio.format)
        format_, target = fit_audio(kept, streams)
        return replace(self, audio=audio, audio_format=format_, audio_target=target)

    def _with_video(self, video: VideoWanted, streams: Streams) -> Output:
        kept = replace(video, format=self.video_format or video.format)
        format_, target = fit_video(kept, streams, recorded=self.owner is None)
        return replace(self, video=video, video_format=format_, video_target=target)


def fit_audio(wanted: AudioWanted, streams: Streams) -> tuple[AudioFormat, AudioTarget | None]:
    """Return the format in which this can be had, and what is to be encoded for it.

    Raises TargetUnsatisfying.
    """
    stream = streams.get(wanted.source)
    if stream is None or stream.audio is None:
        raise TargetUnsatisfying("audio", "stream")
    own = stream.audio.format
    found = chosen_audio(wanted.format, own, stream.audio.alternatives)
    if found is None:
        raise TargetUnsatisfying("audio", "format")
    return found, None if found == own else audio_target(found)


def fit_video(
    wanted: VideoWanted, streams: Streams, *, recorded: bool = False
) -> tuple[VideoFormat, VideoTarget | None]:
    """Return the format in which a recording, or another, can have this, and what is encoded.

    Raises TargetUnsatisfying.
    """
    stream = streams.get(wanted.source)
    if stream is None or stream.video is None:
        raise TargetUnsatisfying("video", "stream")
    track = stream.video
    found = chosen_video(wanted.format, track.format, track.alternatives.formats)
    if found is None:
        raise TargetUnsatisfying("video", "format")
    _check_parameters(wanted.parameters, track, recorded=recorded)
    if wanted.rid not in (None, track.rid):
        raise TargetUnsatisfying("video", "rid")
    return found, video_target(track, found, wanted.parameters)


def _merged(before: VideoParameters, change: VideoParameters) -> VideoParameters:
    """Return parameters with those that change; the others stay."""
    given = {
        name: value
        for name in ("resolution", "framerate", "bitrate", "keyframe_interval")
        if (value := getattr(change, name)) is not None
    }
    return replace(before, **given)


def _check_parameters(wanted: VideoParameters, track: VideoTrack, *, recorded: bool) -> None:
    own, others = track.parameters, track.alternatives
    if wanted.resolution not in (None, own.resolution, *others.resolutions):
        raise TargetUnsatisfying("video", "resolution")
    if wanted.framerate not in (None, own.framerate, *others.framerates):
        raise TargetUnsatisfying("video", "framerate")
    as_is = isinstance(wanted.bitrate, str) and multiple(wanted.bitrate) == 1
    if not as_is and wanted.bitrate not in (None, own.bitrate, *others.bitrates):
        raise TargetUnsatisfying("video", "bitrate")
    interval, (least, most) = wanted.keyframe_interval, KEYFRAME_SECONDS
    if interval is None or (recorded and least <= interval <= most):
        return
    if recorded or interval not in (own.keyframe_interval, *others.keyframe_intervals):
        raise TargetUnsatisfying("video", "keyframe interval")
