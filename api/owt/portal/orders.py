"""Requests of portal clients as the orders that a room carries out, and their values."""

from __future__ import annotations

import re

import msgspec

from actors.words.orders import (
    ControlStream,
    ControlSubscription,
    GetRegion,
    Offer,
    Order,
    Publish,
    Say,
    SetRegion,
    Subscribe,
    Trickle,
)
from actors.words.streams import (
    AS_IT_COMES,
    AudioFormat,
    AudioWanted,
    OutputChange,
    ParametersChange,
    Resolution,
    SourceChange,
    StatusChange,
    VideoFormat,
    VideoParameters,
    VideoWanted,
    ViewChange,
)
from api.owt.json_text import is_deep
from api.owt.portal import requests as wire
from api.owt.portal.errors import ATTRIBUTES_TOO_LARGE, INVALID_RECEIVER, INVALID_SIGNALING
from media.contract.candidates import Candidate

_RECEIVER = re.compile(r"[0-9a-zA-Z_-]+")  # also members of other dialects, whose ids have "_"


def say(text: wire.Text) -> Say:
    """Raises BadRequest."""
    if not _RECEIVER.fullmatch(text.to):
        raise wire.BadRequest(INVALID_RECEIVER)
    return Say(text.message, None if text.to == "all" else text.to, echoed=True)


def publish(request: wire.PublishRequest, attribute_bytes: int) -> Publish:
    """Raises BadRequest for attributes of more than so many bytes, or nested too deep."""
    audio, video = request.media.audio, request.media.video
    attributes = None
    if request.attributes is not None:
        if is_deep(request.attributes):
            raise wire.BadRequest(ATTRIBUTES_TOO_LARGE)
        attributes = msgspec.json.encode(request.attributes)
        if len(attributes) > attribute_bytes:
            raise wire.BadRequest(ATTRIBUTES_TOO_LARGE)
    return Publish(
        audio.source if audio else None,
        video.source if video else None,
        _parameters(video.parameters) if video else AS_IT_COMES,
        attributes,
    )


def subscribe(request: wire.SubscribeRequest) -> Subscribe:
    audio, video = request.media.audio, request.media.video
    return Subscribe(_audio(audio) if audio else None, _video(video) if video else None)


def control_stream(
    request: wire.StreamFlow | wire.StreamMixing | wire.StreamRegion,
) -> ControlStream | GetRegion | SetRegion:
    """Return the order; a GetRegion is answered with the id of a region."""
    match request:
        case wire.StreamFlow():
            return ControlStream(request.id, _statuses(request))
        case wire.StreamRegion(id=stream, data=wanted):
            return SetRegion(stream, wanted.view, wanted.region)
        case wire.StreamMixing(id=stream, operation="get-region", data=view):
            return GetRegion(stream, view)
    change = ViewChange(request.data, request.operation == "mix")
    return ControlStream(request.id, (change,))


def control_subscription(
    request: wire.SubscriptionFlow | wire.SubscriptionUpdate,
) -> ControlSubscription:
    changes: list[OutputChange] = []
    if isinstance(request, wire.SubscriptionFlow):
        changes.extend(_statuses(request))
        return ControlSubscription(request.id, tuple(changes))
    audio, video = request.data.audio, request.data.video
    if audio is not None:
        changes.append(SourceChange("audio", audio.source))
    if video is not None and video.source is not None:
        changes.append(SourceChange("video", video.source))
    if video is not None and video.parameters is not None:
        changes.append(ParametersChange(_parameters(video.parameters)))
    return ControlSubscription(request.id, tuple(changes))


def signalling(request: wire.Soac, address: str) -> Order | None:
    """Return what a client's part of a negotiation asks, None for what is not needed.

    `address` is the client's.

    Raises BadRequest for an answer: nothing is offered to clients.
    """
    match request.signaling:
        case wire.Description(type="offer", sdp=sdp):
            return Offer(request.id, sdp, address)
        case wire.CandidateFound(candidate=found):
            candidate = Candidate(found.candidate, found.mid, found.index)
            return Trickle(request.id, (candidate,))
        case wire.CandidatesRemoved():
            return None
    raise wire.BadRequest(INVALID_SIGNALING)


def _statuses(request: wire.StreamFlow | wire.SubscriptionFlow) -> tuple[StatusChange, ...]:
    kinds = ("audio", "video") if request.data == "av" else (request.data,)
    return tuple(StatusChange(kind, request.operation == "play") for kind in kinds)


def _audio(wanted: wire.AudioFrom) -> AudioWanted:
    given, format_ = wanted.format, None
    if given is not None:
        format_ = AudioFormat(given.codec.lower(), given.sample_rate, given.channels)
    return AudioWanted(wanted.source, format_)


def _video(wanted: wire.VideoFrom) -> VideoWanted:
    given, format_ = wanted.format, None
    if given is not None:
        format_ = VideoFormat(given.codec.lower(), given.profile)
    return VideoWanted(wanted.source, format_, _parameters(wanted.parameters), wanted.rid)


def _parameters(given: wire.Parameters | None) -> VideoParameters:
    """Return what is wanted."""
    if given is None:
        return AS_IT_COMES
    size, bitrate = given.resolution, given.bitrate
    if isinstance(bitrate, float):
        bitrate = round(bitrate)
    return VideoParameters(
        Resolution(size.width, size.height) if size is not None else None,
        given.framerate,
        bitrate,
        given.keyframe_interval,
    )
