"""What can be had of a stream besides what comes, and what is encoded for who wants it. Pure.

A room offers formats and parameters (`OutputRules`); of these a stream can be had in those that
differ from its own, that are smaller, and that we can make. A simulcast is had as it comes only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from typing import TypeVar

from actors.streams.bitrates import MOST, USUAL_MOTION, usual_bitrate
from actors.words.streams import (
    AudioFormat,
    AudioTrack,
    Resolution,
    VideoAlternatives,
    VideoFormat,
    VideoParameters,
    VideoTrack,
)
from actors.words.views import OutputRules
from media.contract.jobs import AudioTarget, VideoTarget

T = TypeVar("T")

ENCODED_AUDIO = {  # rate and channels where a format leaves them open
    "opus": (48_000, 2),
    "aac": (48_000, 2),
    "g722": (16_000, 1),
    "pcmu": (8000, 1),
    "pcma": (8000, 1),
}
ENCODED_VIDEO = {"vp8": (None,), "h264": (None, "CB", "B", "M", "H")}  # with profiles
SIZES = {
    "cif": Resolution(352, 288),
    "sif": Resolution(352, 240),
    "vga": Resolution(640, 480),
    "hvga": Resolution(480, 320),
    "qvga": Resolution(320, 240),
    "qcif": Resolution(176, 144),
    "svga": Resolution(800, 600),
    "xga": Resolution(1024, 768),
    "r640x360": Resolution(640, 360),
    "r480x360": Resolution(480, 360),
    "r720x720": Resolution(720, 720),
    "hd720p": Resolution(1280, 720),
    "hd1080p": Resolution(1920, 1080),
    "uhd_4k": Resolution(3840, 2160),
}
_SHARE = re.compile(r"x([0-9]{1,4})(?:/([1-9][0-9]{0,3}))?")
_MULTIPLE = re.compile(r"x([0-9]{1,3}(?:\.[0-9]{0,9})?)")
UNKNOWN_FRAMERATE = 30.0  # is taken to be that
UNKNOWN_SIZE = Resolution(640, 480)  # as far as bitrates go
AS_THE_INPUT = (0, 0)
LONGEST_SIDE = 4096  # of what is encoded, in pixels
KEYFRAME_SECONDS = 100.0  # between two, where nobody says
PROFILES = {"": "42e01f", "CB": "42e01f", "B": "42001f", "M": "4d001f", "H": "64001f"}
FRAMERATES = (1.0, 120.0)  # of what is encoded


def audio_alternatives(own: AudioFormat, rules: OutputRules) -> tuple[AudioFormat, ...]:
    """Return the formats that sound can be had in, too."""
    if not rules.transcodes_audio:
        return ()
    return _once(it for it in rules.audio if it.codec in ENCODED_AUDIO and it != own)


def video_alternatives(
    track: VideoTrack, rules: OutputRules, *, mixed: bool = False
) -> VideoAlternatives:
    """Return what a picture can be had as, too."""
    if track.rid is not None:
        return VideoAlternatives()
    own, size = track.parameters, track.parameters.resolution
    framerate = own.framerate or UNKNOWN_FRAMERATE
    intervals = rules.keyframe_intervals if rules.transcodes_keyframe_interval else ()
    if mixed and own.keyframe_interval is not None:
        intervals = tuple(each for each in intervals if each < own.keyframe_interval)
    return VideoAlternatives(
        _once(it for it in rules.video if can_encode(it) and it != track.format)
        if rules.transcodes_format
        else (),
        _smaller(size, rules.resolutions) if rules.transcodes_resolution and size else (),
        _once(each for each in rules.framerates if each < framerate)
        if rules.transcodes_framerate
        else (),
        _once(each for each in rules.bitrates if 0 < multiple(each) < 1)
        if rules.transcodes_bitrate
        else (),
        _once(intervals),
    )


def audio_target(format: AudioFormat) -> AudioTarget:
    """Return what is to be encoded for a format; of those that we can make."""
    rate, channels = ENCODED_AUDIO[format.codec]
    return AudioTarget(format.codec, format.sample_rate or rate, format.channels or channels)


def video_target(
    track: VideoTrack, format: VideoFormat, wanted: VideoParameters, motion: float = USUAL_MOTION
) -> VideoTarget | None:
    """Return what is to be encoded for who wants this of a picture; None for what comes.

    What is wanted is one of the alternatives. Keyframes are asked for, whoever encodes. A publisher
    may say anything of its own picture: beyond what is encoded, it counts as nothing said.
    """
    own = track.parameters
    size = _encoded(wanted.resolution or own.resolution)
    framerate = wanted.framerate or own.framerate or UNKNOWN_FRAMERATE
    framerate = min(max(framerate, FRAMERATES[0]), FRAMERATES[1])
    comes = min(own.bitrate, MOST) if isinstance(own.bitrate, int) else None
    base = comes or usual_bitrate(
        own.resolution or UNKNOWN_SIZE, own.framerate or UNKNOWN_FRAMERATE, motion
    )
    factor = multiple(wanted.bitrate) if isinstance(wanted.bitrate, str) else 1.0
    same = (
        format == track.format
        and wanted.resolution in (None, own.resolution)
        and wanted.framerate in (None, own.framerate)
        and (factor == 1.0 or wanted.bitrate == own.bitrate)
    )
    if same:
        return None
    if factor != 1.0:
        bitrate = base * factor
    else:
        bitrate = min(base, usual_bitrate(size or UNKNOWN_SIZE, framerate, motion))
    width, height = AS_THE_INPUT
    if size is not None:
        width, height = max(2, size.width // 2 * 2), max(2, size.height // 2 * 2)
    return VideoTarget(
        format.codec, width, height, framerate, max(1, int(bitrate)), profile=format.profile or ""
    )


def video_target_of(track: VideoTrack) -> VideoTarget:
    """Return what is to be encoded for a track that the server makes: it has all parameters."""
    own, size = track.parameters, track.parameters.resolution or UNKNOWN_SIZE
    assert isinstance(own.bitrate, int)  # noqa: S101  see above
    return VideoTarget(
        track.format.codec,
        max(2, size.width // 2 * 2),
        max(2, size.height // 2 * 2),
        min(max(own.framerate or UNKNOWN_FRAMERATE, FRAMERATES[0]), FRAMERATES[1]),
        min(own.bitrate, MOST),
        own.keyframe_interval or KEYFRAME_SECONDS,
        track.format.profile or "",
    )


def parameters_sent(target: AudioTarget | VideoTarget | None) -> str:
    """Return the parameters of H.264 that a job sends, as in a session description."""
    if not isinstance(target, VideoTarget) or target.codec != "h264":
        return ""
    profile = PROFILES[target.profile]
    return f"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={profile}"


def multiple(word: str) -> float:
    """Return what a bitrate in words multiplies by ("x0.8"); 0 for what is no such word."""
    found = _MULTIPLE.fullmatch(word)
    return float(found[1]) if found else 0.0


def chosen_video(
    wanted: VideoFormat | None, own: VideoFormat, others: Iterable[VideoFormat]
) -> VideoFormat | None:
    """Return which of a stream's formats somebody gets, its own if that will do; None for none."""
    for each in (own, *others):
        if wanted is None or (
            wanted.codec == each.codec and wanted.profile in (None, each.profile)
        ):
            return each
    return None


def chosen_audio(
    wanted: AudioFormat | None, own: AudioFormat, others: Iterable[AudioFormat]
) -> AudioFormat | None:
    """Return which of a stream's formats somebody gets, its own if that will do; None for none."""
    for each in (own, *others):
        if wanted is None or (
            wanted.codec == each.codec
            and wanted.sample_rate in (None, each.sample_rate)
            and wanted.channels in (None, each.channels)
        ):
            return each
    return None


def with_alternatives(
    audio: AudioTrack | None, video: VideoTrack | None, rules: OutputRules, *, mixed: bool = False
) -> tuple[AudioTrack | None, VideoTrack | None]:
    """Return the tracks of a stream with what else they can be had as."""
    if audio is not None:
        audio = replace(audio, alternatives=audio_alternatives(audio.format, rules))
    if video is not None:
        video = replace(video, alternatives=video_alternatives(video, rules, mixed=mixed))
    return audio, video


def _smaller(own: Resolution, words: Iterable[str]) -> tuple[Resolution, ...]:
    """Return the sizes that words stand for, even ones, and smaller both ways."""
    sizes = (_encoded(_size(word, own)) for word in words)
    return _once(
        size
        for size in sizes
        if size is not None and size.width < own.width and size.height < own.height
    )


def _encoded(size: Resolution | None) -> Resolution | None:
    """Return a size that can be encoded, None for another one."""
    if size is None or not (size.width and size.height):
        return None
    return size if max(size.width, size.height) <= LONGEST_SIDE else None


def _size(word: str, own: Resolution) -> Resolution | None:
    found = _SHARE.fullmatch(word)
    if found is None:
        return SIZES.get(word)
    share = Fraction(int(found[1]), int(found[2] or 1))
    return Resolution(*(int(length * share / 2) * 2 for length in (own.width, own.height)))


def can_encode(format: VideoFormat) -> bool:
    return format.profile in ENCODED_VIDEO.get(format.codec, ())


def _once(each: Iterable[T]) -> tuple[T, ...]:
    return tuple(dict.fromkeys(each))
