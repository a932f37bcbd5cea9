"""The published clients of the npm registry are there to be run."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import npm
from tests.support.npm import node, npm_packages

PACKAGE = "has-flag@4.0.0"  # small, and needs nothing


async def test_a_package_is_installed_once_and_can_be_required() -> None:
    modules = npm_packages(PACKAGE)
    stamp = modules.stat().st_mtime_ns
    script = """
        const hasFlag = require("has-flag");
        process.stdin.on("data", (text) => {
            console.log(String(hasFlag("flag", ["--flag"])), process.argv[1], String(text).trim());
        });
    """
    async with node(script, "given", modules=modules) as running:
        await running.say("grüße")
        assert await running.line() == "true given grüße"
    assert npm_packages(PACKAGE).stat().st_mtime_ns == stamp


async def test_a_script_that_ends_has_no_more_lines() -> None:
    async with node("console.log('bye')") as running:
        assert await running.line() == "bye"
        assert await running.line() == ""


@pytest.mark.parametrize("inexact", ["mqtt", "mqtt@latest", "mqtt@^5.0.0", "mqtt@5"])
def test_versions_are_exact(inexact: str) -> None:
    with pytest.raises(AssertionError, match="exact"):
        npm_packages(inexact)


@pytest.mark.parametrize("ci", [True, False])
def test_without_a_registry_tests_are_skipped_but_fail_the_build_machine(
    ci: bool, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CI", "true" if ci else "")
    monkeypatch.setattr(npm, "need", lambda program: "false")
    with pytest.raises((pytest.fail.Exception, pytest.skip.Exception)) as raised:
        npm_packages(PACKAGE)
    assert raised.type is (pytest.fail.Exception if ci else pytest.skip.Exception)
    assert list(tmp_path.rglob("node_modules")) == []
