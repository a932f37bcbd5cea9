"""A call through the server beside a direct one, in one page of Chromium and over equal relays."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import pairwise
from pathlib import Path
from statistics import median
from threading import Thread
from typing import Any

import httpx
from playwright.sync_api import Browser

from api.owt.management.mauth import make_header
from tests.support.npm import npm_packages
from tests.support.udp_relay import UdpRelay, through

SERVICE, KEY = "5188b9af6e53c84ffd600413", "c2FtcGxlIGtleQ=="
CONFIG = f'[owt]\nsample_service_id = "{SERVICE}"\nsample_service_key = "{KEY}"\n'
SUPPORT = Path(__file__).parent
OWT_PAGE = SUPPORT.parent / "browser" / "owt_page.js"
HTML = b"<!doctype html><title>side by side</title><body></body>"
PATIENCE = 20.0
WINDOW = 5  # seconds


@dataclass(frozen=True)
class Call:
    """What one call came to, second by second; each reading is that of the page's `reading`."""

    readings: list[dict[str, Any]]

    @property
    def rates(self) -> list[float]:
        """The video that came in each second, in kbit/s."""
        return [
            (after["bytes"] - before["bytes"]) * 0.008 / (after["at"] - before["at"])
            for before, after in pairwise(self.readings)
        ]

    def median(self, first: int, last: int) -> float:
        return median(self.rates[first:last])

    def windows(self, first: int, last: int) -> list[float]:
        """The rate over each window of five seconds."""
        rates = self.rates[first:last]
        return [sum(rates[at : at + WINDOW]) / WINDOW for at in range(len(rates) - WINDOW + 1)]

    def grown(self, name: str) -> float:
        """How much a count has grown from the first reading to the last."""
        return float(self.readings[-1].get(name, 0) - self.readings[0].get(name, 0))

    def usual(self, name: str) -> float:
        return median(reading.get(name, 0) for reading in self.readings)


@dataclass(frozen=True)
class SideBySide:
    """Both calls of the same time."""

    server: Call
    direct: Call


def measure(
    browser: Browser,
    url: str,
    seconds: int,
    *,
    delay: float = 0.0,
    loss: float = 0.0,
    seed: int = 1,
) -> SideBySide:
    """Set up both calls and watch them for so many seconds.

    Each of their connections, of which the one through the server has two, has a delay and a loss
    like all others.
    """
    library = npm_packages("socket.io-client@2.2.0") / "socket.io-client" / "dist"
    tokens = _tokens(url, "Ann", "Bob")
    context = browser.new_context()
    with UdpRelay(delay=delay, loss=loss, seed=seed) as relay, _site() as site:
        try:
            page = context.new_page()
            page.expose_function("relayed", lambda sdp: through(relay, sdp))
            page.goto(site)
            for script in (library / "socket.io.js", OWT_PAGE, SUPPORT / "side_by_side.js"):
                page.add_script_tag(path=script)
            page.evaluate("(tokens) => setUp(tokens)", tokens)
            found = page.evaluate("(seconds) => watch(seconds)", seconds)
        finally:
            context.close()
    return SideBySide(*(Call([each[name] for each in found]) for name in ("server", "direct")))


def _tokens(url: str, *users: str) -> list[str]:
    """Make a room, and a token of it for each user."""

    def ask(number: int, path: str, body: object) -> httpx.Response:
        moment = int(time.time() * 1000)
        header = make_header(SERVICE, KEY, moment, f"{number:016x}", "", "")
        with httpx.Client(base_url=url, timeout=PATIENCE) as http:
            answer = http.post(path, headers={"Authorization": header}, json=body)
        return answer.raise_for_status()

    count = time.time_ns() & 0xFFFFFFFF
    room = ask(count, "/v1/rooms", {"name": "side by side"}).json()["_id"]
    return [
        ask(count + at, f"/v1/rooms/{room}/tokens", {"user": user, "role": "presenter"}).text
        for at, user in enumerate(users, 1)
    ]


class _Page(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(HTML)))
        self.end_headers()
        self.wfile.write(HTML)

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def _site() -> Iterator[str]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _Page) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}/"
        finally:
            server.shutdown()
            thread.join()
