"""What must never be written is taken out, by name and by look."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.logs.redaction import HIDDEN, is_secret_name, redact

NAMES = ["access_token", "accessToken", "TOKEN", "Set-Cookie", "Authorization", "roomPin", "pin"]
MORE_NAMES = ["shared_secret", "password", "offer.sdp", "message_text", "nonce", "useridcombo"]


@pytest.mark.parametrize("name", NAMES + MORE_NAMES)
def test_names_of_secrets_are_known(name: str) -> None:
    assert is_secret_name(name)


@pytest.mark.parametrize(
    "name", ["room", "peer", "pinned", "ping", "message", "context", "event_name", "tokenizer", ""]
)
def test_other_names_are_not(name: str) -> None:
    assert not is_secret_name(name)


@pytest.mark.parametrize(
    ("key", "value", "shown"),
    [
        ("room", "lobby", "lobby"),
        ("token", "abc", HIDDEN),
        ("pin", 1234, HIDDEN),
        ("secrets", ["a", "b"], HIDDEN),
        ("token", None, None),
        ("require_token", True, True),
        ("data", {"Token": "abc", "Id": 1}, {"Token": HIDDEN, "Id": 1}),
        ("data", [{"pin": "1"}], [{"pin": HIDDEN}]),
        ("data", ({"a": {"b": {"c": {"d": 1}}}},), [{"a": {"b": {"c": HIDDEN}}}]),
        ("data", b"abc", "<3 bytes>"),
        ("path", "/ws?t=abc", "/ws?" + HIDDEN),
        ("hint", 'GET "/ws?t=abc" refused', f'GET "/ws?{HIDDEN}" refused'),
        ("hint", "what? no", "what? no"),
        ("url", "postgresql://u:p@host/db", f"postgresql://{HIDDEN}@host/db"),
        ("url", "https://host/a@b", "https://host/a@b"),
        ("x", "v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\n", HIDDEN),
        ("x", "a" * 5000, "a" * 4096 + "…"),
        ("x", 5, 5),
    ],
)
def test_a_value_is_shown_or_hidden(key: str, value: Any, shown: Any) -> None:
    assert redact({key: value}) == {key: shown}


def test_the_frame_of_an_entry_is_kept() -> None:
    entry = {"event": "tokens.loaded?x", "level": "info", "time": "t", "exception": "a?b"}
    assert redact(entry) == entry


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(json_values)
def test_a_secret_is_gone_wherever_it_stands(value: Any) -> None:
    shown = str(redact({"x": [value, {"token": "hush-hush"}], "password": "hush-hush"}))
    assert "hush-hush" not in shown
