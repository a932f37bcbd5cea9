"""The folders of HLS and DASH: private ones, and those that requests name."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable
from media.outside.output_folders import make_local, make_private, names_of, remove_private
from media.outside.places import Places
from media.outside.private_folders import clear_folders


def test_a_private_folder_is_nobody_elses_and_goes_whole(tmp_path: Path) -> None:
    folder = make_private(tmp_path / "data" / "work", "7")
    assert {it.stat().st_mode & 0o777 for it in (folder, folder.parent)} == {0o700}
    (folder / "a").mkdir()
    (folder / "a" / "b.ts").touch()
    with pytest.raises(NotReachable, match="cannot be made: File exists"):
        make_private(tmp_path / "data" / "work", "7")
    remove_private(folder)
    remove_private(folder)
    assert list(folder.parent.iterdir()) == []


def test_what_a_killed_server_left_is_removed_and_nothing_beyond(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    (kept / "file").touch()
    work = tmp_path / "work"
    folder = make_private(work, "7")
    (folder / "b.ts").touch()
    (work / "link").symlink_to(kept)
    assert clear_folders(work) == 1
    assert not folder.exists()
    assert (kept / "file").exists()
    assert clear_folders(tmp_path / "nowhere") == 0


def test_a_local_playlist_is_new_and_below_the_folder(tmp_path: Path) -> None:
    places = Places((), str(tmp_path / "out"))
    (tmp_path / "out").mkdir()
    playlist = places.file("a/b/c.m3u8")
    assert playlist == tmp_path / "out" / "a" / "b" / "c.m3u8"
    make_local(playlist, hls=True)
    assert playlist.parent.is_dir()
    make_local(playlist, hls=True)
    playlist.touch()
    for url, reason in [
        (playlist.as_uri(), OutsideTrouble.EXISTS),
        ("a/b/c.m3u8/d.m3u8", OutsideTrouble.REFUSED),
        ("../c.m3u8", OutsideTrouble.NOT_ALLOWED),
        (str(tmp_path / "c.m3u8"), OutsideTrouble.NOT_ALLOWED),
    ]:
        with pytest.raises(NotReachable) as refused:
            make_local(places.file(url), hls=True)
        assert refused.value.reason is reason


def test_a_playlist_of_hls_shares_its_segments_with_no_other(tmp_path: Path) -> None:
    (tmp_path / "c-1700000000.ts").touch()
    one, other = tmp_path / "c.m3u8", tmp_path / "c"
    for each in (one, other):
        with pytest.raises(NotReachable) as refused:
            make_local(each, hls=True)
        assert refused.value.reason is OutsideTrouble.EXISTS
    make_local(tmp_path / "c.mpd", hls=False)
    make_local(tmp_path / "c-1.m3u8", hls=True)
    assert names_of(one, hls=True) & names_of(other, hls=True)
    assert names_of(one, hls=True) & names_of(one, hls=False)
    assert not names_of(one, hls=True) & names_of(tmp_path / "c.mpd", hls=False)
    assert not names_of(one, hls=True) & names_of(tmp_path / "c-1.m3u8", hls=True)
