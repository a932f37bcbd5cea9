"""Real browsers, a real server, and people who open tabs."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from subprocess import check_output
from typing import Any, NamedTuple, TypeVar
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, BrowserType, expect, sync_playwright

from tests.support.bidi import Bidi
from tests.support.chatter import CHAT, Chatter
from tests.support.firefox import open_firefox
from tests.support.owt_page import open_site
from tests.support.person import PATIENCE, Person
from tests.support.programs import need
from tests.support.server_process import ServerProcess

FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--use-fake-ui-for-media-stream",
    "--disable-background-networking",
    "--disable-component-update",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-features=WebRtcHideLocalIpsWithMdns,HttpsUpgrades",
    # A name that is not loopback: its pages get no camera, as on a phone without HTTPS.
    "--no-proxy-server",
    "--host-resolver-rules=MAP meeting.example 127.0.0.1",
)
# Few frames: every tab encodes and decodes in software.
FAKE_DEVICES = "--use-fake-device-for-media-stream=device-count=2,fps=10"

Newcomer = Callable[..., Person]
NewChatter = Callable[..., Chatter]
P = TypeVar("P", bound=Person)
Launch = Callable[..., Browser]


@pytest.fixture(scope="module")
def _chromium() -> Iterator[BrowserType]:
    need("chromium")
    expect.set_options(timeout=PATIENCE)
    with sync_playwright() as playwright:
        yield playwright.chromium


@pytest.fixture(scope="module")
def browser(_chromium: BrowserType) -> Iterator[Browser]:
    """Chromium with a camera and a microphone that show and play test patterns."""
    with _chromium.launch(executable_path=need("chromium"), args=[*FLAGS, FAKE_DEVICES]) as browser:
        yield browser


@pytest.fixture
def bare_browser(_chromium: BrowserType) -> Iterator[Browser]:
    """Chromium on a machine without camera and microphone."""
    with _chromium.launch(executable_path=need("chromium"), args=list(FLAGS)) as browser:
        yield browser


class MortalBrowser(NamedTuple):
    browser: Browser
    kill: Callable[[], None]


@pytest.fixture
def mortal_browser(_chromium: BrowserType) -> Iterator[MortalBrowser]:
    """A Chromium that may be killed: all its processes at once, so that none can say goodbye."""
    mark = f"--mortal={uuid4()}"  # Chromium passes over flags that it does not know

    def kill() -> None:
        [process] = check_output(["pgrep", "--full", "--oldest", "--", mark], text=True).split()
        os.killpg(os.getpgid(int(process)), signal.SIGKILL)

    with _chromium.launch(
        executable_path=need("chromium"), args=[*FLAGS, FAKE_DEVICES, mark]
    ) as browser:
        yield MortalBrowser(browser, kill)


@pytest.fixture(scope="module")
def firefox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bidi]:
    """The other engine: a Firefox with a camera and a microphone of the same kind."""
    with open_firefox(tmp_path_factory.mktemp("firefox")) as firefox:
        yield firefox


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server on the embedded defaults; every test takes a room of its own."""
    with ServerProcess(tmp_path_factory.mktemp("server")) as server:
        yield server


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """An empty page of another origin than the server's, as an application's is."""
    with open_site() as url:
        yield url


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Callable[..., ServerProcess]]:
    """Start a server with a configuration of the test's own."""
    started: list[ServerProcess] = []

    def start(**options: Any) -> ServerProcess:
        server = ServerProcess(tmp_path, **options)
        started.append(server)
        server.start()
        return server

    yield start
    for server in started:
        server.__exit__()


@pytest.fixture
def newcomer(
    browser: Browser,
    own_server: object,  # ends after people have gone: pages complain of a server that has
    request: pytest.FixtureRequest,
) -> Iterator[Newcomer]:
    """Make people, each in a tab and profile of their own; none of their browsers may complain.

    `server` (default: the module's), `within` another browser, and context options.
    """
    yield from _people(Person, browser, lambda: request.getfixturevalue("server"))


@pytest.fixture(scope="module")
def chat_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server with the chat at its root; every test takes names of its own."""
    with ServerProcess(tmp_path_factory.mktemp("chat"), config=CHAT) as server:
        yield server


@pytest.fixture
def chatter(
    browser: Browser,
    own_server: object,  # as for newcomer
    request: pytest.FixtureRequest,
) -> Iterator[NewChatter]:
    """Make people at the chat page, as `newcomer` does at the meeting page."""
    yield from _people(Chatter, browser, lambda: request.getfixturevalue("chat_server"))


def _people(
    kind: type[P], browser: Browser, server: Callable[[], ServerProcess]
) -> Iterator[Callable[..., P]]:
    people: list[P] = []

    def make(name: str, *, url: str = "", within: Browser | None = None, **options: Any) -> P:
        context = (within or browser).new_context(**options)
        context.set_default_timeout(PATIENCE)
        person = kind(context.new_page(), url or server().url, name)
        people.append(person)
        return person

    yield make
    for person in people:
        person.page.context.close()
    assert {person.name: person.troubles for person in people if person.troubles} == {}
