"""How many examples a property test tries: all in `make test`, a few in `make test-fast`.

None of them has a deadline: what one example takes says more about the machine than about the code.
"""

from __future__ import annotations

from hypothesis import HealthCheck, settings

WHOLE = "whole"
FAST = "fast"  # pytest --hypothesis-profile fast
SHARE = 6  # of the examples that are tried then: every sixth


def register_profiles() -> None:
    """Use the profile of the whole suite, and make the fast one known to pytest's option.

    Tests that name no number of examples try fewer in the fast one, too.
    """
    slow = [HealthCheck.too_slow]
    settings.register_profile(WHOLE, deadline=None, suppress_health_check=slow)
    settings.load_profile(WHOLE)
    few = settings.default.max_examples // SHARE
    settings.register_profile(FAST, settings.get_profile(WHOLE), max_examples=few)


def examples(number: int) -> int:
    """Return how many examples to try, of `number` in the whole suite."""
    fast = settings.get_current_profile_name() == FAST
    return max(1, number // SHARE) if fast else number
