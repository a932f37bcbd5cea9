"""The job that encodes a track anew, for all who want the same of it."""

from __future__ import annotations

from actors.jobs.media_job import MediaJob
from actors.jobs.mix import audio_input, input_of
from actors.streams.takers import Feed
from actors.words.views import AnyStream
from media.contract.jobs import JobInput, TranscodeWanted


class Transcode(MediaJob):
    kind = "transcode"


def transcode_wanted(feed: Feed, stream: AnyStream, fmtp: str) -> TranscodeWanted:
    """Return what is to be done for a feed with a target; `fmtp` are the source's parameters."""
    assert feed.target is not None  # noqa: S101  others need no process
    if feed.kind == "audio":
        assert stream.audio is not None  # noqa: S101  it could not be taken
        return TranscodeWanted(audio_input(feed.stream, stream.audio.format), feed.target)
    assert stream.video is not None  # noqa: S101
    codec, name = stream.video.format.codec, input_of(feed.stream, "video")
    taken = JobInput(name, "video", codec, fmtp, publisher=feed.stream)
    return TranscodeWanted(taken, feed.target)
