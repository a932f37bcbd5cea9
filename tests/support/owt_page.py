"""Open WebRTC Toolkit in a browser: a page with the socket.io-client that its SDK is used with."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, ClassVar, Protocol

import httpx

from api.owt.management.mauth import make_header
from tests.support.npm import npm_packages
from tests.support.server_process import ServerProcess

SERVICE, KEY = "5188b9af6e53c84ffd600413", "c2FtcGxlIGtleQ=="
CONFIG = f'[owt]\nsample_service_id = "{SERVICE}"\nsample_service_key = "{KEY}"\n'
SCRIPT = Path(__file__).parents[1] / "browser" / "owt_page.js"
PATIENCE = 60.0
QUIET = 0.001  # energy, in seconds of full loudness
HTML = b"<!doctype html><title>conference</title><body></body>"
PUBLISH = {"codec": "vp8", "width": 320, "height": 240}


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

    def record(self, stream: str, container: str) -> tuple[str, Path]:
        """Start a recording of both its tracks; return its id, and the file to be."""
        media = {"audio": {"from": stream}, "video": {"from": stream}}
        path = f"/v1/rooms/{self.room}/recordings"
        found = self.ask("POST", path, {"container": container, "media": media}).json()
        return found["id"], Path(found["storage"]["file"])

    def below(self, path: str) -> Any:
        return self.ask("GET", f"/v1.1/rooms/{self.room}/{path}").json()


class Window(Protocol):
    """A page of a browser, as Playwright has it and our own client of BiDi."""

    def goto(self, url: str) -> Any: ...

    def reload(self) -> Any: ...

    def close(self) -> Any: ...

    def add_script_tag(self, *, path: Path) -> Any: ...

    def evaluate(self, expression: str, arg: Any = None, /) -> Any: ...

    def wait_for_function(self, expression: str, /, *, arg: Any, timeout: float) -> Any: ...


class Tab:
    """One participant in a tab of its own. `scripts` make `conference`, the last one's counts."""

    scripts: ClassVar[tuple[Path, ...]] = (SCRIPT,)

    def __init__(self, page: Any, application: Application, user: str, site: str) -> None:
        self.page: Window = page
        self._application = application
        self._user = user
        self._site = site
        self.come()

    def come(self) -> None:
        """Open the page and join."""
        self.page.goto(self._site)
        modules = npm_packages("socket.io-client@2.2.0")
        self.page.add_script_tag(path=modules / "socket.io-client/dist/socket.io.js")
        for script in self.scripts:
            self.page.add_script_tag(path=script)
        token = self._application.token(self._user)
        self.welcome = self.run("(token) => conference.join(token)", token)

    def come_back(self) -> None:
        """Reload the page, and join again as the same user."""
        self.page.reload()
        self.come()

    @property
    def id(self) -> str:
        return str(self.welcome["id"])

    def run(self, script: str, *argument: object) -> Any:
        return self.page.evaluate(script, *argument)

    def publish(self, **options: object) -> str:
        return str(self.run("(options) => conference.publish(options)", PUBLISH | options))

    def subscribe(self, stream: str, *, rsa: bool = False) -> str:
        return str(self.run("(all) => conference.subscribe(...all)", [stream, rsa]))

    def stop(self, session: str, word: str, *, closed_first: int = 0) -> None:
        """Say "unpublish" or "unsubscribe" and close, or close so many milliseconds before."""
        order = {"id": session, "word": word, "closedFirst": closed_first}
        self.run("(order) => conference.stop(order)", order)

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
        """Wait until more frames of this width were shown, and sound was heard."""
        frames = self.run("(id) => conference.seen(id)", subscription)["frames"]
        self.until(
            "([id, frames, width]) => conference.seen(id).frames >= frames"
            " && conference.seen(id).width === width",
            [subscription, frames + more, width],
        )
        self.hears(subscription)

    def hears(self, subscription: str) -> None:
        """Wait until more sound has come, and was decoded to something louder than silence."""
        before = self.run("(id) => conference.heard(id)", subscription)
        deadline = time.monotonic() + PATIENCE
        while True:
            now = self.run("(id) => conference.heard(id)", subscription)
            if now["packets"] > before["packets"] and now["energy"] > before["energy"] + QUIET:
                return
            assert time.monotonic() < deadline, f"no sound comes: {before} {now}"
            time.sleep(0.05)


class EmptyPage(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(HTML)))
        self.end_headers()
        self.wfile.write(HTML)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def open_site() -> Iterator[str]:
    """Serve an empty page: a site of another origin than the portal, as an application's is."""
    with ThreadingHTTPServer(("127.0.0.1", 0), EmptyPage) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/"
        server.shutdown()
        thread.join()
