"""Rules of a room whose views are mixed, and what its processes are on a fake engine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TypeVar

from actors.jobs.mix import stream_of
from actors.words.streams import AudioFormat, Resolution, VideoFormat, VideoParameters
from actors.words.views import OutputRules, ViewRules, ViewVideo
from media.contract.jobs import JobWanted, MixWanted, TranscodeWanted
from tests.fakes.media import FakeEngine
from tests.support.conference import ROOM, RULES

W = TypeVar("W", bound=JobWanted)

COMMON_MIX = f"{ROOM}-common"
OPUS = AudioFormat("opus", 48_000, 2)
VIEW = ViewRules(
    "common",
    COMMON_MIX,
    OPUS,
    ViewVideo(
        VideoFormat("vp8"),
        VideoParameters(Resolution(640, 480), 24, keyframe_interval=100),
        keep_active_primary=True,
    ),
)
OUTPUTS = OutputRules(
    audio=(OPUS, AudioFormat("pcmu"), AudioFormat("aac", 48_000, 2)),
    video=(VideoFormat("vp8"), VideoFormat("h264", "CB")),
    resolutions=("x1/2", "x1/4"),
    framerates=(6, 12),
    bitrates=("x0.8", "x0.6"),
    keyframe_intervals=(5, 2, 1),
    transcodes_audio=True,
    transcodes_format=True,
    transcodes_resolution=True,
    transcodes_framerate=True,
    transcodes_bitrate=True,
    transcodes_keyframe_interval=True,
)
MIXED = replace(RULES, mixes=(VIEW,), outputs=OUTPUTS)
AUTO = replace(MIXED, auto_mix=True)


def running(engine: FakeEngine, kind: type[W]) -> Iterator[tuple[str, W]]:
    """Return the processes of a kind that run: their ids, and what they do."""
    for id_, job in engine.jobs.jobs.items():
        if isinstance(job.wanted, kind):
            yield id_, job.wanted


def the_mix(engine: FakeEngine) -> tuple[str, MixWanted]:
    """Return the one mix that runs."""
    (found,) = running(engine, MixWanted)
    return found


def the_transcode(engine: FakeEngine) -> tuple[str, TranscodeWanted]:
    """Return the one transcode that runs."""
    (found,) = running(engine, TranscodeWanted)
    return found


def inputs_of(wanted: JobWanted) -> list[tuple[str, str]]:
    """Return which kinds of which streams a job takes."""
    return [(stream_of(it.id), it.kind) for it in wanted.inputs]


def pictures_of(wanted: MixWanted) -> list[str | None]:
    """Return the streams in the regions of a mix, in order."""
    assert wanted.video is not None
    return [place.input and stream_of(place.input) for place in wanted.video.places]
