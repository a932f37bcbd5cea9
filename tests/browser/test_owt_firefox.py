"""Firefox and Chromium in one conference of Open WebRTC Toolkit."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.bidi import Bidi
from tests.support.media_file import errors_in, look_into
from tests.support.owt_mix_page import BLUE, Look, MixedRoom, MixTab
from tests.support.owt_page import CONFIG, Tab
from tests.support.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.slow]

Newcomer = Callable[[str], MixTab]
RECORDED_SECONDS = 4.0
BOTH_WAYS = [("firefox", "chromium"), ("chromium", "firefox"), ("firefox", "firefox")]
BEEPING = Look((200, 40, 40), 1000)  # that is the tone of a microphone that Firefox makes up
GROWN = """await (async () => {
    const { energy } = await conference.heard(id);
    await new Promise((resolve) => setTimeout(resolve, 500));
    return (await conference.heard(id)).energy - energy;
})()"""
GONE = (
    "(id) => conference.told.some(([name, data]) =>"
    " name === 'stream' && data.id === id && data.status === 'remove')"
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("owt"), config=CONFIG) as server:
        yield server


@pytest.fixture
def application(server: ServerProcess) -> MixedRoom:
    return MixedRoom(server)


@pytest.fixture
def newcomer(
    firefox: Bidi, browser: Browser, application: MixedRoom, site: str
) -> Iterator[Newcomer]:
    """Make somebody who is called like the browser they come with, "firefox" or "chromium"."""
    troubles: list[str] = []
    opened: list[MixTab] = []

    def make(user: str) -> MixTab:
        if user == "firefox":
            tab = MixTab(firefox.window(), application, user, site)
        else:
            page = browser.new_page()
            page.on("pageerror", lambda error: troubles.append(str(error)))
            tab = MixTab(page, application, user, site)
        opened.append(tab)
        return tab

    yield make
    for tab in opened:
        tab.page.close()
    assert troubles + firefox.complaints() == []


def publish_and_see(publisher: Tab, viewer: Tab, *, rsa: bool = False) -> str:
    """Have one publish what its devices give; return the stream, once the other has had it."""
    stream = publisher.publish(devices=True, rsa=rsa)
    viewer.knows(stream)
    viewer.sees(viewer.subscribe(stream, rsa=rsa))
    return stream


@pytest.mark.parametrize(("publisher", "viewer"), BOTH_WAYS)
def test_one_browser_sees_and_hears_the_other(
    newcomer: Newcomer, publisher: str, viewer: str
) -> None:
    publish_and_see(newcomer(publisher), newcomer(viewer))


@pytest.mark.parametrize(("publisher", "viewer"), BOTH_WAYS[:2])
def test_certificates_may_be_rsa_on_both_ways(
    newcomer: Newcomer, publisher: str, viewer: str
) -> None:
    publish_and_see(newcomer(publisher), newcomer(viewer), rsa=True)


@pytest.mark.parametrize("closed_first", [0, 300])
def test_a_stop_in_firefox_is_no_error_whichever_way_tells_of_it_first(
    newcomer: Newcomer, closed_first: int
) -> None:
    ann, bob = newcomer("firefox"), newcomer("chromium")
    stream = publish_and_see(ann, bob)
    shown = bob.publish(devices=True)
    ann.knows(shown)
    ann.stop(ann.subscribe(shown), "unsubscribe", closed_first=closed_first)
    ann.stop(stream, "unpublish", closed_first=closed_first)
    bob.until(GONE, stream)
    told = ann.run("() => conference.told")
    assert [data for name, data in told if name == "progress" and data["status"] == "error"] == []


def test_after_a_reload_firefox_publishes_and_watches_again(newcomer: Newcomer) -> None:
    ann, bob = newcomer("firefox"), newcomer("chromium")
    stream = publish_and_see(ann, bob)
    shown = publish_and_see(bob, ann)
    ann.come_back()
    bob.until(GONE, stream)
    ann.sees(ann.subscribe(shown))
    publish_and_see(ann, bob)


def test_what_firefox_publishes_is_recorded_with_picture_and_sound(
    newcomer: Newcomer, application: MixedRoom
) -> None:
    ann, bob = newcomer("firefox"), newcomer("chromium")
    stream = publish_and_see(ann, bob)
    recordings = [application.record(stream, container) for container in ("webm", "mkv")]
    time.sleep(2 * RECORDED_SECONDS)  # a recording begins when there is a process and a keyframe
    for recording, file in recordings:
        application.ask("DELETE", f"/v1/rooms/{application.room}/recordings/{recording}")
        assert errors_in(file) == ""
        found = look_into(file)
        assert found.sizes == {"vp8": (320, 240)}
        assert set(found.packets) == {"opus", "vp8"}
        for times in found.packets.values():
            assert times[-1] > RECORDED_SECONDS - 1
            assert times == sorted(times)


def test_firefox_stands_in_a_mix_and_sees_and_hears_the_others(
    newcomer: Newcomer, application: MixedRoom
) -> None:
    fox, other = newcomer("firefox"), newcomer("chromium")
    looks = {fox.show(BEEPING, devices=True): BEEPING, other.show(BLUE): BLUE}
    for stream in looks:
        for tab in (fox, other):
            tab.knows(stream)
        application.put_in(stream)
    whole = {"from": application.mix}
    taken = {tab: tab.take(whole, whole) for tab in (fox, other)}
    for tab, subscription in taken.items():
        tab.sees_layout(subscription, application.layout(), looks)
    other.hears_only(taken[other], [BEEPING], [BLUE])
    fox.until(f"async (id) => {GROWN} > 0.01", taken[fox])
    other.run("() => (conference.voice.gain.value = 0)")
    fox.until(f"async (id) => {GROWN} < 0.0001", taken[fox])  # it does not hear itself
    assert fox.run(f"async (id) => {GROWN}", taken[fox]) < 0.001
