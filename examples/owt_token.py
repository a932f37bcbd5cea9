"""Make a room over the OWT management API, unless there is one of that name, and a token for it.

    QUINTET_SERVICE_KEY=... python examples/owt_token.py http://127.0.0.1:8080 SERVICE meeting ann

Needs `httpx`. `quintet secrets` shows the id and the key of the sample service
(`owt.sample_service_id`, `owt.sample_service_key`). A browser with the OWT JavaScript SDK joins
with the token that is printed, once, within three minutes.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import hmac
import os
import secrets
import time
from typing import Any

import httpx


class Service(httpx.Auth):
    """Signs each request with the key of a service."""

    def __init__(self, service: str, key: str) -> None:
        self._service = service
        self._key = key

    def auth_flow(self, request: httpx.Request) -> Any:
        nonce, milliseconds = secrets.token_hex(8), int(time.time() * 1000)
        signed = hmac.new(self._key.encode(), f"{milliseconds},{nonce}".encode(), hashlib.sha256)
        signature = base64.b64encode(signed.hexdigest().encode()).decode()
        request.headers["Authorization"] = (
            "MAuth realm=http://marte3.dit.upm.es,mauth_signature_method=HMAC_SHA256,"
            f"mauth_serviceid={self._service},mauth_cnonce={nonce},"
            f"mauth_timestamp={milliseconds},mauth_signature={signature}"
        )
        yield request


def room_called(http: httpx.Client, name: str) -> str:
    """Return the id of the room of this name, made if need be."""
    for room in done(http.get("/v1/rooms")).json():
        if room["name"] == name:
            return str(room["_id"])
    options = {"participantLimit": 10}
    answer = done(http.post("/v1/rooms", json={"name": name, "options": options}))
    return str(answer.json()["_id"])


def done(answer: httpx.Response) -> httpx.Response:
    """Return the answer; an error ends the program with the server's words."""
    if answer.is_error:
        error = answer.json()["error"]
        raise SystemExit(f"refused: {error['message']} ({error['code']})")
    return answer


def service(id_: str) -> Service:
    """Return the service with its key, which the environment has: others could see an argument."""
    key = os.environ.get("QUINTET_SERVICE_KEY")
    if not key:
        raise SystemExit("set QUINTET_SERVICE_KEY to the key of the service")
    return Service(id_, key)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("server", help="such as http://127.0.0.1:8080")
    parser.add_argument("service", help="the id of the service")
    parser.add_argument("room", help="the name of the room")
    parser.add_argument("user", help="who the token is for")
    parser.add_argument("--role", default="presenter", help="a role of the room (presenter)")
    options = parser.parse_args()
    signer = service(options.service)
    with httpx.Client(base_url=options.server, auth=signer, timeout=30) as http:
        room = room_called(http, options.room)
        wanted = {"user": options.user, "role": options.role}
        print(done(http.post(f"/v1/rooms/{room}/tokens", json=wanted)).text)


if __name__ == "__main__":
    main()
