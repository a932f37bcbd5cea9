"""Why a connection did not come about, in the words for calls that fail."""

from __future__ import annotations

from actors.streams.failed_calls import REASONS
from media.contract.session import Failure


def test_every_failure_is_a_reason() -> None:
    assert set(REASONS) == set(Failure)
