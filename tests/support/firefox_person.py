"""Somebody at the meeting page with Firefox, who has a keyboard and a mouse."""

from __future__ import annotations

from tests.support.bidi import ENTER, Window
from tests.support.person import MOVES, WATCH

PATIENCE = 60_000  # milliseconds


class FirefoxPerson:
    """A window of its own, in which things are done and seen as `Person` does and sees them."""

    def __init__(self, window: Window, url: str, name: str) -> None:
        self.window = window
        self.name = name
        self._url = url
        window.add_init_script(WATCH)

    def join(self, room: str) -> None:
        """From the address to the call."""
        self.window.goto(self._url + room)
        self.enter()

    def enter(self) -> None:
        """From the lobby to the call; the page keeps the name of those who come again."""
        self._until("() => document.querySelector('#lobby').checkVisibility()")
        self.window.click("textbox", "Your name")
        known = self.window.evaluate("() => document.activeElement.value")
        self.window.type(self.name[len(known) :])
        self.window.click("button", "Join")
        self._until("() => document.querySelector('#call').checkVisibility()")

    def sees_moving(self, name: str, seconds: float = 0.4) -> None:
        """Wait until the picture of `name` has advanced by `seconds` from now."""
        self.window.evaluate(
            "() => document.querySelectorAll('#stage video').forEach((v) => delete v.watchedFrom)"
        )
        self._until(MOVES, [name, seconds])

    def opens_chat(self) -> None:
        self.window.click("button", "Chat")

    def says(self, text: str) -> None:
        self.window.click("textbox", "Message to everybody")
        self.window.type(text + ENTER)

    def sees_in_chat(self, text: str) -> None:
        self._until("(text) => document.querySelector('#messages').innerText.includes(text)", text)

    def _until(self, function: str, argument: object = None) -> None:
        self.window.wait_for_function(function, arg=argument, timeout=PATIENCE)
