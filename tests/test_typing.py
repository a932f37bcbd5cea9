"""Browser tests type, click and press keys, as people do.

A value that is set reaches a page by another way than keys do: it hid that nobody could type.
"""

from __future__ import annotations

import re
from pathlib import Path

TESTS = Path(__file__).parent
NOT_BY_HAND = re.compile(
    r"\.(fill|select_option|check|uncheck|set_checked|insert_text|dispatch_event)\("
)


def test_browser_tests_use_their_hands() -> None:
    files = [
        *(TESTS / "browser").glob("*.py"),
        *(path for path in (TESTS / "support").glob("*.py") if "playwright" in path.read_text()),
    ]
    assert len(files) > 10
    found = [
        f"{path.name}: {line.strip()}"
        for path in files
        for line in path.read_text("utf-8").splitlines()
        if NOT_BY_HAND.search(line)
    ]
    assert found == []
