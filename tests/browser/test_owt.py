"""Open WebRTC Toolkit in a real browser, with the socket.io-client that its SDK is used with."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from playwright.sync_api import Browser, Page

from api.owt.management.mauth import make_header
from tests.support.npm import npm_packages
from tests.support.server_process import ServerProcess

pytestmark = pytest.mark.browser

SERVICE, KEY = "5188b9af6e53c84ffd600413", "c2FtcGxlIGtleQ=="
SCRIPT = Path(__file__).with_name("owt_page.js")
PATIENCE = 60.0
HTML = b"<!doctype html><title>conference</title><body></body>"
PUBLISH = {"codec": "vp8", "layers": False, "width": 320, "height": 240}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    config = f'[owt]\nsample_service_id = "{SERVICE}"\nsample_service_key = "{KEY}"\n'
    with ServerProcess(tmp_path_factory.mktemp("owt"), config=config) as server:
        yield server


class Application:
    """The back office of a room: signs requests as the REST SDK does."""

    def __init__(self, server: ServerProcess) -> None:
        self._url = server.url
        self._count = 0
        self.room = self.ask("POST", "/v1/rooms", {"name": "browsers"}).json()["_id"]

    def ask(self, method: str, path: str, body: object = None) -> httpx.Response:
        self._count += 1
        moment = int(time.time() * 1000)
        header = make_header(SERVICE, KEY, moment, f"{self._count:016x}", "", "")
        headers = {"Authorization": header}
        with httpx.Client(base_url=self._url, timeout=PATIENCE) as http:
            answer = http.request(method, path, headers=headers, json=body)
        assert answer.status_code == 200, answer.text
        return answer

    def token(self, user: str, role: str = "presenter") -> str:
        body = {"user": user, "role": role}
        return self.ask("POST", f"/v1/rooms/{self.room}/tokens", body).text

    def below(self, path: str) -> Any:
        return self.ask("GET", f"/v1.1/rooms/{self.room}/{path}").json()


class Tab:
    """One participant in a tab of its own."""

    def __init__(self, page: Page, application: Application, user: str) -> None:
        self.page = page
        self.welcome = self.run("(token) => conference.join(token)", application.token(user))

    @property
    def id(self) -> str:
        return str(self.welcome["id"])

    def run(self, script: str, *argument: object) -> Any:
        return self.page.evaluate(script, *argument)

    def publish(self, **options: object) -> str:
        return str(self.run("(options) => conference.publish(options)", PUBLISH | options))

    def subscribe(self, stream: str) -> str:
        return str(self.run("(stream) => conference.subscribe(stream)", stream))

    def until(self, script: str, *argument: object) -> None:
        arg = argument[0] if argument else None
        self.page.wait_for_function(script, arg=arg, timeout=PATIENCE * 1000)

    def knows(self, stream: str) -> None:
        """Wait until the stream has been announced."""
        self.until(
            "(id) => conference.told.some(([name, data]) =>"
            " name === 'stream' && data.id === id && data.status === 'add')",
            stream,
        )

    def sees(self, subscription: str, width: int = 320, more: int = 15) -> None:
        """Wait until more frames of this width were shown, and more sound has come."""
        frames = self.run("(id) => conference.seen(id)", subscription)["frames"]
        heard = self.run("(id) => conference.heard(id)", subscription)
        self.until(
            "([id, frames, width]) => conference.seen(id).frames >= frames"
            " && conference.seen(id).width === width",
            [subscription, frames + more, width],
        )
        deadline = time.monotonic() + PATIENCE
        while self.run("(id) => conference.heard(id)", subscription) <= heard:
            assert time.monotonic() < deadline, "no sound comes"
            time.sleep(0.05)


Newcomer = Callable[[str], Tab]


@pytest.fixture
def application(server: ServerProcess) -> Application:
    return Application(server)


class EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(HTML)))
        self.end_headers()
        self.wfile.write(HTML)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture(scope="module")
def site() -> Iterator[str]:
    """A site of another origin than the portal, as that of an application is."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()


@pytest.fixture
def newcomer(browser: Browser, application: Application, site: str) -> Iterator[Newcomer]:
    library = npm_packages("socket.io-client@2.2.0") / "socket.io-client" / "dist"
    troubles: list[str] = []
    contexts = []

    def make(user: str) -> Tab:
        context = browser.new_context()
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.goto(site)
        page.add_script_tag(path=library / "socket.io.js")
        page.add_script_tag(path=SCRIPT)
        return Tab(page, application, user)

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
    told = ann.run("() => conference.told")
    assert ["stream", {"id": stream, "status": "remove"}] in told
    assert ["participant", {"action": "leave", "data": bob.id}] in told
    assert application.below("streams") == []


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
