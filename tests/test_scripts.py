"""What `make` says when a machine lacks something: one line that names the remedy."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPTS = Path(__file__).resolve().parent.parent / "scripts"


def run(script: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [SCRIPTS / script, *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def program(folder: Path, name: str, body: str) -> str:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def stranger(tmp_path: Path) -> str:
    """A PATH of a machine with apt-get, without root and without the programs of the tests."""
    program(tmp_path, "id", "echo 1000")
    program(tmp_path, "apt-get", "exit 99")
    return str(tmp_path)


def test_suitable_python_passes_in_silence() -> None:
    done = run("python-hint", sys.executable)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        ("exit 1", "No working"),
        ('case "$*" in *version_info*) exit 1;; -V) echo Python 3.9.2;; esac', "is Python 3.9.2"),
        ('case "$*" in *ensurepip*) exit 1;; esac', "apt-get install python3-venv"),
    ],
    ids=["broken", "too old", "without venv"],
)
def test_unsuitable_python_is_explained_in_one_line(tmp_path: Path, body: str, hint: str) -> None:
    done = run("python-hint", program(tmp_path, "python", body))
    assert done.returncode == 1
    assert hint in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_missing_python_is_explained() -> None:
    done = run("python-hint", "no-such-python")
    assert done.returncode == 1
    assert "Python 3.11" in done.stderr


def test_missing_packages_are_named_with_the_line_that_installs_them(stranger: str) -> None:
    done = run("test-packages", PATH=stranger)
    assert done.returncode == 0
    assert "sudo apt-get install" in done.stderr
    assert "chromium" in done.stderr
    assert "firefox-esr" in done.stderr
    assert len(done.stderr.splitlines()) == 1


def test_a_gstreamer_without_what_webrtc_needs_is_named(stranger: str, tmp_path: Path) -> None:
    no_plugins = {
        "GST_PLUGIN_SYSTEM_PATH_1_0": str(tmp_path),
        "GST_REGISTRY_1_0": str(tmp_path / "registry"),
    }
    done = run("test-packages", PATH=stranger, **no_plugins)
    assert "gstreamer1.0-nice gstreamer1.0-plugins-bad python3-gi" in done.stderr


def test_missing_packages_fail_the_build_machine(stranger: str) -> None:
    assert run("test-packages", PATH=stranger, CI="true").returncode == 1


def test_make_says_that_it_installs_and_only_where_it_does(tmp_path: Path) -> None:
    venv = tmp_path / "venv"
    python = f"{sys.version_info.major}.{sys.version_info.minor}"

    def planned() -> str:
        return subprocess.run(
            ["make", "--dry-run", "run", f"VENV={venv}", f"PYTHON={sys.executable}"],
            cwd=SCRIPTS.parent, capture_output=True, text=True, timeout=120, check=True,
        ).stdout  # fmt: skip

    assert f"Installing Quintet and what it needs into {venv}" in planned()
    venv.mkdir()
    (venv / f".made-with-python{python}").touch()
    (venv / ".installed").touch()
    assert "Installing" not in planned()
    assert "quintet serve" in planned()
