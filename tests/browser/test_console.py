"""The operator's console in a real browser: token, figures, tree, and stopping an actor."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import NewChatter
from tests.support.chatter import CHAT
from tests.support.keyboard import Keyboard
from tests.support.person import ARTIFACTS, SILENT_HANDLERS, type_into
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

TOKEN = "a token for the test"
CONFIG = f'[operator]\ntoken = "{TOKEN}"\n'


@pytest.fixture
def page(browser: Browser, own_server: Callable[..., ServerProcess]) -> Iterator[Page]:
    """The console of a fresh server; its browser must not complain."""
    server = own_server(config=CONFIG)
    with browser.new_context(viewport={"width": 1200, "height": 760}) as context:
        page = context.new_page()
        page.add_init_script(SILENT_HANDLERS)
        troubles: list[str] = []
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("console", lambda line: line.type == "error" and troubles.append(line.text))
        page.goto(f"{server.url}-/")
        yield page
        # a refused token is an error line of the browser's own
        assert [text for text in troubles if "401" not in text] == []


def enter(page: Page, token: str = TOKEN) -> None:
    type_into(page.get_by_label("Operator token"), token)
    page.get_by_role("button", name="Show").click()


def test_a_wrong_token_is_told_and_the_right_one_shows_the_tree(page: Page) -> None:
    enter(page, "wrong")
    expect(page.get_by_role("alert")).to_have_text("That is not the operator's token.")
    enter(page)
    expect(page.get_by_role("status")).to_have_text("Ready")
    expect(page.get_by_role("cell", name="/conferencing/directory", exact=True)).to_be_visible()
    expect(page.get_by_label("Figures")).to_contain_text("Websockets")
    page.reload()
    expect(page.get_by_role("cell", name="/conferencing/directory", exact=True)).to_be_visible()
    page.get_by_role("button", name="Forget token").click()
    expect(page.get_by_label("Operator token")).to_be_focused()
    expect(page.get_by_role("table")).to_be_hidden()


def test_an_actor_is_stopped_once_that_is_confirmed(page: Page) -> None:
    enter(page)
    expect(page.get_by_role("status")).to_have_text("Ready")
    page.evaluate("window.socket = new WebSocket(`ws://${location.host}/ws`)")
    stop = page.get_by_role("button", name="Stop /conferencing/members/")
    expect(stop).to_have_count(1)
    stop.click()
    page.get_by_role("button", name="Keep it").click()
    stop.click()
    page.get_by_role("button", name="Stop it").click()
    expect(stop).to_have_count(0)
    expect(page.get_by_role("cell", name="/conferencing/directory", exact=True)).to_be_visible()


def test_the_filter_leaves_what_it_names(page: Page) -> None:
    enter(page)
    type_into(page.get_by_label("Filter"), "supervisor")
    expect(page.get_by_role("cell", name="/conferencing/rooms", exact=True)).to_be_visible()
    expect(page.get_by_role("cell", name="/conferencing/directory", exact=True)).to_have_count(0)


def test_every_control_works_by_keyboard(page: Page) -> None:
    keys = Keyboard(page)
    assert keys.reaches_every_control() == ["Show", "Operator token"]
    keys.reach("Operator token")
    keys.types(TOKEN)
    keys.activate("Show")
    expect(page.get_by_role("status")).to_have_text("Ready")
    page.evaluate("window.socket = new WebSocket(`ws://${location.host}/ws`)")
    stop = page.get_by_role("button", name="Stop /conferencing/members/")
    expect(stop).to_have_count(1)
    name = stop.get_attribute("aria-label") or ""
    keys.reach("Filter")
    keys.types("/conferencing/members/")
    expect(page.locator("#rows tr")).to_have_count(1)
    assert set(keys.reaches_every_control()) == {"Forget token", "Filter", name}
    keys.activate(name)
    assert set(keys.reaches_every_control()) == {"Keep it", "Stop it"}
    keys.activate("Keep it")
    expect(stop).to_be_focused()
    keys.press("Enter")
    keys.activate("Stop it")
    expect(stop).to_have_count(0)
    keys.activate("Forget token")
    expect(page.get_by_label("Operator token")).to_be_focused()


def test_people_webcams_and_bans_of_a_chat_are_shown(
    browser: Browser, chatter: NewChatter, own_server: Callable[..., ServerProcess]
) -> None:
    with_chat = CHAT.replace('["barertc"]', '["barertc", "operator"]', 1)
    server = own_server(config=f"{with_chat}\n{CONFIG}")
    olga, bert, cleo = (chatter(name, url=server.url) for name in ("Olga", "Bert", "Cleo"))
    olga.enters_with_token(op=True)
    bert.enters()
    cleo.enters()
    bert.starts_camera("My camera is explicit")
    olga.chooses("Cleo", "Operator: ban")
    olga.confirms("Ban")
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(f"{server.url}-/")
        enter(page)
        site = page.get_by_label("Chat sites")
        expect(site.get_by_role("heading")).to_have_text(
            ["Chat: barertc, site", "People: 2", "Webcams: 1", "Bans: 1"]
        )
        items = site.get_by_role("listitem")
        expect(items.nth(0)).to_have_text("Bert · guest")
        expect(items.nth(1)).to_have_text("Olga · operator")
        expect(items.nth(2)).to_have_text("Bert · explicit")
        expect(items.nth(3)).to_contain_text("Cleo · until ")
        page.screenshot(path=ARTIFACTS / "console-chat.png")
        bert.page.locator("#leave").click()
        expect(items.filter(has_text="Bert")).to_have_count(0)
