"""Somebody at the chat page with Firefox, who has a keyboard and a mouse."""

from __future__ import annotations

from tests.support.bidi import ENTER, Window
from tests.support.chatter import DECODES
from tests.support.person import WATCH

PATIENCE = 60_000  # milliseconds


class FirefoxChatter:
    """A window of its own, in which things are done and seen as `Chatter` does and sees them."""

    def __init__(self, window: Window, url: str, name: str) -> None:
        self.window = window
        self.name = name
        self._url = url
        window.add_init_script(WATCH)

    def enters(self) -> None:
        self.window.goto(self._url)
        self.window.click("textbox", "Your name")
        self.window.type(self.name + ENTER)
        self._until("() => document.querySelector('#site').checkVisibility()")

    def says(self, text: str) -> None:
        self.window.click("textbox", "Message")
        self.window.type(text + ENTER)

    def reads(self, text: str) -> None:
        self._until(
            "(text) => document.querySelector('.log:not([hidden])').innerText.includes(text)", text
        )

    def starts_camera(self) -> None:
        self.window.click("button", "Start camera")
        self._until("() => document.querySelector('#camera-settings').open")
        # The button behind the dialog has the same name.
        self.window.evaluate("() => document.querySelector('#camera-ok').focus()")
        self.window.type(ENTER)
        self._until("() => !document.querySelector('#camera-settings').open")

    def opens_camera_of(self, name: str) -> None:
        self._until(
            "(name) => [...document.querySelectorAll('.camera-button')].some("
            "(b) => b.checkVisibility() && b.ariaLabel === `Open webcam of ${name}`)",
            name,
        )
        self.window.click("button", f"Open webcam of {name}")

    def watches(self, name: str, frames: int = 5) -> None:
        """Wait until so many more frames of somebody's webcam have been decoded."""
        self.window.evaluate(
            "() => document.querySelectorAll('#stage video').forEach((v) => delete v.watchedFrom)"
        )
        self._until(DECODES, [name, frames])

    def watches_nobody(self) -> None:
        self._until("() => !document.querySelector('#stage article:not(.own)')")

    def _until(self, function: str, argument: object = None) -> None:
        self.window.wait_for_function(function, arg=argument, timeout=PATIENCE)
