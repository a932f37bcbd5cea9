"""Every control of the meeting page, by keyboard alone."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Newcomer
from tests.support.keyboard import Keyboard
from tests.support.person import Person

pytestmark = pytest.mark.browser


def _has_devices(person: Person) -> None:
    """Wait until camera and microphone are on and listed; before, controls have other names."""
    for words in ("Mute", "Stop camera"):
        expect(person.page.get_by_role("button", name=words, exact=True)).to_be_visible()
    for kind in ("audio", "video"):
        expect(person.page.locator(f"#choose-{kind}")).to_have_value(re.compile(".+"))


def _chosen(keys: Keyboard, tab: Page, name: str) -> None:
    """Choose the other device of a list, which remembers it."""
    keys.reach(name)
    before = tab.evaluate("document.activeElement.value")
    keys.press("ArrowDown")
    tab.wait_for_function("(before) => document.activeElement.value !== before", arg=before)


def test_every_control_of_the_front_page(newcomer: Newcomer) -> None:
    ada = newcomer("Ada")
    keys = Keyboard(ada.page)
    ada.open("")
    assert keys.reaches_every_control() == ["Make a new room", "Room name", "Go there"]
    keys.reach("Room name")
    keys.types("a room by keyboard")
    keys.activate("Go there")
    expect(ada.page.get_by_role("heading", name="a room by keyboard")).to_be_focused()
    ada.open("")
    keys.activate("Make a new room", "Space")
    expect(ada.page.locator("#lobby")).to_be_visible()


def test_every_control_of_the_lobby(newcomer: Newcomer) -> None:
    ada = newcomer("Ada")
    keys = Keyboard(ada.page)
    ada.open("keys in the lobby")
    _has_devices(ada)
    assert keys.reaches_every_control() == [
        "Mute", "Stop camera", "Your name", "Microphone", "Camera", "Join",
    ]  # fmt: skip
    for off, on in (("Mute", "Unmute"), ("Stop camera", "Start camera")):
        for now, then in ((off, on), (on, off)):
            keys.reach(now)
            keys.press("Space")
            expect(ada.page.get_by_role("button", name=then, exact=True)).to_be_focused()
    keys.reach("Your name")
    keys.types("Ada Lovelace")
    _chosen(keys, ada.page, "Microphone")
    _chosen(keys, ada.page, "Camera")
    keys.activate("Join")
    expect(ada.page.get_by_role("heading", name="keys in the lobby")).to_be_focused()
    expect(ada.tile("Ada Lovelace (you)")).to_be_visible()


def test_every_control_of_the_meeting(newcomer: Newcomer) -> None:
    ada = newcomer("Ada")
    keys = Keyboard(ada.page)
    ada.join("keys in the call")
    _has_devices(ada)
    assert keys.reaches_every_control() == [
        "Address of this meeting", "Copy link", "Mute", "Stop camera", "Share screen", "Lock",
        "Devices", "Chat", "Leave",
    ]  # fmt: skip
    said = ada.page.locator("#announcements")
    keys.activate("Copy link")
    expect(said).to_have_text("The address is copied")
    for off, on in (("Mute", "Unmute"), ("Stop camera", "Start camera")):
        keys.activate(off, "Space")
        expect(ada.page.get_by_role("button", name=on)).to_be_focused()
    keys.activate("Share screen")
    expect(ada.tile("Your screen")).to_be_visible()
    keys.activate("Stop sharing")
    expect(ada.tile("Your screen")).to_have_count(0)
    keys.activate("Devices")
    assert set(keys.reaches_every_control()) == {"Microphone", "Camera", "Done"}
    _chosen(keys, ada.page, "Microphone")
    keys.reach("Camera")
    keys.activate("Done")
    expect(ada.page.get_by_role("dialog")).to_be_hidden()
    keys.activate("Leave")
    expect(ada.page.get_by_role("heading", name="You have left")).to_be_focused()
    assert keys.reaches_every_control() == ["Join again", "Another room"]
    keys.activate("Join again")
    expect(ada.page.get_by_role("heading", name="keys in the call")).to_be_focused()
    keys.activate("Join")
    expect(ada.page.locator("#call")).to_be_visible()
    keys.activate("Leave", "Space")
    keys.activate("Another room")
    expect(ada.page.get_by_role("button", name="Make a new room")).to_be_visible()


def test_every_control_of_the_lock(newcomer: Newcomer) -> None:
    ada = newcomer("Ada")
    keys = Keyboard(ada.page)
    ada.join("keys and locks")
    keys.activate("Lock")
    assert set(keys.reaches_every_control()) == {"New PIN", "Cancel", "Lock"}
    keys.activate("Cancel")
    expect(ada.page.get_by_role("button", name="Lock", exact=True)).to_be_focused()
    keys.press("Enter")
    keys.press("Escape")
    expect(ada.page.get_by_role("dialog")).to_be_hidden()
    keys.press("Enter")
    expect(ada.page.get_by_label("New PIN")).to_be_focused()
    keys.types("2718")
    keys.activate("Lock")
    keys.activate("Locked")
    assert set(keys.reaches_every_control()) == {
        "Who comes later needs this PIN", "Copy PIN", "Done",
    }  # fmt: skip
    keys.activate("Done")
    expect(ada.page.locator("#locked")).to_be_focused()
    keys.activate("Unlock")
    expect(ada.page.locator("#locked")).to_be_hidden()


def test_every_control_and_every_key_of_the_chat(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    keys = Keyboard(ada.page)
    ada.join("keys and words")
    clara.join("keys and words")
    clara.opens_chat()
    keys.activate("Chat")
    field = ada.page.get_by_label("Message to everybody")
    expect(field).to_be_focused()
    assert set(keys.reaches_every_control()) > {
        "Close chat", "Messages", "Message to everybody", "Send message",
    }  # fmt: skip
    keys.reach("Message to everybody")
    ada.page.keyboard.type("wrong, Good morning")
    keys.press("Home", *["Delete"] * 7, "End", "Backspace", "Shift+Enter")
    ada.page.keyboard.type("g?")
    expect(field).to_have_value("Good mornin\ng?")
    keys.press("Control+A", "Control+X")
    ada.pastes("Gut geschlafen?")
    keys.press("Tab")
    assert keys.on == "Send message"
    keys.press("Enter")
    clara.sees_in_chat("Gut geschlafen?")
    keys.reach("Messages", "Shift+Tab")
    keys.activate("Message to everybody", "a")
    keys.press("Enter")
    clara.sees_in_chat("a")
    keys.reach("Close chat", "Shift+Tab")
    keys.press("Space")
    expect(ada.page.locator("#open-chat")).to_be_focused()
    keys.press("Enter", "Escape")
    expect(ada.page.locator("#chat")).to_be_hidden()
