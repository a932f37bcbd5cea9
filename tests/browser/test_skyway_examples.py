"""The camera and the robot of examples/, and their pages, as people use them."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.axe import serious_findings
from tests.support.device_program import GATEWAY
from tests.support.npm import npm_packages
from tests.support.programs import need
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).parents[2] / "examples"
MOVES = "() => document.getElementById('picture').getVideoPlaybackQuality().totalVideoFrames > 20"
END_SECONDS = 30.0
OpenPage = Callable[[str], Page]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("gateway"), config=GATEWAY) as server:
        yield server


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(EXAMPLES))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}"
        site.shutdown()
        thread.join()


@pytest.fixture
def open_page(browser: Browser, server: ServerProcess, site: str) -> Iterator[OpenPage]:
    """Open a page of examples/, whose library comes from where the tests keep it."""
    library = npm_packages("peerjs@1.5.5") / "peerjs" / "dist" / "peerjs.min.js"
    troubles: list[str] = []
    contexts = []

    def opened(name: str) -> Page:
        context = browser.new_context(viewport={"width": 320, "height": 256})
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.route("https://unpkg.com/peerjs@1.5.5/**", lambda it: it.fulfill(path=library))
        page.goto(f"{site}/{name}?broker={urlsplit(server.url).netloc}")
        expect(page.locator("#status")).to_have_text("Ready.")
        assert serious_findings(page) == []
        assert page.evaluate("document.documentElement.scrollWidth") == 320
        page.emulate_media(color_scheme="dark")
        assert page.evaluate("getComputedStyle(document.body).color") == "rgb(255, 255, 255)"
        assert serious_findings(page) == []
        return page

    yield opened
    for context in contexts:
        context.close()
    assert troubles == []


def heeds_ctrl_c() -> None:
    """Have it heed SIGINT, which is ignored where the tests run in the background of a shell."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def running(program: str, server: ServerProcess, peer_id: str) -> Iterator[None]:
    """Run an example until the block ends; at its start it can be reached."""
    need("ffmpeg")
    process = subprocess.Popen(
        [sys.executable, str(EXAMPLES / program), server.url, peer_id],
        stdout=subprocess.PIPE, text=True, preexec_fn=heeds_ctrl_c,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "OPEN\n"
        yield
        process.send_signal(signal.SIGINT)  # as Ctrl-C does
        assert process.wait(END_SECONDS) == 0
    finally:
        process.kill()
        process.wait(END_SECONDS)
        process.stdout.close()


def test_a_page_watches_a_camera_and_stops(server: ServerProcess, open_page: OpenPage) -> None:
    with running("skyway_camera.py", server, "lobby"):
        page = open_page("skyway_camera.html")
        page.get_by_label("Camera", exact=True).press_sequentially("lobby")
        page.keyboard.press("Enter")
        page.wait_for_function(MOVES, timeout=60_000)
        expect(page.locator("#status")).to_have_text("Watching lobby.")
        page.get_by_role("button", name="Stop").click()
        expect(page.locator("#status")).to_have_text("The call has ended.")
        other = open_page("skyway_camera.html")
        other.get_by_label("Camera", exact=True).press_sequentially("lobby")
        other.keyboard.press("Enter")
        other.wait_for_function(MOVES, timeout=60_000)


def test_a_page_steers_a_robot_and_hears_where_it_is(
    server: ServerProcess, open_page: OpenPage
) -> None:
    with running("skyway_robot.py", server, "rover"):
        page = open_page("skyway_robot.html")
        page.get_by_label("Robot", exact=True).press_sequentially("rover")
        page.keyboard.press("Enter")
        expect(page.locator("#status")).to_have_text("Steering rover.")
        for order in ("Forward", "Forward", "Left"):
            page.get_by_role("button", name=order).click()
        expect(page.locator("#place")).to_have_text("-1, 2")
    expect(page.locator("#status")).to_have_text("The robot has gone.")
