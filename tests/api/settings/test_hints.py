"""Hints of `check-config`: what works, but not for others than this machine's programs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from api.dialects import dialect
from api.settings import Settings
from api.settings.hints import hints

Load = Callable[[str], Settings]
PUBLIC = '[[listeners]]\nbind = "0.0.0.0:8080"\ndialects = ["{}", "operator"]\n'
STUN = '[ice]\nservers = [{ urls = ["stun:stun.example.org"] }]\n'
TURN = '[ice]\nturn_urls = ["turn:turn.example.org"]\nturn_secret = "x"\n'
PROXY = '[limits]\ntrusted_proxies = ["127.0.0.1"]\n'


@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("", 0),
        (PUBLIC.replace("{}", "spreed"), 1),
        (PUBLIC.replace("{}", "skyway") + '[[skyway.api_keys]]\nkey = "x"\n', 1),
        (PROXY + PUBLIC.replace("{}", "spreed"), 0),
        ('[[listeners]]\nbind = "[::1]:80"\n[[listeners]]\nbind = "10.0.0.1:80"\n', 1),
    ],
)
def test_a_listener_open_to_others_without_tls(load: Load, text: str, warned: int) -> None:
    found = list(hints(load(text)))
    assert len(found) == warned
    assert all("without TLS" in each and "limits.trusted_proxies" in each for each in found)


@pytest.mark.parametrize("name", ["spreed", "barertc"])
@pytest.mark.parametrize(
    ("text", "warned"),
    [
        ("", False),
        (PUBLIC, True),
        (PUBLIC + STUN, False),
        (PUBLIC + TURN, False),
        (PROXY, True),
        ('[server]\npublic_url = "https://rtc.example.org"\n', True),
        (PUBLIC.replace("{}", "owt"), False),
    ],
)
def test_calls_between_browsers_without_stun_and_turn(
    load: Load, text: str, warned: bool, name: str
) -> None:
    found = [
        each for each in dialect(name).hints(load(text.replace("{}", name))) if "[ice]" in each
    ]
    assert len(found) == warned
    assert all("no STUN or TURN server" in each for each in found)
