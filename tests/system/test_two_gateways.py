"""Two gateways in processes of their own, whose peers find each other through one broker."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from tests.support.device_program import GATEWAY, Json, Program, ProgramPeer, Socket, udp
from tests.support.npm import npm_packages
from tests.support.ports import free_port
from tests.support.programs import need
from tests.support.rtp_ffmpeg import sending
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.slow

PEER_SERVER = "peer@1.0.2"
START_SECONDS = 30.0
BACK_SECONDS = 90.0  # for a line that comes back: its former entry may have to end first


@contextmanager
def gateway(folder: Path, broker: str) -> Iterator[Program]:
    """Run a gateway whose broker is elsewhere, or, with "", its own."""
    folder.mkdir()
    # Both are on this machine, which may have no address but its loopback.
    allow = '["127.0.0.0/8", "::1/128"]'
    config = f'{GATEWAY}[skyway]\nbroker_url = "{broker}"\nremote_allow = {allow}\n'
    with ServerProcess(folder, config=config) as server, Program(server.url) as program:
        yield program


class PeerServer:
    """npm `peer` in a process of its own."""

    def __init__(self) -> None:
        self.port = free_port()
        self.start()

    def start(self) -> None:
        program = npm_packages(PEER_SERVER) / "peer" / "dist" / "bin" / "peerjs.js"
        self._process = subprocess.Popen(
            [need("node"), str(program), "--port", str(self.port), "--alive_timeout", "10000"],
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        )  # fmt: skip
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                httpx.get(f"http://127.0.0.1:{self.port}/peerjs/id")
            except httpx.TransportError:
                assert time.monotonic() < deadline, "npm peer does not start"
                time.sleep(0.1)
            else:
                return

    def kill(self) -> None:
        self._process.kill()
        self._process.wait()


@pytest.fixture
def peer_server() -> Iterator[PeerServer]:
    server = PeerServer()
    yield server
    server.kill()


def data_goes_both_ways(caller: ProgramPeer, callee: ProgramPeer) -> None:
    """Connect two peers, feed both ends, and hang up."""
    path = caller.connect(callee.id, options={"serialization": "NONE"})
    other = callee.connected()
    caller.program.wait_for(path, "OPEN")
    callee.program.wait_for(other, "OPEN")
    with udp() as mine, udp() as theirs:
        sockets = []
        for program, where, own in (
            (caller.program, path, mine), (callee.program, other, theirs),
        ):  # fmt: skip
            sockets.append(program.data_socket())
            feed = {"data_id": sockets[-1].id}
            change = {"feed_params": feed, "redirect_params": own.redirect}
            program.ask("PUT", where, 200, change)
        for size in (1, 1200, 60_000, 65_507):
            mine.send(b"a" * size, sockets[0])
            assert theirs.until(len(mine.received) + 1)[-1] == b"a" * size
            theirs.send(b"b" * size, sockets[1])
            assert mine.until(len(theirs.received))[-1] == b"b" * size
    caller.program.ask("DELETE", path, 204)
    callee.program.wait_for(other, "CLOSE")
    assert all(socket.free for socket in sockets)


def media_goes_both_ways(caller: ProgramPeer, callee: ProgramPeer) -> None:
    """Call, answer, and see the packets of both, each with the payload type of its program."""
    with ExitStack() as stack:
        seen = [stack.enter_context(udp()) for _ in range(2)]
        sockets = [peer.program.media_socket(video=True) for peer in (caller, callee)]
        types = (96, 120)
        asked = [_picture(*each) for each in zip(sockets, types, strict=True)]
        path = caller.call(callee.id, asked[0], {"video": seen[0].redirect})
        other = callee.called()
        answer = {"constraints": asked[1], "redirect_params": {"video": seen[1].redirect}}
        callee.program.ask("POST", f"{other}/answer", 202, answer)
        for program, where in ((caller.program, path), (callee.program, other)):
            program.wait_for(where, "READY")
            program.wait_for(where, "STREAM")
        for socket, payload_type in zip(sockets, types, strict=True):
            stack.enter_context(sending("VP8", payload_type, socket))
        for own, payload_type in zip(seen, types, strict=True):
            assert {data[1] & 0x7F for data in own.until(30)} == {payload_type}
        callee.program.ask("DELETE", other, 204)
        caller.program.wait_for(path, "CLOSE")
        assert all(socket.free for socket in sockets)


def _picture(socket: Socket, payload_type: int) -> Json:
    return {
        "video": True,
        "audio": False,
        "video_params": {
            "band_width": 1500, "codec": "VP8", "media_id": socket.id,
            "payload_type": payload_type,
        },
    }  # fmt: skip


def test_peers_of_two_gateways_meet_at_the_broker_of_one(tmp_path: Path) -> None:
    with gateway(tmp_path / "one", "") as one:
        broker = one.url.replace("http:", "ws:")
        with gateway(tmp_path / "two", broker) as two:
            ann, bob = one.peer("ann"), two.peer("bob")
            data_goes_both_ways(ann, bob)
            data_goes_both_ways(bob, ann)
            media_goes_both_ways(bob, ann)
            taken = {"key": "peerjs", "domain": "localhost", "peer_id": "ann", "turn": False}
            created = two.ask("POST", "peers", 201, taken)["params"]  # there, nobody has it
            told = two.wait_for("peers/ann", "ERROR", token=created["token"])
            assert told["error_message"] == "UNAVAILABLE_ID"
            two.wait_for("peers/ann", "CLOSE", token=created["token"])


def test_peers_of_two_gateways_meet_at_npm_peer_before_and_after_it_was_killed(
    tmp_path: Path, peer_server: PeerServer
) -> None:
    broker = f"ws://127.0.0.1:{peer_server.port}/"
    with gateway(tmp_path / "one", broker) as one, gateway(tmp_path / "two", broker) as two:
        ann, bob = one.peer("ann"), two.peer("bob")
        data_goes_both_ways(ann, bob)
        media_goes_both_ways(ann, bob)
        peer_server.kill()
        for peer in (ann, bob):
            told = peer.wait_for("ERROR")
            assert told["error_message"] in ("SERVER_DISCONNECTED", "SOCKET_CLOSED", "SOCKET_ERROR")
        assert _disconnected(ann)
        peer_server.start()
        deadline = time.monotonic() + BACK_SECONDS
        while _disconnected(ann) or _disconnected(bob):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        data_goes_both_ways(bob, ann)


def _disconnected(peer: ProgramPeer) -> bool:
    path = f"peers/{peer.id}/status"
    return bool(peer.program.ask("GET", path, 200, token=peer.token)["disconnected"])
