"""A server for each way that a client may come: a websocket over either carrier, or polling."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.barertc import WAYS, BareServer, barertc_server


@pytest.fixture(params=WAYS)
def way(request: pytest.FixtureRequest) -> str:
    """How the clients of a test come."""
    return str(request.param)


@pytest.fixture
async def server(tmp_path: Path, way: str) -> AsyncIterator[BareServer]:
    """A server with the settings it has by itself."""
    async with barertc_server(tmp_path, way) as running:
        yield running
