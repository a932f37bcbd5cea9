"""What somebody at a terminal reads."""

from __future__ import annotations

from api.process.greeting import greeting


def test_addresses_can_be_opened_and_stand_in_a_column() -> None:
    places = [
        ("http://0.0.0.0:8080", {"/my-first-room": "a meeting", "/-/": "the console"}),
        ("https://[::]:8443", {"/barertc/": "a chat"}),
        ("http://192.0.2.1:80", {}),
        ("http://[2001:db8::1]:80", {"/": "another"}),
    ]
    first, *rest = greeting(places).split("\n")
    assert first.endswith(" serves. Ctrl+C stops it.")
    assert rest == [
        "  http://localhost:8080/my-first-room  a meeting",
        "  http://localhost:8080/-/             the console",
        "  https://localhost:8443/barertc/      a chat",
        "  http://[2001:db8::1]:80/             another",
        "",
    ]
