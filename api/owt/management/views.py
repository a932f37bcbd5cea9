"""Participants, recordings, streams out, calls and analytics as the REST API shows them.

Streams are in `stream_info.py`.
"""

from __future__ import annotations

import json
from pathlib import PurePath
from typing import Any

from actors.words.analytics import AnalyticView
from actors.words.broadcasts import BroadcastView
from actors.words.calls import CallView
from actors.words.facts import Presence
from actors.words.permission import Abilities
from actors.words.streams import RecordingView
from api.owt.stream_info import (
    Version,
    audio_format,
    stream_info,
    video_format,
    video_parameters,
)

PARAMETERS = {"hls": ("hlsTime", "hlsListSize"), "dash": ("dashSegDuration", "dashWindowSize")}


def participant(presence: Presence) -> dict[str, Any]:
    """Return a ParticipantDetail."""
    return {
        "id": presence.peer,
        "user": presence.user,
        "role": presence.role,
        "permission": {
            "publish": _abilities(presence.permission.publish),
            "subscribe": _abilities(presence.permission.subscribe),
        },
    }


def _abilities(abilities: Abilities) -> dict[str, bool]:
    return {"audio": abilities.audio, "video": abilities.video}


def recording(view: RecordingView, host: str) -> dict[str, Any]:
    """Return an ongoing recording; `host` is where its file is."""
    return {
        "id": view.id,
        "media": _taken(view),
        "storage": {"host": host, "file": str(PurePath(view.file))},
    }


def streaming_out(view: BroadcastView) -> dict[str, Any]:
    """Return an ongoing stream out, its address without what opens doors."""
    outlet = view.outlet
    shown: dict[str, Any] = {"id": view.id, "protocol": outlet.protocol, "url": outlet.shown}
    if outlet.in_files:
        names = PARAMETERS[outlet.protocol]
        seconds = outlet.segment_seconds
        figures = int(seconds) if seconds.is_integer() else seconds, outlet.window
        shown["parameters"] = {"method": outlet.method, **dict(zip(names, figures, strict=True))}
    return {**shown, "media": _taken(view)}


def sip_call(view: CallView, version: Version) -> dict[str, Any]:
    """Return an ongoing call; without `input` as long as nothing comes from the other side."""
    media: dict[str, Any] = {"audio": False, "video": False}
    if view.audio is not None:
        media["audio"] = {"from": view.audio.source}
    if view.video is not None:
        parameters = video_parameters(view.video.parameters)
        media["video"] = {"from": view.video.source, "parameters": parameters}
    shown: dict[str, Any] = {
        "id": view.id,
        "type": "dial-in" if view.incoming else "dial-out",
        "peer": view.peer,
    }
    if view.stream is not None:
        shown["input"] = stream_info(view.stream, version)
    digits = [{"digit": each.digit, "milliseconds": each.milliseconds} for each in view.digits]
    return {**shown, "output": {"id": view.output, "media": media}, "digits": digits}


def analytics(view: AnalyticView) -> dict[str, Any]:
    """Return an ongoing analytic: what it looks at, and its last events."""
    media: dict[str, Any] = {}
    if view.audio is not None:
        media = {"from": view.audio.source}
        if view.audio_format is not None:
            media["format"] = audio_format(view.audio_format)
        media["audio"] = dict(media)
    if view.video is not None:
        media["from"] = view.video.source
        media.pop("format", None)
        if view.video_format is not None:
            media["format"] = video_format(view.video_format)
    return {
        "id": view.id,
        "analytics": {"algorithm": view.asked_as or view.algorithm},
        "media": media,
        "events": [
            {"name": it.name, "time": round(it.time * 1000), "data": json.loads(it.body)}
            for it in view.events
        ],
        "dropped": view.dropped,
    }


def _taken(view: RecordingView | BroadcastView) -> dict[str, Any]:
    media: dict[str, Any] = {"audio": False, "video": False}
    if view.audio is not None:
        media["audio"] = {"from": view.audio.source}
        if view.audio_format is not None:
            media["audio"]["format"] = audio_format(view.audio_format)
    if view.video is not None:
        media["video"] = {
            "from": view.video.source,
            "parameters": video_parameters(view.video.parameters),
        }
        if view.video_format is not None:
            media["video"]["format"] = video_format(view.video_format)
    return media
