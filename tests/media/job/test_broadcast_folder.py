"""HLS and DASH into a folder: what a player finds there at any time."""

from __future__ import annotations

import resource
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from media.contract.jobs import BroadcastWanted, JobInput
from media.contract.streaming import OutsideTrouble, TargetFlows, TargetLost
from media.job.sending.broadcast import BroadcastWork
from tests.support.encoded import beeps_in, flashes_in
from tests.support.media_file import copied, errors_in, look_into
from tests.support.picture_jobs import KeptOutside
from tests.support.shows import PICTURE, SIGNALS, SOUND, after, picture, play, sound
from tests.support.stream_targets import until

PLAYLISTS = {"hls": "live.m3u8", "dash": "live.mpd"}
both = pytest.mark.parametrize("protocol", PLAYLISTS)
pytestmark = pytest.mark.slow


class Studio:
    """A work that writes into a folder."""

    def __init__(
        self,
        folder: Path,
        protocol: str,
        *inputs: JobInput,
        window: int = 5,
        retry: float = 30.0,
        name: str = "",
    ) -> None:
        self.outside = KeptOutside()
        self.work = BroadcastWork(self.outside)
        self.playlist = folder / (name or PLAYLISTS[protocol])
        self.work.change(
            BroadcastWanted(
                protocol,
                inputs or (SOUND, PICTURE),
                folder=str(folder),
                playlist=self.playlist.name,
                window=window,
                stalled_seconds=3600.0,  # the time of a show that is not real runs far ahead
                reconnect_seconds=retry,
            )
        )

    def __enter__(self) -> Studio:
        return self

    def __exit__(self, failed: object, *_: object) -> None:
        if failed is None:
            self.all_taken()
        self.work.close()

    def until(self, true: Callable[[], bool]) -> None:
        """Let the work do what is due until something is so."""

        def so() -> bool:
            self.work.tick(time.monotonic())
            return true()

        until(so)

    def all_taken(self) -> None:
        """Wait until nothing is on its way any more."""
        figures = self.work.figures
        self.until(
            lambda: (
                self.work.figures.frames_out + self.work.figures.late_frames >= figures.frames_in
            )
        )


def names_in(playlist: Path) -> list[str]:
    return [line for line in playlist.read_text().splitlines() if not line.startswith("#")]


@both
def test_what_is_written_plays_with_its_sound_beside_its_picture(
    tmp_path: Path, protocol: str
) -> None:
    with Studio(tmp_path, protocol) as studio:
        play(studio.work, picture(late=0.3), sound())
    assert studio.outside.told == [TargetFlows()]
    found = look_into(studio.playlist)
    assert found.sizes == {"h264": (320, 240)}
    assert set(found.packets) == {"h264", "aac"}
    assert errors_in(studio.playlist) == ""
    copy = copied(studio.playlist)
    flashes, beeps = flashes_in(copy), beeps_in(copy)
    assert len(flashes) == len(SIGNALS)
    assert flashes == pytest.approx(beeps, abs=0.08)
    assert studio.work.figures.late_frames == 0
    assert not list(tmp_path.glob("*.tmp"))


@both
def test_pictures_that_are_decoded_in_another_order_play(tmp_path: Path, protocol: str) -> None:
    with Studio(tmp_path, protocol, PICTURE) as studio:
        play(studio.work, picture(backward=True), after(6.0, picture(backward=True)))
    assert errors_in(studio.playlist) == ""


def test_a_playlist_names_whole_segments_only_and_old_ones_go(tmp_path: Path) -> None:
    seen: set[str] = set()

    def look() -> bool:
        if studio.playlist.exists():
            names = names_in(studio.playlist)
            seen.update(names)
            assert all((tmp_path / name).stat().st_size % 188 == 0 for name in names)
            assert len(names) <= 2
        return False

    with Studio(tmp_path, "hls", window=2) as studio:
        play(studio.work, picture(20.0), sound(20.0), until=look)
    look()
    assert studio.playlist.read_text().endswith("#EXT-X-ENDLIST\n")
    assert len(names_in(studio.playlist)) == 2
    assert len(list(tmp_path.glob("*.ts"))) <= 2 + 3  # a window more, and one
    text = studio.playlist.read_text()
    assert "#EXT-X-TARGETDURATION:2\n" in text
    assert "#EXT-X-DISCONTINUITY\n" not in text


def test_another_size_is_a_break_and_both_sides_of_it_play(tmp_path: Path) -> None:
    with Studio(tmp_path, "hls") as studio:
        large = after(4.0, picture(4.0, size=(640, 360)))
        play(studio.work, picture(4.0), large, sound(8.0))
    text = studio.playlist.read_text()
    assert text.count("#EXT-X-DISCONTINUITY\n") == 1
    sizes = [look_into(tmp_path / name).sizes["h264"] for name in names_in(studio.playlist)]
    assert sizes == [(320, 240)] * 2 + [(640, 360)] * 2
    assert errors_in(studio.playlist) == ""


def test_sound_goes_on_where_the_picture_stops_and_begins_where_it_came_late(
    tmp_path: Path,
) -> None:
    with Studio(tmp_path, "hls") as studio:
        short = [it for it in picture(3.0) if it.arrival < 3.0]
        play(studio.work, short, sound(9.0))
    seconds = sum(
        float(line[8:-1])
        for line in studio.playlist.read_text().splitlines()
        if line.startswith("#EXTINF:")
    )
    assert seconds == pytest.approx(9.0, abs=0.2)


def test_without_the_other_kind_it_begins_after_three_seconds_and_breaks_when_it_comes(
    tmp_path: Path,
) -> None:
    with Studio(tmp_path, "hls") as studio:
        begin = play(studio.work, sound(6.0)[:200], real_time=True)
        studio.until(lambda: studio.work.figures.frames_out > 0)
        play(studio.work, after(7.0, picture(4.0)), after(7.0, sound(4.0)), begin=begin)
    assert "#EXT-X-DISCONTINUITY\n" in studio.playlist.read_text()
    last = look_into(tmp_path / names_in(studio.playlist)[-1])
    assert set(last.packets) == {"h264", "aac"}


@both
def test_names_never_come_again_when_a_process_begins_anew(tmp_path: Path, protocol: str) -> None:
    found: list[set[str]] = []
    for _ in range(2):
        with Studio(tmp_path, protocol, window=2) as studio:
            play(studio.work, picture(8.0), sound(8.0))
            studio.all_taken()
        found.append({it.name for it in tmp_path.iterdir() if it.suffix in (".ts", ".m4s")})
        assert errors_in(studio.playlist) == ""
    assert found[1].isdisjoint(found[0])


@both
def test_another_stream_in_the_same_folder_is_left_alone(tmp_path: Path, protocol: str) -> None:
    playlists = []
    for name in (f"one-{PLAYLISTS[protocol]}", PLAYLISTS[protocol]):
        with Studio(tmp_path, protocol, name=name) as studio:
            play(studio.work, picture(), sound())
        playlists.append(studio.playlist)
    for playlist in playlists:
        assert errors_in(playlist) == ""
        assert look_into(playlist).sizes == {"h264": (320, 240)}


@both
def test_a_folder_that_is_gone_is_told_and_used_again_when_it_is_back(
    tmp_path: Path, protocol: str
) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    with Studio(folder, protocol, retry=0.1) as studio:
        begin = play(studio.work, picture(), sound())
        studio.all_taken()
        shutil.rmtree(folder)
        play(studio.work, after(6.0, picture()), after(6.0, sound()), begin=begin)
        studio.until(lambda: len(studio.outside.told) == 2)
        [_, lost] = studio.outside.told
        assert isinstance(lost, TargetLost)
        assert (lost.reason, lost.over) == (OutsideTrouble.NOT_FOUND, False)
        folder.mkdir()
        time.sleep(0.2)  # until it is tried again
        play(studio.work, after(12.0, picture()), after(12.0, sound()), begin=begin)
        studio.until(lambda: studio.outside.told[-1] == TargetFlows())
    assert errors_in(studio.playlist) == ""


@both
def test_a_full_disk_is_told_and_names_nothing_that_is_not_whole(
    tmp_path: Path, protocol: str
) -> None:
    """A limit to the size of files stands for the disk: it needs no root, and stops a write."""
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    with Studio(tmp_path, protocol, retry=0.1) as studio:
        begin = play(studio.work, picture(), sound())
        studio.all_taken()
        resource.setrlimit(resource.RLIMIT_FSIZE, (20_000, limits[1]))
        try:
            play(studio.work, after(6.0, picture()), after(6.0, sound()), begin=begin)
            studio.until(lambda: len(studio.outside.told) >= 2)
            told = studio.outside.told[1]
            assert isinstance(told, TargetLost)
            assert told.reason is OutsideTrouble.NO_SPACE
            if protocol == "hls":
                sizes = [(tmp_path / name).stat().st_size for name in names_in(studio.playlist)]
                assert all(size and size % 188 == 0 for size in sizes)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        time.sleep(0.2)  # until it is tried again
        play(studio.work, after(12.0, picture()), after(12.0, sound()), begin=begin)
        studio.until(lambda: studio.outside.told[-1] == TargetFlows())
    assert errors_in(studio.playlist) == ""
    assert not list(tmp_path.glob("*.tmp"))


def test_keyframes_are_asked_for_once_a_segment(tmp_path: Path) -> None:
    with Studio(tmp_path, "hls", PICTURE) as studio:
        begin = play(studio.work, picture(2.5, every=2.0), real_time=True)
        few = len(studio.outside.keyframes)
        play(studio.work, after(2.5, picture(2.5, every=60.0)), real_time=True, begin=begin)
        assert len(studio.outside.keyframes) > few
    assert few <= 5
