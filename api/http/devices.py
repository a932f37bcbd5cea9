"""What somebody uses, in few words, by the User-Agent header. Pure.

The header says much more than an operator needs, and what it says is no proof of anything. A
library that knows thousands of devices would tell no more than these few words.
"""

from __future__ import annotations

import re
from functools import lru_cache

_BROWSERS = (  # the first that is named: most call themselves by the names of others, too
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("Chromium", "Chromium"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_PROGRAM = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,31}")
_LOOKED_AT = 512


def device_of(user_agent: str) -> str:
    """Return such as "Firefox on Android", of a program its name, "" for what says nothing."""
    return device_of_beginning(user_agent[:_LOOKED_AT])


@lru_cache(maxsize=1024)
def device_of_beginning(text: str) -> str:
    """Return the same of so much of a header as is looked at: only that is remembered."""
    browser = _first(_BROWSERS, text)
    system = _first(_SYSTEMS, text)
    if browser and system:
        return f"{browser} on {system}"
    if text.startswith("Mozilla/"):
        return browser or system
    program = _PROGRAM.match(text)
    return program[0] if program else ""


def _first(names: tuple[tuple[str, str], ...], text: str) -> str:
    return next((shown for mark, shown in names if mark in text), "")
