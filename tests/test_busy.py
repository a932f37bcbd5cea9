"""A measurement is repeated on a busy machine only, and its last complaint stands."""

from __future__ import annotations

import pytest

from tests.support import busy


@pytest.mark.parametrize(
    ("idle", "complaints", "attempts", "left"),
    [
        (50, [["late"]], 1, ["late"]),
        (10, [["late"], ["later"], []], 3, []),
        (10, [[]], 1, []),
        (10, [["late"]] * busy.ATTEMPTS, busy.ATTEMPTS, ["late"]),
    ],
)
def test_only_other_work_excuses_a_measurement(
    monkeypatch: pytest.MonkeyPatch,
    idle: int,
    complaints: list[list[str]],
    attempts: int,
    left: list[str],
) -> None:
    times = iter(
        (idle * (turn // 2 + turn % 2), 100 * (turn // 2 + turn % 2)) for turn in range(99)
    )
    monkeypatch.setattr(busy, "_processors", lambda: next(times))
    done: list[int] = []

    def measure(attempt: int) -> list[str]:
        done.append(attempt)
        return complaints[attempt]

    assert busy.measured(measure) == left
    assert done == list(range(attempts))


def test_the_time_of_the_processors_is_known() -> None:
    idle, total = busy._processors()
    assert 0 < idle < total
