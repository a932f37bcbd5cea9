"""What takes from streams: a subscription or a recording, and whether streams are fit for it.

Nothing is converted: what is wanted must be what the stream has. But for a recording, publishers
can be asked for keyframes as often as is wanted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from actors.words.conference_refusals import UNMIXED, TargetUnsatisfying
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    OutputChange,
    ParametersChange,
    SourceChange,
    StatusChange,
    Stream,
    VideoFormat,
    VideoParameters,
    VideoWanted,
)

Streams = Mapping[str, Stream]
AS_IS_BITRATES = (None, "x1", "x1.0")
KEYFRAME_SECONDS = (1, 100)  # between those that a publisher is asked for: least and most


@dataclass(frozen=True, slots=True)
class Output:
    """What is taken: the streams by kind, in which formats, and the kinds held back.

    `owner` is a member's id, None for a recording. The formats stay for life.
    """

    id: str
    owner: str | None
    audio: AudioWanted | None
    video: VideoWanted | None
    audio_format: AudioFormat | None = None
    video_format: VideoFormat | None = None
    held: frozenset[str] = frozenset()

    @property
    def sources(self) -> dict[str, str]:
        """Return the stream of each kind."""
        pairs = (("audio", self.audio), ("video", self.video))
        return {kind: wanted.source for kind, wanted in pairs if wanted is not None}

    def without(self, stream: str) -> Output:
        """Take nothing from that stream any more."""
        audio = None if self.audio is not None and self.audio.source == stream else self.audio
        video = None if self.video is not None and self.video.source == stream else self.video
        return replace(self, audio=audio, video=video)

    def changed(
        self,
        changes: Iterable[OutputChange],
        streams: Streams,
        unmixed: frozenset[str] = frozenset(),
    ) -> Output:
        """Return how it is after all changes. Raises TargetUnsatisfying.

        To hold or resume a kind that is not taken changes nothing, as long as another is.
        """
        changes = tuple(changes)
        sources = [each for each in changes if isinstance(each, SourceChange)]
        require_no_mix(((each.kind, each.source) for each in sources), unmixed)
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
                audio = replace(self.audio, source=source)
                if fit_audio(audio, streams) != self.audio_format:
                    raise TargetUnsatisfying("audio", "format")
                return replace(self, audio=audio)
            case SourceChange("video", source) if self.video is not None:
                return self._with_video(replace(self.video, source=source), streams)
            case ParametersChange(parameters) if self.video is not None:
                if parameters.keyframe_interval is None:  # it stays
                    before = self.video.parameters.keyframe_interval
                    parameters = replace(parameters, keyframe_interval=before)
                return self._with_video(replace(self.video, parameters=parameters), streams)
        kind = change.kind if isinstance(change, SourceChange) else "video"
        raise TargetUnsatisfying(kind, "stream")  # that kind is not taken

    def _with_video(self, video: VideoWanted, streams: Streams) -> Output:
        if fit_video(video, streams, recorded=self.owner is None) != self.video_format:
            raise TargetUnsatisfying("video", "format")
        return replace(self, video=video)


def require_no_mix(sources: Iterable[tuple[str, str]], unmixed: frozenset[str]) -> None:
    """Check pairs of a kind and a stream. Raises TargetUnsatisfying for a stream of a view."""
    for kind, source in sources:
        if source in unmixed:
            raise TargetUnsatisfying(kind, UNMIXED)


def fit_audio(wanted: AudioWanted, streams: Streams) -> AudioFormat:
    """Return the format in which this can be had. Raises TargetUnsatisfying."""
    stream = streams.get(wanted.source)
    if stream is None or stream.audio is None:
        raise TargetUnsatisfying("audio", "stream")
    own, asked = stream.audio.format, wanted.format
    if asked is not None and (
        asked.codec != own.codec
        or asked.sample_rate not in (None, own.sample_rate)
        or asked.channels not in (None, own.channels)
    ):
        raise TargetUnsatisfying("audio", "format")
    return own


def fit_video(wanted: VideoWanted, streams: Streams, *, recorded: bool = False) -> VideoFormat:
    """Return the format in which this can be had, by a recording or not.

    Raises TargetUnsatisfying.
    """
    stream = streams.get(wanted.source)
    if stream is None or stream.video is None:
        raise TargetUnsatisfying("video", "stream")
    track, asked = stream.video, wanted.format
    own = track.format
    if asked is not None and (asked.codec != own.codec or asked.profile not in (None, own.profile)):
        raise TargetUnsatisfying("video", "format")
    _check_parameters(wanted.parameters, track.parameters, recorded=recorded)
    if wanted.rid not in (None, track.rid):
        raise TargetUnsatisfying("video", "rid")
    return own


def _check_parameters(wanted: VideoParameters, own: VideoParameters, *, recorded: bool) -> None:
    if wanted.resolution not in (None, own.resolution):
        raise TargetUnsatisfying("video", "resolution")
    if wanted.framerate not in (None, own.framerate):
        raise TargetUnsatisfying("video", "framerate")
    if wanted.bitrate not in (*AS_IS_BITRATES, own.bitrate):
        raise TargetUnsatisfying("video", "bitrate")
    interval, (least, most) = wanted.keyframe_interval, KEYFRAME_SECONDS
    if interval is None:
        return
    if not (least <= interval <= most if recorded else interval == own.keyframe_interval):
        raise TargetUnsatisfying("video", "keyframe interval")
