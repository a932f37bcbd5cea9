"""What the settings say of recordings, as the actors want to hear it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from actors.streams.services import RecordingsFolder

if TYPE_CHECKING:
    from api.settings import Settings


def recordings_folder(settings: Settings) -> RecordingsFolder:
    """Return where recordings lie, for how long, and when one ends by itself."""
    folder = settings.recording.dir or settings.server.data_dir / "recordings"
    rules = settings.recording
    return RecordingsFolder(folder, rules.retention_days, rules.max_seconds, rules.min_free_bytes)
