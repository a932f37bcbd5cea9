"""Folders that only we may look into."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from media.outside.private_folders import clear_folders, private_folder


def test_private_folders_are_ours_alone_and_are_cleared(tmp_path: Path) -> None:
    work, elsewhere = tmp_path / "data" / "streaming", tmp_path / "elsewhere"
    assert clear_folders(work) == 0
    folder = private_folder(work, "a-1")
    assert stat.S_IMODE(folder.stat().st_mode) == stat.S_IMODE(work.stat().st_mode) == 0o700
    with pytest.raises(FileExistsError):
        private_folder(work, "a-1")
    for name in ("", "..", "a/b", ".a", "a" * 101):
        with pytest.raises(ValueError):
            private_folder(work, name)
    (folder / "live0.ts").write_bytes(b"x")
    (private_folder(work, "b") / "deep").mkdir()
    elsewhere.mkdir()
    (elsewhere / "kept").write_bytes(b"x")
    (work / "link").symlink_to(elsewhere)
    (folder / "link").symlink_to(elsewhere)
    assert clear_folders(work) == 2
    assert [each.name for each in work.iterdir()] == ["link"]
    assert (elsewhere / "kept").exists()
