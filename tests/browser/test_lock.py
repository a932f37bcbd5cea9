"""A locked room asks for its PIN."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Newcomer

pytestmark = pytest.mark.browser


def test_a_locked_room_asks_until_the_pin_is_right(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("locked")
    ada.press("Lock")
    ada.answers("New PIN", "2718", "Lock")
    expect(ada.page.locator("#locked")).to_be_visible()

    clara.open("locked")
    clara.enter_name()
    clara.press("Join")
    dialog = clara.page.get_by_role("dialog", name="This room is locked")
    expect(dialog).to_be_visible()
    clara.picture("pin")
    clara.answers("PIN", "1111", "Enter")
    expect(dialog.get_by_role("alert")).to_have_text("That PIN is not the right one.")
    clara.answers("PIN", "2718", "Enter")
    expect(clara.page.locator("#call")).to_be_visible()
    expect(clara.page.locator("#locked")).to_be_visible()
    ada.sees_moving("Clara")


def test_somebody_without_the_pin_is_back_in_the_lobby(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("private")
    ada.press("Lock")
    ada.answers("New PIN", "2718", "Lock")
    expect(ada.page.locator("#locked")).to_be_visible()
    clara.open("private")
    clara.press("Join")
    clara.page.get_by_role("dialog").get_by_role("button", name="Cancel").click()
    expect(clara.page.get_by_role("button", name="Join", exact=True)).to_be_visible()
    expect(ada.page.locator("#count")).to_have_text("Only you")


def test_everybody_sees_the_lock_and_can_open_it(newcomer: Newcomer) -> None:
    ada, clara, fanny = newcomer("Ada"), newcomer("Clara"), newcomer("Fanny")
    ada.join("open")
    clara.join("open")
    ada.press("Lock")
    ada.answers("New PIN", "2718", "Lock")
    expect(clara.page.locator("#announcements")).to_have_text("Ada has locked the room")
    clara.press("Unlock")
    expect(ada.page.locator("#announcements")).to_have_text("Clara has unlocked the room")
    expect(ada.page.locator("#locked")).to_be_hidden()
    fanny.join("open")
