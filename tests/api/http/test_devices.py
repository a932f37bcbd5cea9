"""What somebody uses, in few words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.http.devices import device_of, device_of_beginning

GECKO = "Gecko/20100101 Firefox/140.0"
WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("user_agent", "device"),
    [
        (f"Mozilla/5.0 (X11; Linux x86_64; rv:140.0) {GECKO}", "Firefox on Linux"),
        (f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {WEBKIT} Chrome/139.0.0.0 Safari/537.36",
         "Chrome on Windows"),
        (f"Mozilla/5.0 (Linux; Android 10; K) {WEBKIT} Chrome/139.0.0.0 Mobile Safari/537.36",
         "Chrome on Android"),
        (f"Mozilla/5.0 (Windows NT 10.0) {WEBKIT} Chrome/139.0.0.0 Safari/537.36 Edg/139.0.0.0",
         "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko)"
         " Version/18.5 Safari/605.1.15", "Safari on macOS"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like"
         " Gecko) CriOS/139.0 Mobile/15E148 Safari/604.1", "Chrome on iPhone"),
        ("Mozilla/5.0 (Plan9)", ""),
        ("Mozilla/5.0 (X11; Linux)", "Linux"),
        ("python-httpx/0.28.1", "python-httpx"),
        ("node", "node"),
        ("", ""),
        ("<script>", ""),
    ],
)  # fmt: skip
def test_browser_and_system_are_told(user_agent: str, device: str) -> None:
    assert device_of(user_agent) == device


@given(st.text(max_size=2000))
def test_whatever_is_sent_it_is_short_and_printable(user_agent: str) -> None:
    device = device_of(user_agent)
    assert len(device) <= 40
    assert device.isascii()
    assert device.isprintable() or not device


def test_headers_that_begin_alike_are_remembered_once() -> None:
    device_of_beginning.cache_clear()
    for end in ("", "a" * 60_000, "b" * 60_000):
        assert device_of("curl/8 " + " " * 600 + end) == "curl"
    assert device_of_beginning.cache_info().currsize == 1
