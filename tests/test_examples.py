"""The programs of examples/ do what they say, against a real server."""

from __future__ import annotations

import ast
import base64
import json
import os
import re
import runpy
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio
from trio_websocket import WebSocketConnection, open_websocket_url

from tests.support.server_process import ServerProcess

ROOT = Path(__file__).resolve().parent.parent
SECRET = "a secret of the portal"
SERVICE = "5188b9af6e53c84ffd600413"
USERS = f'''[spreed.users]
enabled = true
shared_secret = "{SECRET}"
[owt]
sample_service_id = "{SERVICE}"
sample_service_key = "{SECRET}"
'''
ENDPOINTS = "/rtc-api/users/endpoints"
PATIENCE = 120.0  # to start a program on a busy machine
AUVIOUS = """
[[auvious.clients]]
id = "app"
public = true
grants = ["password"]
[[auvious.users]]
id = "alice"
password = "a password of alice"
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("server"), config=USERS + AUVIOUS) as server:
        yield server


async def run(
    program: str, *arguments: str, secret: str = SECRET, password: str = "", **other: str
) -> subprocess.CompletedProcess[bytes]:
    """Run an example to its end."""
    with trio.fail_after(PATIENCE):
        return await trio.run_process(
            [sys.executable, str(ROOT / "examples" / program), *arguments],
            env={
                **os.environ,
                "QUINTET_SHARED_SECRET": secret,
                "QUINTET_SERVICE_KEY": secret,
                "QUINTET_PASSWORD": password,
                **other,
            },
            capture_stdout=True,
            capture_stderr=True,
            check=False,
        )


async def hear(socket: WebSocketConnection, kind: str) -> dict[str, Any]:
    """Wait for a document of this kind."""
    with trio.fail_after(PATIENCE):
        while True:
            data = json.loads(await socket.get_message())["Data"]
            if data["Type"] == kind:
                return dict(data)


def channel(server: ServerProcess) -> str:
    return server.url.replace("http", "ws", 1) + "ws"


def test_every_example_is_run_here_or_beside_a_browser() -> None:
    here = Path(__file__).read_text("utf-8")
    beside = (ROOT / "tests" / "browser" / "test_skyway_examples.py").read_text("utf-8")
    programs = [program.name for program in (ROOT / "examples").glob("*.py")]
    assert programs
    for program in programs:
        assert f'run("{program}"' in here or f'running("{program}"' in beside, program


def test_all_that_examples_import_comes_with_quintet() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    come = {re.split(r"[^\w-]", line)[0].lower() for line in project["dependencies"]}
    own = {path.stem for path in (ROOT / "examples").glob("*.py")}
    distributions = packages_distributions()
    for path in (ROOT / "examples").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            modules += [name.name for name in node.names] if isinstance(node, ast.Import) else []
            for top in {module.partition(".")[0] for module in modules}:
                if top not in own | sys.stdlib_module_names | {"__future__"}:
                    assert distributions[top][0].lower() in come, f"{path.name} imports {top}"


@pytest.mark.parametrize(
    ("program", "arguments", "missing"),
    [
        ("spreed_login.py", ("alice",), "QUINTET_SHARED_SECRET"),
        ("auvious_events.py", ("app", "alice"), "QUINTET_PASSWORD"),
        ("auvious_listen.py", ("app", "alice"), "QUINTET_PASSWORD"),
        ("owt_token.py", (SERVICE, "meeting", "ann"), "QUINTET_SERVICE_KEY"),
        ("owt_record.py", (SERVICE, "meeting"), "QUINTET_SERVICE_KEY"),
        ("owt_camera.py", (SERVICE, "meeting"), "QUINTET_SERVICE_KEY"),
        ("owt_camera.py", (SERVICE, "meeting"), "QUINTET_CAMERA"),
        ("owt_broadcast.py", (SERVICE, "meeting", "rtmp://x/y"), "QUINTET_SERVICE_KEY"),
    ],
)
def test_an_example_says_in_a_sentence_what_the_environment_lacks(
    program: str, arguments: tuple[str, ...], missing: str
) -> None:
    given = {name: "x" for name in ("QUINTET_SERVICE_KEY",) if name != missing}
    done = subprocess.run(
        [sys.executable, ROOT / "examples" / program, "http://127.0.0.1:9", *arguments],
        env={"PATH": os.environ["PATH"], **given},
        capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(f"set {missing} to ")
    assert len(done.stderr.splitlines()) == 1


async def test_chat_example_is_heard_in_the_room(server: ServerProcess) -> None:
    async with open_websocket_url(channel(server)) as listener:
        hello = {"Version": "1.0.0", "Ua": "test", "Name": "tea"}
        await listener.send_message(json.dumps({"Type": "Hello", "Hello": hello}))
        await hear(listener, "Welcome")

        done = await run("spreed_chat.py", server.url, "tea", "Good morning")

        assert (await hear(listener, "Status"))["Status"] == {"displayName": "Example"}
        assert (await hear(listener, "Chat"))["Chat"]["Message"] == "Good morning"
        assert (await hear(listener, "Left"))["Status"] == "hard"
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == "joined 'tea' with 1 other(s)\nsaid: Good morning\n"


async def test_login_example_logs_a_user_in(server: ServerProcess) -> None:
    done = await run("spreed_login.py", server.url, "alice")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == "logged in as alice\n"


async def test_login_example_explains_a_refusal(server: ServerProcess) -> None:
    done = await run("spreed_login.py", server.url, "alice", secret="guessed")
    assert done.returncode == 1
    assert done.stdout == b""
    assert done.stderr.decode().startswith("refused: ")


async def test_auvious_example_reaches_its_own_endpoint(server: ServerProcess) -> None:
    words = ("app", "alice", "--text", "Hello")
    done = await run("auvious_events.py", server.url, *words, password="a password of alice")
    assert done.returncode == 0, done.stderr
    assert done.stdout.decode() == "reached 1 endpoint(s)\nwaiting: ExampleSentEvent *****\n"


async def test_auvious_example_explains_a_refusal(server: ServerProcess) -> None:
    done = await run("auvious_events.py", server.url, "app", "alice", password="guessed")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith("refused: the user is unknown or")


async def test_auvious_example_hears_an_event(server: ServerProcess) -> None:
    password = "a password of alice"
    form = {
        "grant_type": "password", "client_id": "app", "username": "alice", "password": password,
    }  # fmt: skip
    event = {"type": "ExampleSentEvent", "timestamp": "2030-01-31T10:15:30Z", "text": "Hello"}
    done: list[subprocess.CompletedProcess[bytes]] = []

    async def listen() -> None:
        words = (server.url, "app", "alice", "--events", "2")
        done.append(await run("auvious_listen.py", *words, password=password))

    async with httpx.AsyncClient(base_url=server.url) as http, trio.open_nursery() as nursery:
        token = (await http.post("/security/oauth/token", data=form)).json()["access_token"]
        http.headers["Authorization"] = f"Bearer {token}"
        nursery.start_soon(listen)
        for number in range(2):
            body = {"userId": "alice", "event": {**event, "number": number}, "qos": 1}
            with trio.fail_after(PATIENCE):  # until it has registered
                while (await http.post(f"{ENDPOINTS}/sendEvent", json=body)).json() != 1:
                    await trio.sleep(0.05)
    assert done[0].returncode == 0, done[0].stderr
    heard = [json.loads(line) for line in done[0].stdout.splitlines()]
    assert heard == [{**event, "number": 0}, {**event, "number": 1}]


async def test_auvious_listener_explains_a_refusal(server: ServerProcess) -> None:
    done = await run("auvious_listen.py", server.url, "app", "alice", password="guessed")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith("refused: the user is unknown or")


async def test_ticket_of_the_command_line_logs_in(
    server: ServerProcess, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = tmp_path / "config.toml"
    config.write_text(USERS, encoding="utf-8")
    command = [sys.executable, "-m", "api", "spreed-user", "bob", "--json", "--config", str(config)]
    done = await trio.run_process(command, cwd=ROOT, capture_stdout=True)
    ticket = json.loads(done.stdout)

    proof = {"useridcombo": ticket["useridcombo"], "secret": ticket["secret"]}
    example = runpy.run_path(str(ROOT / "examples" / "spreed_login.py"))
    with trio.fail_after(PATIENCE):
        await example["log_in"](server.url.rstrip("/"), proof)
    assert capsys.readouterr().out == "logged in as bob\n"


async def test_token_example_makes_one_room_and_tokens_for_it(server: ServerProcess) -> None:
    tokens = []
    for user in ("ann", "bea"):
        done = await run("owt_token.py", server.url, SERVICE, "meeting", user)
        assert done.returncode == 0, done.stderr
        tokens.append(json.loads(base64.b64decode(done.stdout)))
    assert tokens[0]["host"] == tokens[1]["host"] == server.url.split("/")[2]
    assert tokens[0]["tokenId"] != tokens[1]["tokenId"]


async def test_token_example_explains_a_refusal(server: ServerProcess) -> None:
    done = await run("owt_token.py", server.url, SERVICE, "meeting", "ann", "--role", "king")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == "refused: Name or role not valid (1201)\n"


async def test_broadcast_example_explains_an_empty_room(server: ServerProcess) -> None:
    target = "rtmp://203.0.113.1/live/key"
    done = await run("owt_broadcast.py", server.url, SERVICE, "nobody here", target)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == "nobody is in the room, or it has no views\n"


async def test_recording_example_explains_an_empty_room(server: ServerProcess) -> None:
    done = await run("owt_record.py", server.url, SERVICE, "nobody here", "--seconds", "1")
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == "nobody is in the room, or it has no views\n"


async def test_camera_example_says_what_is_wrong_with_an_address(server: ServerProcess) -> None:
    environment = {"QUINTET_CAMERA": "gopher://camera"}
    done = await run("owt_camera.py", server.url, SERVICE, "nobody here", **environment)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode().startswith("refused: Bad request: an address begins with rtsp:")
