"""What a process that sends outside is to do, and in which formats it takes what it sends. Pure.

RTMP, RTSP, HLS and DASH are sent AAC and H.264: encoded where a stream does not come so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from actors.streams.alternatives import audio_target, parameters_sent, video_target_of
from actors.streams.outputs import KEYFRAME_SECONDS, Output, Streams
from actors.streams.services import StreamingPlan
from actors.words.broadcasts import Outlet
from actors.words.media_refusals import CannotBroadcast
from actors.words.streams import AudioFormat, AudioWanted, VideoFormat, VideoWanted
from actors.words.views import AnyStream, MixedStream
from media.contract.jobs import BroadcastWanted, JobInput
from media.contract.streaming import OutsideAddress

SOUND, PICTURE = "aac", "h264"
USUAL_PROFILE = "CB"
OURS = "server"  # the publisher of what processes make: all by one clock
LIVE_KEYFRAME_SECONDS = 2  # of RTMP and RTSP where nobody says: a viewer who comes waits so long

Parameters = Callable[[str, str], str | None]
"""Return the parameters of the codec of a stream's track of a kind."""


def sound_sent(wanted: AudioWanted | None) -> AudioWanted | None:
    """Return what sound is taken for what is wanted: AAC. Raises CannotBroadcast for another."""
    if wanted is None:
        return None
    if wanted.format is None:
        return replace(wanted, format=AudioFormat(SOUND))
    if wanted.format.codec != SOUND:
        raise CannotBroadcast("the sound of a stream out is aac")
    return wanted


def picture_sent(
    wanted: VideoWanted | None, outlet: Outlet, streams: Streams
) -> VideoWanted | None:
    """Return what picture is taken: H.264, as it comes or, if it can be had, constrained baseline.

    RTMP and RTSP have keyframes every few seconds where nobody says. Raises CannotBroadcast for
    another codec.
    """
    if wanted is None:
        return None
    if not outlet.in_files and wanted.parameters.keyframe_interval is None:
        usual = replace(wanted.parameters, keyframe_interval=LIVE_KEYFRAME_SECONDS)
        wanted = replace(wanted, parameters=usual)
    if wanted.format is None:
        return replace(wanted, format=_usual_picture(streams.get(wanted.source)))
    if wanted.format.codec != PICTURE:
        raise CannotBroadcast("the picture of a stream out is h264")
    return wanted


def pace_of(outlet: Outlet) -> float:
    """Return the longest time between keyframes: a segment of HLS and DASH begins with one."""
    return outlet.segment_seconds if outlet.in_files else float(KEYFRAME_SECONDS[1])


def broadcast_wanted(
    output: Output,
    outlet: Outlet,
    streams: Streams,
    fmtp: Parameters,
    plan: StreamingPlan,
    before: tuple[JobInput, ...] = (),
) -> BroadcastWanted:
    """Return what is to be done for an output; files have no folder yet.

    A kind whose source has ended stays an input, as it was `before`: nothing comes of it any more.
    """
    known = {it.kind: it for it in before}
    found = {
        "audio": _audio(output, streams) if output.audio_format is not None else None,
        "video": _video(output, streams, fmtp) if output.video_format is not None else None,
    }
    inputs = tuple(
        known.get(kind, it) if kind not in output.sources else it
        for kind, it in found.items()
        if it is not None
    )
    target = None
    if not outlet.in_files:
        folder = "" if plan.folder is None else str(plan.folder)
        target = OutsideAddress(outlet.url, plan.networks, folder)
    return BroadcastWanted(
        outlet.protocol,
        inputs,
        target,
        playlist=outlet.playlist if outlet.in_files else "",
        segment_seconds=outlet.segment_seconds,
        window=outlet.window,
        reconnect_seconds=plan.reconnect_seconds,
    )


def _usual_picture(stream: AnyStream | None) -> VideoFormat:
    usual = VideoFormat(PICTURE, USUAL_PROFILE)
    track = None if stream is None else stream.video
    if track is None or track.format.codec == PICTURE or usual not in track.alternatives.formats:
        return VideoFormat(PICTURE)
    return usual


def _audio(output: Output, streams: Streams) -> JobInput:
    assert output.audio_format is not None  # noqa: S101  see above
    sent = audio_target(output.audio_format)
    return JobInput(
        "audio",
        "audio",
        SOUND,
        publisher=_publisher(output, "audio", streams),
        channels=sent.channels,
        clock_rate=sent.sample_rate,
    )


def _video(output: Output, streams: Streams, fmtp: Parameters) -> JobInput:
    source = output.sources.get("video", "")
    stream, found = streams.get(source), ""
    if output.video_target is not None:
        found = parameters_sent(output.video_target)
    elif isinstance(stream, MixedStream) and stream.video is not None:
        found = parameters_sent(video_target_of(stream.video))
    else:
        found = fmtp(source, "video") or ""
    return JobInput("video", "video", PICTURE, found, _publisher(output, "video", streams))


def _publisher(output: Output, kind: str, streams: Mapping[str, AnyStream]) -> str:
    """Return by whose clock a track is timed: ours, for what a process makes."""
    source = output.sources.get(kind, "")
    made = output.target(kind) is not None or isinstance(streams.get(source), MixedStream)
    return OURS if made else source
