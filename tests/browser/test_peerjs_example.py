"""The page in examples/ that calls by PeerJS, as two people use it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.support.axe import serious_findings
from tests.support.no_way import NO_WAY
from tests.support.npm import npm_packages
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

EXAMPLES = Path(__file__).parents[2] / "examples"
MOVES = "() => document.getElementById('other').getVideoPlaybackQuality().totalVideoFrames > 20"


@pytest.fixture(scope="module")
def examples() -> Iterator[str]:
    handler = partial(SimpleHTTPRequestHandler, directory=str(EXAMPLES))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as site:
        thread = Thread(target=site.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{site.server_port}/peerjs_call.html"
        site.shutdown()
        thread.join()


def test_two_people_call_each_other_and_hang_up(
    browser: Browser, server: ServerProcess, examples: str
) -> None:
    library = npm_packages("peerjs@1.5.5") / "peerjs" / "dist" / "peerjs.min.js"
    troubles: list[str] = []

    def opened(script: str = "") -> Page:
        page = browser.new_context(viewport={"width": 320, "height": 256}).new_page()
        page.add_init_script(script)
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.route("https://unpkg.com/peerjs@1.5.5/**", lambda it: it.fulfill(path=library))
        page.goto(f"{examples}?broker={urlsplit(server.url).netloc}")
        expect(page.get_by_role("status").last).to_have_text("Ready.")
        return page

    ann, bob = opened(), opened()
    bobs_id = bob.locator("#mine").inner_text()
    ann.get_by_label("Call").press_sequentially(bobs_id)
    ann.keyboard.press("Enter")
    for page in (ann, bob):
        page.wait_for_function(MOVES, timeout=60_000)
    expect(ann.locator("#status")).to_have_text(f"In a call with {bobs_id}.")
    bob.get_by_role("button", name="Hang up").click()
    for page in (ann, bob):
        expect(page.locator("#status")).to_have_text("The call has ended.")
    assert serious_findings(ann) == []
    assert ann.evaluate("document.documentElement.scrollWidth") == 320
    ann.emulate_media(color_scheme="dark")
    assert ann.evaluate("getComputedStyle(document.body).color") == "rgb(255, 255, 255)"
    assert serious_findings(ann) == []
    cut_off = opened(NO_WAY)
    cut_off.clock.install()
    cut_off.get_by_label("Call").press_sequentially(bobs_id)
    cut_off.keyboard.press("Enter")
    expect(cut_off.locator("#status")).to_have_text(f"In a call with {bobs_id}.")
    cut_off.clock.run_for(15_000)
    expect(cut_off.locator("#status")).to_contain_text("No direct way was found")
    for page in (ann, bob, cut_off):
        page.context.close()
    assert troubles == []
