"""An installed Quintet has all that it has in its source tree."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

from api.settings import load_settings, settings_of

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
    [listener] = settings_of({}).listeners
    assert f"http://{listener.bind}" in readme


def test_container_copies_what_is_there_and_opens_the_port_it_serves() -> None:
    recipe = (ROOT / "Containerfile").read_text("utf-8")
    copied = re.findall(r"^COPY (?!--from)(.+) \S+$", recipe, re.MULTILINE)
    sources = " ".join(copied).split()
    allowed = (ROOT / ".dockerignore").read_text("utf-8").splitlines()
    assert sources
    assert all((ROOT / source).exists() for source in sources)
    assert all(f"!{source}" in allowed for source in sources)

    [listener] = load_settings(ROOT / "docs" / "container.toml").listeners
    assert f"EXPOSE {listener.port}\n" in recipe
    assert f"http://127.0.0.1:{listener.port}/-/healthz" in recipe
