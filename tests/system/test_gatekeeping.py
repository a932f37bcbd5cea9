"""Who is let in: pages of other sites, access tokens, trusted proxies, and limits on guessing."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.support.peace import Siege, peaceful
from tests.support.raw import connected, upgrade_request
from tests.support.rough import PATIENCE
from tests.support.serving import CARRIERS
from tests.support.spreed import SpreedServer, spreed_settings

pytestmark = pytest.mark.parametrize("carrier", CARRIERS)
FAILURES = 4  # the fourth waits a quarter of a second, the fifth is refused
GUESSES = {"credential_failures": FAILURES}


async def knock(server: SpreedServer, path: str = "/ws", **headers: str) -> int:
    """Ask for a websocket; return the status of the answer."""
    serving = server.serving
    asked = upgrade_request(path, **({"host": f"{serving.host}:{serving.port}"} | headers))
    async with connected(serving) as client:
        await client.send(asked)
        with trio.fail_after(PATIENCE):
            return int((await client.read_head()).split()[1])


async def test_pages_of_other_sites_are_refused_and_the_log_says_why(
    tmp_path: Path, carrier: str
) -> None:
    async with peaceful(tmp_path, carrier) as siege:
        own = f"http://{siege.server.serving.host}:{siege.server.serving.port}"
        assert await knock(siege.server) == 101
        assert await knock(siege.server, origin=own) == 101
        for origin in (
            "https://evil.example", "null", "NULL", own.replace("http:", "https:"), own + "0",
            own + ".evil.example", own + "/x", own + "@evil.example", "", "://", "http://[::",
            f"{own}, https://evil.example", "file://", "javascript:alert(1)",
        ):  # fmt: skip
            assert await knock(siege.server, origin=origin) == 403, origin
            assert "origin" in siege.logged("websocket.refused")[-1]["reason"]
        assert len(siege.logged("websocket.refused")) == 14


async def test_the_public_url_and_allowed_origins_decide_whose_pages_are_ours(
    tmp_path: Path, carrier: str
) -> None:
    chosen = spreed_settings(
        server={"public_url": "https://meet.example/sub"},
        limits={"allowed_origins": ["https://portal.example"]},
    )
    async with peaceful(tmp_path, carrier, chosen) as siege:
        assert await knock(siege.server, origin="https://meet.example") == 101
        assert await knock(siege.server, origin="HTTPS://MEET.example:443") == 101
        assert await knock(siege.server, origin="https://portal.example") == 101
        assert await knock(siege.server, origin="http://meet.example") == 403
        assert await knock(siege.server, origin=siege.server.url) == 403
        async with siege.server.http() as client:
            room = (await client.post("/api/v1/rooms")).json()
        assert room["url"].startswith("https://meet.example/")


@pytest.mark.parametrize("trusted", [True, False])
async def test_forwarded_headers_count_only_from_trusted_proxies(
    tmp_path: Path, carrier: str, trusted: bool
) -> None:
    proxies = ["127.0.0.1/32"] if trusted else []
    chosen = spreed_settings(limits={"trusted_proxies": proxies})
    async with peaceful(tmp_path, carrier, chosen) as siege:
        proxied = {"host": "meet.example", "x-forwarded-proto": "https"}
        async with siege.server.http() as client:
            document = (
                await client.get("/.well-known/spreed-configuration", headers=proxied)
            ).json()
        scheme = "https" if trusted else "http"
        assert document["spreed-webrtc_endpoint"] == f"{scheme}://meet.example"
        own = f"https://{siege.server.serving.host}:{siege.server.serving.port}"
        granted = await knock(siege.server, origin=own, x_forwarded_proto="https")
        assert granted == (101 if trusted else 403)


async def test_a_host_that_only_an_untrusted_header_names_is_not_believed(
    tmp_path: Path, carrier: str
) -> None:
    async with peaceful(tmp_path, carrier) as siege, siege.server.http() as client:
        forged = {"x-forwarded-host": "evil.example", "forwarded": "host=evil.example;proto=https"}
        answer = await client.get("/.well-known/spreed-configuration", headers=forged)
        assert "evil.example" not in answer.text
        assert await knock(siege.server, origin="http://evil.example", **forged) == 403


# --- access tokens


@asynccontextmanager
async def tokens_needed(tmp_path: Path, carrier: str) -> AsyncIterator[Siege]:
    file = tmp_path / "tokens"
    file.write_text("# words\nOpenSesame:ann\n")
    spreed = {"token_file": str(file), "require_access_token": False}
    chosen = spreed_settings(limits=GUESSES, spreed=spreed)
    async with peaceful(tmp_path, carrier, chosen) as siege:
        siege.tighten("spreed", require_access_token=True)
        yield siege


async def test_an_access_token_opens_the_websocket(tmp_path: Path, carrier: str) -> None:
    async with tokens_needed(tmp_path, carrier) as siege, siege.server.http() as client:
        assert await knock(siege.server) == 403
        for wrong in ("?a=", "?a=wrong", "?a=%ff", "?b=opensesame"):
            assert await knock(siege.server, f"/ws{wrong}") == 403
        reasons = {entry["reason"] for entry in siege.logged("websocket.refused")}
        assert reasons == {"no access token", "wrong access token"}
        assert await knock(siege.server, "/ws?a=OPENSESAME") == 101
        assert await knock(siege.server, "/spreed/ws?a=opensesame") == 101
        answer = await client.post("/api/v1/tokens", data={"a": "OpenSesame"})
        assert answer.json() == {"token": "opensesame", "success": True}
        cookie = answer.headers["set-cookie"].partition(";")[0]
        assert "HttpOnly" in answer.headers["set-cookie"]
        assert await knock(siege.server, cookie=f"other=1; {cookie}") == 101
        assert await knock(siege.server, cookie="quintet_access=wrong") == 403


async def test_guessing_access_tokens_is_limited(tmp_path: Path, carrier: str) -> None:
    async with tokens_needed(tmp_path, carrier) as siege, siege.server.http() as client:
        statuses = [await knock(siege.server, "/ws?a=guess")]  # counts with those over REST
        for number in range(FAILURES + 1):
            answer = await client.post("/api/v1/tokens", data={"a": f"guess {number}"})
            statuses.append(answer.status_code)
        assert statuses == [403] * FAILURES + [429] * 2
        answer = await client.post("/api/v1/tokens", data={"a": "opensesame"})
        assert answer.json()["code"] == "too_many_attempts"


# --- PINs and portal secrets


async def test_guessing_a_pin_is_limited_and_other_rooms_stay_open(
    tmp_path: Path, carrier: str
) -> None:
    async with peaceful(tmp_path, carrier, spreed_settings(limits=GUESSES)) as siege:
        async with siege.server.client() as ann, siege.server.client() as eve:
            await ann.join("blue", "4711")
            for guess in range(FAILURES):
                await eve.hello("blue", f"{guess}")
                assert (await eve.error())[0] == "invalid_credentials"
            for pin in ("1234", "4711"):
                await eve.hello("blue", pin)
                assert await eve.reason() == "too_many_attempts"
            await eve.join("red")
            await eve.join("green", "99")
            async with siege.server.client() as again:
                await again.hello("BLUE", "4711", Type="Room")
                assert await again.reason() == "too_many_attempts"
            await ann.send("Users")
            assert len((await ann.data("Users"))["Users"]) == 1


async def test_many_guesses_at_once_count_as_many(tmp_path: Path, carrier: str) -> None:
    async with peaceful(tmp_path, carrier, spreed_settings(limits=GUESSES)) as siege:
        verdicts: list[str] = []

        async def guess(pin: str) -> None:
            async with siege.server.client() as eve:
                await eve.hello("blue", pin)
                verdicts.append(await eve.reason())

        async with siege.server.client() as ann:
            await ann.join("blue", "4711")
            async with trio.open_nursery() as nursery:
                for pin in range(3 * FAILURES):
                    nursery.start_soon(guess, str(pin))
        assert verdicts.count("invalid_credentials") == FAILURES
        assert verdicts.count("too_many_attempts") == 2 * FAILURES


async def test_guessing_a_portal_secret_is_limited_by_user(tmp_path: Path, carrier: str) -> None:
    users: dict[str, Any] = {"enabled": True, "shared_secret": "the shared secret of the portal"}
    chosen = spreed_settings(limits=GUESSES, spreed={"users": users})
    async with peaceful(tmp_path, carrier, chosen) as siege, siege.server.http() as client:
        async with siege.server.client() as ann:

            async def log_in(user: str, secret: str) -> httpx.Response:
                combo = f"{int(time.time()) + 60}:{user}"
                right = hmac.digest(users["shared_secret"].encode(), combo.encode(), hashlib.sha256)
                body = {
                    "id": ann.id,
                    "sid": ann.me["Sid"],
                    "useridcombo": combo,
                    "secret": secret or base64.b64encode(right).decode(),
                }
                return await client.patch(f"/api/v1/sessions/{ann.id}/", json=body)

            for _ in range(FAILURES):
                assert (await log_in("ann", "wrong")).status_code == 403
            refused = await log_in("ann", "")
            assert (refused.status_code, refused.json()["code"]) == (429, "too_many_attempts")
            assert (await log_in("bob", "")).status_code == 200
