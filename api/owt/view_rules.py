"""From a room's document to its mixed views, and to what takers may have besides what comes.

What this server cannot encode is replaced by what every client takes: VP8 and Opus.
"""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from actors.words.streams import AudioFormat, Resolution, VideoFormat, VideoParameters
from actors.words.views import (
    Area,
    OutputRules,
    Region,
    SetRegionEffect,
    Template,
    TemplateBase,
    ViewRules,
    ViewVideo,
)

if TYPE_CHECKING:
    from api.owt import room_document as document

SMALLEST, LARGEST = 16, 4096  # pixels of a side; sizes are even
FRAMERATES = (1.0, 60.0)
KEYFRAME_SECONDS = (1.0, 100.0)
MADE_VIDEO = ("vp8", "h264")
MADE_AUDIO = {
    "opus": AudioFormat("opus", 48_000, 2),
    "aac": AudioFormat("aac", 48_000, 2),
    "g722": AudioFormat("g722", 16_000, 1),
    "pcmu": AudioFormat("pcmu"),
    "pcma": AudioFormat("pcma"),
}
SOUND_OF_VIEWS = ("opus", "g722", "pcmu", "pcma")  # what browsers take


def stream_id(room_id: str, label: str) -> str:
    """Return the id of a view's stream, which clients make up themselves as well."""
    return f"{room_id}-{label}"


def view_rules(room_id: str, room: document.RoomDocument) -> tuple[ViewRules, ...]:
    """Return the views of a room; of several with one label, the first."""
    views: dict[str, document.View] = {}
    for view in room.views:
        views.setdefault(view.label, view)
    return tuple(
        ViewRules(
            label,
            stream_id(room_id, label),
            _sound(view.audio.format.codec),
            _picture(view.video) if view.video else None,
            view.audio.vad,
        )
        for label, view in views.items()
    )


def output_rules(room: document.RoomDocument) -> OutputRules:
    """Return what takers may ask for; formats that are not encoded here are left out."""
    out, allowed = room.media_out, room.transcoding
    parameters, video = out.video.parameters, allowed.video
    audio = [MADE_AUDIO.get(each.codec.lower()) for each in out.audio]
    pictures = [
        VideoFormat(each.codec.lower(), each.profile if each.codec.lower() == "h264" else None)
        for each in out.video.format
        if each.codec.lower() in MADE_VIDEO
    ]
    return OutputRules(
        audio=tuple(dict.fromkeys(found for found in audio if found is not None)),
        video=tuple(dict.fromkeys(pictures)),
        resolutions=tuple(parameters.resolution),
        framerates=tuple(float(each) for each in parameters.framerate),
        bitrates=tuple(str(each) for each in parameters.bitrate),
        keyframe_intervals=tuple(float(each) for each in parameters.key_frame_interval),
        transcodes_audio=allowed.audio,
        transcodes_format=video.format,
        transcodes_resolution=video.parameters.resolution,
        transcodes_framerate=video.parameters.framerate,
        transcodes_bitrate=video.parameters.bitrate,
        transcodes_keyframe_interval=video.parameters.key_frame_interval,
    )


def _sound(codec: str) -> AudioFormat:
    name = codec.lower()
    return MADE_AUDIO[name if name in SOUND_OF_VIEWS else "opus"]


def _picture(video: document.ViewVideo) -> ViewVideo:
    wanted = video.parameters
    size = Resolution(_side(wanted.resolution.width), _side(wanted.resolution.height))
    codec = video.format.codec.lower()
    layout, color = video.layout, video.bg_color
    return ViewVideo(
        VideoFormat(codec, video.format.profile or "CB" if codec == "h264" else None)
        if codec in MADE_VIDEO
        else VideoFormat("vp8"),
        VideoParameters(
            size,
            _within(wanted.framerate, FRAMERATES),
            int(wanted.bitrate) if wanted.bitrate and wanted.bitrate >= 1 else None,
            _within(wanted.key_frame_interval, KEYFRAME_SECONDS),
        ),
        max_input=int(video.max_input),
        background=(int(color.r), int(color.g), int(color.b)),
        crop=layout.fit_policy == "crop",
        keep_active_primary=video.keep_active_input_primary,
        motion_factor=float(video.motion_factor),
        effect=SetRegionEffect(layout.set_region_effect or "exchange"),
        base=TemplateBase(layout.templates.base),
        custom=tuple(_template(each) for each in layout.templates.custom),
    )


def _template(layout: document.CustomLayout) -> Template:
    return tuple(
        Region(
            each.id,
            Area(
                Fraction(each.area.left),
                Fraction(each.area.top),
                Fraction(each.area.width),
                Fraction(each.area.height),
            ),
        )
        for each in layout.region
    )


def _side(pixels: float) -> int:
    return max(SMALLEST, min(LARGEST, int(pixels))) // 2 * 2


def _within(value: float, bounds: tuple[float, float]) -> float:
    least, most = bounds
    return max(least, min(most, float(value)))
