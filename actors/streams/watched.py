"""What is taken of a view for those who watch it by HLS: AAC and H.264. Pure."""

from __future__ import annotations

from actors.streams.alternatives import audio_target, video_target
from actors.streams.outputs import Output
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    VideoFormat,
    VideoParameters,
    VideoWanted,
)
from actors.words.views import MixedStream

SOUND, PICTURE = AudioFormat("aac", 48_000, 2), VideoFormat("h264", "CB")


def watched_output(id: str, mixed: MixedStream, pace: float) -> Output:
    """Return the output: of what the view has, as it comes where that will do."""
    audio, video = mixed.audio, mixed.video
    sound = SOUND if audio is None or audio.format.codec != SOUND.codec else audio.format
    picture = PICTURE if video is None or video.format.codec != PICTURE.codec else video.format
    return Output(
        id,
        None,
        None if audio is None else AudioWanted(mixed.id, sound),
        None if video is None else VideoWanted(mixed.id, picture),
        None if audio is None else sound,
        None if video is None else picture,
        None if audio is None or audio.format == sound else audio_target(sound),
        None if video is None else video_target(video, picture, VideoParameters()),
        pace=pace,
    )
