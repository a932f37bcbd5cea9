"""Which version of Quintet this is."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path


@cache
def quintet_version() -> str:
    """Return the installed version; in a source tree that is not installed, its pyproject's."""
    try:
        return version("quintet")
    except PackageNotFoundError:
        project = Path(__file__).parents[2] / "pyproject.toml"
        with project.open("rb") as file:
            return str(tomllib.load(file)["project"]["version"])
