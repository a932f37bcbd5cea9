"""Somebody with Firefox and somebody with Chromium in one chat."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import NewChatter
from tests.support.bidi import Bidi
from tests.support.firefox_chatter import FirefoxChatter
from tests.support.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.slow]

NewFirefoxChatter = Callable[[str], FirefoxChatter]


@pytest.fixture
def firefox_chatter(firefox: Bidi, chat_server: ServerProcess) -> Iterator[NewFirefoxChatter]:
    people: list[FirefoxChatter] = []

    def make(name: str) -> FirefoxChatter:
        people.append(FirefoxChatter(firefox.window(), chat_server.url, name))
        return people[-1]

    yield make
    for person in people:
        person.window.close()
    assert firefox.complaints() == []


def test_both_write_what_the_other_reads(
    chatter: NewChatter, firefox_chatter: NewFirefoxChatter
) -> None:
    ada, clara = chatter("Ada"), firefox_chatter("Clara")
    ada.enters()
    clara.enters()
    clara.says("Shall we **begin**?")
    expect(ada.reads("Shall we begin?").locator("strong")).to_have_text("begin")
    ada.says("By all means.")
    clara.reads("By all means.")


def test_each_opens_the_others_webcam(
    chatter: NewChatter, firefox_chatter: NewFirefoxChatter
) -> None:
    ada, clara = chatter("Ada 1"), firefox_chatter("Clara 1")
    ada.enters()
    clara.enters()
    ada.starts_camera()
    clara.opens_camera_of("Ada 1")
    clara.watches("Ada 1")
    clara.starts_camera()
    ada.camera_of("Clara 1").click()
    ada.watches("Clara 1")
    ada.press("Stop camera")
    clara.watches_nobody()
    ada.watches("Clara 1")
    clara.window.reload()
    ada.watches_nobody()
