"""A call outlives its signalling: lost websockets, a silent server, a restarted one."""

from __future__ import annotations

import signal
from collections.abc import Callable

import pytest
from playwright.sync_api import Error, expect

from tests.browser.conftest import MortalBrowser, Newcomer
from tests.support.guest import Guest
from tests.support.person import Person
from tests.support.ports import free_port
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

SOON = 10_000  # for what needs no waiting: who may come back is waited for 12 s
BACK = 60_000  # for what must come; on a calm machine it takes one or two seconds

# All that is noted on a tile from now on: some of it only for a while.
KEEP_NOTES = """
(note) => {
  window.notes = [];
  const keep = () => window.notes.push(note.textContent.trim());
  const all = { attributes: true, childList: true, characterData: true, subtree: true };
  new MutationObserver(keep).observe(note, all);
}
"""


def _forgive_lost_connections(*people: Person) -> None:
    """Chromium itself complains about websockets it cannot open, which is what was tested."""
    for person in people:
        person.troubles = [line for line in person.troubles if "WebSocket connection" not in line]


def _chat_works(ada: Person, clara: Person, text: str) -> None:
    ada.says(text)
    if clara.page.locator("#chat").is_hidden():
        clara.page.locator("#open-chat").click()
    clara.sees_in_chat(text)


def test_a_dropped_websocket_is_back_in_the_room_and_the_picture_never_stopped(
    newcomer: Newcomer,
) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("dropped")
    clara.join("dropped")
    ada.sees_moving("Clara")
    ada.has_connections(1)
    clara.drop_websocket()
    clara.page.wait_for_function("() => made.sockets.length === 2", timeout=BACK)
    expect(clara.page.locator("#link-state")).to_be_empty(timeout=BACK)
    expect(ada.tile("Clara").locator(".note")).to_be_hidden(timeout=BACK)
    _chat_works(clara, ada, "Here again.")
    ada.sees_moving("Clara")
    clara.sees_moving("Ada")
    for person in (ada, clara):
        assert person.connections_used() == 1


def test_what_is_said_while_reconnecting_arrives_once(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("void")
    clara.join("void")
    clara.page.locator("#open-chat").click()
    clara.page.evaluate("made.sockets.at(-1).close()")
    clara.says("Into the void")
    ada.page.locator("#open-chat").click()
    ada.sees_in_chat("Into the void")
    expect(ada.page.get_by_role("log").get_by_role("listitem")).to_have_count(1)


def test_a_failed_connection_is_built_anew(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("rebuilt")
    clara.join("rebuilt")
    ada.sees_moving("Clara")
    # Close Clara's end behind the page's back, and make her come into the room once more.
    clara.page.evaluate("made.connections.at(-1).close()")
    clara.drop_websocket()
    expect(clara.tile("Ada").locator(".note")).to_be_hidden(timeout=BACK)
    clara.sees_moving("Ada")
    ada.sees_moving("Clara")


def test_a_stopping_server_says_so_and_everybody_comes_back_with_it(
    own_server: Callable[..., ServerProcess], newcomer: Newcomer
) -> None:
    server = own_server(port=free_port())
    ada, clara = newcomer("Ada", url=server.url), newcomer("Clara", url=server.url)
    ada.join("restart")
    clara.join("restart")
    ada.sees_moving("Clara")
    ada.has_connections(1)
    server.signal(signal.SIGTERM)
    for person in (ada, clara):
        expect(person.page.locator("#link-state")).to_contain_text("The server is restarting.")
    ada.picture("server-restarting")
    assert server.wait() == 0
    ada.sees_moving("Clara")  # media needs no server
    server.start()
    for person in (ada, clara):
        expect(person.page.locator("#link-state")).to_be_empty(timeout=BACK)
    _chat_works(ada, clara, "Where were we?")
    ada.sees_moving("Clara")
    clara.sees_moving("Ada")
    for person in (ada, clara):
        person.has_connections(1)
        assert person.connections_used() == 1
    _forgive_lost_connections(ada, clara)


@pytest.mark.parametrize("code", [1001, None])
def test_somebody_who_leaves_the_page_is_gone_and_who_is_lost_is_waited_for(
    server: ServerProcess, newcomer: Newcomer, code: int | None
) -> None:
    """Firefox closes the websocket of a page that is left with 1001, before the page can speak."""
    ada, room = newcomer("Ada"), f"left with {code}"
    ada.join(room)
    with Guest(server.url) as clara:
        clara.join(room, "Clara")
        expect(ada.tile("Clara")).to_be_visible()
        if code is None:
            clara.vanish()
            note = ada.tile("Clara").locator(".note")
            expect(note).to_have_text("Reconnecting…", timeout=SOON)
        else:
            clara.leave(code)
            expect(ada.tile("Clara")).to_have_count(0, timeout=SOON)


def test_a_page_that_is_loaded_anew_is_there_once(newcomer: Newcomer) -> None:
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("anew")
    clara.join("anew")
    ada.sees_moving("Clara")
    clara.page.reload()
    expect(ada.tile("Clara")).to_have_count(0, timeout=SOON)
    clara.press("Join")
    ada.sees_moving("Clara")
    expect(ada.page.locator("#count")).to_have_text("2 people")


@pytest.mark.slow
def test_a_server_that_has_fallen_silent_is_noticed(
    own_server: Callable[..., ServerProcess], newcomer: Newcomer
) -> None:
    server = own_server()
    ada, clara = newcomer("Ada", url=server.url), newcomer("Clara", url=server.url)
    ada.page.clock.install()  # her page's time goes on by itself, and faster where she is told
    ada.join("silence")
    clara.join("silence")
    ada.sees_moving("Clara")
    server.signal(signal.SIGSTOP)
    ada.page.clock.run_for(13_500)
    expect(ada.page.locator("#link-state")).to_have_text("Reconnecting…")
    server.signal(signal.SIGCONT)
    for person in (ada, clara):
        expect(person.page.locator("#link-state")).to_be_empty(timeout=BACK)
    _chat_works(ada, clara, "Anybody?")
    ada.sees_moving("Clara")
    _forgive_lost_connections(ada, clara)


@pytest.mark.slow
def test_somebody_whose_browser_dies_is_gone_when_the_picture_stops(
    server: ServerProcess, newcomer: Newcomer, mortal_browser: MortalBrowser
) -> None:
    ada = newcomer("Ada")
    clara = Person(mortal_browser.browser.new_page(), server.url, "Clara")
    ada.join("death")
    clara.join("death")
    ada.sees_moving("Clara")
    ada.has_connections(1)
    ada.tile("Clara").locator(".note").evaluate(KEEP_NOTES)
    mortal_browser.kill()
    expect(ada.tile("Clara")).to_have_count(0, timeout=BACK)
    assert "Reconnecting…" in ada.page.evaluate("notes")  # for five seconds, or somewhat more


def test_somebody_whose_tab_crashes_is_gone_at_once(newcomer: Newcomer) -> None:
    """What is left of the browser says that the page is gone."""
    ada, clara = newcomer("Ada"), newcomer("Clara")
    ada.join("crash")
    clara.join("crash")
    ada.sees_moving("Clara")
    with clara.page.expect_event("crash"), pytest.raises(Error, match="crash"):
        clara.page.goto("chrome://crash")
    expect(ada.tile("Clara")).to_have_count(0, timeout=SOON)
    expect(ada.page.locator("#announcements")).to_have_text("Clara has left")
