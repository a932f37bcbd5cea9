"""Uploads in virtual time, to sites that fail at random: nothing missing is ever named."""

from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from trio.testing import MockClock

from tests.support.segment_writer import DashWriter, SegmentWriter
from tests.support.upload_site import Luck, names_in
from tests.support.uploading import uploading

MPD = "https://media.example/live/live.mpd"
KINDS = ["503", "500", "429 1", "reset", "half", "never", "slow"]


@pytest.mark.parametrize("seed", range(12))
async def test_whatever_luck_no_playlist_names_what_is_missing(
    autojump_clock: MockClock, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)
    share = random.choice([0.1, 0.3, 0.6])

    def luck(method: str, name: str) -> Luck:
        return random.choice(KINDS) if random.random() < share else "200"

    writer = SegmentWriter(tmp_path, window=random.choice([1, 3, 5]))
    async with uploading(tmp_path, luck, writer=writer) as upload:
        await upload.writer.run(30)
    assert "over" not in upload.words
    assert len(upload.site.seen()) > 2


@pytest.mark.parametrize("seed", range(6))
async def test_whatever_luck_no_manifest_names_what_is_missing(
    autojump_clock: MockClock, tmp_path: Path, seed: int
) -> None:
    random = Random(seed)

    def luck(method: str, name: str) -> Luck:
        return random.choice(KINDS) if random.random() < 0.2 else "200"

    async with uploading(tmp_path, luck, url=MPD, writer=DashWriter(tmp_path)) as upload:
        await upload.writer.run(30)
        upload.writer.end()
    site = upload.site
    named = {name for each in site.listings for name in names_in("live.mpd", each)}
    assert len(named) > 40  # of 60, and two to begin with
    assert b'type="static"' in site.listings[-1]
