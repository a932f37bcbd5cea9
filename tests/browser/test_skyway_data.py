"""Data between programs with UDP ports and published versions of npm peerjs in Chromium."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import count
from typing import Any

import pytest
from playwright.sync_api import Browser

from tests.support.device_program import GATEWAY, Program, ProgramPeer, udp
from tests.support.peerjs_page import VERSIONS, PeerTab
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

Newcomer = Callable[[], PeerTab]
FORMS = {"NONE": "raw", "JSON": "json", "BINARY": "binary"}
NUMBERS = count(1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("gateway"), config=GATEWAY) as server:
        yield server


@pytest.fixture(params=VERSIONS)
def version(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def tab(browser: Browser, server: ServerProcess, site: str, version: str) -> Iterator[PeerTab]:
    """A browser that has an id: ann and a number."""
    troubles: list[str] = []
    context = browser.new_context()
    page = context.new_page()
    page.on("pageerror", lambda error: troubles.append(str(error)))
    tab = PeerTab(page, site, server.url, version)
    tab.open(f"ann{next(NUMBERS)}")
    yield tab
    context.close()
    assert troubles == []


@pytest.fixture
def robot(server: ServerProcess) -> Iterator[ProgramPeer]:
    """A program that has an id: robot and a number."""
    with Program(server.url) as program:
        peer = program.peer(f"robot{next(NUMBERS)}")
        yield peer
        peer.end()


def id_of(tab: PeerTab) -> str:
    return str(tab.run("() => peer.id"))


def received(tab: PeerTab, name: str) -> list[Any]:
    """Return what a connection of a page got; bytes as a list of numbers."""
    plain = "(it) => it instanceof ArrayBuffer ? [...new Uint8Array(it)] : it"
    found: list[Any] = tab.run(f"(name) => received[name].map({plain})", name)
    return found


def feed(program: Program, path: str, socket_id: str, redirect: dict[str, Any]) -> None:
    body = {"feed_params": {"data_id": socket_id}, "redirect_params": redirect}
    answer = program.ask("PUT", path, 200, body)
    assert answer == {"command_type": "DATA_CONNECTION_PUT", "data_id": socket_id}


@pytest.mark.parametrize("form", FORMS.values())
def test_a_browser_connects_and_all_it_sends_comes_back(
    tab: PeerTab, robot: ProgramPeer, form: str
) -> None:
    program = robot.program
    exchanged = {
        "raw": [("bytes", 1), ("bytes", 1200), ("bytes", 60_000)],
        "json": [("text", 10), ("json", 200), ("json", 16_200)],
        "binary": [("bytes", 1), ("bytes", 1200), ("bytes", 60_000)],
    }
    tab.connect(robot.id, form, serialization=form, reliable=True, metadata={"from": "a page"})
    path = robot.connected()
    program.wait_for(path, "OPEN")
    status = program.ask("GET", f"{path}/status", 200)
    assert status["remote_id"] == id_of(tab)
    assert (status["open"], status["type"], status["label"]) == (True, "DATA", form)
    assert (status["reliable"], status["metadata"]) == (True, '{"from":"a page"}')
    gateway = program.data_socket()
    with udp(echo=gateway) as own:
        feed(program, path, gateway.id, own.redirect)
        for kind, size in exchanged[form]:
            assert tab.exchange(form, kind, size), (form, kind, size)
        tab.run("(name) => links[name].close()", form)
        program.wait_for(path, "CLOSE")
    assert gateway.free


@pytest.mark.parametrize("form", FORMS)
def test_a_program_connects_and_the_page_sends_back_what_it_gets(
    tab: PeerTab, robot: ProgramPeer, form: str
) -> None:
    program = robot.program
    said = [b'{"text":"%b"}' % (b"x" * size) for size in (1, 1200, 60_000)]
    gateway = program.data_socket()
    with udp() as own:
        options = {"serialization": form, "metadata": "of a robot"}
        path = robot.connect(
            id_of(tab), options=options, params={"data_id": gateway.id},
            redirect_params=own.redirect,
        )  # fmt: skip
        program.wait_for(path, "OPEN")
        name = tab.hears("connected")[1]
        assert tab.run("(name) => links[name].metadata", name) == "of a robot"
        # What peerjs itself packs as JSON may have less than 16,300 bytes.
        sizes = said[:2] if form == "JSON" else said
        for number, datagram in enumerate(sizes, 1):
            own.send(datagram, gateway)
            assert own.until(number)[-1] == datagram
        if form == "JSON":
            own.send(said[-1], gateway)
            tab.until("(name) => received[name].length === 3", name)
            assert len(received(tab, name)[-1]["text"]) == 60_000
        program.ask("DELETE", path, 204)
        tab.hears("ended", name)
    assert gateway.free


def test_the_longest_json_that_peerjs_sends(tab: PeerTab, robot: ProgramPeer) -> None:
    program = robot.program
    gateway = program.data_socket()
    with udp(echo=gateway) as own:
        tab.connect(robot.id, "json", serialization="json", reliable=True)
        feed(program, robot.connected(), gateway.id, own.redirect)
        text = "x" * 16_297  # and two quotes; 16,300 bytes are too many for peerjs
        tab.run("(text) => links.json.send(text)", text)
        assert own.until(1) == [f'"{text}"'.encode()]
        tab.until("() => received.json.length === 1")
        assert received(tab, "json") == [text]


def test_what_a_page_sends_in_other_forms(tab: PeerTab, robot: ProgramPeer) -> None:
    program = robot.program
    with udp() as own:
        tab.connect(robot.id, "text", serialization="raw", reliable=True)
        feed_path = robot.connected()
        program.ask("PUT", feed_path, 200, {"redirect_params": own.redirect})
        tab.run("() => links.text.send('grüße')")
        assert own.until(1) == ["grüße".encode()]
        tab.connect(robot.id, "packed", serialization="binary", reliable=True)
        feed_path = robot.connected()
        program.ask("PUT", feed_path, 200, {"redirect_params": own.redirect})
        tab.run("() => links.packed.send('grüße')")
        assert own.until(2)[-1] == "grüße".encode()
        tab.run("() => links.packed.send({ speed: 1.5, lamps: [true, null] })")
        assert own.until(3)[-1] == b'{"speed":1.5,"lamps":[true,null]}'
        tab.run("() => links.packed.send('x'.repeat(40_000))")  # in chunks
        assert own.until(4)[-1] == b"x" * 40_000


def test_the_librarys_own_reconnect_and_a_connection_that_outlives_it(
    tab: PeerTab, robot: ProgramPeer
) -> None:
    program = robot.program
    tab.connect(robot.id, "before", serialization="json")
    gateway = program.data_socket()
    path = robot.connected()
    with udp(echo=gateway) as own:
        feed(program, path, gateway.id, own.redirect)
        tab.run("() => sockets.at(-1).close()")
        tab.hears("disconnected")
        assert tab.exchange("before", "text", 10)
        tab.run("() => peer.reconnect()")
        tab.hears("open", times=2)
        again = robot.connect(id_of(tab), options={"serialization": "NONE"})
        program.wait_for(again, "OPEN")


def test_the_end_of_a_peer_ends_its_connections_and_frees_its_ports(
    tab: PeerTab, robot: ProgramPeer
) -> None:
    program = robot.program
    other = program.peer(f"{robot.id}-other")
    tab.connect(other.id, "one", serialization="raw")
    path = other.connected()
    gateway = program.data_socket()
    program.ask("PUT", path, 200, {"feed_params": {"data_id": gateway.id}})
    assert program.status_of("DELETE", f"data/{gateway.id}") == 403
    assert not gateway.free
    other.end()
    tab.hears("ended", "one")
    assert gateway.free
    program.wait_for(path, "CLOSE")
    assert program.status_of("GET", f"{path}/events") == 404


def test_a_page_hears_that_nobody_has_an_id_and_a_program_too(
    tab: PeerTab, robot: ProgramPeer
) -> None:
    tab.run("() => connect('nobody-at-all', 'void', {})")
    tab.hears("error", "peer-unavailable")
    path = robot.connect("nobody-at-all")
    robot.program.wait_for(path, "ERROR")
    robot.program.wait_for(path, "CLOSE")
    assert tab.run("() => told.filter((each) => each[0] === 'error').length") == 1


def test_an_id_belongs_to_one_of_them(tab: PeerTab, robot: ProgramPeer) -> None:
    taken = {"key": "peerjs", "domain": "localhost", "peer_id": id_of(tab), "turn": False}
    answer = robot.program.ask("POST", "peers", 403, taken)
    assert answer["command_type"] == "PEERS_CREATE"
    assert [error["field"] for error in answer["params"]["errors"]] == ["peer_id"]
    tab.run("(id) => { window.second = peer; open(id, second.options); }", robot.id)
    tab.hears("error", "unavailable-id")
    robot.program.ask("GET", f"peers/{robot.id}/status", 200, token=robot.token)
