"""Uploads over real sockets, to a site that fails as sites do."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random

import pytest
import trio

from media.contract.streaming import OutsideTrouble, TargetFlows, TargetLost
from media.outside.places import Places
from media.outside.upload_target import open_client
from media.outside.uploader import Uploader
from tests.support.segment_writer import SegmentWriter
from tests.support.upload_site import Luck, UploadSite, serving

HERE = Places(("127.0.0.1/32",))
SECONDS = 0.7
SIZE = 300_000  # more than a socket's buffers take at once
KINDS = ["503", "500", "429 0", "early 503", "slow", "reset", "half", "never"]
SHARE = 0.1  # of the requests that fail


async def upload(
    folder: Path, luck: Callable[[str, str], Luck], count: int
) -> tuple[UploadSite, list[TargetFlows | TargetLost]]:
    """Write so many segments, while they are uploaded to a site of this luck."""
    site, told = UploadSite(luck), list[TargetFlows | TargetLost]()
    writer = SegmentWriter(folder, seconds=SECONDS, size=SIZE)
    with trio.fail_after(30):
        async with serving(site) as base, open_client(HERE) as client:
            url = f"{base}/live.m3u8"
            uploader = Uploader(folder, "live.m3u8", url, "PUT", SECONDS, client, told.append)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(uploader.run)
                await writer.run(count)
                writer.end()
                uploader.stop()
    assert site.wrong == []
    return site, told


class Standstills(trio.abc.Instrument):
    """How long the loop came late at most: from a wait that was over, or from its work."""

    def __init__(self) -> None:
        self.longest = 0.0
        self._due = math.inf

    def before_io_wait(self, timeout: float) -> None:
        self._due = self._late() + timeout

    def after_io_wait(self, timeout: float) -> None:
        self._due = self._late()

    def _late(self) -> float:
        now = trio.current_time()
        self.longest = max(self.longest, now - self._due)
        return now


@contextmanager
def noting_standstills() -> Iterator[Standstills]:
    standstills = Standstills()
    trio.lowlevel.add_instrument(standstills)
    try:
        yield standstills
    finally:
        trio.lowlevel.remove_instrument(standstills)


@pytest.mark.slow
@pytest.mark.unhurried
async def test_rough_site_never_has_a_playlist_that_names_what_is_missing(tmp_path: Path) -> None:
    random = Random(17)

    def luck(method: str, name: str) -> Luck:
        return random.choice(KINDS) if random.random() < SHARE else "200"

    site, told = await upload(tmp_path, luck, 15)
    assert {type(each) for each in told} <= {TargetFlows, TargetLost}
    assert not any(isinstance(each, TargetLost) and each.over for each in told)
    assert len(site.asked) > 30
    assert len(site.seen()) >= 10
    assert b"#EXT-X-ENDLIST" in site.files["live.m3u8"]


@pytest.mark.parametrize("luck", ["reset", "half", "never", "early 503"])
async def test_segment_that_never_comes_through_is_left_out(tmp_path: Path, luck: Luck) -> None:
    for attempt in range(3):
        folder = tmp_path / str(attempt)
        folder.mkdir()
        with noting_standstills() as standstills:
            site, told = await upload(
                folder, lambda method, name: luck if name == "live1.ts" else "200", 5
            )
        if standstills.longest < SECONDS / 4:
            break  # else the machine may have kept any segment from coming in time
    assert site.seen() == ["live0.ts", "live2.ts", "live3.ts", "live4.ts"]
    assert [type(each) for each in told] == [TargetFlows, TargetLost, TargetFlows]


async def test_refusal_before_the_body_was_read_is_the_end(tmp_path: Path) -> None:
    site, told = await upload(tmp_path, lambda method, name: "early 403", 2)
    [last] = told
    assert isinstance(last, TargetLost)
    # Where the connection ends before all was sent, the answer may be lost with it.
    assert last.over
    assert last.reason is OutsideTrouble.UNAUTHORISED
    assert site.files == {}


async def test_nobody_listens(tmp_path: Path) -> None:
    SegmentWriter(tmp_path).add()
    told: list[TargetFlows | TargetLost] = []
    with trio.socket.socket() as taken:
        await taken.bind(("127.0.0.1", 0))  # and it does not listen
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/live.m3u8"
        async with open_client(HERE) as client:
            uploader = Uploader(tmp_path, "live.m3u8", url, "PUT", SECONDS, client, told.append)
            with trio.fail_after(30):
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(uploader.run)
                    while not told:
                        await trio.sleep(0.01)
                    nursery.cancel_scope.cancel()
    assert isinstance(told[0], TargetLost)
    assert told[0].reason is OutsideTrouble.UNREACHABLE
    assert not told[0].over


async def test_address_that_may_not_be_reached_is_the_end(tmp_path: Path) -> None:
    SegmentWriter(tmp_path).add()
    site, told = UploadSite(), list[TargetFlows | TargetLost]()
    async with serving(site) as base, open_client(Places(("192.0.2.0/24",))) as client:
        with trio.fail_after(30):
            url = f"{base}/live.m3u8"
            await Uploader(tmp_path, "live.m3u8", url, "PUT", SECONDS, client, told.append).run()
    [last] = told
    assert isinstance(last, TargetLost)
    assert (last.reason, last.over) == (OutsideTrouble.NOT_ALLOWED, True)
    assert site.asked == []
