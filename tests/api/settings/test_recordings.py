"""Recordings lie, last and end as the settings say."""

from __future__ import annotations

from pathlib import Path

from actors.streams.services import RecordingsFolder
from api.settings import load_settings
from api.settings.recordings import recordings_folder


def folder_of(tmp_path: Path, text: str) -> RecordingsFolder:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return recordings_folder(load_settings(path))


def test_the_folder_and_the_limits_are_those_of_the_settings(tmp_path: Path) -> None:
    keys = (
        f"[recording]\ndir = '{tmp_path}'\nretention_days = 3\n"
        "max_seconds = 60\nmin_free_bytes = 1000\n"
    )
    assert folder_of(tmp_path, keys) == RecordingsFolder(tmp_path, 3, 60, 1000)


def test_without_settings_recordings_lie_beside_the_other_data(tmp_path: Path) -> None:
    folder = folder_of(tmp_path, f"[server]\ndata_dir = '{tmp_path}'\n")
    assert folder.path == tmp_path / "recordings"
    assert (folder.max_seconds, folder.min_free_bytes) == (0, 268_435_456)
