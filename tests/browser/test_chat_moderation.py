"""What an operator does on our chat page: kick, ban, unban, mark and cut webcams."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewChatter
from tests.support.chatter import CHAT, Chatter, fresh
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser


def is_out(somebody: Chatter, words: str, title: str = "You have been disconnected") -> None:
    """Wait until somebody is told that they are out, and why."""
    expect(somebody.page.get_by_role("heading", name=title)).to_be_focused()
    expect(somebody.page.get_by_role("alert").last).to_contain_text(words)


def test_who_is_kicked_is_told_and_may_come_again(chatter: NewChatter) -> None:
    olga, bert, cleo = chatter("Olga"), chatter("Bert the great"), chatter("Cleo")
    olga.enters_with_token(op=True)
    bert.enters()
    cleo.enters()
    expect(cleo.page.locator("#operate")).to_be_hidden()
    olga.chooses("Bert the great", "Operator: kick")
    olga.confirms("Kick")
    is_out(bert, "kicked")
    cleo.reads("Bert the great has been kicked from the room!")
    expect(cleo.row("Bert the great")).to_have_count(0)
    bert.press("Enter again")
    bert.press("Enter the chat")
    bert.is_in()


def test_who_is_not_let_in_is_told_why_and_does_not_try_again(
    chatter: NewChatter, own_server: Callable[..., ServerProcess]
) -> None:
    server = own_server(config=CHAT.replace("[barertc]\n", "[barertc]\npeople = 1\n"))
    ada = chatter("Ada", url=server.url)
    ada.enters()
    for name, words in (
        ("Bert", "The chat room is full right now."), ("ChatServer", "This name is reserved."),
    ):  # fmt: skip
        late = chatter(name, url=server.url)
        late.open("")
        late.types("Your name", name)
        late.page.clock.install()
        late.page.keyboard.press("Enter")
        is_out(late, words, title="You were not let in")
        sockets = late.page.evaluate("made.sockets.length")
        late.page.clock.run_for(60_000)
        assert late.page.evaluate("made.sockets.length") == sockets
        late.press("Enter again")
        expect(late.page.get_by_label("Your name")).to_be_focused()


def test_who_is_banned_stays_out_until_the_ban_is_lifted(chatter: NewChatter) -> None:
    olga, bert = chatter("Olga 1"), chatter("Bert 1")
    olga.enters_with_token(op=True)
    bert.enters()
    olga.chooses("Bert 1", "Operator: ban")
    olga.page.get_by_role("dialog").get_by_label("Hours").press("Control+A")
    olga.page.keyboard.type("2")
    olga.confirms("Ban")
    is_out(bert, "banned")
    olga.reads("Bert 1 has been banned!")
    bert.press("Enter again")
    bert.press("Enter the chat")
    banned = "You are currently banned from entering the chat room."
    is_out(bert, banned, title="You were not let in")
    olga.press("Operator")
    olga.press("Show who is banned")
    olga.reads("Bert 1")
    olga.press("Operator")
    olga.press("Lift a ban")
    olga.page.keyboard.type("Bert 1")
    olga.confirms("Let in again")
    bert.press("Enter again")
    bert.press("Enter the chat")
    bert.is_in()


def test_a_webcam_is_marked_and_turned_off(chatter: NewChatter) -> None:
    olga, bert = chatter("Olga 2"), chatter("Bert 2")
    olga.enters_with_token(op=True)
    bert.enters()
    bert.starts_camera()
    expect(olga.camera_of("Bert 2")).to_be_visible()
    olga.chooses("Bert 2", "Operator: mark webcam explicit")
    expect(bert.page.locator("#camera.explicit")).to_be_visible()
    expect(olga.camera_of("Bert 2")).to_have_accessible_name("Open explicit webcam of Bert 2")
    bert.press("Mute microphone")
    expect(bert.page.locator("#camera.explicit")).to_be_visible()
    olga.chooses("Bert 2", "Operator: turn webcam off")
    expect(bert.page.get_by_role("button", name="Start camera")).to_be_visible()
    expect(olga.camera_of("Bert 2")).to_be_hidden()


def test_who_polls_is_put_out_as_well(chatter: NewChatter) -> None:
    olga, paul = chatter("Olga 5"), chatter("Paul 5")
    olga.enters_with_token(op=True)
    paul.enters(polling=True)
    olga.chooses("Paul 5", "Operator: kick")
    olga.confirms("Kick")
    is_out(paul, "kicked")
    paul.page.wait_for_timeout(3_000)  # in which it would have come back
    expect(olga.row("Paul 5")).to_have_count(0)


def test_a_hidden_operator_is_in_nobodys_list(chatter: NewChatter) -> None:
    olga, bert = chatter("Olga 6"), chatter("Bert 6")
    olga.enters_with_token(op=True)
    bert.enters()
    expect(bert.row("Olga 6")).to_be_visible()
    olga.sets_status("Hidden")
    bert.reads("Olga 6 has exited the room!")
    expect(bert.row("Olga 6")).to_have_count(0)
    expect(olga.page.locator("#operate")).to_be_visible()
    olga.chooses("Bert 6", "Operator: kick")
    olga.confirms("Kick")
    is_out(bert, "kicked")


def test_a_guest_is_made_an_operator_and_a_guest_again(chatter: NewChatter) -> None:
    olga, bert = chatter("Olga 3"), chatter("Bert 3")
    olga.enters_with_token(op=True)
    bert.enters()
    olga.chooses("Bert 3", "Operator: make an operator")
    expect(bert.page.locator("#operate")).to_be_visible()
    expect(olga.row("Bert 3").get_by_role("img", name="operator")).to_be_visible()
    olga.chooses("Bert 3", "Operator: make an ordinary guest again")
    expect(bert.page.locator("#operate")).to_be_hidden()


def test_an_operator_is_heard_by_who_had_muted_him(chatter: NewChatter) -> None:
    olga, bert = chatter("Olga 4"), chatter("Bert 4")
    olga.enters_with_token(op=True)
    bert.enters()
    bert.chooses("Olga 4", "Mute")
    olga.reads("Bert 4 has muted you!")
    unheard, heard = fresh("not heard"), fresh("heard again")
    olga.says(unheard)
    olga.reads(unheard)
    olga.press("Operator")
    olga.press("Hear everybody: lift mutes and blocks against me")
    olga.says(heard)
    bert.reads(heard)
    bert.reads_nothing_like(unheard)
