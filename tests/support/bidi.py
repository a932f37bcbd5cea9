"""A client of WebDriver BiDi, the W3C's protocol by which a browser is driven over a websocket.

Nothing here knows which browser it is: https://w3c.github.io/webdriver-bidi/ is what is spoken.
"""

from __future__ import annotations

import itertools
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from websockets.sync.client import ClientConnection, connect

ANSWER_SECONDS = 60.0
CLICK_SECONDS = 60.0
POLL_SECONDS = 0.05
MAX_MESSAGE = 16 * 1024 * 1024
ENTER = "\ue007"


class BidiError(Exception):
    """The browser refused a command, or a script of ours threw."""


class Bidi:
    """One session with a browser, which may have many windows."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._complaints: list[str] = []
        self.ask("session.new", capabilities={})
        self.ask("session.subscribe", events=["log.entryAdded"])

    def ask(self, method: str, *, within: float = ANSWER_SECONDS, **parameters: Any) -> Any:
        """Send a command and return its result; raises BidiError, or TimeoutError."""
        number = next(self._numbers)
        self._socket.send(json.dumps({"id": number, "method": method, "params": parameters}))
        deadline = time.monotonic() + within
        while True:
            told = json.loads(self._socket.recv(timeout=max(0.0, deadline - time.monotonic())))
            if told["type"] == "event":
                self._hear(told)
            elif told.get("id") == number:
                if told["type"] == "error":
                    raise BidiError(f"{method}: {told['error']}: {told['message']}")
                return told["result"]

    def window(self) -> Window:
        """Open a window with cookies and a storage of its own."""
        person = self.ask("browser.createUserContext")["userContext"]
        made = self.ask("browsingContext.create", type="window", userContext=person)
        return Window(self, made["context"], person)

    def complaints(self) -> list[str]:
        """Return what consoles said of errors and warnings since this was asked last."""
        self.ask("session.status")  # whatever was told before has then been read
        found, self._complaints = self._complaints, []
        return found

    def _hear(self, event: dict[str, Any]) -> None:
        entry = event["params"]
        if event["method"] == "log.entryAdded" and entry["level"] in ("error", "warn"):
            self._complaints.append(str(entry["text"]))


@contextmanager
def open_bidi(url: str) -> Iterator[Bidi]:
    """Connect to a browser that listens there."""
    with connect(url, compression=None, max_size=MAX_MESSAGE, proxy=None) as socket:
        yield Bidi(socket)


class Window:
    """One window; what is named as in Playwright's `Page` does what it does there."""

    def __init__(self, bidi: Bidi, context: str, person: str) -> None:
        self._bidi = bidi
        self._context = context
        self._person = person

    def goto(self, url: str) -> None:
        self._bidi.ask("browsingContext.navigate", context=self._context, url=url, wait="complete")

    def reload(self) -> None:
        self._bidi.ask("browsingContext.reload", context=self._context, wait="complete")

    def close(self) -> None:
        """Close the window and forget its cookies."""
        self._bidi.ask("browser.removeUserContext", userContext=self._person)

    def add_init_script(self, script: str) -> None:
        """Run a script in every page of this window, before the page's own."""
        declaration = f"() => {{ {script} }}"
        self._bidi.ask(
            "script.addPreloadScript", functionDeclaration=declaration, contexts=[self._context]
        )

    def add_script_tag(self, path: Path) -> None:
        self.evaluate(
            "(text) => document.head.append("
            "Object.assign(document.createElement('script'), {text}))",
            path.read_text("utf-8"),
        )

    def evaluate(self, function: str, argument: object = None) -> Any:
        """Call a JavaScript function and return what it returns, or its promise brings, as JSON."""
        told = self._bidi.ask(
            "script.callFunction",
            functionDeclaration=(
                f"async (text) => JSON.stringify(await ({function})(JSON.parse(text)) ?? null)"
            ),
            arguments=[{"type": "string", "value": json.dumps(argument)}],
            target={"context": self._context},
            awaitPromise=True,
        )
        if told["type"] == "exception":
            raise BidiError(told["exceptionDetails"]["text"])
        return json.loads(told["result"]["value"])

    def wait_for_function(self, function: str, *, arg: object = None, timeout: float) -> None:
        """Wait until the function returns something true; `timeout` is in milliseconds."""
        deadline = time.monotonic() + timeout / 1000
        while not self.evaluate(function, arg):
            assert time.monotonic() < deadline, f"never true: {function}"
            time.sleep(POLL_SECONDS)

    def wait_for_timeout(self, timeout: float) -> None:
        """Do nothing for so many milliseconds."""
        time.sleep(timeout / 1000)

    def click(self, role: str, name: str) -> None:
        """Move the mouse to the element of that role and name, as people are told it, and press.

        A page may still be making it, or one like it in its place.
        """
        deadline = time.monotonic() + CLICK_SECONDS
        while len(shown := self._shown(role, name)) != 1:
            assert time.monotonic() < deadline, f"{len(shown)} times {role} {name!r} to be seen"
            time.sleep(POLL_SECONDS)
        origin = {"type": "element", "element": {"sharedId": shown[0]["sharedId"]}}
        self._act(
            {"type": "pointer", "id": "mouse"},
            {"type": "pointerMove", "x": 0, "y": 0, "origin": origin},
            {"type": "pointerDown", "button": 0},
            {"type": "pointerUp", "button": 0},
        )

    def type(self, text: str) -> None:
        """Press and release a key for each character; `ENTER` is such a character."""
        actions = [{"type": kind, "value": key} for key in text for kind in ("keyDown", "keyUp")]
        self._act({"type": "key", "id": "keyboard"}, *actions)

    def _shown(self, role: str, name: str) -> list[dict[str, Any]]:
        """Return the elements of that role and name that can be seen."""
        found = self._bidi.ask(
            "browsingContext.locateNodes",
            context=self._context,
            locator={"type": "accessibility", "value": {"role": role, "name": name}},
        )["nodes"]
        # What is hidden has a role and a name, too, but no place.
        with suppress(BidiError):  # one of them has just been replaced
            return [node for node in found if self._is_shown(node)]
        return []

    def _is_shown(self, node: dict[str, Any]) -> bool:
        told = self._bidi.ask(
            "script.callFunction",
            functionDeclaration="(node) => node.checkVisibility()",
            arguments=[{"sharedId": node["sharedId"]}],
            target={"context": self._context},
            awaitPromise=False,
        )
        return bool(told["result"]["value"])

    def _act(self, device: dict[str, str], *actions: dict[str, Any]) -> None:
        self._bidi.ask(
            "input.performActions",
            context=self._context,
            actions=[{**device, "actions": list(actions)}],
        )
