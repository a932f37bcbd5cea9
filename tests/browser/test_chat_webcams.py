"""Webcams on our chat page: from browser to browser, with real frames."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import MortalBrowser, NewChatter
from tests.support.chatter import fresh

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_a_webcam_is_opened_by_a_click_and_ends_for_all_who_watch(chatter: NewChatter) -> None:
    ada, bert, cleo = chatter("Ada"), chatter("Bert"), chatter("Cleo")
    for somebody in (ada, bert, cleo):
        somebody.enters()
    expect(bert.camera_of("Ada")).to_be_hidden()
    ada.starts_camera()
    for somebody in (bert, cleo):
        somebody.camera_of("Ada").click()
        somebody.watches("Ada")
    expect(ada.page.get_by_role("button", name="2 people watch you")).to_be_visible()
    bert.picture("chat-webcam")
    bert.closes_camera_of("Ada")
    bert.watches_nobody()
    expect(ada.page.get_by_role("button", name="1 person watches you")).to_be_visible()
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
