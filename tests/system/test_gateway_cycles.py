"""Programs that come and go at a live gateway a thousand times leave nothing behind.

QUINTET_CYCLES says how many connections of each kind are made; each takes two WebRTC sessions.
"""

from __future__ import annotations

import os
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.support.device_program import GATEWAY, Program, ProgramPeer
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.slow

CONFIG = f'{GATEWAY}[operator]\ntoken = "of the test"\n'
BEARER = {"Authorization": "Bearer of the test"}
TIMES = 1000  # of peers, and of each kind of socket
CONNECTIONS = int(os.environ.get("QUINTET_CYCLES", "40"))
PATIENCE = 60.0


@dataclass(frozen=True)
class Level:
    """What is there in the server: tasks, open files, and actors by kind."""

    tasks: float
    files: int
    actors: Counter[str]

    def no_more_than(self, other: Level) -> bool:
        return (
            self.tasks <= other.tasks and self.files <= other.files and self.actors <= other.actors
        )


class Watched:
    """A server, and what it has open."""

    def __init__(self, server: ServerProcess, http: httpx.Client) -> None:
        self._server = server
        self._http = http
        self.level()  # the connection by which it is asked is one of its files

    def level(self) -> Level:
        text = self._http.get("/-/metrics").text
        samples = [it for family in text_string_to_metric_families(text) for it in family.samples]
        tasks = next(it.value for it in samples if it.name == "quintet_tasks")
        kinds = [it for it in samples if it.name == "quintet_actors"]
        actors = Counter({it.labels["kind"]: int(it.value) for it in kinds if it.value})
        return Level(tasks, len(list(Path(f"/proc/{self._server.pid}/fd").iterdir())), actors)

    def until(self, before: Level) -> None:
        """Wait until there is no more than before."""
        deadline = time.monotonic() + PATIENCE
        while not (found := self.level()).no_more_than(before):
            assert time.monotonic() < deadline, f"{found}, before {before}"
            time.sleep(0.1)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("cycles"), config=CONFIG) as server:
        yield server


@pytest.fixture
def watched(server: ServerProcess, program: Program) -> Iterator[Watched]:
    with httpx.Client(base_url=server.url, headers=BEARER, timeout=PATIENCE) as http:
        yield Watched(server, http)


@pytest.fixture
def program(server: ServerProcess) -> Iterator[Program]:
    with Program(server.url) as program:
        program.ask("GET", "peers/nobody/status", 404, token="none")
        yield program


def test_a_thousand_peers(watched: Watched, program: Program) -> None:
    before = watched.level()
    for number in range(TIMES):
        body = {"key": "peerjs", "domain": "localhost", "peer_id": f"peer{number % 7}"}
        token = program.ask("POST", "peers", 201, body)["params"]["token"]
        program.ask("DELETE", f"peers/peer{number % 7}", 204, token=token)
    watched.until(before)


@pytest.mark.parametrize(
    ("path", "name", "body"),
    [
        ("data", "data_id", {}),
        ("media", "media_id", {"is_video": True}),
        ("media/rtcp", "rtcp_id", {}),
    ],
)
def test_a_thousand_sockets(
    watched: Watched, program: Program, path: str, name: str, body: dict[str, bool]
) -> None:
    before = watched.level()
    for _ in range(TIMES):
        opened = program.ask("POST", path, 201, body)
        program.ask("DELETE", f"{path}/{opened[name]}", 204)
    watched.until(before)


def test_data_connections_between_two_peers(watched: Watched, program: Program) -> None:
    ann, bob = program.peer("ann"), program.peer("bob")
    _connect_and_end(ann, bob)  # what is kept from then on is there
    before = watched.level()
    for _ in range(CONNECTIONS):
        _connect_and_end(ann, bob)
    watched.until(before)
    ann.end()
    bob.end()


def _connect_and_end(ann: ProgramPeer, bob: ProgramPeer) -> None:
    program = ann.program
    gateway = program.data_socket()
    path = ann.connect("bob", params={"data_id": gateway.id})
    other = bob.connected()
    program.wait_for(path, "OPEN")
    program.ask("DELETE", path, 204)
    program.wait_for(other, "CLOSE")
    assert gateway.free


def test_media_connections_between_two_peers(watched: Watched, program: Program) -> None:
    ann, bob = program.peer("ann"), program.peer("bob")
    _call_and_end(ann, bob)
    before = watched.level()
    for _ in range(CONNECTIONS):
        _call_and_end(ann, bob)
    watched.until(before)
    ann.end()
    bob.end()


def _call_and_end(ann: ProgramPeer, bob: ProgramPeer) -> None:
    program = ann.program
    media = [program.media_socket(video=True) for _ in range(2)]
    rtcp = [program.rtcp_socket() for _ in range(2)]
    asked = []
    for picture, control in zip(media, rtcp, strict=True):
        parameters = {
            "band_width": 1500, "codec": "VP8", "media_id": picture.id, "rtcp_id": control.id,
            "payload_type": 96,
        }  # fmt: skip
        asked.append({"video": True, "audio": False, "video_params": parameters})
    nowhere = {"video": {"ip_v4": "127.0.0.1", "port": 9}}
    path = ann.call("bob", asked[0], nowhere)
    other = bob.called()
    answer = {"constraints": asked[1], "redirect_params": nowhere}
    program.ask("POST", f"{other}/answer", 202, answer)
    # Who hangs up before both have agreed on keys cannot say goodbye.
    for each in (path, other):
        program.wait_for(each, "STREAM")
        while not program.ask("GET", f"{each}/status", 200)["open"]:
            time.sleep(0.01)
    program.ask("DELETE", other, 204)
    program.wait_for(path, "CLOSE")
    assert all(socket.free for socket in (*media, *rtcp))


def post_peer(url: str, body: dict[str, str]) -> httpx.Response:
    return httpx.post(f"{url}peers", json=body, timeout=PATIENCE)


def test_twenty_peers_at_once(program: Program, server: ServerProcess) -> None:
    bodies = [
        {"key": "peerjs", "domain": "localhost", "peer_id": f"crowd{number}"}
        for number in range(20)
    ]
    with ThreadPoolExecutor(20) as pool:
        created = list(pool.map(partial(post_peer, server.url), bodies))
    assert {answer.status_code for answer in created} == {201}
    for answer in created:
        peer = answer.json()["params"]
        program.ask("DELETE", f"peers/{peer['peer_id']}", 204, token=peer["token"])
