"""npm peerjs 1.5.5 in Firefox: it calls, and is called by, Firefox and Chromium at our broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.bidi import Bidi
from tests.support.peerjs_page import PeerTab
from tests.support.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.slow]

VERSION = "1.5.5"
CONFIG = "[peerjs]\nexpire_timeout = 2.0\n"
FORMS = {
    "binary": [("text", 10), ("bytes", 60_000), ("json", 200)],
    "json": [("text", 10), ("json", 16_000)],
    "raw": [("text", 10), ("bytes", 10_000)],
}
MakeTab = Callable[[], PeerTab]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("peerjs-firefox"), config=CONFIG) as server:
        yield server


@pytest.fixture
def in_firefox(firefox: Bidi, server: ServerProcess, site: str) -> Iterator[MakeTab]:
    windows = []

    def make() -> PeerTab:
        windows.append(firefox.window())
        return PeerTab(windows[-1], site, server.url, VERSION)

    yield make
    for window in windows:
        window.close()
    assert firefox.complaints() == []


@pytest.fixture
def in_chromium(browser: Browser, server: ServerProcess, site: str) -> Iterator[MakeTab]:
    contexts = []

    def make() -> PeerTab:
        contexts.append(browser.new_context())
        return PeerTab(contexts[-1].new_page(), site, server.url, VERSION)

    yield make
    for context in contexts:
        context.close()


@pytest.fixture(params=["firefox-firefox", "firefox-chromium", "chromium-firefox"])
def pair(
    request: pytest.FixtureRequest, in_firefox: MakeTab, in_chromium: MakeTab
) -> tuple[PeerTab, PeerTab]:
    """Who calls, and who is called; both have their ids."""
    make = {"firefox": in_firefox, "chromium": in_chromium}
    one, other = str(request.param).split("-")
    ann, bob = make[one](), make[other]()
    ann.open("ann")
    bob.open("bob")
    return ann, bob


def test_data_both_ways_and_the_end_is_seen(pair: tuple[PeerTab, PeerTab]) -> None:
    ann, bob = pair
    for form, kinds in FORMS.items():
        ann.connect("bob", form, serialization=form, reliable=True)
        bob.hears("connected", form)
        for kind, size in kinds:
            assert ann.exchange(form, kind, size), (form, kind, size)
    ann.run("() => links.binary.close()")
    bob.hears("ended", "binary")
    bob.run("() => links.raw.close()")
    ann.hears("ended", "raw")
    assert ann.exchange("json", "text", 10)


def test_a_call_both_ways_and_its_end(pair: tuple[PeerTab, PeerTab]) -> None:
    ann, bob = pair
    ann.run("() => call('bob')")
    ann.decodes("out")
    bob.decodes("in")
    ann.run("() => links.out.close()")
    bob.hears("ended", "in")


def test_its_own_reconnect_opens_again_under_its_id(in_firefox: MakeTab) -> None:
    ann, bob = in_firefox(), in_firefox()
    ann.open("ann")
    bob.open("bob")
    ann.run("() => sockets.at(-1).close()")
    ann.hears("disconnected")
    ann.run("() => peer.reconnect()")
    ann.hears("open", "ann", times=2)
    bob.connect("ann", "after", serialization="json")
    assert bob.exchange("after", "text", 10)
