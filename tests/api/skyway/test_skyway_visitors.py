"""Pages of other sites are kept away, also those that a browser takes for pages of ours."""

from __future__ import annotations

from pathlib import Path

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from api.http.proxies import RemoteClient
from api.skyway.visitors import ELSEWHERE, PAGE, visitor_problem
from tests.support.serving import CARRIERS
from tests.support.skyway import StrictClient, gateway

HERE = "127.0.0.1"
KEYS = [{"key": "KEY_FOO"}]


def problem(
    host: str | None = "127.0.0.1:8000",
    origin: str | None = None,
    address: str = HERE,
    *,
    forwarded: bool = False,
    trusted: bool = False,
    keys: bool = False,
    public_url: str = "",
    allowed: tuple[str, ...] = (),
) -> tuple[str, str] | None:
    caller = RemoteClient(address, secure=False, host=host, trusted=trusted)
    return visitor_problem(caller, origin, forwarded, keys, public_url, allowed)


@pytest.mark.parametrize(
    "host", ["127.0.0.1:8000", "127.0.0.1", "localhost:8000", "LocalHost", "[::1]:8000", None, ""]
)
def test_programs_of_this_machine_are_welcome(host: str | None) -> None:
    assert problem(host) is None
    assert problem(host, address="::1") is None
    assert problem(host, address="::ffff:127.0.0.1") is None
    assert problem(host, keys=True) is None


@pytest.mark.parametrize(
    "host",
    ["evil.example:8000", "localhost.evil.example", "127.0.0.1.evil.example", "192.0.2.1:8000",
     "0.0.0.0:8000", "[", "a b", "localhost:x", "localhost@evil.example"],
)  # fmt: skip
def test_without_keys_only_names_of_this_machine_are(host: str) -> None:
    assert problem(host) == ELSEWHERE
    assert problem(host, f"http://{host}") == ELSEWHERE
    assert problem(host, public_url=f"http://{host}", allowed=("*",)) == ELSEWHERE
    assert problem(host, keys=True) is None  # a program, by a name that somebody gave us


def test_without_keys_nobody_comes_by_a_proxy() -> None:
    assert problem(forwarded=True) == ELSEWHERE
    assert problem(forwarded=True, trusted=True, address="192.0.2.1") == ELSEWHERE
    assert problem(address="192.0.2.1") == ELSEWHERE
    assert problem(forwarded=True, trusted=True) is None  # of this machine, by a proxy of its own
    assert problem(forwarded=True, keys=True) is None


@pytest.mark.parametrize("keys", [False, True])
def test_pages_are_welcome_by_address_or_as_configured(keys: bool) -> None:
    assert problem(origin="http://127.0.0.1:8000", keys=keys) is None
    assert problem("localhost:8000", "http://localhost:8000", keys=keys) is None
    assert problem(origin="https://a.example", allowed=("https://a.example",), keys=keys) is None
    assert problem(origin="https://a.example", public_url="https://a.example", keys=keys) is None
    assert problem(origin="https://a.example", allowed=("*",), keys=keys) is None
    for origin in (
        "null",
        "",
        "http://localhost:3000",
        "https://127.0.0.1:8000",
        "https://b.example",
    ):
        assert problem(origin=origin, keys=keys) == PAGE


def test_a_name_that_a_site_has_pointed_here_is_no_page_of_ours() -> None:
    found = problem("evil.example:8000", "http://evil.example:8000", keys=True)
    assert found == PAGE


@given(st.text(), st.none() | st.text(), st.booleans())
def test_whatever_is_sent_is_judged(host: str, origin: str | None, keys: bool) -> None:
    assert problem(host, origin, keys=keys) in (None, PAGE, ELSEWHERE)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_no_page_opens_ports_by_a_name_that_it_has_pointed_here(
    tmp_path: Path, carrier: str
) -> None:
    async with gateway(tmp_path, carrier) as served, served.http() as http:
        name = f"evil.example:{served.serving.port}"
        for headers in ({"Host": name}, {"Host": name, "Origin": f"http://{name}"},
                        {"X-Forwarded-For": "192.0.2.1"}):  # fmt: skip
            page = StrictClient(http, headers | {"Content-Type": "text/plain"})
            found = await page.refused(403, "DATA_CREATE", "POST", "/data", {})
            assert list(found) == ["host"]
        assert not served.engine.datagram_ports
        local = StrictClient(http, {"Host": f"localhost:{served.serving.port}"})
        await local.data()


async def test_with_keys_programs_may_use_any_name_and_pages_may_not(tmp_path: Path) -> None:
    async with gateway(tmp_path, api_keys=KEYS) as served, served.http() as http:
        name = f"gateway.example:{served.serving.port}"
        await StrictClient(http, {"Host": name}).data()
        page = StrictClient(http, {"Host": name, "Origin": f"http://{name}"})
        assert list(await page.refused(403, "DATA_CREATE", "POST", "/data", {})) == ["origin"]


async def test_who_polls_by_another_name_is_slowed_down(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client, served.http() as http:
        peer = await client.opened_peer("ID")
        other = StrictClient(http, {"Host": "gateway.example"})
        began = trio.current_time()
        for _ in range(3):
            path = f"{peer.path}/events{peer.query}"
            await other.refused(403, "PEERS_EVENTS", "GET", path)
        assert trio.current_time() - began >= 0.6
