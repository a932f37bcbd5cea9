"""The console's log: live, filtered, paused, bounded; and what went wrong last."""

from __future__ import annotations

import re
from collections.abc import Callable
from signal import SIGHUP

import httpx
import pytest
from playwright.sync_api import Browser, expect

from tests.support.at_console import CONFIG, at_console
from tests.support.guest import Guest
from tests.support.ports import free_port
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

MOST = 1000
LIGHT = f'dialects = ["spreed", "operator"]\nroot = "spreed"\n{CONFIG}'  # it starts sooner
COMES_BACK = (
    "document.dispatchEvent(new Event('visibilitychange'))"  # to the tab, which asks at once
)


def test_the_log_is_followed_filtered_paused_bounded_and_found_again(
    browser: Browser, own_server: Callable[..., ServerProcess]
) -> None:
    server = own_server(config=LIGHT, port=free_port())
    with at_console(browser, server.url) as console:
        page, keys = console.page, console.keys
        console.enters()
        console.opens("Log")
        lines = page.get_by_label("Live log").get_by_role("listitem")
        expect(page.locator("#view")).to_contain_text("Following")

        with Guest(server.url) as ann, Guest(server.url) as bob:
            ann.join("<i>tea</i>", "Ann")
            expect(lines.filter(has_text="peer.joined")).to_have_count(1)
            expect(lines.filter(has_text="<i>tea</i>").first).to_be_visible()
            keys.reach("Peer")
            with console.following("peer", bob.id):
                keys.types(bob.id)
            expect(lines).to_have_count(0)
            bob.join("<i>tea</i>", "Bob")
            of_bob = lines.filter(has_text=bob.id)
            expect(of_bob.first).to_be_visible()
            expect(lines.filter(has_text=ann.id)).to_have_count(0)
            with console.following("peer", ""):
                keys.press("Control+A", "Delete")
            expect(of_bob).to_have_count(0)
            keys.activate("Pause")
            for number in range(3):
                bob.join(f"room {number}", "Bob")
            expect(page.locator("#view")).to_contain_text(re.compile(r"\d new"))
            expect(of_bob).to_have_count(0)
            keys.press("Enter")  # it is called Continue now
            expect(lines.filter(has_text="room 2").first).to_be_visible()
            saved = console.saves_json("Log as JSON")
            assert "peer.joined" in {line["event"] for line in saved}

        with httpx.Client(base_url=server.url, timeout=60.0) as http:
            for _ in range(MOST + 10):
                assert http.get("-/nothing").status_code == 404
            assert http.head("-/nothing").status_code == 404
        expect(lines.filter(has_text="HEAD")).to_have_count(1)  # of which nothing comes behind
        expect(lines).to_have_count(MOST)
        keys.activate("Clear")
        expect(lines).to_have_count(0)

        troubles = page.get_by_label("Last warnings and errors").get_by_role("listitem")
        console.finds("Event", "config.rejected")  # whatever else the server may warn of meanwhile
        expect(page.locator("#view")).to_contain_text("No warning and no error")
        good = server.config.read_text("utf-8")
        server.config.write_text(f"{good}\n[nothing]\n", "utf-8")
        server.signal(SIGHUP)
        expect(troubles).to_have_count(1)
        expect(troubles).to_contain_text("config.rejected")
        keys.activate("Warnings")
        expect(page.get_by_label("Level")).to_have_value("warning")
        expect(troubles.filter(has_text="config.rejected")).to_have_count(1)
        server.config.write_text(good, "utf-8")

        server.stop()
        page.evaluate(COMES_BACK)
        expect(page.get_by_role("status")).to_have_text("The server does not answer")
        server.start()
        page.evaluate(COMES_BACK)
        expect(page.get_by_role("status")).to_have_text("Ready")
        expect(page.locator("#view")).to_contain_text("Following")
        # Of this start.
        expect(troubles.filter(has_text="config.rejected")).to_have_count(0)
        figures = page.get_by_label("Figures")
        expect(figures.locator(".figure").filter(has_text="Warnings")).to_have_text("0Warnings")
