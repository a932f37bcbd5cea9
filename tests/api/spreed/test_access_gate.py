"""The websocket's gate: access tokens by cookie and query, and no endless guessing of them."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from tests.support.raw import connected, upgrade_request
from tests.support.spreed import SpreedServer, spreed_server, spreed_settings


@asynccontextmanager
async def gated(
    tmp_path: Path, words: str, **sections: dict[str, int]
) -> AsyncIterator[tuple[SpreedServer, httpx.AsyncClient]]:
    """Serve a site whose websocket takes these access tokens only, one a line."""
    file = tmp_path / "tokens.txt"
    file.write_text(words, "utf-8")
    gate = {"token_file": str(file), "require_access_token": True}
    settings = spreed_settings(spreed=gate, **sections)
    async with spreed_server(tmp_path, settings=settings) as server, server.http() as http:
        yield server, http


async def upgrade_status(server: SpreedServer, query: str) -> int:
    async with connected(server.serving) as client:
        await client.send(upgrade_request(f"/ws{query}"))
        return int((await client.read_head()).split()[1])


async def test_the_websocket_takes_a_token_of_any_text_by_cookie(tmp_path: Path) -> None:
    async with gated(tmp_path, "lässmich, bitte\n") as (server, http):
        response = await http.post("/api/v1/tokens", data={"a": "lässmich, bitte"})
        cookie = response.headers["set-cookie"].partition("; HttpOnly")[0]
        async with server.client(headers=[("Cookie", f"x=1; {cookie}")]):
            pass


async def test_access_tokens_cannot_be_guessed_over_the_websocket(tmp_path: Path) -> None:
    limits = {"credential_failures": 3}
    async with gated(tmp_path, "letmein\n", limits=limits) as (server, http):
        assert await upgrade_status(server, "") == 403
        assert await upgrade_status(server, "?a=letmein") == 101
        found = [await upgrade_status(server, f"?a=guess{n}") for n in range(5)]
        assert found == [403, 403, 403, 429, 429]
        assert await upgrade_status(server, "?a=letmein") == 429
        response = await http.post("/api/v1/tokens", data={"a": "letmein"})
        assert response.status_code == 429
        assert response.json()["code"] == "too_many_attempts"
