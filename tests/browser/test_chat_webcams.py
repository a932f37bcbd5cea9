"""Webcams on our chat page: from browser to browser, with real frames."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import MortalBrowser, NewChatter
from tests.support.axe import serious_findings
from tests.support.chatter import Chatter, fresh
from tests.support.keyboard import Keyboard
from tests.support.no_way import NO_WAY

pytestmark = [pytest.mark.browser, pytest.mark.slow]

ANSWERED = "() => made.connections.at(-1)?.remoteDescription?.type === 'answer'"
RATINGS = """
(measured) => import("./static/quintet/chat/quality.js").then(({ rate }) => measured.map(rate))
"""
# Figures as they are, but for what depends on how busy the machine is.
WAY = """
const measure = RTCPeerConnection.prototype.getStats;
RTCPeerConnection.prototype.getStats = async function () {
  const way = { packetsLost: 0, fractionLost: 0, currentRoundTripTime: ROUND_TRIP };
  return new Map([...await measure.call(this)].map(([id, one]) => [id, { ...one, ...way }]));
};
"""


def what_it_sends(somebody: Chatter, action: str) -> list[dict[str, Any]]:
    """Collect the messages of that action that the page sends from now on."""
    sent: list[dict[str, Any]] = []

    def note(text: str | bytes) -> None:
        message = json.loads(text)
        if message["action"] == action:
            sent.append(message[action])

    somebody.page.on("websocket", lambda socket: socket.on("framesent", note))
    return sent


def summary_of_two(somebody: Chatter, sent: list[dict[str, Any]]) -> dict[str, Any]:
    """Wait until the page tells of two connections that carry something both ways.

    Its clock is put forward once, and goes on by itself: some of its summaries may be of an earlier
    time, and a page that hears nothing of the server for 75 seconds of its own connects anew.
    """
    somebody.page.clock.run_for(10_000)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        somebody.page.wait_for_timeout(100)  # what is sent is told later than what is shown
        for quality in sent:
            if quality["connections"] == 2 and quality["bitsIn"] and quality["bitsOut"]:
                return quality
    raise AssertionError(f"not told of two connections: {sent}")


def test_each_picture_has_a_sign_of_how_well_it_comes(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 10"), chatter("Bert 10")
    sent = {somebody.name: what_it_sends(somebody, "quality") for somebody in (ada, bert)}
    for somebody, seconds in ((ada, "0.3"), (bert, "0.05")):
        somebody.page.add_init_script(WAY.replace("ROUND_TRIP", seconds))
        somebody.page.clock.install()
        somebody.enters()
        somebody.starts_camera()
    ada.camera_of("Bert 10").click()
    ada.watches("Bert 10")
    bert.camera_of("Ada 10").click()
    bert.watches("Ada 10")
    for somebody in (ada, bert):
        somebody.has_connections(2)
    for somebody, rating, milliseconds in ((ada, "fair", 300), (bert, "good", 50)):
        quality = summary_of_two(somebody, sent[somebody.name])
        sign = somebody.page.locator("#stage article:not(.own)").get_by_role("img")
        words = f"Connection: {rating} (0 % lost, {milliseconds} ms there and back)"
        expect(sign).to_have_attribute("title", words)
        assert quality["loss"] == 0
        assert quality["roundTrip"] == milliseconds / 1000
    bert.reads_nothing_like("Unsupported")
    measured: list[dict[str, float]] = [
        {}, {"loss": 0.03, "roundTrip": 0.25}, {"loss": 0.031}, {"roundTrip": 0.26},
        {"loss": 0.1, "roundTrip": 0.5}, {"loss": 0.11}, {"roundTrip": 0.51},
    ]  # fmt: skip
    rated = ["good", "good", "fair", "fair", "fair", "bad", "bad"]
    assert bert.page.evaluate(RATINGS, measured) == rated


def test_a_picture_to_which_there_is_no_way_says_so_and_why(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 11"), chatter("Bert 11")
    bert.page.add_init_script(NO_WAY)
    bert.page.clock.install()
    failures = what_it_sends(bert, "call_failed")
    ada.enters()
    bert.enters()
    ada.starts_camera()
    bert.camera_of("Ada 11").click()
    tile = bert.page.get_by_role("article", name="Ada 11", exact=True)
    expect(tile).to_contain_text("Connecting…")
    bert.page.wait_for_function(ANSWERED)
    bert.page.clock.run_for(15_000)
    expect(tile).to_contain_text("No direct way to Ada 11 was found.")
    assert serious_findings(bert.page) == []
    keys = Keyboard(bert.page)
    keys.activate("Why?")
    dialog = bert.page.get_by_role("dialog")
    expect(dialog).to_contain_text("This chat has no relay (a TURN server) for such cases.")
    bert.picture("chat-no-way")
    keys.press("Escape")
    expect(tile.get_by_role("button", name="Why?")).to_be_focused()
    keys.press("Enter", "Enter")
    expect(tile).to_contain_text("Connecting…")
    bert.page.wait_for_function(ANSWERED)
    bert.page.clock.run_for(15_000)
    expect(tile).to_contain_text("No direct way to Ada 11 was found.")
    bert.closes_camera_of("Ada 11")
    bert.watches_nobody()
    expect(ada.page.get_by_role("button", name="0 watching you")).to_be_visible()
    deadline = time.monotonic() + 60
    while len(failures) < 2 and time.monotonic() < deadline:
        bert.page.wait_for_timeout(50)  # what is sent may be told after what is shown
    assert failures == [{"username": "Ada 11", "reason": "no_route"}] * 2


def test_a_webcam_is_opened_by_a_click_and_ends_for_all_who_watch(chatter: NewChatter) -> None:
    ada, bert, cleo = chatter("Ada"), chatter("Bert"), chatter("Cleo")
    for somebody in (ada, bert, cleo):
        somebody.enters()
    expect(bert.camera_of("Ada")).to_be_hidden()
    ada.starts_camera()
    for somebody in (bert, cleo):
        somebody.camera_of("Ada").click()
        somebody.watches("Ada")
    expect(ada.page.get_by_role("button", name="2 watching you")).to_be_visible()
    bert.picture("chat-webcam")
    bert.closes_camera_of("Ada")
    bert.watches_nobody()
    expect(ada.page.get_by_role("button", name="1 watching you")).to_be_visible()
    cleo.watches("Ada")
    ada.press("Stop camera")
    cleo.watches_nobody()
    cleo.hears("The webcam of Ada was turned off.")
    expect(cleo.camera_of("Ada")).to_be_hidden()


def test_two_may_watch_each_other_by_two_connections(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 1"), chatter("Bert 1")
    for somebody in (ada, bert):
        somebody.enters()
        somebody.starts_camera()
    ada.camera_of("Bert 1").click()
    bert.camera_of("Ada 1").click()
    ada.watches("Bert 1")
    bert.watches("Ada 1")
    ada.closes_camera_of("Bert 1")
    ada.watches_nobody()
    bert.watches("Ada 1")


def test_an_explicit_webcam_is_red_and_asks_before_it_opens(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 2"), chatter("Bert 2")
    ada.enters()
    bert.enters()
    ada.starts_camera("My camera is explicit")
    camera = bert.camera_of("Ada 2")
    expect(camera).to_have_accessible_name("Open explicit webcam of Ada 2")
    red = camera.evaluate("(button) => getComputedStyle(button).color")
    camera.click()
    bert.confirms("Cancel")
    bert.watches_nobody()
    camera.click()
    bert.confirms("Open webcam")
    bert.watches("Ada 2")
    expect(bert.page.locator("#stage article.explicit")).to_have_count(1)
    ada.press("Camera settings")
    settings = ada.page.get_by_role("dialog")
    settings.get_by_label("My camera is explicit").press("Space")
    settings.get_by_role("button", name="Done").click()
    expect(camera).to_have_accessible_name("Close webcam of Ada 2")
    assert camera.evaluate("(button) => getComputedStyle(button).color") != red
    bert.watches("Ada 2")


def test_who_wants_to_see_who_watches_is_watched_by_people_with_a_camera(
    chatter: NewChatter,
) -> None:
    ada, bert, cleo = chatter("Ada 3"), chatter("Bert 3"), chatter("Cleo 3")
    for somebody in (ada, bert, cleo):
        somebody.enters()
    ada.starts_camera("Only people with their own camera on may watch me")
    bert.camera_of("Ada 3").click()
    bert.hears("Ada 3 asks you to start your own camera first.")
    ada.chooses("Cleo 3", "Invite to watch my webcam")
    expect(cleo.camera_of("Ada 3")).to_have_accessible_name(
        "Open webcam of Ada 3 (needs your own camera on, you are invited)"
    )
    cleo.camera_of("Ada 3").click()
    cleo.watches("Ada 3")
    bert.starts_camera()
    bert.camera_of("Ada 3").click()
    bert.watches("Ada 3")
    ada.watches_nobody()


def test_who_opens_whoever_opens_theirs_is_seen_as_well(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 4"), chatter("Bert 4")
    ada.enters()
    bert.enters()
    ada.starts_camera("When somebody watches me, show me their camera too")
    bert.starts_camera()
    bert.camera_of("Ada 4").click()
    bert.watches("Ada 4")
    ada.watches("Bert 4")
    ada.closes_camera_of("Bert 4")
    ada.watches_nobody()
    bert.watches("Ada 4")
    bert.press("Stop camera")
    bert.watches("Ada 4")


def test_whoever_is_booted_or_muted_sees_the_camera_go(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 5"), chatter("Bert 5")
    ada.enters()
    bert.enters()
    ada.starts_camera()
    for action, again in (
        ("Hide my webcam from them", "Let them see my webcam again"),
        ("Mute", "Unmute"),
    ):
        bert.camera_of("Ada 5").click()
        bert.watches("Ada 5")
        ada.chooses("Bert 5", action)
        bert.watches_nobody()
        expect(bert.camera_of("Ada 5")).to_be_hidden()
        ada.chooses("Bert 5", again)
        expect(bert.camera_of("Ada 5")).to_be_visible()


def test_two_who_are_blocked_vanish_for_each_other(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 6"), chatter("Bert 6")
    ada.enters()
    bert.enters()
    ada.starts_camera()
    bert.camera_of("Ada 6").click()
    bert.watches("Ada 6")
    ada.chooses("Bert 6", "Block")
    ada.confirms("Block")
    bert.watches_nobody()
    for somebody, other in ((ada, "Bert 6"), (bert, "Ada 6")):
        expect(somebody.row(other)).to_have_count(0)
    hers, his = fresh("nobody hears me"), fresh("nor me")
    ada.says(hers)
    ada.reads(hers)
    bert.says(his)
    bert.reads(his)
    bert.reads_nothing_like(hers)
    ada.reads_nothing_like(his)


def test_a_camera_for_vips_is_hidden_from_others(chatter: NewChatter) -> None:
    vera, vito, bert = chatter("Vera"), chatter("Vito"), chatter("Bert 7")
    vera.enters_with_token(vip=True)
    vito.enters_with_token(vip=True)
    bert.enters()
    vera.starts_camera("Only VIP people may watch me")
    expect(vito.camera_of("Vera")).to_be_visible()
    vito.camera_of("Vera").click()
    vito.watches("Vera")
    expect(bert.camera_of("Vera")).to_be_hidden()


def test_a_picture_whose_browser_has_died_ends_and_does_not_freeze(
    chatter: NewChatter, mortal_browser: MortalBrowser
) -> None:
    ada, bert = chatter("Ada 8", within=mortal_browser.browser), chatter("Bert 8")
    ada.enters()
    bert.enters()
    ada.starts_camera()
    bert.camera_of("Ada 8").click()
    bert.watches("Ada 8")
    mortal_browser.kill()
    bert.watches_nobody()
    bert.hears("Ada 8 has left.")


def test_without_a_camera_one_is_told_so(chatter: NewChatter, bare_browser: Browser) -> None:
    ada = chatter("Ada 9", within=bare_browser)
    ada.enters()
    ada.press("Start camera")
    dialog = ada.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Start camera").click()
    expect(dialog.get_by_role("alert")).to_have_text("No camera was found.")
    ada.page.keyboard.press("Escape")
    expect(ada.page.get_by_role("button", name="Start camera")).to_be_focused()


def test_a_camera_that_the_browser_may_not_use_is_explained(chatter: NewChatter) -> None:
    ada = chatter("Ada 12")
    ada.page.add_init_script(
        "navigator.mediaDevices.getUserMedia ="
        " () => Promise.reject(new DOMException('', 'NotAllowedError'));"
    )
    ada.enters()
    ada.press("Start camera")
    dialog = ada.page.get_by_role("dialog")
    dialog.get_by_role("button", name="Start camera").click()
    expect(dialog.get_by_role("alert")).to_contain_text("The browser may not use your camera.")
    expect(dialog).not_to_contain_text("No camera")
