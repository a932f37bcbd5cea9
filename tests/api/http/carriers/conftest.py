"""What tests of connections share."""

from __future__ import annotations

import pytest

from api.http.carriers import opening, served_stream


@pytest.fixture
def long_goodbyes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Read on for a minute after a last answer: here a client takes long to say all that it has.

    On a busy machine its second may be over in the middle of that, which cuts the connection.
    """
    monkeypatch.setattr(served_stream, "LINGER_SECONDS", 60.0)
    monkeypatch.setattr(opening, "GOODBYE_SECONDS", 60.0)
