"""Uploads in virtual time: how they end, and what is deleted."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest
import trio
from trio.testing import MockClock

from media.contract.streaming import OutsideTrouble, TargetLost
from media.outside.errors import NotReachable
from media.outside.uploader import END_SECONDS, Uploader
from tests.support.upload_site import Luck
from tests.support.uploading import EVERYTHING_WELL, SECONDS, failing, uploading


@pytest.mark.parametrize("at", ["live1.ts", "out.m3u8"])
@pytest.mark.parametrize(
    ("luck", "reason"),
    [
        ("400", OutsideTrouble.REFUSED),
        ("401", OutsideTrouble.UNAUTHORISED),
        ("403", OutsideTrouble.UNAUTHORISED),
        ("404", OutsideTrouble.NOT_FOUND),
        ("405", OutsideTrouble.REFUSED),
        ("501", OutsideTrouble.REFUSED),
        ("302 https://other.example/", OutsideTrouble.NOT_ALLOWED),
        ("308 https://other.example/", OutsideTrouble.NOT_ALLOWED),
    ],
)
async def test_refusal_is_the_end(
    autojump_clock: MockClock, tmp_path: Path, at: str, luck: Luck, reason: OutsideTrouble
) -> None:
    async with uploading(tmp_path, failing(at, luck=luck)) as upload:
        await upload.writer.run(3)
        asked = len(upload.site.asked)
        upload.writer.add()
        await trio.sleep(5)
    assert len(upload.site.asked) == asked
    last = upload.told[-1]
    assert isinstance(last, TargetLost)
    assert (last.reason, last.over) == (reason, True)
    assert "example" not in last.detail
    assert 0 <= upload.ended_at < 2 * SECONDS + 1


@pytest.mark.parametrize(
    ("reason", "words"),
    [(OutsideTrouble.NOT_ALLOWED, ["over"]), (OutsideTrouble.UNREACHABLE, ["lost"])],
)
async def test_place_that_cannot_be_reached_may_come_and_one_that_may_not_is_the_end(
    autojump_clock: MockClock, tmp_path: Path, reason: OutsideTrouble, words: list[str]
) -> None:
    class Nowhere(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            raise NotReachable(reason, "it is not there")

    async with uploading(tmp_path, transport=Nowhere()) as upload:
        await upload.writer.run(4)
    assert upload.words == words
    assert isinstance(upload.told[0], TargetLost)
    assert (upload.told[0].reason, upload.told[0].detail) == (reason, "it is not there")


async def test_end_waits_a_bounded_time_only(autojump_clock: MockClock, tmp_path: Path) -> None:
    stopped = 4 * SECONDS

    def luck(method: str, name: str) -> Luck:
        return "never" if trio.current_time() > stopped - 0.5 else "200"

    async with uploading(tmp_path, luck) as upload:
        await upload.writer.run(4)
        upload.writer.end()
    assert stopped < upload.ended_at <= stopped + END_SECONDS + SECONDS + 1


@pytest.mark.parametrize("written", [False, True])
async def test_end_comes_at_once_where_nothing_is_left(
    autojump_clock: MockClock, tmp_path: Path, written: bool
) -> None:
    async with uploading(tmp_path) as upload:
        if written:
            await upload.writer.run(1)
        stopped = trio.current_time()
    assert upload.ended_at < stopped + 0.5


async def test_cancelled_upload_ends_at_once_and_says_nothing(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    with trio.move_on_after(1):
        async with uploading(tmp_path, lambda method, name: "never") as upload:
            await upload.writer.run(3)
    assert trio.current_time() < 1.1
    assert upload.told == []


async def test_old_segments_are_deleted_when_no_player_may_want_them(
    autojump_clock: MockClock, tmp_path: Path
) -> None:
    async with uploading(tmp_path, failing("live1.ts")) as upload:
        await upload.writer.run(20)
        there = [name for name in upload.site.files if name.endswith(".ts")]
        asked = [each for each in upload.site.asked if each.method == "DELETE"]
    # The window of four, and as many that players may still have in their playlists.
    assert 8 <= len(there) <= 11
    assert asked[0].name == "live0.ts"
    assert asked[0].at >= (4 + 4 + 1) * SECONDS  # it left the playlist after four
    assert "live1.ts" in [each.name for each in asked]  # half of it might be there
    assert len([name for name in upload.site.files if name.endswith(".ts")]) == 4


@pytest.mark.parametrize("status", ["404", "405", "403"])
async def test_target_that_deletes_nothing_is_asked_once(
    autojump_clock: MockClock, tmp_path: Path, status: str
) -> None:
    async with uploading(
        tmp_path, lambda method, name: status if method == "DELETE" else "200"
    ) as upload:
        await upload.writer.run(20)
    assert upload.site.names("DELETE") == ["live0.ts"]
    assert upload.words == EVERYTHING_WELL
    assert len(upload.site.seen()) == 20


@pytest.mark.parametrize("luck", ["503", "reset", "never"])
async def test_trouble_with_deleting_is_ignored(
    autojump_clock: MockClock, tmp_path: Path, luck: Luck
) -> None:
    async with uploading(
        tmp_path, lambda method, name: luck if method == "DELETE" else "200"
    ) as upload:
        await upload.writer.run(20)
    assert upload.site.names("DELETE")[:2] == ["live0.ts", "live1.ts"]
    assert upload.words == EVERYTHING_WELL
    assert len(upload.site.seen()) == 20


@pytest.mark.parametrize("url", ["", "ftp://a.example/x", "http:///x", "/x", "http://[::1/x", "\0"])
def test_address_that_is_none_of_http_is_refused(tmp_path: Path, url: str) -> None:
    with pytest.raises(NotReachable):
        Uploader(tmp_path, "live.m3u8", url, "PUT", 2.0, httpx.AsyncClient(), print)
