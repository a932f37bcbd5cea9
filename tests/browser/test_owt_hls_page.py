"""A view of a room watched by HLS, in Chromium and Firefox, of people who send from a browser."""

from __future__ import annotations

import os
import re
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from itertools import product
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.support.axe import serious_findings
from tests.support.bidi import Bidi
from tests.support.jobs import children
from tests.support.owt_mix_page import GREEN, RED, TOLERANCE, WITHIN, MixedRoom, MixTab
from tests.support.owt_page import CONFIG, PATIENCE, Window
from tests.support.person import ARTIFACTS
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

HLS = f"[jobs]\nwarm = 1\n[streaming]\nhls = true\n{CONFIG}"
STATE = "(state) => document.body.dataset.state === state"
NOTE_STATES = """() => {
  window.states = [];
  const note = () => window.states.push(document.body.dataset.state);
  new MutationObserver(note).observe(document.body, { attributeFilter: ["data-state"] });
}"""
WORDS = "() => document.getElementById('words').textContent"
GOES_ON = "(since) => document.getElementById('picture').currentTime > since + 2"
LISTEN = """() => {
  const video = document.getElementById("picture");
  const context = new AudioContext();
  const analyser = (window.analyser = context.createAnalyser());
  context.createMediaElementSource(video).connect(analyser).connect(context.destination);
}"""
HEARD = """(loudness) => {
  const samples = new Float32Array(window.analyser.fftSize);
  window.analyser.getFloatTimeDomainData(samples);
  return Math.max(...samples) > loudness;
}"""
SHOWS = """([wanted, tolerance]) => {
  const video = document.getElementById("picture");
  const canvas = new OffscreenCanvas(video.videoWidth, video.videoHeight);
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(video, 0, 0);
  return wanted.every(([x, y, colour]) => {
    const { data } = context.getImageData(
      Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1);
    return colour.every((value, channel) => Math.abs(value - data[channel]) < tolerance);
  });
}"""

SCREENS = ((360, 640), (640, 360), (320, 256), (1280, 800))
LONG_NAME = "غرفة الشاي 👨\u200d👩\u200d👧 " + "a view with a long name " * 8 + "end"

Opener = Callable[[str], Window]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hls")


@pytest.fixture(scope="module")
def server(folder: Path) -> Iterator[ServerProcess]:
    with ServerProcess(folder, config=HLS) as server:
        server.wait_for("jobs.measured", within=PATIENCE)
        yield server


@pytest.fixture
def room(server: ServerProcess) -> MixedRoom:
    return MixedRoom(server)


@pytest.fixture
def opened(browser: Browser, firefox: Bidi) -> Iterator[Opener]:
    """Open a window in "chromium" or "firefox", whose page may not complain but of answers."""
    troubles: list[str] = []
    windows: list[Window] = []

    def make(name: str) -> Window:
        window: Any
        if name == "firefox":
            window = firefox.window()
        else:
            window = browser.new_context().new_page()
            window.on("pageerror", lambda error: troubles.append(str(error)))
        windows.append(window)
        return window

    yield make
    for window in windows:
        window.close()
    assert troubles == []


def number_of_first(path: str) -> int:
    """Return the number of the first segment that is listed, -1 while nothing is."""
    listed = httpx.get(f"{path}index.m3u8").text
    found = re.search(r"^#EXT-X-MEDIA-SEQUENCE:(\d+)$", listed, re.MULTILINE)
    return int(found[1]) if found is not None else -1


@pytest.mark.parametrize("name", ["chromium", "firefox"])
def test_a_view_is_seen_and_heard_by_who_has_a_token(
    opened: Opener,
    browser: Browser,
    site: str,
    room: MixedRoom,
    server: ServerProcess,
    folder: Path,
    name: str,
) -> None:
    people = [MixTab(browser.new_page(), room, user, site) for user in ("Ann", "Bob")]
    for person, look in zip(people, (RED, GREEN), strict=True):
        room.put_in(person.show(look))
    path = f"{server.url}hls/{room.room}/common/"
    viewer = opened(name)
    viewer.goto(path)
    viewer.wait_for_function(STATE, arg="over", timeout=PATIENCE * 1000)
    assert "token of this room" in viewer.evaluate(WORDS)

    viewer.goto(f"{path}?token={room.token('watcher', 'viewer')}")
    assert viewer.evaluate("() => location.href") == path
    viewer.wait_for_function(STATE, arg="live", timeout=PATIENCE * 1000)
    since = viewer.evaluate("() => document.getElementById('picture').currentTime")
    viewer.wait_for_function(GOES_ON, arg=since, timeout=PATIENCE * 1000)
    left, right = ([[half + x / 2, 0.25, look.colour] for x in WITHIN] for half, look in
                   ((0, RED), (0.5, GREEN)))  # fmt: skip
    viewer.wait_for_function(SHOWS, arg=[left + right, TOLERANCE], timeout=PATIENCE * 1000)
    if name == "firefox":  # its Web Audio stays suspended on a machine without a sound card
        assert viewer.evaluate("() => document.getElementById('picture').mozHasAudio")
    else:
        assert serious_findings(viewer) == []
        viewer.evaluate(LISTEN)
        viewer.wait_for_function(HEARD, arg=0.02, timeout=PATIENCE * 1000)
    assert [it["user"] for it in room.below("participants")] == ["Ann", "Bob"]

    room.ask("DELETE", f"/v1/rooms/{room.room}")
    viewer.wait_for_function(STATE, arg="over", timeout=PATIENCE * 1000)
    assert "has ended" in viewer.evaluate(WORDS)
    server.wait_for("hls.ended", within=PATIENCE)
    assert list((folder / "data" / "streaming").iterdir()) == []
    for person in people:
        person.page.close()


def test_a_view_with_a_long_name_and_bad_news_fits_every_screen(
    browser: Browser, server: ServerProcess
) -> None:
    page = browser.new_page()
    page.goto(f"{server.url}hls/nowhere/{quote(LONG_NAME, safe='')}/")
    page.wait_for_function(STATE, arg="over", timeout=PATIENCE * 1000)
    title = page.get_by_role("heading")
    expect(title).to_have_attribute("title", LONG_NAME)
    again = page.get_by_role("button", name="Try again")
    ARTIFACTS.mkdir(exist_ok=True)
    schemes: tuple[Literal["light", "dark"], ...] = ("light", "dark")
    for scheme, (width, height) in product(schemes, SCREENS):
        page.emulate_media(color_scheme=scheme)
        page.set_viewport_size({"width": width, "height": height})
        heading, button = title.bounding_box(), again.bounding_box()
        assert heading is not None
        assert button is not None
        assert heading["height"] < 40, "one line"
        assert button["y"] + button["height"] <= height
        assert page.evaluate("document.documentElement.scrollWidth") == width
        page.screenshot(path=ARTIFACTS / f"hls-{width}-{scheme}.png")
        if width in {360, 1280}:
            assert serious_findings(page) == []
    with page.expect_response("**/index.m3u8"):
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
    page.wait_for_function(STATE, arg="over", timeout=PATIENCE * 1000)
    page.close()


def test_who_comes_first_waits_then_sees_and_goes_on_when_processes_die(
    opened: Opener, browser: Browser, site: str, room: MixedRoom, server: ServerProcess
) -> None:
    change = [{"op": "add", "path": "/hls", "value": {"public": True}}]
    room.ask("PATCH", f"/v1/rooms/{room.room}", change)
    path = f"{server.url}hls/{room.room}/common/"
    viewer = opened("chromium")
    viewer.goto(path)
    says = "(words) => document.getElementById('words').textContent.includes(words)"
    viewer.wait_for_function(says, arg="Nobody is in this room yet", timeout=PATIENCE * 1000)
    ann = MixTab(browser.new_page(), room, "Ann", site)
    room.put_in(ann.show(RED))
    viewer.wait_for_function(STATE, arg="live", timeout=PATIENCE * 1000)
    middle = [[0.5, 0.5, RED.colour]]
    viewer.wait_for_function(SHOWS, arg=[middle, TOLERANCE], timeout=PATIENCE * 1000)
    listed = httpx.get(f"{path}index.m3u8")
    segments = [line for line in listed.text.splitlines() if line.endswith(".ts")]
    segment = segments[-1]  # the first one may be deleted in this moment
    assert httpx.get(f"{path}{segment}").content[:1] == b"\x47"  # MPEG-TS

    first = number_of_first(path)
    viewer.evaluate(NOTE_STATES)
    for process in children(server.pid):
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    begun = "(state) => window.states.includes(state)"
    viewer.wait_for_function(begun, arg="starting", timeout=PATIENCE * 1000)
    viewer.wait_for_function(STATE, arg="live", timeout=PATIENCE * 1000)
    viewer.wait_for_function(SHOWS, arg=[middle, TOLERANCE], timeout=PATIENCE * 1000)
    deadline = time.monotonic() + PATIENCE
    while number_of_first(path) <= first:
        assert time.monotonic() < deadline
        time.sleep(0.1)
    ann.page.close()
