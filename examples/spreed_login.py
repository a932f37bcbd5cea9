"""Log a Spreed WebRTC session in as a user whom a portal vouches for by shared secret.

    QUINTET_SHARED_SECRET=... python examples/spreed_login.py http://127.0.0.1:8080 alice

Needs `trio`, `trio-websocket` and `httpx`. The server needs `[spreed.users] enabled = true`; the
shared secret is its `shared_secret`, or the generated one that `quintet secrets` shows.

`ticket` is the part that a portal does on its own server, for somebody it has logged in its own
way: the shared secret never leaves it. The rest is the client's part.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import json
import os
import time
from typing import Any
from urllib.parse import quote

import httpx
import trio
from trio_websocket import WebSocketConnection, open_websocket_url


def ticket(user: str, shared_secret: str, valid_seconds: int = 3600) -> dict[str, str]:
    """Return what proves to the server, until it expires, that the portal knows this user."""
    combo = f"{int(time.time()) + valid_seconds}:{user}"
    digest = hmac.new(shared_secret.encode(), combo.encode(), hashlib.sha256).digest()
    return {"useridcombo": combo, "secret": base64.b64encode(digest).decode()}


async def self_document(socket: WebSocketConnection) -> dict[str, Any]:
    """Wait for the document that says who we are; an Error ends the program."""
    while True:
        data = json.loads(await socket.get_message())["Data"]
        if data["Type"] == "Error":
            raise SystemExit(f"refused: {data['Message']} ({data['Code']})")
        if data["Type"] == "Self":
            return data


async def nonce_for(base: str, me: dict[str, Any], proof: dict[str, str]) -> dict[str, Any]:
    """Trade the ticket for a nonce that logs in this one session, once, within a minute."""
    url = f"{base}/api/v1/sessions/{quote(me['Id'])}/"
    async with httpx.AsyncClient() as http:
        answer = await http.patch(url, json={"id": me["Id"], "sid": me["Sid"], **proof})
    document = (
        answer.json() if answer.headers["content-type"].startswith("application/json") else {}
    )
    if answer.status_code != 200:
        raise SystemExit(f"refused: {document.get('message', 'users are not enabled')}")
    return document


async def log_in(base: str, proof: dict[str, str]) -> None:
    async with open_websocket_url(base.replace("http", "ws", 1) + "/ws") as socket:
        anonymous = await self_document(socket)
        granted = await nonce_for(base, anonymous, proof)

        login = {"Userid": granted["userid"], "Nonce": granted["nonce"]}
        await socket.send_message(
            json.dumps(
                {
                    "Type": "Authentication",
                    "Authentication": {"Type": "Authentication", "Authentication": login},
                }
            )
        )
        me = await self_document(socket)  # a fresh one; its token restores the login as well
        print(f"logged in as {me['Userid']}")


def main() -> None:
    parser = argparse.ArgumentParser(description="Log a session in by shared secret.")
    parser.add_argument("base", help="where the server is: http://host:port")
    parser.add_argument("user")
    parser.add_argument("--within", type=float, default=10.0, help="give up after seconds")
    options = parser.parse_args()
    # From the environment: arguments of a program can be read by everybody on the machine.
    shared_secret = os.environ.get("QUINTET_SHARED_SECRET")
    if not shared_secret:
        raise SystemExit("set QUINTET_SHARED_SECRET to spreed.users.shared_secret of the server")
    proof = ticket(options.user, shared_secret)

    async def run() -> None:
        with trio.fail_after(options.within):
            await log_in(options.base.rstrip("/"), proof)

    trio.run(run)


if __name__ == "__main__":
    main()
