"""The recordings of a room's streams: which file, from which sources, and how often a keyframe.

A recording is a job of the room. It ends by itself when the disk is full or its time is over; its
file is final before anyone is told that it has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from actors.core import Refused
from actors.jobs.job import Take
from actors.jobs.recorded_formats import container_of, usual_audio
from actors.jobs.recording import PaceKeyframes, check_recording, recording_spec
from actors.jobs.room_jobs import RoomJobs
from actors.streams.feed_paths import FeedPaths
from actors.streams.outputs import Output
from actors.streams.rules import Conference
from actors.streams.services import MediaServices
from actors.words.conference_refusals import RecordingUnknown, TargetUnsatisfying
from actors.words.media_refusals import CannotRecord, SourceGone
from actors.words.streams import AudioFormat, AudioWanted, RecordingView
from media.contract.recordings import Container, RecordingPlan, TrackPlan

OURS = "server"  # of tracks that processes make: they are all timed by the server's clock


@dataclass(slots=True)
class RecordingLine:
    """An ongoing recording; `keyframe_seconds` is how often it asks for keyframes, 0: never."""

    file: Path
    keyframe_seconds: float = 0.0


class RoomRecordings:
    """Belongs to one room, whose handlers call it; `forget` what the conference has dropped."""

    __slots__ = ("_conference", "_jobs", "_lines", "_media", "_paths")

    def __init__(
        self,
        jobs: RoomJobs,
        conference: Conference,
        media: MediaServices,
        paths: FeedPaths,
    ) -> None:
        self._jobs = jobs
        self._conference = conference
        self._media = media
        self._paths = paths
        self._lines: dict[str, RecordingLine] = {}

    def views(self) -> tuple[RecordingView, ...]:
        """Return the ongoing recordings."""
        return tuple(map(self.view, self._conference.recordings))

    def view(self, recording: str) -> RecordingView:
        """Return one that is ongoing. Raises RecordingUnknown."""
        if recording not in self._lines:
            raise RecordingUnknown(recording)
        output = self._conference.recordings[recording]
        return RecordingView(
            recording,
            output.audio,
            output.video,
            output.audio_format if output.audio is not None else None,
            output.video_format if output.video is not None else None,
            str(self._lines[recording].file),
        )

    def audio_for(self, container: str, wanted: AudioWanted | None) -> AudioWanted | None:
        """Return what sound a file of this kind asks for: AAC where it takes nothing else."""
        stream = self._conference.known.get(wanted.source) if wanted is not None else None
        if stream is None or stream.audio is None:
            return wanted
        taken = self._conference.rules.audio_in_mp4
        return usual_audio(container, wanted, stream.audio.format, stream.audio.alternatives, taken)

    async def start(self, output: Output, container: str) -> None:
        """Start to record what the conference has taken.

        Raises CannotRecord and TargetUnsatisfying, and has the conference forget it.
        """
        engine = self._media.engine
        sources = {kind: self._paths.path(output.id, kind)[0] for kind in output.sources}
        known = {kind: source for kind, source in sources.items() if source is not None}
        try:
            plan = self._plan(output, container)
            await check_recording(engine, plan, known)
        except SourceGone:  # it has just ended, which the room will hear
            self._abandon(output.id)
            raise TargetUnsatisfying(plan.tracks[0].kind, "stream") from None
        except Refused:
            self._abandon(output.id)
            raise
        await self._jobs.start(output.id, recording_spec(plan, known, engine))
        file = plan.folder / f"{plan.id}.{plan.container.value}"
        self._lines[output.id] = RecordingLine(file, plan.keyframe_seconds)
        self.rewire(output.id)

    def rewire(self, recording: str) -> None:
        """Tell a recording what it takes now. Raises MailboxFull."""
        line, conference = self._lines[recording], self._conference
        output = conference.recordings[recording]
        sources = {kind: self._paths.path(recording, kind) for kind in output.sources}
        seconds, before = _keyframe_seconds(output), line.keyframe_seconds
        line.keyframe_seconds = seconds
        self._jobs.tell(recording, Take(sources))
        if seconds != before:
            self._jobs.tell(recording, PaceKeyframes(seconds))

    def forget(self, recording: str) -> None:
        """Forget a recording that has ended or is to end."""
        del self._lines[recording]
        self._paths.forget(recording)

    def _abandon(self, recording: str) -> None:
        """Have it as if one that cannot start had never been asked for."""
        self._conference.end_recording(recording)
        self._paths.forget(recording)

    def _plan(self, output: Output, container: str) -> RecordingPlan:
        codecs = {"audio": output.audio_format, "video": output.video_format}
        tracks = tuple(
            TrackPlan(kind, found.codec, self._publisher(output, kind))
            for kind, found in codecs.items()
            if found is not None
        )
        folder = self._media.recordings
        kind = container_of(container, output.audio_format, output.video_format)
        self._check_audio(kind, output.audio_format)
        return RecordingPlan(
            output.id,
            kind,
            tracks,
            folder.path,
            folder.max_seconds,
            folder.min_free_bytes,
            _keyframe_seconds(output),
        )

    def _check_audio(self, kind: Container, found: AudioFormat | None) -> None:
        taken = self._conference.rules.audio_in_mp4
        if kind is not Container.MP4 or found is None or taken is None or found.codec in taken:
            return
        takes = " or ".join(sorted(taken))
        raise CannotRecord(f"mp4 takes {takes} as audio here, not {found.codec}")

    def _publisher(self, output: Output, kind: str) -> str:
        """Return by whose clock a track is timed: ours, for what a process makes."""
        source = output.sources[kind]
        made = output.target(kind) is not None or source in self._conference.mixing.streams
        return OURS if made else source


def _keyframe_seconds(output: Output) -> float:
    return output.keyframe_seconds or 0.0
