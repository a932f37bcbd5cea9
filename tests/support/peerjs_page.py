"""npm peerjs in a browser: a tab with a page of another origin than the broker's."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from tests.support.npm import npm_packages

SCRIPT = Path(__file__).parents[1] / "browser" / "peerjs_page.js"
VERSIONS = ("1.5.5", "1.3.2")
PATIENCE = 60.0


class PeerTab:
    """One client in a tab of its own."""

    def __init__(self, page: Any, site: str, broker: str, version: str) -> None:
        self._page = page
        self._broker = urlsplit(broker)
        page.goto(site)
        library = npm_packages(f"peerjs@{version}") / "peerjs" / "dist" / "peerjs.min.js"
        for script in (library, SCRIPT):
            page.add_script_tag(path=script)

    def run(self, expression: str, arg: Any = None) -> Any:
        return self._page.evaluate(expression, arg)

    def start(self, id_: str | None = None, **options: Any) -> None:
        """Make a Peer, and wait for nothing."""
        place = {"host": self._broker.hostname, "port": self._broker.port, "secure": False}
        self.run("([id, options]) => open(id, options)", [id_, place | options])

    def open(self, id_: str | None = None, **options: Any) -> str:
        """Make a Peer, and wait until it has its id, which somebody may just be leaving."""
        deadline = time.monotonic() + PATIENCE
        self.start(id_, **options)
        while not self._has_id() and time.monotonic() < deadline:
            self.run("() => (told.length = 0)")
            self.start(id_, **options)
        mine = str(self.hears("open")[1])
        assert id_ in (None, mine)
        return mine

    def _has_id(self) -> bool:
        """Wait until the broker has answered; tell whether it gave the id."""
        self.until("() => told.some(([what, how]) => what === 'open' || how === 'unavailable-id')")
        return bool(self.run("() => told.some(([what]) => what === 'open')"))

    def hears(self, *event: str, times: int = 1, within: float = PATIENCE) -> list[Any]:
        """Wait until something has happened so often; return the last of it."""
        deadline = time.monotonic() + within
        while True:
            told = self.run("() => told")
            found: list[Any] = [each for each in told if each[: len(event)] == list(event)]
            if len(found) >= times:
                return list(found[-1])
            assert time.monotonic() < deadline, f"{event} missing in {told}"
            self.run("() => new Promise((done) => setTimeout(done, 20))")

    def connect(self, to: str, name: str, **options: Any) -> None:
        self.run("(all) => connect(...all)", [to, name, options])
        self.hears("connected", name)

    def exchange(self, name: str, kind: str, size: int) -> bool:
        return bool(self.run("(all) => exchange(...all)", [name, kind, size]))

    def sees_frames(self, name: str, more: int = 20) -> None:
        """Wait until the picture has gone on for so many frames."""
        self.until("(name) => frames(name) > 0", name)
        seen = self.run("(name) => frames(name)", name)
        self.until("([name, count]) => frames(name) >= count", [name, seen + more])

    def decodes(self, name: str, more: int = 20) -> None:
        """Wait until so many more frames have been decoded, of a picture that has a size."""
        self.until("async (name) => await decoded(name) > 0", name)
        seen = self.run("(name) => decoded(name)", name)
        self.until("async ([name, count]) => await decoded(name) >= count", [name, seen + more])

    def until(self, expression: str, arg: Any = None) -> None:
        self._page.wait_for_function(expression, arg=arg, timeout=PATIENCE * 1000)
