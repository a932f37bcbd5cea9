"""Uploads in virtual time: what is sent when, and what is done when that fails."""

from __future__ import annotations

import logging
from itertools import pairwise
from pathlib import Path

import httpx
import pytest
import structlog
import trio
from trio.testing import MockClock

from media.contract.streaming import OutsideTrouble, TargetLost
from media.outside import uploader as uploader_module
from tests.support.segment_writer import SegmentWriter
from tests.support.upload_site import Luck
from tests.support.uploading import EVERYTHING_WELL, SECONDS, failing, uploading


async def test_segments_come_first_and_the_end_last(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with uploading(tmp_path) as upload:
        await upload.writer.run(3)
        upload.writer.end()
    site = upload.site
    playlist = "out.m3u8"
    assert site.names() == [
        "live0.ts",
        playlist,
        "live1.ts",
        playlist,
        "live2.ts",
        playlist,
        playlist,
    ]
    assert site.listings[-1] == upload.writer.playlist.read_bytes()
    assert all(b"ENDLIST" not in each for each in site.listings[:-1])
    assert upload.words == EVERYTHING_WELL
    assert site.asked[0].at < 0.5
    kinds = {each.name: each.headers["content-type"] for each in site.asked}
    assert kinds["live0.ts"] == "video/mp2t"
    assert kinds[playlist] == "application/vnd.apple.mpegurl"


async def test_end_is_said_of_what_a_killed_process_left(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with uploading(tmp_path) as upload:
        await upload.writer.run(2)
    assert upload.site.listings[-1].endswith(b"live1.ts\n#EXT-X-ENDLIST\n")


@pytest.mark.parametrize("method", ["PUT", "POST"])
async def test_files_go_beside_the_playlist_with_query_and_credentials(
    autojump_clock: MockClock, tmp_path: Path, method: str
) -> None:
    async with uploading(tmp_path, method=method) as upload:
        await upload.writer.run(1)
    assert {each.method for each in upload.site.asked} == {method}
    assert {each.target for each in upload.site.asked} == {
        "/live/out.m3u8?token=secret",
        "/live/live0.ts?token=secret",
    }
    for each in upload.site.asked:
        assert each.headers["host"] == "media.example"
        assert each.headers["authorization"] == httpx.BasicAuth("user", "hush@hush")._auth_header


async def test_few_segments_go_at_a_time(autojump_clock: MockClock, tmp_path: Path) -> None:
    async with uploading(
        tmp_path, lambda method, name: "slow", writer=SegmentWriter(tmp_path, window=10)
    ) as upload:
        for _ in range(10):
            upload.writer.add()
        await trio.sleep(10)
    assert upload.site.most_at_once <= uploader_module.AT_ONCE + 1  # and one playlist
    assert len(upload.site.seen()) == 10


async def test_what_fails_for_a_while_is_tried_again(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    def luck(method: str, name: str) -> Luck:
        return "503" if trio.current_time() % 10 < 1.0 else "200"

    async with uploading(tmp_path, luck) as upload:
        await upload.writer.run(10)
    assert upload.site.seen() == [f"live{number}.ts" for number in range(10)]
    assert upload.words == EVERYTHING_WELL
    tries = [
        each.at for each in upload.site.asked if (each.method, each.name) == ("PUT", "live0.ts")
    ]
    pauses = [round(after - before, 1) for before, after in pairwise(tries)]
    assert pauses == [0.2, 0.4, 0.8]


@pytest.mark.parametrize("luck", ["503", "500", "429", "408", "reset", "half", "never"])
async def test_segment_that_fails_for_its_length_is_never_named(
    autojump_clock: MockClock, tmp_path: Path, luck: Luck
) -> None:
    async with uploading(tmp_path, failing("live2.ts", luck=luck)) as upload:
        await upload.writer.run(8)
    site = upload.site
    assert site.seen() == [f"live{number}.ts" for number in (0, 1, 3, 4, 5, 6, 7)]
    assert any(b"#EXT-X-DISCONTINUITY\n#EXTINF:2.000,\nlive3.ts" in each for each in site.listings)
    assert upload.words == ["flows", "lost", "flows"]
    tries = [each.at for each in site.asked if each.name == "live2.ts" and each.method == "PUT"]
    assert tries[-1] - tries[0] <= SECONDS
    assert upload.uploader.segments_dropped == 1
    assert upload.uploader.segments_taken == 7


async def test_beginning_of_segments_is_tried_for_longer(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    def luck(method: str, name: str) -> Luck:
        return "503" if name == "init.mp4" and trio.current_time() < 5 * SECONDS else "200"

    async with uploading(tmp_path, luck, writer=SegmentWriter(tmp_path, init="init.mp4")) as upload:
        await upload.writer.run(10)
    assert upload.words == ["lost", "flows"]
    assert "live9.ts" in upload.site.seen()
    assert "init.mp4" in upload.site.files


async def test_newer_playlist_goes_in_place_of_one_that_fails(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    def luck(method: str, name: str) -> Luck:
        return "503" if name == "out.m3u8" and 1.0 < trio.current_time() < 15.0 else "200"

    async with uploading(tmp_path, luck) as upload:
        await upload.writer.run(10)
    assert upload.words == ["flows", "lost", "flows"]
    # Those between were in no playlist that the site took: it has the newest, at once.
    assert upload.site.listings[1].count(b".ts") == 4
    assert "live1.ts" not in upload.site.seen()


async def test_all_goes_on_after_the_target_was_away(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    def luck(method: str, name: str) -> Luck:
        return "reset" if 3.0 < trio.current_time() < 33.0 else "200"

    async with uploading(tmp_path, luck) as upload:
        await upload.writer.run(25)
    assert upload.words == ["flows", "lost", "flows"]
    lost = next(each for each in upload.told if isinstance(each, TargetLost))
    assert lost.reason is OutsideTrouble.UNREACHABLE
    assert upload.site.seen()[-3:] == ["live22.ts", "live23.ts", "live24.ts"]


async def test_pause_that_a_target_asks_for_is_kept_by_all(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    refused: list[float] = []

    def luck(method: str, name: str) -> Luck:
        if name == "live1.ts" and not refused:
            refused.append(trio.current_time())
            return "429 1"
        return "200"

    async with uploading(tmp_path, luck) as upload:
        upload.writer.add()
        upload.writer.add()
        await trio.sleep(6)
    after = [each.at for each in upload.site.asked if each.at > refused[0]]
    assert after[0] >= refused[0] + 1.0
    assert "live1.ts" in upload.site.seen()


async def test_file_that_is_too_long_or_gone_is_left_out(
    autojump_clock: MockClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(uploader_module, "MAX_FILE_BYTES", 5000)
    async with uploading(tmp_path) as upload:
        await upload.writer.run(1)
        (tmp_path / upload.writer.add()).unlink()
        await trio.sleep(SECONDS)
        with (tmp_path / upload.writer.add()).open("ab") as file:
            file.write(bytes(5000))
        await trio.sleep(SECONDS)
        await upload.writer.run(1)
    assert upload.site.seen() == ["live0.ts", "live3.ts"]
    assert upload.words == EVERYTHING_WELL


async def test_playlist_that_cannot_be_read_changes_nothing(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with uploading(tmp_path) as upload:
        await upload.writer.run(1)
        upload.writer.playlist.write_bytes(b"\xff\n../../etc/passwd\n")
        await trio.sleep(SECONDS)
        await upload.writer.run(1)
    assert upload.site.seen() == ["live0.ts", "live1.ts"]
    assert {each.name for each in upload.site.asked} == {"live0.ts", "live1.ts", "out.m3u8"}


async def test_nothing_of_the_address_is_logged(
    autojump_clock: MockClock, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with structlog.testing.capture_logs() as entries:
        for number, luck in enumerate(
            ("reset", "never", "403", "302 https://user:x@other.example/")
        ):
            folder = tmp_path / str(number)
            folder.mkdir()
            async with uploading(folder, failing("live1.ts", "out.m3u8", luck=luck)) as upload:
                await upload.writer.run(4)
    assert entries
    said = caplog.text + repr(entries) + repr(upload.told) + repr(upload.uploader)
    for secret in ("secret", "hush", "user", "example", "/live", "live1"):
        assert secret not in said
