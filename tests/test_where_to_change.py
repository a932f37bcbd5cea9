"""The page for newcomers names files that are there, and few of them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
_, *SECTIONS = (ROOT / "docs/where-to-change.md").read_text().split("\n## ")
STEP = re.compile(r"^\d\. ", re.MULTILINE)
FILE = re.compile(r"`([\w/.-]+/[\w.-]*|[\w-]+\.(?:md|toml))`")


def test_there_are_five_examples() -> None:
    assert len(SECTIONS) == 5


@pytest.mark.parametrize("section", SECTIONS, ids=lambda section: section.splitlines()[0])
def test_an_example_has_at_most_four_steps_and_its_files_are_there(section: str) -> None:
    assert 1 <= len(STEP.findall(section)) <= 4
    files = FILE.findall(section)
    assert files
    assert [
        name for name in files if not name.startswith("/-/") and not (ROOT / name).exists()
    ] == []
