"""Our chat page when the operator of the server closes the chat."""

from __future__ import annotations

from collections.abc import Callable

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewChatter
from tests.support.chatter import CHAT, Chatter
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

TOKEN = "a token of the tests, for the operator"
OPERATED = f'{CHAT}[operator]\ntoken = "{TOKEN}"\n'.replace(
    'dialects = ["barertc"]', 'dialects = ["barertc", "operator"]', 1
)
WORDS = "The operator of the server has closed this chat room. Tea is over at 8 < 9."


def is_told_and_stays_away(somebody: Chatter, title: str) -> None:
    """Wait for the goodbye; nothing is tried again, however long one waits."""
    expect(somebody.page.get_by_role("heading", name=title)).to_be_focused()
    expect(somebody.page.get_by_role("alert").last).to_have_text(WORDS)
    sockets = somebody.page.evaluate("made.sockets.length")
    somebody.page.clock.run_for(120_000)
    assert somebody.page.evaluate("made.sockets.length") == sockets


def test_a_chat_that_is_closed_says_why_until_it_is_opened_again(
    chatter: NewChatter, own_server: Callable[..., ServerProcess]
) -> None:
    server = own_server(config=OPERATED)
    ada, bert = chatter("Ada", url=server.url), chatter("Bert", url=server.url)
    for somebody in (ada, bert):
        somebody.page.clock.install()
    ada.enters()
    bert.enters(polling=True)
    ada.starts_camera()
    with httpx.Client(
        base_url=server.url, headers={"Authorization": f"Bearer {TOKEN}"}
    ) as operator:
        order = {"realm": "barertc", "name": "site", "reason": "Tea is over at 8 < 9."}
        closed = operator.post("/-/closed", json=order)
        assert closed.status_code == 202
        for somebody in (ada, bert):
            is_told_and_stays_away(somebody, "You have been disconnected")
        ada.press("Enter again")
        ada.press("Enter the chat")
        is_told_and_stays_away(ada, "You were not let in")
        assert operator.delete(f"/-/closed/{closed.json()['id']}").status_code == 204
    ada.press("Enter again")
    ada.press("Enter the chat")
    ada.is_in()
