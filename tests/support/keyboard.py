"""Somebody without a mouse: goes from control to control by Tab and presses keys on them."""

from __future__ import annotations

import time

import pytest
from playwright.sync_api import Page

MOST_STOPS = 60
REACH_SECONDS = 30.0

# What a control is called, as its label, its own aria-label or its text says.
NAME = """
(element) => element.ariaLabel || [...(element.labels ?? [])].map((l) => l.querySelector("span")
  ?.textContent ?? l.firstChild.textContent).join(" ").trim() || element.innerText.trim()
"""
FOCUSED = f"({NAME})(document.activeElement)"
CONTROLS = f"""
[...(document.querySelector("dialog[open]") ?? document).querySelectorAll(
    "button, input, select, textarea, a[href], [tabindex='0']")]
  .filter((element) => element.checkVisibility() && !element.disabled).map({NAME})
"""


class Keyboard:
    """The keys of one page."""

    def __init__(self, page: Page) -> None:
        self._page = page

    @property
    def on(self) -> str:
        """What has the focus, by name."""
        return str(self._page.evaluate(FOCUSED))

    def press(self, *keys: str) -> None:
        for key in keys:
            self._page.keyboard.press(key)

    def types(self, text: str) -> None:
        """Type over what is in the field that has the focus."""
        self.press("Control+A")
        self._page.keyboard.type(text)

    def reach(self, name: str, key: str = "Tab") -> None:
        """Press Tab until the control of that name has the focus; the page may still make it."""
        deadline = time.monotonic() + REACH_SECONDS
        while time.monotonic() < deadline:
            for _ in range(MOST_STOPS):
                self.press(key)
                if self.on == name:
                    return
        pytest.fail(f"{key} does not reach {name!r}; it is on {self.on!r}")

    def activate(self, name: str, key: str = "Enter") -> None:
        """Go to a control and press a key on it."""
        self.reach(name)
        self.press(key)

    def reaches_every_control(self) -> list[str]:
        """Tab until it begins again; return the names met, which must be all that is shown.

        Where others are shown in the end than in the beginning, it goes round once more.
        """
        deadline = time.monotonic() + REACH_SECONDS
        while True:
            shown = self._shown()
            met = self._round(shown)
            if set(met) == shown:
                return met
            assert self._shown() != shown, set(met) ^ shown
            assert time.monotonic() < deadline, "other controls are shown all the time"

    def _shown(self) -> set[str]:
        return set(self._page.evaluate(CONTROLS))

    def _round(self, shown: set[str]) -> list[str]:
        met: list[str] = []
        for _ in range(MOST_STOPS):
            self.press("Tab")
            now = self.on
            if now in shown:
                if met and now == met[0]:
                    break
                met.append(now)
        return met
