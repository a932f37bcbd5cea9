"""Open WebRTC Toolkit in a real browser, with the socket.io-client that its SDK is used with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.owt_page import CONFIG, Application, Tab
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

WAS_TOLD = """(event) => conference.told.some(
  ([name, data]) => name === event[0]
    && Object.entries(event[1]).every(([key, value]) => data[key] === value))"""
Newcomer = Callable[[str], Tab]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("owt"), config=CONFIG) as server:
        yield server


@pytest.fixture
def application(server: ServerProcess) -> Application:
    return Application(server)


@pytest.fixture
def newcomer(browser: Browser, application: Application, site: str) -> Iterator[Newcomer]:
    troubles: list[str] = []
    contexts = []

    def make(user: str) -> Tab:
        context = browser.new_context()
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        return Tab(page, application, user, site)

    yield make
    for context in contexts:
        context.close()
    assert troubles == []


@pytest.mark.parametrize("codec", ["vp8", "h264"])
def test_two_tabs_see_and_hear_each_other(newcomer: Newcomer, codec: str) -> None:
    ann, bob = newcomer("Ann"), newcomer("Bob")
    streams = {tab.id: tab.publish(codec=codec) for tab in (ann, bob)}
    for viewer, shown in ((ann, bob), (bob, ann)):
        stream = streams[shown.id]
        viewer.knows(stream)
        viewer.sees(viewer.subscribe(stream))
    assert ann.run("() => conference.socket.io.engine.transport.name") == "websocket"


def test_the_management_api_puts_one_out(newcomer: Newcomer, application: Application) -> None:
    ann, bob = newcomer("Ann"), newcomer("Bob")
    stream = bob.publish()
    ann.knows(stream)
    subscription = ann.subscribe(stream)
    ann.sees(subscription)
    assert {each["id"] for each in application.below("participants")} == {ann.id, bob.id}
    application.ask("DELETE", f"/v1/rooms/{application.room}/participants/{bob.id}")
    bob.until("() => conference.told.some(([name]) => name === 'drop')")
    bob.until("() => conference.left === 'io server disconnect'")
    ann.until("(id) => conference.sessions[id].error === 'Source stream loss'", subscription)
    for event in (
        ["stream", {"id": stream, "status": "remove"}],
        ["participant", {"action": "leave", "data": bob.id}],
    ):
        ann.until(WAS_TOLD, event)
    assert [each["type"] for each in application.below("streams")] == ["mixed"]


def test_media_flows_on_while_a_socket_is_lost(newcomer: Newcomer) -> None:
    ann, bob = newcomer("Ann"), newcomer("Bob")
    streams = {tab.id: tab.publish() for tab in (ann, bob)}
    ann.knows(streams[bob.id])
    bob.knows(streams[ann.id])
    seen_by_ann = ann.subscribe(streams[bob.id])
    seen_by_bob = bob.subscribe(streams[ann.id])
    ann.sees(seen_by_ann)
    bob.sees(seen_by_bob)

    ann.run("() => conference.lose()")
    ann.until("() => conference.left")  # until then what is sent to her is lost with the socket
    bob.run("() => conference.request('text', {to: 'all', message: 'are you there?'})")
    ann.sees(seen_by_ann)
    bob.sees(seen_by_bob)
    ann.until("() => conference.relogins === 1")
    ann.until("() => conference.told.some(([name, data]) => name === 'text')")
    ann.sees(seen_by_ann)
    bob.sees(seen_by_bob)
    ann.run("() => conference.request('text', {to: 'all', message: 'here I am'})")
    bob.until(
        "() => conference.told.some(([name, data]) => name === 'text'"
        " && data.message === 'here I am')"
    )
    leaving = "() => conference.told.filter(([name, data]) => data && data.action === 'leave')"
    assert bob.run(leaving) == []


def test_a_tab_that_is_closed_is_gone_for_the_others_soon(
    newcomer: Newcomer, application: Application
) -> None:
    ann, bob = newcomer("Ann"), newcomer("Bob")
    stream = ann.publish()
    bob.knows(stream)
    subscription = bob.subscribe(stream)
    bob.sees(subscription)
    ann.page.close()
    closed = time.monotonic()
    bob.until(
        "(id) => conference.told.some(([name, data]) => name === 'participant'"
        " && data.action === 'leave' && data.data === id)",
        ann.id,
    )
    assert time.monotonic() - closed < 40.0  # two of them are left_seconds; without, it takes 60
    bob.until("(id) => conference.sessions[id].error === 'Source stream loss'", subscription)
    assert {each["id"] for each in application.below("participants")} == {bob.id}


def test_a_publisher_of_layers_arrives_at_full_size(newcomer: Newcomer) -> None:
    ann, bob = newcomer("Ann"), newcomer("Bob")
    stream = ann.publish(layers=True, width=640, height=480)
    bob.knows(stream)
    (added,) = [
        data["data"]
        for name, data in bob.run("() => conference.told")
        if name == "stream" and data["status"] == "add"
    ]
    assert added["media"]["video"]["original"][0]["simulcastRid"] == "f"
    bob.sees(bob.subscribe(stream), width=640)
