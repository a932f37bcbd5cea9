"""Where tokens send their clients."""

from __future__ import annotations

from typing import Any

import pytest

from api.owt.portal_host import portal_host
from tests.support.owt import owt_settings


@pytest.mark.parametrize(
    ("server", "scheme", "host", "name"),
    [
        (("192.0.2.1", 8080), "http", "192.0.2.1:8080", "192.0.2.1"),
        (("2001:db8::1", 443), "https", "[2001:db8::1]:443", "2001:db8::1"),
    ],
)
def test_the_address_that_was_connected_to(server: Any, scheme: str, host: str, name: str) -> None:
    found = portal_host(owt_settings(), {"server": server, "scheme": scheme})
    assert found is not None
    assert (found.host, found.name, found.secure) == (host, name, scheme == "https")


@pytest.mark.parametrize("server", [("/run/quintet.sock", None), None])
def test_a_socket_in_the_file_system_is_nowhere_to_send_anybody(server: Any) -> None:
    assert portal_host(owt_settings(), {"server": server, "scheme": "http"}) is None
    configured = owt_settings(owt={"portal_host": "rtc.example:443"})
    found = portal_host(configured, {"server": server, "scheme": "http"})
    assert found is not None
    assert found.host == "rtc.example:443"
