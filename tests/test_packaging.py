"""An installed Quintet has all that it has in its source tree."""

from __future__ import annotations

import tomllib
from pathlib import Path

from api.settings import Settings

ROOT = Path(__file__).resolve().parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
PACKAGES = ("actors", "api", "media")


def test_every_file_beside_the_code_is_package_data() -> None:
    patterns = PROJECT["tool"]["setuptools"]["package-data"]["*"]
    left_out = [
        str(file.relative_to(ROOT))
        for package in PACKAGES
        for file in (ROOT / package).rglob("*")
        if file.is_file() and file.suffix not in {".py", ".pyc"}
        if not any(file.match(pattern) for pattern in patterns)
    ]
    assert left_out == []


def test_top_level_packages_are_listed() -> None:
    listed = PROJECT["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {pattern.rstrip("*") for pattern in listed} == set(PACKAGES)


def test_readme_tells_where_the_defaults_serve() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    [listener] = Settings().listeners
    assert f"http://{listener.bind}" in readme
