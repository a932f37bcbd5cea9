"""On which listeners devices are served, unless the operator says so."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.settings import ConfigError, Settings

Load = Callable[[str], Settings]


@pytest.mark.parametrize("bind", ["127.0.0.1:1", "[::1]:1", "0.0.0.0:1"])
def test_devices_are_served_where_an_operator_says_so_alone(load: Load, bind: str) -> None:
    (listener,) = load(f'[[listeners]]\nbind = "{bind}"').listeners
    assert "skyway" not in listener.dialects
    assert listener.root == "spreed"


@pytest.mark.parametrize(
    ("bind", "served"),
    [
        ("127.0.0.1:1", True), ("127.8.0.1:1", True), ("[::1]:1", True), ("localhost:1", True),
        ("0.0.0.0:1", False), ("[::]:1", False), ("192.0.2.1:1", False), ("here.example:1", False),
    ],
)  # fmt: skip
def test_devices_without_keys_are_served_on_loopback_alone(
    load: Load, bind: str, served: bool
) -> None:
    text = f'[[listeners]]\nbind = "{bind}"\ndialects = ["skyway"]'
    if served:
        assert load(text).listeners[0].root == "skyway"
        return
    with pytest.raises(ConfigError):
        load(text)


def test_devices_are_served_beyond_loopback_with_keys(load: Load) -> None:
    load("[[listeners]]\nbind = '0.0.0.0:1'\ndialects = ['skyway']\n[[skyway.api_keys]]\nkey = 'k'")
