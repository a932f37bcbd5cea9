"""What becomes of a source outside: what of it goes on as it comes, and what is encoded. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from actors.streams.alternatives import (
    ENCODED_AUDIO,
    FRAMERATES,
    LONGEST_SIDE,
    UNKNOWN_FRAMERATE,
    UNKNOWN_SIZE,
    audio_target,
)
from actors.streams.bitrates import usual_bitrate
from actors.streams.publishing import AUDIO_FORMATS
from actors.words.streams import (
    AudioTrack,
    Resolution,
    VideoFormat,
    VideoParameters,
    VideoTrack,
)
from media.contract.jobs import AudioTarget, VideoTarget
from media.contract.streaming import (
    OutsideTrouble,
    PulledAudio,
    PulledVideo,
    SourceFound,
    SourceLost,
)

ORIGIN = "streaming"
NAMES = {"pcm_mulaw": "pcmu", "pcm_alaw": "pcma", "adpcm_g722": "g722"}  # FFmpeg's, where not ours
MOST_FRAMERATE = 30.0  # of what is encoded
H264_PROFILE = "CB"

TROUBLES = {
    OutsideTrouble.UNREACHABLE: "the source cannot be reached",
    OutsideTrouble.NOT_ALLOWED: "this source may not be reached",
    OutsideTrouble.UNAUTHORISED: "the source asks for other credentials",
    OutsideTrouble.NOT_FOUND: "the source has no such stream",
    OutsideTrouble.REFUSED: "the source has answered with an error",
    OutsideTrouble.UNREADABLE: "the source cannot be read",
    OutsideTrouble.SILENT: "the source sends nothing",
    OutsideTrouble.ENDED: "the source has ended",
    OutsideTrouble.NO_SPACE: "the disk is full",
    OutsideTrouble.EXISTS: "the file exists",
}
"""In words for people, where a process has none of its own."""


class SourceUnfit(Exception):
    """A source has nothing that is wanted of it; `str()` says what is missing."""


@dataclass(frozen=True, slots=True)
class KindsWanted:
    """Which kinds are wanted of a source: True, False, or None for whatever comes.

    `audio_in` and `video_in` are the codecs that its room takes, best first; all others are encoded
    as the first of them.
    """

    audio: bool | None
    video: bool | None
    audio_in: tuple[str, ...]
    video_in: tuple[str, ...]

    @classmethod
    def of(
        cls,
        audio: bool | None,
        video: bool | None,
        audio_in: frozenset[str],
        video_in: frozenset[str],
    ) -> KindsWanted:
        """Order what a room takes: Opus and H.264 before others, which cost less or sound worse."""
        sounds = tuple(name for name in AUDIO_FORMATS if name in audio_in)
        pictures = tuple(name for name in ("h264", "vp8") if name in video_in)
        return cls(audio, video, sounds, pictures)


@dataclass(frozen=True, slots=True)
class PulledTracks:
    """The tracks of a stream in, and how its process makes them; one kind at least is there."""

    audio: AudioTrack | None
    video: VideoTrack | None
    audio_target: AudioTarget | None
    video_target: VideoTarget | None
    passes: tuple[str, ...]


def pulled_tracks(found: SourceFound, wanted: KindsWanted, *, again: bool = False) -> PulledTracks:
    """Return what becomes of a source that has this.

    Raises SourceUnfit where a kind is missing that must be there, or nothing is left. With `again`
    the stream has flowed before, and goes on with what there is.
    """
    audio = found.audio if wanted.audio is not False and wanted.audio_in else None
    video = found.video if wanted.video is not False and wanted.video_in else None
    if wanted.audio and audio is None and not again:
        raise SourceUnfit("the source has no sound")
    if wanted.video and video is None and not again:
        raise SourceUnfit("the source has no picture")
    if audio is None and video is None:
        raise SourceUnfit("the source has nothing of what is wanted")
    passes = []
    sound = picture = None
    sound_target = picture_target = None
    if audio is not None:
        codec, whole = _sound(audio, wanted.audio_in)
        sound, sound_target = AudioTrack(ORIGIN, AUDIO_FORMATS[codec]), _encoded_sound(codec)
        passes += ["audio"] if whole else []
    if video is not None:
        whole = video.passes and video.codec in wanted.video_in
        picture_target = _as_it_comes(video) if whole else _encoded(video, wanted.video_in[0])
        picture = _track(video, picture_target, passes=whole)
        passes += ["video"] if whole else []
    return PulledTracks(sound, picture, sound_target, picture_target, tuple(passes))


def trouble_words(lost: SourceLost) -> str:
    """Return what is wrong with a source, in words for people."""
    return lost.detail or TROUBLES[lost.reason]


def _sound(found: PulledAudio, taken: tuple[str, ...]) -> tuple[str, bool]:
    """Return the codec that sound goes on in, and whether it comes so."""
    codec = NAMES.get(found.codec, found.codec)
    if not found.passes or codec not in taken:
        return taken[0], False
    usual = codec == "opus" or (found.sample_rate, found.channels) == ENCODED_AUDIO[codec]
    return (codec, True) if usual else (taken[0], False)


def _encoded_sound(codec: str) -> AudioTarget:
    return audio_target(AUDIO_FORMATS[codec])


def _framerate(found: PulledVideo) -> float:
    """Return how many pictures come in a second, 0 where what is said cannot be."""
    return round(found.framerate, 2) if FRAMERATES[0] <= found.framerate <= FRAMERATES[1] else 0.0


def _as_it_comes(found: PulledVideo) -> VideoTarget:
    return VideoTarget(found.codec, 0, 0, _framerate(found), 0, profile=found.profile)


def _encoded(found: PulledVideo, codec: str) -> VideoTarget:
    """Encode a picture at its own size, as far as that can be, and at 30 a second at most."""
    size = Resolution(found.width, found.height) if found.width and found.height else UNKNOWN_SIZE
    scale = min(1.0, LONGEST_SIDE / max(size.width, size.height))
    width, height = (max(2, int(side * scale) // 2 * 2) for side in (size.width, size.height))
    framerate = min(_framerate(found) or UNKNOWN_FRAMERATE, MOST_FRAMERATE)
    bitrate = usual_bitrate(Resolution(width, height), framerate)
    profile = H264_PROFILE if codec == "h264" else ""
    return VideoTarget(codec, width, height, framerate, bitrate, profile=profile)


def _track(found: PulledVideo, target: VideoTarget, *, passes: bool) -> VideoTrack:
    format_ = VideoFormat(target.codec, target.profile or None)
    if not passes:
        size = Resolution(target.width, target.height)
        parameters = VideoParameters(size, target.framerate, target.bitrate)
        return VideoTrack(ORIGIN, format_, parameters)
    known = Resolution(found.width, found.height) if found.width and found.height else None
    return VideoTrack(ORIGIN, format_, VideoParameters(known, _framerate(found) or None))
