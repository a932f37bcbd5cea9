"""Recordings are planned as the settings say."""

from __future__ import annotations

from pathlib import Path

from api.settings import load_settings
from api.settings.recordings import recording_plan, recordings_folder
from media.contract.recordings import Container, RecordingPlan, TrackPlan

TRACKS = [TrackPlan("audio", "opus"), TrackPlan("video", "vp8", "ann")]


def planned(folder: Path, text: str) -> RecordingPlan:
    path = folder / "config.toml"
    path.write_text(text)
    settings = load_settings(path)
    plan = recording_plan(settings, "one", Container.WEBM, TRACKS)
    assert plan.folder == recordings_folder(settings).path
    return plan


def test_a_plan_carries_the_folder_and_the_limits_of_the_settings(tmp_path: Path) -> None:
    keys = f"[recording]\ndir = '{tmp_path}'\nmax_seconds = 60\nmin_free_bytes = 1000\n"
    assert planned(tmp_path, keys) == RecordingPlan(
        "one", Container.WEBM, tuple(TRACKS), tmp_path, max_seconds=60, min_free_bytes=1000
    )


def test_without_settings_recordings_lie_beside_the_other_data(tmp_path: Path) -> None:
    plan = planned(tmp_path, f"[server]\ndata_dir = '{tmp_path}'\n")
    assert plan.folder == tmp_path / "recordings"
    assert (plan.max_seconds, plan.min_free_bytes) == (0, 268_435_456)
