"""What holds for every media test: no task, thread or socket is left behind."""

from __future__ import annotations

import threading
from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from media.contract.engine import MediaEngine
from media.local_engine import LocalEngine, open_local_engine
from media.webrtc.bridge import MediaLoop, open_media_loop
from media.webrtc.peer_facts import IceConfig
from tests.conftest import open_sockets
from tests.fakes.media import FakeEngine
from tests.support.programs import need

CHROMIUM_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--autoplay-policy=no-user-gesture-required",
    "--disable-background-networking",
    "--disable-component-update",
)
LOOPBACK = IceConfig(listen_ips=("127.0.0.1",))


@pytest.fixture(autouse=True)
def no_media_left_behind() -> Iterator[None]:
    """Fail a test after which a thread, or any socket, still exists."""
    threads, sockets = set(threading.enumerate()), open_sockets()
    yield
    left = [t for t in threading.enumerate() if t not in threads and not t.name.startswith("Trio")]
    assert not left, "threads were left behind"
    assert not open_sockets() - sockets, "sockets were left open"


@pytest.fixture
async def media_loop() -> AsyncIterator[MediaLoop]:
    """Give a media loop on which nothing may go astray."""
    async with open_media_loop() as loop:
        yield loop
    assert loop.stray_errors == 0


@pytest.fixture
async def engine(media_loop: MediaLoop) -> AsyncIterator[LocalEngine]:
    """Give a real engine on loopback, which has to be empty in the end."""
    async with open_local_engine(media_loop, LOOPBACK) as engine:
        yield engine
    assert engine.sessions == 0
    stats = engine.router.stats()
    assert not stats.sources
    assert not stats.sinks


@pytest.fixture(params=["fake", "real"])
async def any_engine(request: pytest.FixtureRequest) -> AsyncIterator[MediaEngine]:
    """Give one that keeps to the contract: the real one, and the fake other tests rely on."""
    if request.param == "fake":
        fake = FakeEngine()
        yield fake
        await fake.close()
        return
    async with open_media_loop() as loop, open_local_engine(loop, LOOPBACK) as engine:
        yield engine
        await engine.close()
        assert loop.stray_errors == 0


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Give a Chromium that asks nothing of the network, and hides its addresses (mDNS)."""
    with sync_playwright() as playwright:
        with playwright.chromium.launch(
            executable_path=need("chromium"), args=list(CHROMIUM_FLAGS)
        ) as browser:
            yield browser


@pytest.fixture
def page(browser: Browser, request: pytest.FixtureRequest) -> Iterator[Page]:
    """Give an empty page that knows the functions of its test module's PAGE."""
    context = browser.new_context()
    page = context.new_page()
    page.add_script_tag(content=request.module.PAGE)
    yield page
    context.close()
