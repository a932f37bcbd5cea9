"""Files that are sent as answers, cut short at any point."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import trio
from quart_trio.wrappers.response import TrioFileBody, TrioResponse

from api.http.carriers.quart_seam import SteadyFileBody


@pytest.fixture
def opened(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Collect the files that are opened; the scope around is cancelled as soon as one is."""
    files: list[Any] = []
    open_file = trio.open_file

    async def opening(*args: Any, **options: Any) -> Any:
        files.append(await open_file(*args, **options))
        scope.cancel()
        return files[-1]

    scope = trio.CancelScope()
    files.append(scope)
    monkeypatch.setattr(trio, "open_file", opening)
    return files


@pytest.mark.parametrize("body_class", [SteadyFileBody, TrioFileBody])
async def test_a_file_is_closed_whose_reader_left_while_it_was_opened(
    tmp_path: Path, opened: list[Any], body_class: type[TrioFileBody]
) -> None:
    """If this fails for TrioFileBody, ours is no longer needed."""
    file = tmp_path / "empty.js"
    file.write_bytes(b"")
    with opened[0]:
        async with body_class(file):
            pytest.fail("it was opened in spite of the cancellation")
    assert opened[1].closed == (body_class is SteadyFileBody)
    opened[1].wrapped.close()


async def test_files_are_sent_so() -> None:
    assert TrioResponse.file_body_class is SteadyFileBody
