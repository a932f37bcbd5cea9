"""What an opened source has for a room: one sound and one picture at most, and what they are."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from av.container import InputContainer
from av.packet import Packet
from av.stream import Discard, Disposition

from media.contract.streaming import PulledAudio, PulledVideo, SourceFound
from media.job.picture_decoder import MOST_PIXELS
from media.job.pulling.nal_reader import NalReader
from media.job.pulling.packet_queue import PulledPacket
from media.rtp.h264_order import PictureOrder

AUDIO_PASSED = {"opus": "opus", "pcm_mulaw": "pcmu", "pcm_alaw": "pcma"}
"""Codecs of sound that go on as they come, FFmpeg's names and those of an AudioTarget."""

VIDEO_PASSED = ("h264", "vp8")
MOST_SIDE = 16_384
TELEPHONE_RATE = 8000


@dataclass(slots=True)
class OpenedStream:
    """One stream of a source. `context` is its decoder, open to nobody but the loop.

    `seconds` is what one step of its times lasts.
    """

    kind: str
    stream: Any
    codec: str
    context: Any
    configuration: bytes
    seconds: float
    order: PictureOrder | None = None
    reader: NalReader | None = None

    @property
    def known(self) -> bool:
        """Whether it is known if this passes."""
        return self.order is None or self.order.passes is not None

    def look(self, packet: PulledPacket) -> None:
        """Look at one of the first packets."""
        if self.order is not None and self.reader is not None:
            if packet.configuration is not None:
                self.reader.configure(bytes(packet.configuration))
            units = self.reader.read(packet.data)
            in_order = packet.dts is None or packet.pts is None or packet.dts == packet.pts
            self.order.see([*self.reader.sets, *units], keyframe=packet.keyframe, in_order=in_order)


@dataclass(slots=True)
class PulledStreams:
    """What is read of a source, by kind."""

    by_kind: dict[str, OpenedStream] = field(default_factory=dict)

    @property
    def known(self) -> bool:
        """Whether `found` is final."""
        return all(each.known for each in self.by_kind.values())

    def found(self) -> SourceFound:
        """Say what there is. Pictures that neither pass nor can be decoded here are not."""
        audio, video = self.by_kind.get("audio"), self.by_kind.get("video")
        pictures = _video_told(video) if video is not None else None
        if pictures is not None and not pictures.passes:
            pictures = pictures if pictures.width * pictures.height <= MOST_PIXELS else None
        return SourceFound(_audio_told(audio) if audio is not None else None, pictures)


def streams_of(container: InputContainer) -> PulledStreams:
    """Choose the streams that are read: the largest picture, the first sound; leave out others."""
    chosen: dict[str, OpenedStream] = {}
    for each in container.streams:
        found = _stream(each)
        if found is not None and _is_better(found, chosen.get(found.kind)):
            chosen[found.kind] = found
    wanted = {each.stream.index for each in chosen.values()}
    for each in container.streams:
        if each.index not in wanted:
            each.discard = Discard.all  # not even fetched, where that is possible
    return PulledStreams(chosen)


def pulled(stream: OpenedStream, packet: Packet[Any]) -> PulledPacket:
    """Return a packet as it goes to the loop."""
    base = stream.seconds
    configuration = None
    if packet.has_sidedata("new_extradata"):
        configuration = packet.get_sidedata("new_extradata")
    return PulledPacket(
        stream.kind,
        bytes(packet),
        None if packet.dts is None else packet.dts * base,
        None if packet.pts is None else packet.pts * base,
        packet.duration * base if packet.duration and packet.duration > 0 else 0.0,
        packet.is_keyframe,
        configuration,
    )


def _stream(stream: Any) -> OpenedStream | None:
    """Return a stream that can be used; None for any other."""
    context = getattr(stream, "codec_context", None)
    if stream.type not in ("audio", "video") or context is None:
        return None
    if stream.disposition & Disposition.attached_pic:
        return None  # the cover of a song
    codec, configuration = context.codec.canonical_name, bytes(context.extradata or b"")
    if stream.type == "video":
        if not (0 < context.width <= MOST_SIDE and 0 < context.height <= MOST_SIDE):
            return None
    elif context.sample_rate <= 0 or context.layout.nb_channels <= 0:
        return None
    seconds = float(stream.time_base)
    found = OpenedStream(stream.type, stream, codec, context, configuration, seconds)
    if codec == "h264":
        found.order, found.reader = PictureOrder(), NalReader(configuration)
    return found


def _is_better(one: OpenedStream, other: OpenedStream | None) -> bool:
    if other is None:
        return True
    if one.kind == "audio":
        return False
    return bool(one.context.width * one.context.height > other.context.width * other.context.height)


def _audio_told(found: OpenedStream) -> PulledAudio:
    context = found.context
    rate, channels = int(context.sample_rate), int(context.layout.nb_channels)
    if found.codec == "opus":
        passes = channels <= 2
    else:
        passes = found.codec in AUDIO_PASSED and (rate, channels) == (TELEPHONE_RATE, 1)
    return PulledAudio(found.codec, rate, channels, passes)


def _video_told(found: OpenedStream) -> PulledVideo:
    context, rate = found.context, found.stream.average_rate or found.stream.base_rate
    passes, profile = found.codec in VIDEO_PASSED, ""
    if found.order is not None:
        passes, profile = bool(found.order.passes), found.order.profile
    framerate = float(rate) if rate and 0 < rate <= 240 else 0.0
    return PulledVideo(found.codec, context.width, context.height, framerate, passes, profile)
