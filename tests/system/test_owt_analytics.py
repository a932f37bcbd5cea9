"""Analytics of a real server: what moves in a film is told, and a plug-in that is installed works.

The example of examples/analytics_plugin is installed with pip, without a network.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import trio

from media.webrtc.bridge import MediaLoop, open_media_loop
from tests.support.cameras import media_file
from tests.support.jobs import children
from tests.support.mixed_rooms import SECONDS, MixedRoom, mixed_room
from tests.support.owt_portal import guest
from tests.support.picture_jobs import GREEN

EXAMPLE = Path(__file__).parents[2] / "examples" / "analytics_plugin"

pytestmark = pytest.mark.slow


@pytest.fixture
async def loop() -> AsyncIterator[MediaLoop]:
    async with open_media_loop() as found:
        yield found


def wheel_of(project: Path, folder: Path) -> Path:
    """Make the wheel of a project of one module, as setuptools would; that may be too old here."""
    said = tomllib.loads((project / "pyproject.toml").read_text("utf-8"))["project"]
    name, version = said["name"].replace("-", "_"), said["version"]
    info = f"{name}-{version}.dist-info"
    lines = [
        line
        for group, entries in said["entry-points"].items()
        for line in (f"[{group}]", *(f"{each} = {of}" for each, of in entries.items()))
    ]
    files = {file.name: file.read_text("utf-8") for file in project.glob("*.py")} | {
        f"{info}/METADATA": f"Metadata-Version: 2.1\nName: {said['name']}\nVersion: {version}\n",
        f"{info}/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        f"{info}/entry_points.txt": "\n".join(lines) + "\n",
    }
    files[f"{info}/RECORD"] = "".join(f"{each},,\n" for each in (*files, f"{info}/RECORD"))
    made = folder / f"{name}-{version}-py3-none-any.whl"
    with ZipFile(made, "w") as archive:
        for place, text in files.items():
            archive.writestr(place, text)
    return made


def install(target: Path) -> None:
    """Install the example there."""
    wheel = wheel_of(EXAMPLE, target.parent)
    quiet = ("--quiet", "--no-input", "--disable-pip-version-check", "--no-cache-dir")
    command = [sys.executable, "-m", "pip", "install", *quiet, "--no-index", "--no-deps"]
    subprocess.run([*command, "--target", str(target), str(wheel)], check=True, timeout=120)


def threads(pid: int) -> int:
    """Return how many a process has, 0 for one that is gone."""
    try:
        return len(list(Path(f"/proc/{pid}/task").iterdir()))
    except OSError:
        return 0


async def analyse(scene: MixedRoom, algorithm: str, **media: Any) -> Any:
    body = {"algorithm": algorithm, "media": media, "notify": True}
    return await scene.ok("POST", "/analytics", body)


async def told(scene: MixedRoom, analytic: str, fits: Callable[[Any], bool]) -> dict[str, Any]:
    """Wait until an analytic has told something that fits; return it."""
    with trio.fail_after(SECONDS):
        while True:
            (found,) = [it for it in await scene.ok("GET", "/analytics") if it["id"] == analytic]
            for event in found["events"]:
                if fits(event):
                    return dict(event)
            await trio.sleep(0.1)


async def test_what_moves_in_a_film_is_told_and_a_kill_ends_it(
    tmp_path: Path, loop: MediaLoop
) -> None:
    film = media_file(tmp_path / "film.mkv", "h264", "opus", seconds=60.0)
    near = f'[streaming]\nfolder = "{tmp_path}"\n'
    async with mixed_room(tmp_path, loop, config=near) as scene:
        async with guest(scene.server, scene.room, "ann") as ann:
            body = {"connection": {"url": film.as_uri()}, "media": {"audio": True, "video": True}}
            stream = (await scene.ok("POST", "/streaming-ins", body))["id"]
            before = children(scene.process.process.pid)
            watched = await analyse(scene, "motion", video={"from": stream})
            assert watched["analytics"] == {"algorithm": "motion"}
            assert watched["media"]["from"] == stream
            assert watched["media"]["format"]["codec"] == "h264"
            event = await told(scene, watched["id"], lambda it: it["name"] == "motion")
            assert 0 < event["data"]["share"] <= 1
            with trio.fail_after(SECONDS):
                message = await ann.told("text")
            assert (message["from"], message["to"]) == ("analytics", "all")
            assert json.loads(message["message"])["analytics"] == watched["id"]

            heard = await analyse(scene, "level", audio={"from": stream})
            event = await told(scene, heard["id"], lambda it: it["name"] == "sound")
            assert event["data"]["mean"] > -45
            await scene.ok("DELETE", f"/analytics/{heard['id']}")

            unknown = {"algorithm": "face", "media": {"video": {"from": stream}}}
            refused = await scene.ask("POST", "/analytics", unknown)
            assert refused.status_code == 500, refused.text
            assert "there is no such algorithm here, but" in refused.json()["error"]["message"]

            pids = children(scene.process.process.pid) - before
            for pid in pids:
                if threads(pid) > 1:  # it runs a plug-in
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
            with trio.fail_after(SECONDS):
                while await scene.ok("GET", "/analytics"):
                    await trio.sleep(0.05)
            with trio.fail_after(SECONDS):
                while "ended" not in (last := json.loads((await ann.told("text"))["message"])):
                    pass
            assert (last["ended"], last["detail"]) == (
                "killed",
                "its process was killed (SIGKILL)",
            )
        said = "\n".join(map(str, scene.process.log))
    assert "analytic.event" in said
    assert "its process was killed (SIGKILL)" in said


async def test_the_example_is_installed_and_sees_a_card(
    tmp_path: Path, loop: MediaLoop, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = tmp_path / "site"
    await trio.to_thread.run_sync(install, site)
    monkeypatch.setenv("PYTHONPATH", str(site))
    async with mixed_room(tmp_path, loop, GREEN, mixes=False) as scene:
        (green,) = scene.streams
        watched = await analyse(scene, "colour-card", video={"from": green})
        event = await told(scene, watched["id"], lambda it: it["name"] == "card")
        assert event["data"]["colour"] == "green"
        await scene.ok("DELETE", f"/analytics/{watched['id']}")
        assert await scene.ok("GET", "/analytics") == []
