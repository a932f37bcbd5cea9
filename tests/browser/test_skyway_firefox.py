"""npm peerjs 1.5.5 in Firefox, and a program at the gateway: data and calls, both directions."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.support.bidi import Bidi
from tests.support.device_program import GATEWAY, Program, ProgramPeer, Socket, udp
from tests.support.peerjs_page import PeerTab
from tests.support.rtp_ffmpeg import sending
from tests.support.server_process import ServerProcess

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXCHANGED = {
    "raw": [("bytes", 1), ("bytes", 60_000)],
    "json": [("json", 16_000)],
    "binary": [("bytes", 1), ("bytes", 60_000)],
}
SERIALIZATIONS = {"raw": "NONE", "json": "JSON", "binary": "BINARY"}

# What Firefox counts of a video element, it does not count in every window that nobody looks at.
DECODES = """async (name) => {
  const stats = [...(await links[name].peerConnection.getStats()).values()];
  return stats.some((it) => it.type === "inbound-rtp" && it.framesDecoded > 30);
}"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("gateway"), config=GATEWAY) as server:
        yield server


@pytest.fixture
def tab(firefox: Bidi, server: ServerProcess, site: str) -> Iterator[PeerTab]:
    window = firefox.window()
    tab = PeerTab(window, site, server.url, "1.5.5")
    tab.open("fox")
    yield tab
    window.close()
    assert firefox.complaints() == []


@pytest.fixture
def robot(server: ServerProcess) -> Iterator[ProgramPeer]:
    with Program(server.url) as program:
        peer = program.peer("robot")
        yield peer
        peer.end()


@pytest.mark.parametrize("form", EXCHANGED)
def test_data_both_ways_whoever_connects(tab: PeerTab, robot: ProgramPeer, form: str) -> None:
    program = robot.program
    gateway = program.data_socket()
    with udp(echo=gateway) as own:
        tab.connect(robot.id, form, serialization=form, reliable=True)
        path = robot.connected()
        change = {"feed_params": {"data_id": gateway.id}, "redirect_params": own.redirect}
        program.ask("PUT", path, 200, change)
        for kind, size in EXCHANGED[form]:
            assert tab.exchange(form, kind, size), (form, kind, size)
        program.ask("DELETE", path, 204)
        tab.hears("ended", form)
    gateway = program.data_socket()
    with udp() as own:
        path = robot.connect(
            "fox", options={"serialization": SERIALIZATIONS[form]},
            params={"data_id": gateway.id}, redirect_params=own.redirect,
        )  # fmt: skip
        program.wait_for(path, "OPEN")
        tab.hears("connected", times=2)
        own.send(b'"and back"', gateway)
        assert own.until(1) == [b'"and back"']
        tab.run("() => Object.values(links).at(-1).close()")
        program.wait_for(path, "CLOSE")


@pytest.mark.parametrize("calls", ["the page", "the program"])
def test_a_call_in_which_both_are_seen(tab: PeerTab, robot: ProgramPeer, calls: str) -> None:
    program = robot.program
    picture = program.media_socket(video=True)
    with ExitStack() as stack:
        seen = stack.enter_context(udp())
        constraints = {"video": True, "audio": False, "video_params": _vp8(picture)}
        redirects = {"video": seen.redirect}
        if calls == "the page":
            tab.run("(id) => call(id)", robot.id)
            path, name = robot.called(), "out"
            body = {"constraints": constraints, "redirect_params": redirects}
            program.ask("POST", f"{path}/answer", 202, body)
        else:
            path, name = robot.call("fox", constraints, redirects), "in"
        program.wait_for(path, "READY")
        program.wait_for(path, "STREAM")
        stack.enter_context(sending("VP8", 96, picture))
        tab.until(DECODES, name)
        assert {data[1] & 0x7F for data in seen.until(50)} == {96}
        program.ask("DELETE", path, 204)
        tab.hears("ended", name)
    assert picture.free


def _vp8(socket: Socket) -> dict[str, object]:
    return {"band_width": 1500, "codec": "VP8", "media_id": socket.id, "payload_type": 96}
