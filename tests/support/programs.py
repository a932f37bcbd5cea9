"""Programs that tests drive: here, or a reason to skip; on the build machine they must be here."""

from __future__ import annotations

import os
import shutil

import pytest


def need(program: str) -> str:
    """Return the path of a program; without it skip the test, or fail it under CI=true."""
    path = shutil.which(program, path=os.environ["PATH"] + os.pathsep + "/usr/sbin")
    if path is not None:
        return path
    reason = f"{program} is not installed; `make test` says how to install it"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
