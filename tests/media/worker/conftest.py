"""What holds for every test of jobs: no process is left behind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.jobs import children


@pytest.fixture(autouse=True)
def no_process_left_behind() -> Iterator[None]:
    """Fail a test after which a process of it, or a zombie, still exists."""
    before = children()
    yield
    assert children() <= before
