"""Headless Chromium sends no more than our description says."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page

from media.contract.session import Direction, SessionWanted, State, TrackWanted
from media.webrtc.peer_facts import IceConfig
from tests.media.portal import EnginePortal
from tests.media.webrtc.test_chromium import PAGE as CALLS
from tests.support.busy import measured
from tests.support.sessions import Told

pytestmark = pytest.mark.browser

PAGE = (
    CALLS
    + """
window.outbound = async kind => {
    let found = {};
    (await peers.publisher.getStats()).forEach(s => {
        if (s.type === 'outbound-rtp' && s.kind === kind) found = s;
    });
    return {target: found.targetBitrate ?? 0, bytes: found.bytesSent ?? 0};
};
"""
)
LIMIT = 200  # kbit/s; without one it comes to more than twice that
HEADROOM = 1.25  # of what is sent over what is aimed at


@pytest.fixture
def no_media_left_behind() -> None:
    """Let the browser's own threads and sockets be: the engine's are looked at elsewhere."""


def reached(portal: EnginePortal, page: Page, bitrate: int) -> tuple[int, float]:
    """Publish for a while; return the highest target, and what was sent at last, in bits/s."""
    told = Told()
    wanted = SessionWanted(
        (
            TrackWanted("audio", Direction.RECEIVE, ("opus",)),
            TrackWanted("video", Direction.RECEIVE, ("vp8",), bitrate=bitrate),
        )
    )
    offer = page.evaluate("publish('vp8', null, 640, 480)")

    async def answer() -> str:
        session = await portal.engine.open_session("publisher", wanted, told)
        return (await session.accept_offer(offer)).sdp

    page.evaluate("sdp => accept('publisher', sdp)", portal.call(answer))
    portal.call(told.state, State.CONNECTED)
    highest, started, before = 0, time.monotonic(), {"bytes": 0}
    while time.monotonic() - started < 8:
        page.wait_for_timeout(200)
        seen = page.evaluate("outbound('video')")
        highest = max(highest, seen["target"])
        if time.monotonic() - started < 5:
            before, since = seen, time.monotonic()
    sent = (seen["bytes"] - before["bytes"]) * 8 / (time.monotonic() - since)
    return highest, sent


@pytest.mark.parametrize("bitrate", [LIMIT, 0])
def test_chromium_keeps_to_the_limit_of_our_answer(page: Page, bitrate: int) -> None:
    def measure(attempt: int) -> list[str]:
        page.goto("about:blank")
        page.add_script_tag(content=PAGE)
        with EnginePortal(IceConfig()) as portal:
            highest, sent = reached(portal, page, bitrate)
        print(f"aimed at {highest}, sent {sent:.0f} bits/s")
        if bitrate:
            kept = 0 < highest <= LIMIT * 1000 and 0 < sent <= LIMIT * 1000 * HEADROOM
        else:
            kept = highest > 2 * LIMIT * 1000
        return [] if kept else [f"aimed at {highest}, sent {sent:.0f} bits/s"]

    assert measured(measure) == []
