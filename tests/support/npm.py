"""Packages of the npm registry, and Node.js to run them: the published clients themselves.

Each set of packages is installed once per machine, into a cache folder outside the tree
(`$XDG_CACHE_HOME/quintet-tests`, else `~/.cache/quintet-tests`), and used from there without a
network. Versions are exact. Without Node.js, npm or a registry the test is skipped with its reason;
under CI=true it fails.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

import pytest

from tests.support.programs import need
from tests.support.talking import Talking, talking

INSTALL_SECONDS = 180.0
EXACT = re.compile(r"(@[\w.-]+/)?[\w.-]+@\d+\.\d+\.\d+")
QUIET = ("--no-audit", "--no-fund", "--ignore-scripts", "--loglevel=error")


def npm_packages(*packages: str) -> Path:
    """Return a `node_modules` folder with these packages ("mqtt@5.14.0", say) in it.

    The folder is shared by all tests of the machine: read it, never write to it.
    """
    wrong = [package for package in packages if not EXACT.fullmatch(package)]
    assert packages, "name a package"
    assert not wrong, f"name exact versions: {wrong}"
    folder = _cache() / re.sub(r"[^\w.@-]", "_", "+".join(sorted(packages)))
    modules = folder / "node_modules"
    if not modules.exists():
        npm = need("npm")
        with _alone(folder):
            if not modules.exists():  # somebody else may have installed it while we waited
                _install(npm, folder, packages)
    return modules


@asynccontextmanager
async def node(
    script: str | Path, *arguments: str, modules: Path | None = None
) -> AsyncIterator[Talking]:
    """Run a script with Node.js while the block runs; it is killed at the end.

    `script` is a file or JavaScript itself; `require` finds what is in `modules`. What it writes to
    standard error goes to the test's own.
    """
    program = need("node")
    environment = {**os.environ, "NODE_NO_WARNINGS": "1"}
    if modules is not None:
        environment["NODE_PATH"] = str(modules)
    command = [str(script)] if isinstance(script, Path) else ["-e", script, "--"]
    async with talking([program, *command, *arguments], environment) as process:
        yield process


def _cache() -> Path:
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base, "quintet-tests", "npm")


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    """Keep other processes that want the same folder waiting."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with Path(f"{folder}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def _install(npm: str, folder: Path, packages: tuple[str, ...]) -> None:
    """Install beside the place and move it there, so that it is whole or not there at all."""
    scratch = Path(tempfile.mkdtemp(dir=folder.parent))
    try:
        (scratch / "package.json").write_text('{"private": true}')
        done = subprocess.run(
            [npm, "install", *QUIET, "--prefix", str(scratch), *packages],
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
        if done.returncode == 0:
            shutil.rmtree(folder, ignore_errors=True)
            scratch.rename(folder)
            return
        _give_up(f"npm could not install {' '.join(packages)}: {done.stderr.strip()[-500:]}")
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _give_up(reason: str) -> None:
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)
