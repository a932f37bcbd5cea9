"""What the settings say of recordings, as the actors and the media layer want to hear it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from actors.streams.services import RecordingsFolder
from media.contract.recordings import Container, RecordingPlan, TrackPlan

if TYPE_CHECKING:
    from api.settings import Settings


def recordings_folder(settings: Settings) -> RecordingsFolder:
    """Return where recordings lie, for how long, and when one ends by itself."""
    folder = settings.recording.dir or settings.server.data_dir / "recordings"
    rules = settings.recording
    return RecordingsFolder(folder, rules.retention_days, rules.max_seconds, rules.min_free_bytes)


def recording_plan(
    settings: Settings, recording_id: str, container: Container, tracks: Sequence[TrackPlan]
) -> RecordingPlan:
    """Plan a recording within the limits of the settings."""
    return RecordingPlan(
        recording_id,
        container,
        tuple(tracks),
        recordings_folder(settings).path,
        max_seconds=settings.recording.max_seconds,
        min_free_bytes=settings.recording.min_free_bytes,
    )
