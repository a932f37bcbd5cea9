"""An uploader at work in virtual time, from a folder to a site without sockets."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from media.contract.streaming import TargetFlows, TargetLost
from media.outside.uploader import Uploader
from tests.support.segment_writer import SegmentWriter
from tests.support.upload_site import InMemory, Luck, UploadSite

SECONDS = 2.0  # of a segment
URL = "https://user:hush%40hush@media.example/live/out.m3u8?token=secret"
EVERYTHING_WELL = ["flows"]


@dataclass
class Upload:
    """An uploader at work, from a folder to a site."""

    site: UploadSite
    writer: SegmentWriter
    uploader: Uploader
    told: list[TargetFlows | TargetLost] = field(default_factory=list)
    ended_at: float = -1.0

    @property
    def words(self) -> list[str]:
        """What was told, each in a word."""
        return [
            "flows" if isinstance(each, TargetFlows) else "over" if each.over else "lost"
            for each in self.told
        ]

    async def run(self) -> None:
        await self.uploader.run()
        self.ended_at = trio.current_time()


@asynccontextmanager
async def uploading(
    folder: Path,
    luck: Callable[[str, str], Luck] = lambda method, name: "200",
    *,
    url: str = URL,
    method: str = "PUT",
    transport: httpx.AsyncBaseTransport | None = None,
    writer: SegmentWriter | None = None,
) -> AsyncIterator[Upload]:
    """Run an uploader until the end of the block, and its own."""
    site = UploadSite(luck)
    told: list[TargetFlows | TargetLost] = []
    writer = writer or SegmentWriter(folder, seconds=SECONDS)
    listing = writer.playlist.name
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(trio.to_thread, "run_sync", _run_here)
        async with httpx.AsyncClient(transport=transport or InMemory(site)) as client:
            uploader = Uploader(folder, listing, url, method, SECONDS, client, told.append)
            upload = Upload(site, writer, uploader, told)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(upload.run)
                yield upload
                uploader.stop()
    assert site.wrong == []


def failing(*names: str, luck: Luck = "503") -> Callable[[str, str], Luck]:
    """Have these files fail always."""
    return lambda method, name: luck if name in names else "200"


async def _run_here(function: Callable[..., Any], *arguments: Any) -> Any:
    """Keep virtual time from passing while a thread reads a file."""
    await trio.lowlevel.checkpoint()
    return function(*arguments)
