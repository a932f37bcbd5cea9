"""No secret reaches a log: sessions full of them, and none is found in what is logged.

Once in the test's process, where entries are seen as they were before redaction, and once against a
real `quintet serve` that writes JSON at debug level.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
import trio
from trio_websocket import open_websocket_url

from tests.support.peace import peaceful
from tests.support.raw import connected, frame, upgrade_request
from tests.support.rough import PATIENCE, request, send_all
from tests.support.server_process import ServerProcess
from tests.support.serving import CARRIERS
from tests.support.spreed import SpreedClient, spreed_settings

ACCESS_TOKEN = "open-sesame-9137"
SHARED_SECRET = "portal-secret-5520"
SDP = "v=0\r\no=- 46117317 2 IN IP4 127.0.0.1\r\ns=-\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"
WORDS = {
    ACCESS_TOKEN, SHARED_SECRET, "asd88fgpdd777uzjYhagZg", "46117317", "pin-of-the-room-8812",
    "pin-that-is-wrong-3341", "pin-of-the-lock-7719", "chat text 6021", "whispered text 1182",
    "displayed name 4410", "candidate:842163049", "wrong-access-token-2291", "wrong-resume-7003",
    "wrong-nonce-6618", "wrong-attestation-9026", "wrong-secret-1477", "userid-at-portal-3378",
    "half a message 5081", "in a query 9952", "in a header 2210", "in a body 7764",
    "a close reason 1359", "agent of the user 6120",
}  # fmt: skip


@asynccontextmanager
async def session(base: httpx.URL, query: str = "") -> AsyncIterator[SpreedClient]:
    async with open_websocket_url(f"ws://{base.host}:{base.port}/ws{query}") as socket:
        client = SpreedClient(socket)
        client.me = await client.data("Self")
        yield client


async def confide(base: httpx.URL) -> set[str]:
    """Use every secret there is, rightly and wrongly; return those the server made up."""
    made: set[str] = set()
    async with httpx.AsyncClient(base_url=base, timeout=PATIENCE) as http:
        async with session(base) as ann, session(base, "?t=wrong-resume-7003") as bob:
            await converse(ann, bob)
            made |= await log_in(http, ann)
            made |= {text for me in (ann.me, bob.me) for text in (me["Sid"], me["Token"])}
            await err(bob)
        async with session(base, f"?t={ann.me['Token']}&a={ACCESS_TOKEN}") as again:
            made.add(again.me["Token"])
        for token in (ACCESS_TOKEN, "wrong-access-token-2291"):
            await http.post("/api/v1/tokens", data={"a": token})
            await http.post("/api/v1/tokens", params={"a": token})
        for method, path in (("GET", "/no/where"), ("PUT", "/api/v1/x"), ("GET", "/api/v1/config")):
            about = {"x": "in a query 9952"}
            secretive = {
                "authorization": "in a header 2210",
                "cookie": "quintet_access=in a header 2210",
            }
            await http.request(
                method, path, params=about, headers=secretive, content="in a body 7764"
            )
    return made


async def converse(ann: SpreedClient, bob: SpreedClient) -> None:
    """Join a locked room, chat, call."""
    await ann.join("blue", "pin-of-the-room-8812", Ua="agent of the user 6120")
    await bob.hello("blue", "pin-that-is-wrong-3341")
    assert (await bob.error())[0] == "invalid_credentials"
    await bob.join("blue", "pin-of-the-room-8812")
    await ann.data("Joined")
    await ann.send("Room", {"Name": "blue", "Credentials": {"PIN": "pin-of-the-lock-7719"}})
    await ann.data("Room")
    await bob.data("Room")
    await ann.send("Status", {"displayName": "displayed name 4410"})
    await ann.send("Chat", {"Message": "chat text 6021", "NoEcho": True})
    await ann.send("Chat", {"Message": "whispered text 1182", "NoEcho": True}, To=bob.id)
    await ann.send("Offer", {"type": "offer", "sdp": SDP}, To=bob.id)
    await ann.send("Candidate", {"candidate": "candidate:842163049 1 udp"}, To=bob.id)
    told = sorted([(await bob.next())["Data"]["Type"] for _ in range(5)])
    assert told == ["Candidate", "Chat", "Chat", "Offer", "Status"]


async def log_in(http: httpx.AsyncClient, ann: SpreedClient) -> set[str]:
    """Log in as a user of a portal, after some failures; return nonce and signature."""
    combo = f"{int(time.time()) + 60}:userid-at-portal-3378"
    mac = hmac.digest(SHARED_SECRET.encode(), combo.encode(), hashlib.sha256)
    right = base64.b64encode(mac).decode()
    nonce = ""
    for secret in ("wrong-secret-1477", right):
        body = {"id": ann.id, "sid": ann.me["Sid"], "useridcombo": combo, "secret": secret}
        answer = (await http.patch(f"/api/v1/sessions/{ann.id}/", json=body)).json()
        nonce = answer.get("nonce", nonce)
    for given in ("wrong-nonce-6618", nonce):
        login = {"Userid": "userid-at-portal-3378", "Nonce": given}
        await ann.send("Authentication", login)
    assert (await ann.error())[0] == "invalid_session_token"
    ann.me = await ann.data("Self")
    assert ann.me["Userid"] == "userid-at-portal-3378"
    return {nonce, right, ann.me["Suserid"]}


async def err(bob: SpreedClient) -> None:
    """Say what makes no sense, with secrets in it."""
    await bob.raw('{"Type":"Chat","Chat":{"Message":"half a message 5081"')
    await bob.raw('{"Type":"Hello","Hello":{"Name":["half a message 5081"]}}')
    await bob.raw(b"half a message 5081")
    await bob.send("Sessions", {"Type": "session", "Token": "wrong-attestation-9026"})
    await bob.socket.aclose(1000, "a close reason 1359")


async def stumble(host: str, port: int) -> None:
    """Break HTTP and the websocket protocol, with secrets in what is broken."""
    where = _Where(host, port)
    secret = "/ws?t=wrong-resume-7003&a=wrong-access-token-2291"
    for sent in (
        upgrade_request(secret, sec_websocket_key="in a header 2210"),
        upgrade_request(secret, origin="https://evil.example"),
        upgrade_request(f"/elsewhere{secret}"),
        request("GET", secret, "Connection: close", "X: in a header 2210\0"),
        request("GET", "/x?in%20a%20query%209952=in a query 9952", "Connection: close"),
    ):
        async with connected(where) as client:  # type: ignore[arg-type]
            await client.send(sent)
            with trio.fail_after(PATIENCE):
                assert (await client.read_head()).startswith("HTTP/1.1 ")
    async with connected(where) as client:  # type: ignore[arg-type]
        await client.send(upgrade_request(secret))
        assert " 101 " in await client.read_head()
        await send_all(client, frame(1, b"half a message 5081\xff") + b"half a message 5081")
        with trio.fail_after(PATIENCE):
            await client.read_rest()


class _Where:
    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port


def assert_silent(log: str, secrets: set[str]) -> None:
    assert "" not in secrets
    for secret in secrets:
        for spelling in (secret, json.dumps(secret)[1:-1], secret.replace(" ", "%20")):
            assert spelling not in log, f"{secret!r} was logged"


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_no_secret_is_passed_to_the_log(tmp_path: Path, carrier: str) -> None:
    (tmp_path / "tokens").write_text(ACCESS_TOKEN)
    users = {"enabled": True, "shared_secret": SHARED_SECRET}
    chosen = spreed_settings(spreed={"token_file": str(tmp_path / "tokens"), "users": users})
    async with peaceful(tmp_path, carrier, chosen) as siege:
        serving = siege.server.serving
        made = await confide(httpx.URL(serving.url))
        await stumble(serving.host, serving.port)
    assert siege.logged("request.answered")
    assert siege.logged("websocket.refused")
    kept = set(siege.server.services.secrets.all().values())
    assert_silent("\n".join(map(repr, siege.entries)), WORDS | made | kept)


async def test_no_secret_is_written_by_a_real_server_at_debug_level(tmp_path: Path) -> None:
    (tmp_path / "tokens").write_text(ACCESS_TOKEN)
    config = (
        f'[log]\nlevel = "debug"\nformat = "json"\n[spreed]\ntoken_file = "{tmp_path / "tokens"}"\n'
        f'[spreed.users]\nenabled = true\nshared_secret = "{SHARED_SECRET}"\n'
    )
    with ServerProcess(tmp_path, config=config) as server:
        made = await confide(httpx.URL(server.url))
        await stumble("127.0.0.1", server.port)
        assert server.stop() == 0
    log = "\n".join(server.output)
    assert "request.answered" in log
    assert "websocket.refused" in log
    kept = (tmp_path / "data" / "secrets.toml").read_text().split('"')[1::2]
    assert_silent(log, WORDS | made | set(kept))
