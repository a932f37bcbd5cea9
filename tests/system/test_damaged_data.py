"""`quintet serve` on data, disks and addresses that it cannot use: one message and an exit code."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.process import WITH_STORE_AND_MEDIA, launched


def said(log: list[dict[str, str]]) -> list[str]:
    return [line["text"] if "text" in line else str(line) for line in log]


async def test_a_damaged_file_is_one_message(tmp_path: Path) -> None:
    file = tmp_path / "data" / "secrets.toml"
    file.parent.mkdir(mode=0o700)
    file.write_text("operator = 5")
    async with launched(tmp_path, WITH_STORE_AND_MEDIA, ready=False) as server:
        code, _ = await server.end()
    assert code == 1
    assert said(server.log) == [f"quintet: {file} is damaged: repair it, or move it away"]


LIMITED = """
import resource, sys
from api.cli.commands import run
hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
sys.exit(run(["serve"]))
"""


async def test_a_disk_that_takes_no_more_is_worth_another_try(tmp_path: Path) -> None:
    """So exit code 1: after 2 the unit of docs/quintet.service stays down."""
    config = f"{WITH_STORE_AND_MEDIA}[store]\nstart_seconds = 0.0\n"
    async with launched(tmp_path, config, ready=False, command=("-c", LIMITED)) as server:
        code, _ = await server.end()
    assert code == 1
    [line] = said(server.log)
    assert line.startswith(
        f"quintet: the SQLite file {tmp_path}/data/quintet.sqlite cannot be used"
    )


async def test_a_full_disk_cannot_hold_the_lock(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lock").symlink_to("/dev/full")
    async with launched(tmp_path, WITH_STORE_AND_MEDIA, ready=False) as server:
        code, _ = await server.end()
    assert code == 1
    expected = f"quintet: cannot use data_dir {tmp_path}/data: No space left on device"
    assert said(server.log) == [expected]


@pytest.mark.parametrize(
    "config",
    ['[ice]\nlisten_ips = ["192.0.2.1"]\n', '[recording]\ndir = "/proc/recordings"\n'],
    ids=["address", "folder"],
)
async def test_a_place_that_cannot_be_used_is_an_error_at_the_start(
    tmp_path: Path, config: str
) -> None:
    async with launched(tmp_path, WITH_STORE_AND_MEDIA + config, ready=False) as server:
        code, _ = await server.end()
    assert code == 1
    [line] = said(server.log)
    assert line.startswith("quintet: cannot ")
