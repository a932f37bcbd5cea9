"""Our chat page when something goes wrong: a lost socket, none at all, a server that is away."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewChatter
from tests.support.chatter import CHAT, fresh
from tests.support.ports import free_port
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

# It may be connected again within half a second.
NOTE_STATES = """() => {
  window.states = [];
  const state = document.getElementById("link-state");
  new MutationObserver(() => states.push(state.textContent)).observe(state, { childList: true });
}"""


def test_a_lost_socket_comes_back_with_mutes_and_boots_and_camera(chatter: NewChatter) -> None:
    ada, bert, cleo = chatter("Ada"), chatter("Bert"), chatter("Cleo")
    before, silent, heard = fresh("before"), fresh("can you hear me?"), fresh("I can")
    for somebody in (ada, bert, cleo):
        somebody.enters()
    ada.starts_camera()
    ada.chooses("Bert", "Mute")
    ada.chooses("Cleo", "Hide my webcam from them")
    for somebody in (bert, cleo):
        expect(somebody.camera_of("Ada")).to_be_hidden()
    ada.says(before)
    cleo.reads(before)
    ada.page.evaluate(NOTE_STATES)
    ada.drop_websocket()
    ada.page.wait_for_function("states.includes('Reconnecting…')")
    cleo.reads("Ada has exited the room!")
    expect(ada.page.locator("#link-state")).to_have_text("")
    cleo.reads("Ada has joined the room!")
    expect(ada.log.locator("li").filter(has_text=before)).to_have_count(1)
    bert.says(silent)
    cleo.reads(silent)
    cleo.says(heard)
    ada.reads(heard)
    ada.reads_nothing_like(silent)
    for somebody in (bert, cleo):
        expect(somebody.camera_of("Ada")).to_be_hidden()
    ada.chooses("Cleo", "Let them see my webcam again")
    cleo.camera_of("Ada").click()
    cleo.watches("Ada")


def test_mutes_hold_after_a_reload(chatter: NewChatter) -> None:
    ada, bert = chatter("Ada 1"), chatter("Bert 1")
    ada.enters()
    bert.enters()
    ada.chooses("Bert 1", "Mute")
    ada.page.reload()
    ada.press("Enter the chat")
    ada.is_in()
    expect(ada.row("Bert 1").get_by_role("img", name="muted by you")).to_be_visible()


def test_everything_works_by_polling_alone(chatter: NewChatter) -> None:
    # Who polls and closes the page is there for a minute longer: another name for each run.
    ada, paul = chatter("Ada 2"), chatter(fresh("Paul"))
    ada.enters()
    paul.enters(polling=True)
    ada.says("good day, Paul")
    paul.reads("good day, Paul")
    paul.says("good **morning**")
    expect(ada.reads("good morning").last.locator("strong")).to_have_text("morning")
    ada.starts_camera()
    paul.camera_of("Ada 2").click()
    paul.watches("Ada 2")
    paul.chooses("Ada 2", "Write a direct message")
    paul.says("seen")
    ada.hears(f"{paul.name}: seen")
    assert paul.page.evaluate("made.sockets.length") == 0


def test_where_no_websocket_goes_through_it_is_polled(chatter: NewChatter) -> None:
    ada, paul = chatter("Ada 3"), chatter(fresh("Paul"))
    ada.enters()
    paul.page.add_init_script(
        "window.WebSocket = class {"
        "  constructor() { setTimeout(() => this.onclose({})); }"
        "  close() {}"
        "}"
    )
    paul.enters()
    paul.says("by another way")
    ada.reads("by another way")


def test_a_server_that_was_started_again_is_found_again(
    chatter: NewChatter, own_server: Callable[..., ServerProcess]
) -> None:
    server = own_server(port=free_port(), config=CHAT)
    ada, bert = chatter("Ada", url=server.url), chatter("Bert", url=server.url)
    ada.enters()
    bert.enters()
    ada.chooses("Bert", "Mute")
    server.stop()
    for somebody in (ada, bert):
        expect(somebody.page.locator("#link-state")).to_contain_text("…")
    server.start()
    for somebody in (ada, bert):  # who had to wait for long tries only every 30 seconds
        expect(somebody.page.locator("#link-state")).to_have_text("", timeout=90_000)
    expect(ada.row("Bert")).to_be_visible()
    bert.says("hello again")
    bert.reads("hello again")
    ada.reads_nothing_like("hello again")
    for somebody in (ada, bert):
        somebody.troubles.clear()  # the browser's own words on refused connections


def test_it_gives_up_in_the_end_and_says_so(
    chatter: NewChatter, own_server: Callable[..., ServerProcess]
) -> None:
    server = own_server(config=CHAT)
    ada = chatter("Ada", url=server.url)
    ada.page.clock.install()
    ada.enters()
    server.stop()
    gone = ada.page.get_by_role("heading", name="The chat cannot be reached")
    deadline = time.monotonic() + 60
    while not gone.is_visible() and time.monotonic() < deadline:
        ada.page.clock.run_for(30_000)
        ada.page.wait_for_timeout(100)  # for the refusals, which no clock of ours brings
    expect(gone).to_be_focused()
    expect(ada.page.get_by_role("alert")).to_contain_text("Look whether you are online")
    sockets = ada.page.evaluate("made.sockets.length")
    ada.page.clock.run_for(600_000)
    assert ada.page.evaluate("made.sockets.length") == sockets
    ada.troubles.clear()  # the browser's own words on refused connections
