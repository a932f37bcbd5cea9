"""Streams as OWT shows them, in REST and to portal clients: `StreamInfo` of the seed, section 5.3.

Protocol 1.1 (and REST v1.1) lists what is sent under `media.video.original`; 1.0 (and REST v1) has
format and parameters in `media.video` itself. Nothing is transcoded, so all lists of what else
could be had are there and empty: SDKs read each of them.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from actors.words.streams import (
    AudioFormat,
    AudioTrack,
    Stream,
    VideoFormat,
    VideoParameters,
    VideoTrack,
)

Version = Literal["1.0", "1.1"]
Document = dict[str, Any]


def stream_info(stream: Stream, version: Version = "1.1") -> Document:
    """Return a forward stream; a kind that it has not is left out, as the original does."""
    media: Document = {}
    if stream.audio is not None:
        media["audio"] = _audio(stream.audio)
    if stream.video is not None:
        media["video"] = _video(stream.video, version)
    info: Document = {"owner": stream.owner, "type": "webrtc", "inViews": list(stream.in_views)}
    if stream.attributes is not None:
        info["attributes"] = msgspec.json.decode(stream.attributes)
    return {"id": stream.id, "type": "forward", "media": media, "info": info}


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
        resolution=size and {"width": size.width, "height": size.height},
        framerate=parameters.framerate,
        bitrate=parameters.bitrate,
        keyFrameInterval=parameters.keyframe_interval,
    )


def status(*, active: bool) -> str:
    return "active" if active else "inactive"


def _audio(track: AudioTrack) -> Document:
    return {
        "status": status(active=track.active),
        "source": track.origin,
        "format": audio_format(track.format),
        "optional": {"format": []},
    }


def _video(track: VideoTrack, version: Version) -> Document:
    sent: Document = {"format": video_format(track.format)}
    parameters = video_parameters(track.parameters)
    if parameters:
        sent["parameters"] = parameters
    if version == "1.1":
        sent = {"original": [sent | _given(simulcastRid=track.rid)]}
    kinds = ("resolution", "framerate", "bitrate", "keyFrameInterval")
    return {
        "status": status(active=track.active),
        "source": track.origin,
        **sent,
        "optional": {"format": [], "parameters": {kind: [] for kind in kinds}},
    }


def _given(**values: object) -> Document:
    return {name: value for name, value in values.items() if value is not None}
