"""Every control of our chat page, by keyboard alone, and on a phone."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewChatter
from tests.support.keyboard import Keyboard

pytestmark = pytest.mark.browser


def test_every_control_of_the_login(chatter: NewChatter) -> None:
    ada = chatter("Ada")
    ada.open("")
    keys = Keyboard(ada.page)
    assert keys.reaches_every_control() == [  # the name has the focus
        "Enter the chat", "Without WebSocket (slower; for networks that block it)",
        "About this chat", "Your name",
    ]  # fmt: skip
    keys.reach("Your name")
    keys.types("Ada")
    keys.press("Enter")
    ada.is_in()
    assert keys.on == "Message"


def test_one_comes_in_by_typing_a_name_and_enter(chatter: NewChatter) -> None:
    ada = chatter("Ada 3")
    ada.open("")
    expect(ada.page.get_by_label("Your name")).to_be_focused()
    ada.page.keyboard.type("Ada 3")
    ada.page.keyboard.press("Enter")
    ada.is_in()


def test_every_control_of_the_chat(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 1"), chatter("Bert 1")
    ada.enters()
    bert.enters()
    bert.says("hello Ada")
    ada.reads("hello Ada")
    keys = Keyboard(ada.page)
    keys.activate("Off topic")
    expect(ada.page.get_by_role("heading", name="# Off topic")).to_be_visible()
    keys.activate("Lobby", "Space")
    for name in (
        "Your status", "No direct messages, please", "Leave", "About this chat", "Start camera",
        "Messages: Lobby", "Actions for the message of Bert 1", "Send a picture", "Message",
        "Send message", "Find somebody",
    ):  # fmt: skip
        keys.reach(name)
    # The list of people is one stop of Tab; within it, one goes by arrows.
    keys.press("Tab")
    first = keys.on
    keys.press("End")
    last = keys.on
    assert first != last
    keys.press("Home")
    assert keys.on == first


def test_a_list_is_walked_by_arrows_and_menus_give_the_focus_back(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 2"), chatter("Bert 2")
    ada.enters()
    bert.enters()
    expect(ada.row("Bert 2")).to_be_visible()
    keys = Keyboard(ada.page)
    keys.reach("Find somebody")
    keys.types("Bert 2")
    keys.press("Tab")
    expect(ada.row("Bert 2").locator(".name-button")).to_be_focused()
    keys.press("Enter")
    menu = ada.page.locator("#menu")
    expect(menu.get_by_role("button", name="Write a direct message")).to_be_focused()
    keys.press("Escape")
    expect(menu).to_be_hidden()
    expect(ada.row("Bert 2").locator(".name-button")).to_be_focused()
    keys.press("Enter", "Enter")
    expect(ada.page.get_by_label("Message", exact=True)).to_be_focused()
    ada.page.keyboard.type("by keys alone")
    keys.press("Shift+Enter")
    ada.page.keyboard.type("in two lines")
    keys.press("Enter")
    bert.hears("by keys alone")
    said = ada.reads("by keys alone")
    assert " ".join(said.locator(".said").inner_text().split()) == "by keys alone in two lines"
    keys.reach("Actions for the message of Ada 2", "Shift+Tab")
    keys.press("Enter")
    expect(ada.page.get_by_role("dialog").get_by_role("button").nth(1)).to_be_focused()
    keys.activate("Take back")
    expect(said).to_have_count(0)
    expect(ada.log).to_be_focused()


def test_the_camera_is_set_started_and_stopped_by_keys(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 3"), chatter("Bert 3")
    ada.enters()
    bert.enters()
    keys = Keyboard(ada.page)
    keys.activate("Start camera")
    expect(ada.page.get_by_role("dialog")).to_be_visible()
    assert set(keys.reaches_every_control()) == {
        "Camera", "Microphone", "My camera is explicit: it is marked red",
        "Only people with their own camera on may watch me",
        "When somebody watches me, show me their camera too", "Cancel", "Start camera",
    }  # fmt: skip
    keys.press("Escape")
    expect(ada.page.get_by_role("button", name="Start camera")).to_be_focused()
    keys.press("Enter")
    expect(ada.page.get_by_role("dialog")).to_be_visible()
    keys.activate("Start camera")
    expect(ada.page.get_by_role("dialog")).to_be_hidden()
    expect(ada.page.get_by_role("button", name="Stop camera")).to_be_visible()
    keys.activate("Mute microphone", "Space")
    expect(ada.page.get_by_role("button", name="Unmute microphone")).to_be_focused()
    expect(bert.camera_of("Ada 3")).to_be_visible()
    others = Keyboard(bert.page)
    others.reach("Find somebody")
    others.types("Ada 3")
    others.reach("Open webcam of Ada 3")
    others.press("Enter")
    bert.watches("Ada 3")
    others.activate("Silence Ada 3")
    expect(bert.page.get_by_role("button", name="Hear Ada 3")).to_be_focused()
    others.activate("Close webcam of Ada 3")
    bert.watches_nobody()
    expect(bert.page.get_by_label("Message", exact=True)).to_be_focused()
    keys.activate("Stop camera")
    expect(ada.page.get_by_role("button", name="Start camera")).to_be_focused()


def test_on_a_phone_one_part_is_shown_at_a_time(chatter: NewChatter) -> None:
    phone = {"viewport": {"width": 360, "height": 640}, "has_touch": True, "is_mobile": True}
    ada, bert = chatter("Ada 4", **phone), chatter("Bert 4")
    bert.enters()
    ada.open("")
    ada.types("Your name", "Ada 4")
    ada.page.get_by_role("button", name="Enter the chat").tap()
    expect(ada.page.locator("#talk")).to_be_visible()
    expect(ada.page.locator("#people")).to_be_hidden()
    bert.says("Are you on the train?")
    ada.reads("Are you on the train?")
    ada.picture("chat-phone")
    ada.page.get_by_role("button", name="People").tap()
    expect(ada.page.locator("#talk")).to_be_hidden()
    ada.row("Bert 4").locator(".name-button").tap()
    ada.press("Write a direct message")
    expect(ada.page.locator("#talk")).to_be_visible()
    ada.says("on the train")
    ada.reads("on the train")
    bert.says("in the lobby, meanwhile")
    expect(ada.page.locator("#unread-elsewhere")).to_have_text("1")
    ada.page.get_by_role("button", name="Channels").tap()
    ada.page.locator("#channels").get_by_role("button", name="Lobby").tap()
    ada.reads("in the lobby, meanwhile")
    width = ada.page.evaluate("document.documentElement.scrollWidth")
    assert width == 360
