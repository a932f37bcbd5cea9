"""`quintet` as somebody at a shell has it: carried out here, or in a process of its own."""

from __future__ import annotations

import io
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path

from api.cli.commands import run

REPOSITORY = Path(__file__).parents[2]
SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Done:
    """Exit code, answer and remarks of a command."""

    code: int
    answer: str
    remarks: str


def command(*arguments: str) -> Done:
    """Carry out a command in this process: a new one costs seconds."""
    answer, remarks = io.StringIO(), io.StringIO()
    with redirect_stdout(answer), redirect_stderr(remarks):
        code = run(arguments)
    return Done(code, answer.getvalue(), remarks.getvalue())


def shell_command(*arguments: str) -> list[str]:
    """Return the line that runs `quintet` in a process of its own."""
    return [sys.executable, "-m", "api", *arguments]


def command_in_shell(*arguments: str, stdin: str = "", before: tuple[str, ...] = ()) -> Done:
    """Run a command as a process, `before` it a program such as setpriv that runs it."""
    done = subprocess.run(
        [*before, *shell_command(*arguments)],
        cwd=REPOSITORY,
        env={name: value for name, value in os.environ.items() if name != "QUINTET_CONFIG"},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    return Done(done.returncode, done.stdout, done.stderr)
