"""Published versions of npm peerjs in Chromium: browsers call each other through the broker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from uuid import UUID

import httpx
import pytest
from playwright.sync_api import Browser

from actors.words.keys import MemberKey
from api.operator.ids import person_id
from tests.support.levels import BEARER, OPERATOR_TOKEN
from tests.support.peerjs_page import VERSIONS, PeerTab
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

CONFIG = f"""
[operator]
token = "{OPERATOR_TOKEN}"
[peerjs]
expire_timeout = 2.0
allow_discovery = true
"""
WAITING = "[peerjs]\nexpire_timeout = 60.0\n"
Newcomer = Callable[..., PeerTab]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    """A server whose listener serves all that it does by default."""
    with ServerProcess(tmp_path_factory.mktemp("peerjs"), config=CONFIG) as server:
        yield server


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def newcomer(
    browser: Browser, server: ServerProcess, site: str, version: str
) -> Iterator[Newcomer]:
    troubles: list[str] = []
    contexts = []

    def make(broker: str = server.url) -> PeerTab:
        context = browser.new_context()
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        return PeerTab(page, site, broker, version)

    yield make
    for context in contexts:
        context.close()
    assert troubles == []


def test_data_both_ways_in_each_form_and_the_end_is_seen(newcomer: Newcomer) -> None:
    ann, bob = newcomer(), newcomer()
    ann.open("ann")
    bob.open("bob")
    forms = {
        "binary": [("text", 10), ("bytes", 100), ("bytes", 60_000), ("json", 200)],
        "json": [("text", 10), ("json", 16_000)],
        "raw": [("text", 10), ("bytes", 100), ("bytes", 10_000)],
    }
    for form, kinds in forms.items():
        ann.connect("bob", form, serialization=form, reliable=True)
        bob.hears("connected", form)
        for kind, size in kinds:
            assert ann.exchange(form, kind, size), (form, kind, size)
    ann.run("() => links.binary.close()")
    bob.hears("ended", "binary")
    bob.run("() => links.raw.close()")
    ann.hears("ended", "raw")
    assert ann.exchange("json", "text", 10)


def test_a_media_call_both_ways_and_its_end(newcomer: Newcomer, version: str) -> None:
    ann, bob = newcomer(), newcomer()
    ann.open("ann")
    bob.open("bob")
    ann.run("() => call('bob')")
    ann.sees_frames("out")
    bob.sees_frames("in")
    ann.run("() => links.out.close()")
    if version == "1.3.2":  # has no event for it: later versions made one
        bob.until("() => links.in.peerConnection.iceConnectionState === 'disconnected'")
    else:
        bob.hears("ended", "in")


def test_the_librarys_own_reconnect(newcomer: Newcomer) -> None:
    ann, bob = newcomer(), newcomer()
    ann.open("ann")
    bob.open("bob")
    ann.connect("bob", "before", serialization="json")
    ann.run("() => sockets.at(-1).close()")
    ann.hears("disconnected")
    assert ann.exchange("before", "text", 10)
    ann.run("() => peer.reconnect()")
    ann.hears("open", "ann", times=2)
    bob.connect("ann", "after", serialization="json")
    assert bob.exchange("after", "text", 10)


def test_an_id_that_is_taken_and_one_that_nobody_has(newcomer: Newcomer) -> None:
    ann, other = newcomer(), newcomer()
    ann.open("ann")
    other.start("ann")
    other.hears("error", "unavailable-id")
    ann.run("() => connect('nobody', 'void', {})")
    assert "nobody" in ann.hears("error", "peer-unavailable")[2]
    assert ann.run("() => told.filter((each) => each[0] === 'error').length") == 1


def test_who_is_put_out_by_the_operator_is_gone_for_all_and_does_not_reconnect(
    newcomer: Newcomer, server: ServerProcess, version: str
) -> None:
    ann, bob = newcomer(), newcomer()
    id_ = f"ann-{version.replace('.', '-')}"  # it stays out
    ann.open(id_)
    bob.open("bob")
    ann.connect("bob", "raw", serialization="raw", reliable=True)
    bob.hears("connected", "raw")
    person = person_id(MemberKey("peers.peerjs", id_))
    order = {"url": f"{server.url}-/people/{person}/put-out", "headers": BEARER}
    assert httpx.post(**order, json={"reason": "Sorry"}).status_code == 202
    assert ann.hears("error")[2] == "Sorry"
    ann.hears("disconnected")
    ann.hears("ended", "raw")
    bob.hears("ended", "raw")
    ann.run("() => peer.reconnect()")
    ann.hears("error", times=2)
    assert ann.hears("error")[2] == "The operator has put you out"
    newcomer().open(f"{id_}-again")


def test_who_calls_too_early_is_connected_when_the_other_comes(
    own_server: Callable[..., ServerProcess], newcomer: Newcomer
) -> None:
    broker = own_server(config=WAITING).url
    ann, bob = newcomer(broker), newcomer(broker)
    ann.open("ann")
    ann.run("() => connect('late', 'early', { serialization: 'json' })")
    bob.open("late")
    ann.hears("connected", "early")
    assert ann.exchange("early", "json", 100)


def test_an_id_is_made_up_and_peers_are_listed(newcomer: Newcomer) -> None:
    ann = newcomer()
    mine = ann.open(path="/peerjs")
    UUID(mine)
    found = ann.run("() => new Promise((done) => peer.listAllPeers(done))")
    assert mine in found


def test_the_broker_and_socket_io_upgrade_on_one_listener(
    newcomer: Newcomer, server: ServerProcess
) -> None:
    base = server.url.replace("http", "ws", 1)
    urls = [
        f"{base}peerjs?key=peerjs&id=raw&token=t",
        f"{base}socket.io/?EIO=3&transport=websocket",
        f"{base}peerjs/peerjs?key=peerjs&id=raw2&token=t",
    ]
    opened, socket_io, below = newcomer().run("(urls) => greetings(urls)", urls)
    assert opened == below == '{"type":"OPEN"}'
    assert socket_io.startswith('0{"sid":')
