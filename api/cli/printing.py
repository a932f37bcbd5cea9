"""What a command prints: its answer on standard output, remarks on standard error."""

from __future__ import annotations

import sys


def write(text: str) -> None:
    """Write a part of the answer at once."""
    sys.stdout.write(text)
    sys.stdout.flush()


def print_line(text: str) -> None:
    """Write a line of the answer."""
    write(text + "\n")


def say(text: str) -> None:
    """Write a line for people, beside the answer."""
    sys.stderr.write(text + "\n")


def fail(text: str, code: int) -> int:
    """Say why the command cannot be carried out; returns the exit code given."""
    say(f"quintet: {text}")
    return code
