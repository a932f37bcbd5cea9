"""Somebody with Firefox and somebody with Chromium in one meeting."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Newcomer
from tests.support.firefox import Firefox
from tests.support.firefox_person import FirefoxPerson
from tests.support.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.slow]

FirefoxNewcomer = Callable[[str], FirefoxPerson]


@pytest.fixture
def firefox_newcomer(firefox: Firefox, server: ServerProcess) -> Iterator[FirefoxNewcomer]:
    people: list[FirefoxPerson] = []

    def make(name: str) -> FirefoxPerson:
        people.append(FirefoxPerson(firefox.window(), server.url, name))
        return people[-1]

    yield make
    for person in people:
        person.window.close()
    assert firefox.complaints == []


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


def test_after_a_reload_the_call_goes_on(
    newcomer: Newcomer, firefox_newcomer: FirefoxNewcomer
) -> None:
    ada, clara = newcomer("Ada"), firefox_newcomer("Clara")
    ada.join("reload")
    clara.join("reload")
    ada.sees_moving("Clara")
    clara.come_back()
    clara.sees_moving("Ada")
    expect(ada.page.locator("#count")).to_have_text("2 people", timeout=15_000)
    ada.sees_moving("Clara")
