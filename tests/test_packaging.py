"""An installed Quintet has all that it has in its source tree."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from pathlib import Path

import pytest

from api.dialects import BUILT, DEFAULT_ROOT, DEFAULTS
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
        if file.is_file() and file.suffix != ".py"
        if "__pycache__" not in file.parts  # other tests are compiling there
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

    settings = load_settings(ROOT / "docs" / "container.toml")
    [listener] = settings.listeners
    assert f"EXPOSE {listener.port}\n" in recipe
    assert f"http://127.0.0.1:{listener.port}/-/healthz" in recipe
    low, high = settings.ice.udp_port_range
    assert f"EXPOSE {low}-{high}/udp\n" in recipe
    guide = (ROOT / "docs" / "container.md").read_text("utf-8")
    assert f"--publish {low}-{high}:{low}-{high}/udp" in guide


def test_container_serves_what_can_be_served_without_keys() -> None:
    text = (ROOT / "docs" / "container.toml").read_text("utf-8")
    [listener] = settings_of(tomllib.loads(text)).listeners
    assert (listener.dialects, listener.root) == (DEFAULTS, DEFAULT_ROOT)
    [named] = re.findall(r"^# (dialects = .*)$", text, re.MULTILINE)
    assert sorted(tomllib.loads(named)["dialects"]) == sorted(BUILT)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what a build of the source tree makes: an sdist and a wheel."""
    source, made = (tmp_path_factory.mktemp(name) for name in ("source", "built"))
    for name in ("pyproject.toml", "README.md", "LICENSE", "config.example.toml"):
        shutil.copy(ROOT / name, source)
    shutil.copytree(ROOT / "docs", source / "docs")
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, source / package, symlinks=True, ignore=ignored)
    code = "import sys; from setuptools import build_meta as it; it.{}(sys.argv[1])"
    for kind in ("build_sdist", "build_wheel"):
        subprocess.run(
            [sys.executable, "-c", code.format(kind), made],
            cwd=source, check=True, capture_output=True,
        )  # fmt: skip
    return made


@pytest.mark.parametrize(
    ("command", "file"),
    [("example-config", "config.example.toml"), ("systemd-unit", "docs/quintet.service")],
)
def test_what_is_installed_prints_what_the_repository_has(
    built: Path, tmp_path: Path, command: str, file: str
) -> None:
    [wheel] = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as opened:
        opened.extractall(tmp_path)
    done = subprocess.run(
        [sys.executable, "-m", "api", command],
        cwd=tmp_path, check=True, capture_output=True, text=True,
    )  # fmt: skip
    assert done.stdout == (ROOT / file).read_text("utf-8")
    [source] = built.glob("*.tar.gz")
    with tarfile.open(source) as archive:
        [name] = [it for it in archive.getnames() if it.endswith(f"/files/{Path(file).name}")]
        member = archive.extractfile(name)
        assert member is not None
        assert member.read().decode() == done.stdout
