"""How many examples a property test tries: all in `make test`, a few in `make test-fast`."""

from __future__ import annotations

from hypothesis import settings

FAST = "fast"  # pytest --hypothesis-profile fast
SHARE = 6  # of the examples that are tried then: every sixth


def register_fast_profile() -> None:
    """Make the profile known; tests that name no number of examples try fewer in it, too."""
    settings.register_profile(FAST, max_examples=settings.default.max_examples // SHARE)


def examples(number: int) -> int:
    """Return how many examples to try, of `number` in the whole suite."""
    fast = settings.get_current_profile_name() == FAST
    return max(1, number // SHARE) if fast else number
