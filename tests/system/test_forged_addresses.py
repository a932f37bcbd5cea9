"""Who says in a header that he is somebody else: every bound of an address is still his own."""

from __future__ import annotations

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio
from trio_websocket import HandshakeError

from tests.support.auvious import auvious_toml
from tests.support.levels import OPERATOR_TOKEN
from tests.support.peerjs import BrokerClient
from tests.support.process import RunningProcess, launched
from tests.support.raw import connected, talking
from tests.support.spreed import SpreedClient

CONFIG = f"""
listeners = [{{ bind = "127.0.0.1:0", root = "spreed", dialects = [
    "spreed", "owt", "auvious", "peerjs", "operator" ] }}]
operator.token = "{OPERATOR_TOKEN}"
limits.empty_rooms_per_address = 3
limits.credential_failures = 3
limits.credential_failures_per_address = 6
peerjs.absent_messages_per_address = 3
peerjs.expire_timeout = 30
owt.sockets = 12
{auvious_toml()}
"""
SHARE = 3  # of 12
EXPECTED = {"proxy.untrusted", "credentials.address_refused"}
numbers = itertools.count(1)


def forged() -> dict[str, str]:
    """Return headers that name another address each time."""
    number = next(numbers)
    address = f"198.51.100.{number % 250}"
    return {
        "X-Forwarded-For": f"{address}, 203.0.113.{number % 250}",
        "X-Real-IP": address,
        "Forwarded": f"for={address}",
        "True-Client-IP": address,
        "CF-Connecting-IP": address,
    }


@asynccontextmanager
async def attacked(folder: Path, more: str = "") -> AsyncIterator[RunningProcess]:
    """Run a server, of which only one line in the log may say that something is odd."""
    async with launched(folder, more + CONFIG) as process:
        yield process
        said = process.troubles()
        untrusted = [line for line in said if line["event"] == "proxy.untrusted"]
        assert [line["address"] for line in untrusted] == ["127.0.0.0/24"]  # log.addresses
        assert "trusted_proxies" in untrusted[0]["hint"]
        assert {line["event"] for line in said} <= EXPECTED


def test_of_connections(tmp_path: Path) -> None:
    async def main() -> None:
        most = "limits.connections_per_address = 4\n"
        async with launched(tmp_path, most + CONFIG) as process, AsyncExitStack() as stack:
            for _ in range(4):
                await stack.enter_async_context(connected(process))
            async with connected(process) as one_more:
                lines = [f"{name}: {value}\r\n" for name, value in forged().items()]
                request = f"GET /-/healthz HTTP/1.1\r\nHost: x\r\n{''.join(lines)}\r\n"
                await one_more.send(request.encode())
                assert (await one_more.read_head()).startswith("HTTP/1.1 429")

    trio.run(main)


async def test_of_empty_rooms(tmp_path: Path) -> None:
    async with attacked(tmp_path) as process:
        answers = []
        for number in range(5):
            url = f"ws://{process.host}:{process.port}/ws"
            async with talking(url, headers=forged()) as socket:
                client = SpreedClient(socket)
                client.me = await client.data("Self")
                await client.hello(f"room {number}")
                answers.append((await client.next())["Data"])
        assert [each["Type"] for each in answers] == ["Welcome"] * 3 + ["Error"] * 2
        assert answers[-1]["Code"] == "too_many_rooms"


@pytest.mark.parametrize("who", ["operator", "client", "user"])
async def test_of_guesses(tmp_path: Path, who: str) -> None:
    async with attacked(tmp_path) as process:
        async with httpx.AsyncClient(base_url=process.url, timeout=60.0) as http:
            codes = [await guess(http, who, number) for number in range(9)]
    assert codes[-1] == 429
    assert codes.count(429) >= 3


async def guess(http: httpx.AsyncClient, who: str, number: int) -> int:
    if who == "operator":
        headers = forged() | {"Authorization": f"Bearer {number}"}
        return (await http.get("/-/metrics", headers=headers)).status_code
    form = {
        "client": {
            "grant_type": "client_credentials", "client_id": "backoffice",
            "client_secret": str(number),
        },
        "user": {
            "grant_type": "password", "client_id": "customer", "username": f"name {number}",
            "password": "guessed",
        },
    }[who]  # fmt: skip
    return (await http.post("/security/oauth/token", data=form, headers=forged())).status_code


async def test_of_what_waits_for_absent_peers(tmp_path: Path) -> None:
    async with attacked(tmp_path) as process:
        expired = 0
        for number in range(5):
            query = f"key=peerjs&id=me{number}&token=t"
            url = f"ws://{process.host}:{process.port}/peerjs/peerjs?{query}"
            async with talking(url, headers=forged()) as socket:
                client = BrokerClient(socket, f"me{number}")
                assert (await client.next())["type"] == "OPEN"
                await client.send("OFFER", f"nobody{number}", payload={})
                await client.send("ANSWER", client.id, payload="to myself")
                kind = (await client.next())["type"]
                expired += kind == "EXPIRE"
        assert expired == 2


async def test_of_polls(tmp_path: Path) -> None:
    async with attacked(tmp_path) as process:
        async with httpx.AsyncClient(base_url=process.url, timeout=60.0) as http:
            query = "/socket.io/?EIO=3&transport=polling"
            codes = [(await http.get(query, headers=forged())).status_code for _ in range(5)]
    assert codes == [200] * SHARE + [429] * (5 - SHARE)


async def test_of_connections_by_websockets(tmp_path: Path) -> None:
    async with launched(tmp_path, "limits.connections_per_address = 2\n" + CONFIG) as process:
        url = f"ws://{process.host}:{process.port}/ws"
        async with talking(url, headers=forged()), talking(url, headers=forged()):
            with pytest.raises((HandshakeError, BaseExceptionGroup, trio.BrokenResourceError)):
                async with talking(url, headers=forged()):
                    pass
