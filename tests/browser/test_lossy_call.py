"""A call of two pages goes a way that loses packets: they are shown it, and so is the operator."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from functools import partial

import httpx
import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Newcomer
from tests.support.five_dialects import BEARER, TOKEN
from tests.support.person import Person
from tests.support.server_process import ServerProcess
from tests.support.udp_relay import UdpRelay, through

pytestmark = pytest.mark.browser

CONFIG = f'[operator]\ntoken = "{TOKEN}"\n'
PATIENCE = 120.0
LOOK_MS = 10_000  # between two looks of the page at its connections

# Of the other page's candidates, which come with its description, each is told one of the relay's.
# None comes later: a page describes itself when it has all of them, however long that takes.
BY_RELAY = """
{
  const { setLocalDescription, setRemoteDescription } = RTCPeerConnection.prototype;
  RTCPeerConnection.prototype.setLocalDescription = async function (...all) {
    await setLocalDescription.apply(this, all);
    while (this.iceGatheringState !== "complete") {
      await new Promise((done) => {
        this.addEventListener("icegatheringstatechange", done, { once: true });
      });
    }
  };
  RTCPeerConnection.prototype.setRemoteDescription = async function ({ type, sdp }) {
    return setRemoteDescription.call(this, { type, sdp: await window.byRelay(sdp) });
  };
  RTCPeerConnection.prototype.addIceCandidate = async () => {};
}
"""


def until_seen(person: Person, other: str, rating: str, relay: UdpRelay) -> None:
    """Have the page look at its connections now and then, until it shows that."""
    title = re.compile(rf"{rating} connection: [\d.]+ % lost, \d+ ms there and back", re.IGNORECASE)
    sign, deadline = person.tile(other).locator(".quality"), time.monotonic() + PATIENCE
    while True:
        seen = relay.carried
        while relay.carried < seen + 200:
            assert time.monotonic() < deadline, f"no media: {relay.carried} datagrams"
            person.page.wait_for_timeout(20)
        person.page.clock.fast_forward(LOOK_MS)
        person.page.wait_for_timeout(100)
        shown = sign.get_attribute("title") or ""
        if sign.get_attribute("data-rating") == rating and title.fullmatch(shown):
            return
        assert time.monotonic() < deadline, shown


def until_told(url: str, name: str, rating: str) -> None:
    """Wait until the operator is told it of somebody."""
    deadline, told = time.monotonic() + PATIENCE, None
    while True:
        answer = httpx.get(
            f"{url}-/people", params={"search": name}, headers=BEARER, timeout=PATIENCE
        )
        [person] = answer.json()["people"]
        told = person["quality"]
        if told is not None and told["rating"] == rating:
            return
        assert time.monotonic() < deadline, told
        time.sleep(0.05)


def test_who_loses_packets_is_shown_it_and_that_it_is_over(
    newcomer: Newcomer, own_server: Callable[..., ServerProcess]
) -> None:
    server = own_server(config=CONFIG)
    ada, clara = (newcomer(name, url=server.url) for name in ("Ada", "Clara"))
    with UdpRelay(seed=3) as relay:
        for person in (ada, clara):
            person.page.expose_function("byRelay", partial(through, relay))
            person.page.add_init_script(BY_RELAY)
        ada.page.clock.install()
        ada.join("far away")
        clara.join("far away")
        ada.sees_moving("Clara")
        expect(ada.page.locator("#count")).to_have_text("2 people")
        for loss, rating in ((0.0, "good"), (0.25, "bad"), (0.0, "good")):
            relay.loss = loss
            until_seen(ada, "Clara", rating, relay)
            until_told(server.url, "Ada", rating)
        for person in (ada, clara):
            person.press("Leave")
