"""`quintet hash-password`: asks twice without an echo, or reads a line; Auvious takes the hash."""

from __future__ import annotations

import os
import pty
import subprocess
from contextlib import suppress
from pathlib import Path

import pytest
from argon2 import PasswordHasher

from api.auvious.settings import LONGEST_PASSWORD, AuviousSettings
from api.settings import load_settings
from tests.support.command_line import REPOSITORY, command_in_shell, shell_command


def test_a_line_is_hashed_as_users_have_it(tmp_path: Path) -> None:
    done = command_in_shell("hash-password", stdin="sésame  \n")
    assert (done.code, done.remarks) == (0, "")
    file = tmp_path / "config.toml"
    file.write_text(f'[[auvious.users]]\nid = "alice"\npassword = "{done.answer.strip()}"\n')
    (user,) = load_settings(file).section(AuviousSettings).users
    assert PasswordHasher().verify(user.password, "sésame  ")


@pytest.mark.parametrize(
    ("line", "words"),
    [("\n", "no password was given"), ("x" * (LONGEST_PASSWORD + 1), "at most 1024 characters")],
)
def test_what_could_not_sign_in_is_refused(line: str, words: str) -> None:
    done = command_in_shell("hash-password", stdin=line)
    assert (done.code, done.answer) == (1, "")
    assert words in done.remarks


@pytest.mark.parametrize("again", ["secret", "secert"])
def test_at_a_terminal_it_is_asked_for_twice_and_not_shown(again: str) -> None:
    ours, terminal = pty.openpty()
    with os.fdopen(ours, "r+b", 0) as typing:
        with subprocess.Popen(
            shell_command("hash-password"),
            cwd=REPOSITORY,
            stdin=terminal,
            stdout=terminal,
            stderr=terminal,
            start_new_session=True,  # or it would ask whoever runs the tests
        ) as process:
            os.close(terminal)
            seen = b""
            for prompt, text in ((b"Password: ", "secret"), (b"Again: ", again)):
                while prompt not in seen:
                    seen += typing.read(4096)
                typing.write(f"{text}\n".encode())
            with suppress(OSError):  # the process has ended
                while more := typing.read(4096):
                    seen += more
    shown = seen.decode()
    assert "secret" not in shown
    if again == "secret":
        assert process.returncode == 0
        assert PasswordHasher().verify(shown.split()[-1], "secret")
    else:
        assert process.returncode == 1
        assert "the two are not the same" in shown
