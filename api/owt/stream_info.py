"""Streams as OWT shows them, in REST and to portal clients: `StreamInfo` of the seed, section 5.3.

Protocol 1.1 (and REST v1.1) lists what is sent under `media.video.original`; 1.0 (and REST v1) has
format and parameters in `media.video` itself. All lists of what else could be had are there, empty
or not: SDKs read each of them.
"""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from typing import Any, Literal

import msgspec

from actors.words.streams import (
    AudioFormat,
    AudioTrack,
    Resolution,
    VideoFormat,
    VideoParameters,
    VideoTrack,
)
from actors.words.views import AnyStream, MixedStream, PlacedRegion

Version = Literal["1.0", "1.1"]
Document = dict[str, Any]

NOBODY = "unknown"  # of whom is heard most
AREA = ("left", "top", "width", "height")


def stream_info(stream: AnyStream, version: Version = "1.1") -> Document:
    """Return a stream; a kind that it has not is left out, as the original does."""
    media: Document = {}
    if stream.audio is not None:
        media["audio"] = _audio(stream.audio)
    if stream.video is not None:
        media["video"] = _video(stream.video, version)
    if isinstance(stream, MixedStream):
        return {"id": stream.id, "type": "mixed", "media": media, "info": _mixed(stream)}
    info: Document = {"owner": stream.owner, "type": stream.kind, "inViews": list(stream.in_views)}
    if stream.attributes is not None:
        info["attributes"] = msgspec.json.decode(stream.attributes)
    return {"id": stream.id, "type": "forward", "media": media, "info": info}


def layout(placed: Iterable[PlacedRegion]) -> list[Document]:
    """Return [{stream?, region}], areas as fractions in words: "0/1", "1/2"."""
    return [
        _given(stream=each.stream)
        | {
            "region": {
                "id": each.region.id,
                "shape": "rectangle",
                "area": {name: _ratio(getattr(each.region.area, name)) for name in AREA},
            }
        }
        for each in placed
    ]


def audio_format(format_: AudioFormat) -> Document:
    """Return {codec, sampleRate?, channelNum?}."""
    return _given(codec=format_.codec, sampleRate=format_.sample_rate, channelNum=format_.channels)


def video_format(format_: VideoFormat) -> Document:
    """Return {codec, profile?}."""
    return _given(codec=format_.codec, profile=format_.profile)


def video_parameters(parameters: VideoParameters) -> Document:
    """Return those of resolution, framerate, bitrate and keyFrameInterval that are known."""
    size = parameters.resolution
    return _given(
        resolution=size and _size(size),
        framerate=parameters.framerate,
        bitrate=parameters.bitrate,
        keyFrameInterval=parameters.keyframe_interval,
    )


def status(*, active: bool) -> str:
    return "active" if active else "inactive"


def _mixed(stream: MixedStream) -> Document:
    return {
        "label": stream.label,
        "activeInput": stream.active_input or NOBODY,
        "layout": layout(stream.layout),
    }


def _ratio(value: Fraction) -> str:
    return f"{value.numerator}/{value.denominator}"


def _audio(track: AudioTrack) -> Document:
    return {
        **_status_and_source(track),
        "format": audio_format(track.format),
        "optional": {"format": [audio_format(each) for each in track.alternatives]},
    }


def _video(track: VideoTrack, version: Version) -> Document:
    sent: Document = {"format": video_format(track.format)}
    parameters = video_parameters(track.parameters)
    if parameters:
        sent["parameters"] = parameters
    if version == "1.1":
        sent = {"original": [sent | _given(simulcastRid=track.rid)]}
    others = track.alternatives
    return {
        **_status_and_source(track),
        **sent,
        "optional": {
            "format": [video_format(each) for each in others.formats],
            "parameters": {
                "resolution": [_size(each) for each in others.resolutions],
                "framerate": list(others.framerates),
                "bitrate": list(others.bitrates),
                "keyFrameInterval": list(others.keyframe_intervals),
            },
        },
    }


def _status_and_source(track: AudioTrack | VideoTrack) -> Document:
    """Return what only a track has that somebody sends."""
    if not track.origin:
        return {}
    return {"status": status(active=track.active), "source": track.origin}


def _size(size: Resolution) -> Document:
    return {"width": size.width, "height": size.height}


def _given(**values: object) -> Document:
    return {name: value for name, value in values.items() if value is not None}
