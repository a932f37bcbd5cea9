"""The meeting page in a room of which the server makes a conference, with other clients in it.

Those call everybody whose id is greater than their own, and take no call but of their conference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Newcomer
from tests.support.guest import Guest
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

CONFIG = '[spreed]\nconference_rooms = ["^conf/"]\n'
WAITS_MS = 2_400  # by its own clock; the page waits 2.5 s for an offer that is not its own to make

# How many milliseconds after it was made a connection began to describe itself.
WHEN_DESCRIBED = """
window.RTCPeerConnection = class extends RTCPeerConnection {
  #made = performance.now();
  setLocalDescription(...all) {
    this.described ??= performance.now() - this.#made;
    return super.setLocalDescription(...all);
  }
};
"""
# The connection is found by the first line of its description that is its own.
DESCRIBED = """
(origin) => made.connections.find(
  ({ localDescription }) => localDescription?.sdp.includes(origin),
).described
"""


@pytest.fixture
def conferences(own_server: Callable[..., ServerProcess]) -> ServerProcess:
    return own_server(config=CONFIG)


@pytest.fixture
def guests(conferences: ServerProcess) -> Iterator[Callable[[], Guest]]:
    with ExitStack() as opened:
        yield lambda: opened.enter_context(Guest(conferences.url))


def _guest_with(guests: Callable[[], Guest], ada: str, *, greater: bool) -> Guest:
    """Return a guest whose id is greater, or less, than Ada's."""
    while True:
        guest = guests()
        if (guest.id > ada) == greater:
            return guest
        guest.leave(1000)


def test_three_pages_meet_in_a_conference(
    conferences: ServerProcess, newcomer: Newcomer, browser: Browser
) -> None:
    people = [newcomer(name, url=conferences.url) for name in ("Ada", "Clara", "Fanny")]
    for person in people:
        person.join("conf/pages")
    for person in people:
        for other in people:
            if other is not person:
                person.sees_moving(other.name)
        person.has_connections(2)
        assert person.connections_used() == 2


def test_the_page_calls_with_the_conferences_id_whom_it_has_to_call(
    conferences: ServerProcess, guests: Callable[[], Guest], newcomer: Newcomer
) -> None:
    ada = newcomer("Ada", url=conferences.url)
    ada.join("conf/mixed")
    observer = guests()
    ada_id = next(user["Id"] for user in observer.join("conf/mixed", "Observer")
                  if user["Id"] != observer.id)  # fmt: skip
    called = _guest_with(guests, ada_id, greater=True)
    called.join("conf/mixed", "Called")
    conference = called.next("Conference")["Data"]["Id"]
    offer = called.next("Offer")
    assert offer["From"] == ada_id
    assert offer["Data"]["Offer"]["_conference"] == conference == "Conference:conf/mixed"
    assert offer["Data"]["Offer"]["type"] == "offer"


def test_the_page_waits_to_be_called_by_a_lesser_id(
    conferences: ServerProcess, guests: Callable[[], Guest], newcomer: Newcomer
) -> None:
    ada = newcomer("Ada", url=conferences.url)
    ada.page.add_init_script(WHEN_DESCRIBED)
    ada.join("conf/patient")
    observer = guests()
    ada_id = next(user["Id"] for user in observer.join("conf/patient", "Observer")
                  if user["Id"] != observer.id)  # fmt: skip
    caller = _guest_with(guests, ada_id, greater=False)
    caller.join("conf/patient", "Caller")
    conference = caller.next("Conference")["Data"]["Id"]
    offer = caller.next("Offer")["Data"]["Offer"]  # nobody called
    assert offer["_conference"] == conference
    assert ada.page.evaluate(DESCRIBED, offer["sdp"].splitlines()[1]) >= WAITS_MS


def test_a_locked_conference_is_shown_as_locked(
    conferences: ServerProcess, newcomer: Newcomer
) -> None:
    ada, clara = (newcomer(name, url=conferences.url) for name in ("Ada", "Clara"))
    ada.join("conf/locked")
    clara.join("conf/locked")
    ada.press("Lock")
    ada.answers("New PIN", "2718", "Lock")
    for person in (ada, clara):
        expect(person.page.locator("#locked")).to_be_visible()
