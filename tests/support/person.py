"""Somebody at the meeting page: a browser tab with a name, and what they can see in it."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from playwright.sync_api import ConsoleMessage, Locator, Page, WebSocket, expect

ARTIFACTS = Path(__file__).parents[2] / "artifacts"
PATIENCE = 60_000  # milliseconds, for what comes at once on a calm machine

# The page keeps its websockets and peer connections to itself: remember them as they are made.
WATCH = """
window.made = { sockets: [], connections: [] };
window.WebSocket = class extends WebSocket {
  constructor(...all) { super(...all); made.sockets.push(this); }
};
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...all) { super(...all); made.connections.push(this); }
};
"""

# A handler that returns false cancels the event: of a key, that is what the key would have typed.
SILENT_HANDLERS = """
for (const { prototype } of [HTMLElement, WebSocket, RTCPeerConnection, MediaStreamTrack]) {
  for (const [name, { set }] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
    if (!name.startsWith("on") || !set) continue;
    Object.defineProperty(prototype, name, {
      set(handler) {
        set.call(this, handler && ((...all) => {
          const answer = handler.apply(this, all);
          if (answer !== undefined && !(answer instanceof Promise))
            console.error(`${name} of ${this.id || this} returned ${answer}`);
          return answer;
        }));
      },
    });
  }
}
"""

SLOW_SIGNALLING = """
(milliseconds) => {
  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (text) {
    setTimeout(() => this.readyState === WebSocket.OPEN && send.call(this, text), milliseconds);
  };
}
"""

MOVES = """
([name, seconds]) => {
  const tile = [...document.querySelectorAll('#stage article')].find((t) => t.ariaLabel === name);
  const video = tile?.querySelector('video');
  if (!video?.videoWidth || tile.classList.contains('no-picture')) return false;
  if (video.watchedFrom === undefined) video.watchedFrom = video.currentTime;
  return video.currentTime > video.watchedFrom + seconds;
}
"""


def type_into(field: Locator, text: str) -> None:
    """Click into a field and type, key by key, in place of what is there."""
    field.click()
    field.press("Control+A")
    field.press("Delete")
    field.press_sequentially(text)


class Person:
    """A tab of its own. `troubles` collects what the browser complained about."""

    def __init__(self, page: Page, url: str, name: str) -> None:
        self.page = page
        self.name = name
        self.troubles: list[str] = []
        self._url = url
        page.add_init_script(SILENT_HANDLERS + WATCH)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.troubles.append(str(error)))

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.troubles.append(message.text)

    def tells(self, kind: str) -> list[dict[str, Any]]:
        """Collect the documents of a type that the page sends to the server from now on."""
        told: list[dict[str, Any]] = []

        def sent(frame: str | bytes) -> None:
            document = json.loads(frame)
            if document["Type"] == kind:
                told.append(document[kind])

        def opened(socket: WebSocket) -> None:
            socket.on("framesent", sent)

        self.page.on("websocket", opened)
        return told

    def told_whole(self, told: list[dict[str, Any]]) -> dict[str, Any]:
        """Return the first document of `tells` of which nothing is unknown.

        The page sends it a moment after it shows the same.
        """
        deadline = time.monotonic() + PATIENCE / 1000
        while True:
            for document in told:
                if None not in document.values():
                    return document
            assert time.monotonic() < deadline, f"nothing whole was told: {told}"
            self.page.wait_for_timeout(20)  # in which Playwright hears of it

    def open(self, path: str) -> None:
        self.page.goto(self._url + path)

    def enter_name(self) -> None:
        self.types("Your name", self.name)

    def press(self, button: str) -> None:
        self.page.get_by_role("button", name=button, exact=True).click()

    def types(self, label: str, text: str) -> None:
        """Click into a field and type over what is in it, key by key."""
        type_into(self.page.get_by_label(label), text)

    def pastes(self, text: str) -> None:
        """Put a text that nobody would type where the cursor is, from the clipboard."""
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page.evaluate("(text) => navigator.clipboard.writeText(text)", text)
        self.page.keyboard.press("Control+V")

    def join(self, room: str) -> None:
        """From the address to the call."""
        self.open(room)
        self.enter_name()
        self.press("Join")
        expect(self.page.locator("#call")).to_be_visible(timeout=30_000)

    def tile(self, name: str) -> Locator:
        return self.page.get_by_role("article", name=name, exact=True)

    def sees_moving(self, name: str, seconds: float = 0.4) -> None:
        """Wait until the picture of `name` has advanced by `seconds` from now."""
        self.page.evaluate(
            "document.querySelectorAll('#stage video').forEach((v) => delete v.watchedFrom)"
        )
        self.page.wait_for_function(MOVES, arg=[name, seconds], timeout=60_000)

    def sees_in_chat(self, text: str) -> Locator:
        message = self.page.get_by_role("log").get_by_text(text, exact=True)
        expect(message).to_be_visible()
        return message

    def opens_chat(self) -> None:
        if self.page.locator("#chat").is_hidden():
            self.page.locator("#open-chat").click()

    def says(self, text: str) -> None:
        self.opens_chat()
        self.types("Message to everybody", text)
        self.page.keyboard.press("Enter")

    def answers(self, label: str, text: str, button: str) -> None:
        """Fill in the open dialog."""
        dialog = self.page.get_by_role("dialog")
        type_into(dialog.get_by_label(label), text)
        dialog.get_by_role("button", name=button).click()

    def drop_websocket(self) -> None:
        self.page.evaluate("made.sockets.at(-1).close()")

    def has_connections(self, count: int) -> None:
        """Wait until this tab has exactly that many peer connections, all of them working."""
        self.page.wait_for_function(
            """(count) => {
              const open = made.connections.filter((c) => c.connectionState !== 'closed');
              return open.length === count && open.every((c) => c.connectionState === 'connected');
            }""",
            arg=count,
            timeout=60_000,
        )

    def connections_used(self) -> int:
        """Count the peer connections this tab has ever set up, closed ones included."""
        return int(
            self.page.evaluate(
                "made.connections.filter((c) => c.iceGatheringState !== 'new').length"
            )
        )

    def picture(self, name: str) -> None:
        """Keep a screenshot among the artefacts."""
        ARTIFACTS.mkdir(exist_ok=True)
        self.page.screenshot(path=ARTIFACTS / f"{name}.png")
