"""A locked room asks for its PIN."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Newcomer
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser


def test_a_locked_room_asks_until_the_pin_is_right(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("locked")
    ada.press("Lock")
    ada.answers("New PIN", "2718", "Lock")
    expect(ada.page.locator("#locked")).to_be_visible()
    invitation = "Whoever opens this address is asked for the PIN, 2718:"
    expect(ada.page.get_by_text(invitation)).to_be_visible()

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
    ada.sees_moving("Clara")
    clara.press("Locked")  # whoever is inside can look it up
    shown = clara.page.get_by_role("dialog", name="This room is locked")
    expect(shown.get_by_label("Who comes later needs this PIN")).to_have_value("2718")
    shown.get_by_role("button", name="Copy PIN").click()
    expect(clara.page.locator("#announcements")).to_have_text("The PIN is copied")
    ada.press("Unlock")  # what is no longer true is no longer shown
    expect(shown).to_be_hidden()
    expect(clara.page.locator("#locked")).to_be_hidden()


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


def test_a_reload_asks_for_the_pin_only_once_it_has_changed(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("reloaded")
    ada.press("Lock")
    ada.answers("New PIN", "2718", "Lock")
    expect(ada.page.locator("#locked")).to_be_visible()
    clara.open("reloaded")
    clara.press("Join")
    clara.answers("PIN", "2718", "Enter")
    expect(clara.page.locator("#locked")).to_be_visible()
    for person in (ada, clara):
        person.page.reload()
        person.press("Join")
        expect(person.page.locator("#locked")).to_be_visible()
    clara.press("Leave")
    ada.press("Unlock")
    expect(ada.page.locator("#locked")).to_be_hidden()
    ada.press("Lock")
    ada.answers("New PIN", "31415", "Lock")
    expect(ada.page.locator("#locked")).to_be_visible()
    clara.press("Join again")
    clara.press("Join")
    dialog = clara.page.get_by_role("dialog", name="This room is locked")
    expect(dialog.get_by_role("alert")).to_have_text("The PIN has been changed.")
    clara.answers("PIN", "31415", "Enter")
    expect(clara.page.locator("#locked")).to_be_visible()


def test_a_pin_remembered_from_a_room_now_open_locks_nothing(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("opened")
    ada.press("Lock")
    ada.answers("New PIN", "2718", "Lock")
    expect(ada.page.locator("#locked")).to_be_visible()
    clara.open("opened")
    clara.press("Join")
    clara.answers("PIN", "2718", "Enter")
    expect(clara.page.locator("#locked")).to_be_visible()
    clara.press("Leave")
    ada.press("Unlock")
    expect(ada.page.locator("#locked")).to_be_hidden()
    clara.press("Join again")
    clara.press("Join")
    expect(ada.tile("Guest")).to_be_visible()
    expect(clara.page.locator("#locked")).to_be_hidden()


def test_too_many_wrong_pins_are_told_as_that(
    own_server: Callable[..., ServerProcess], newcomer: Newcomer
) -> None:
    server = own_server(config="[limits]\ncredential_failures = 2\n")
    ada, eve = newcomer("Ada", url=server.url), newcomer("Eve", url=server.url)
    ada.join("guessed")
    ada.press("Lock")
    ada.answers("New PIN", "2718", "Lock")
    expect(ada.page.locator("#locked")).to_be_visible()
    eve.open("guessed")
    eve.press("Join")
    for guess in ("1", "2"):
        eve.answers("PIN", guess, "Enter")
        alert = eve.page.get_by_role("dialog").get_by_role("alert")
        expect(alert).to_have_text("That PIN is not the right one.")
    eve.answers("PIN", "3", "Enter")
    expect(eve.page.locator("#lobby-problem")).to_contain_text("Too many wrong attempts.")
