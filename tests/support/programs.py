"""Programs that tests drive: here, or a reason to skip; on the build machine they must be here."""

from __future__ import annotations

import os
import shutil
from typing import NoReturn

import pytest


def need(program: str) -> str:
    """Return the path of a program; without it skip the test, or fail it under CI=true."""
    path = shutil.which(program, path=os.environ["PATH"] + os.pathsep + "/usr/sbin")
    if path is None:
        lacking(program)
    return path


def lacking(what: str) -> NoReturn:
    """Skip the test for what is not installed, or fail it under CI=true."""
    reason = f"{what} is not installed; `make test` says how to install it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
