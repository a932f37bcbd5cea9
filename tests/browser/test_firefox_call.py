"""Somebody with Firefox and somebody with Chromium in one meeting."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Newcomer
from tests.support.bidi import Bidi
from tests.support.firefox_person import FirefoxPerson
from tests.support.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FirefoxNewcomer = Callable[[str], FirefoxPerson]


@pytest.fixture
def firefox_newcomer(firefox: Bidi, server: ServerProcess) -> Iterator[FirefoxNewcomer]:
    people: list[FirefoxPerson] = []

    def make(name: str) -> FirefoxPerson:
        people.append(FirefoxPerson(firefox.window(), server.url, name))
        return people[-1]

    yield make
    for person in people:
        person.window.close()
    assert firefox.complaints() == []


def test_both_see_each_others_picture_move(
    newcomer: Newcomer, firefox_newcomer: FirefoxNewcomer
) -> None:
    ada, clara = newcomer("Ada"), firefox_newcomer("Clara")
    ada.join("two engines")
    clara.join("two engines")
    ada.sees_moving("Clara")
    clara.sees_moving("Ada")
    expect(ada.page.locator("#count")).to_have_text("2 people")


def test_whoever_comes_first_is_seen_by_the_other(
    newcomer: Newcomer, firefox_newcomer: FirefoxNewcomer
) -> None:
    clara, ada = firefox_newcomer("Clara"), newcomer("Ada")
    clara.join("firefox first")
    ada.join("firefox first")
    clara.sees_moving("Ada")
    ada.sees_moving("Clara")


def test_who_reloads_is_gone_at_once_and_back_soon(
    newcomer: Newcomer, firefox_newcomer: FirefoxNewcomer
) -> None:
    ada, clara = newcomer("Ada"), firefox_newcomer("Clara")
    ada.join("reload")
    clara.join("reload")
    ada.sees_moving("Clara")
    clara.window.reload()
    expect(ada.tile("Clara")).to_have_count(0, timeout=10_000)  # who is missed stays for 12 s
    clara.enter()
    clara.sees_moving("Ada")
    ada.sees_moving("Clara")
    expect(ada.page.locator("#count")).to_have_text("2 people")


def test_both_write_what_the_other_reads(
    newcomer: Newcomer, firefox_newcomer: FirefoxNewcomer
) -> None:
    ada, clara = newcomer("Ada"), firefox_newcomer("Clara")
    ada.join("chat of two")
    clara.join("chat of two")
    clara.opens_chat()
    clara.says("Shall we begin?")
    ada.opens_chat()
    ada.sees_in_chat("Shall we begin?")
    ada.says("By all means.")
    clara.sees_in_chat("By all means.")
