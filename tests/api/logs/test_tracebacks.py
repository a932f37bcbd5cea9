"""Tracebacks tell where and what kind, not whose data."""

from __future__ import annotations

import errno

import pytest
import trio

from api.logs.tracebacks import crash_text, summary


def raised(error: BaseException, cause: BaseException | None = None) -> BaseException:
    with pytest.raises(type(error)) as caught:
        raise error from cause
    return caught.value


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ValueError("my pin is 1234"), "ValueError"),
        (KeyError("my pin is 1234"), "KeyError"),
        (TypeError("f() takes 1 argument"), "TypeError: f() takes 1 argument"),
        (AttributeError("'X' object has no attribute 'y'"), None),
        (OSError(errno.EMFILE, "x", "/my/pin"), "OSError: EMFILE, Too many open files"),
        (FileNotFoundError(errno.ENOENT, "x", "/my/pin"), None),
        (OSError("my pin is 1234"), "OSError"),
        (trio.ClosedResourceError("this was closed"), "trio.ClosedResourceError: this was closed"),
        (RecursionError(), "RecursionError"),
    ],
)
def test_a_message_is_shown_only_where_it_cannot_hold_user_data(
    error: BaseException, text: str | None
) -> None:
    assert "pin" not in summary(error)
    if text is not None:
        assert summary(error) == text


def test_the_frames_lead_to_the_place() -> None:
    text = crash_text(raised(ValueError("hush")))
    assert "test_tracebacks.py" in text
    assert "in raised" in text
    assert text.endswith("\nValueError")
    assert "hush" not in text


def test_causes_come_first() -> None:
    text = crash_text(raised(ValueError("b"), raised(KeyError("a"))))
    assert text.index("KeyError") < text.index("which caused:") < text.index("\nValueError")


def test_a_group_shows_its_parts() -> None:
    group = ExceptionGroup("hush", [ValueError("a"), OSError(errno.EMFILE, "x")])
    text = crash_text(raised(group))
    assert "1 of 2:\n  ValueError\n2 of 2:\n  OSError: EMFILE, Too many open files" in text
    assert "hush" not in text


def test_an_endless_chain_is_cut() -> None:
    error: BaseException = ValueError()
    for _ in range(100):
        error = raised(ValueError(), error)
    assert len(crash_text(error)) < 20_000


def test_an_exception_that_causes_itself_ends() -> None:
    error = ValueError()
    error.__cause__ = error
    assert crash_text(error).startswith("…")
