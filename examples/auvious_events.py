"""Send an event to a user of Auvious RTC, and see it wait at an endpoint of theirs.

    QUINTET_PASSWORD=... python examples/auvious_events.py http://127.0.0.1:8080 app alice

Needs `httpx`. The server needs an `[[auvious.clients]]` entry with `public = true` and the grant
`password` (here "app"), and an `[[auvious.users]]` entry (here "alice").

The endpoint lives while it is kept alive. A client would now connect by MQTT to be sent its events;
this program has no such connection and looks at what waits there.
"""

from __future__ import annotations

import argparse
import os
from datetime import UTC, datetime

import httpx

ENDPOINTS = "/rtc-api/users/endpoints"


def sign_in(http: httpx.Client, client: str, user: str, password: str) -> str:
    """Trade a password for an access token."""
    form = {"grant_type": "password", "client_id": client, "username": user, "password": password}
    answer = http.post("/security/oauth/token", data=form)
    if answer.status_code != 200:
        raise SystemExit(f"refused: {answer.json()['error_description']}")
    return str(answer.json()["access_token"])


def event(text: str) -> dict[str, str]:
    """Return an event: a type that ends in Event, the time in UTC, and whatever else."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    return {"type": "ExampleSentEvent", "timestamp": now, "text": text}


def post(http: httpx.Client, operation: str, body: dict[str, object]) -> httpx.Response:
    """Call an operation; a refusal ends the program."""
    answer = http.post(f"{ENDPOINTS}/{operation}", json=body)
    if not answer.is_success:
        raise SystemExit(f"refused: {answer.status_code} {answer.text}")
    return answer


def main() -> None:
    parser = argparse.ArgumentParser(description="Send an event to oneself.")
    parser.add_argument("base", help="where the server is: http://host:port")
    parser.add_argument("client")
    parser.add_argument("user")
    parser.add_argument("--text", default="Good morning")
    options = parser.parse_args()
    # From the environment: arguments of a program can be read by everybody on the machine.
    password = os.environ.get("QUINTET_PASSWORD")
    if not password:
        raise SystemExit("set QUINTET_PASSWORD to the password of the user")

    with httpx.Client(base_url=options.base.rstrip("/"), timeout=10) as http:
        token = sign_in(http, options.client, options.user, password)
        http.headers["Authorization"] = f"Bearer {token}"

        endpoint = {"userEndpointId": post(http, "register", {"keepAliveSeconds": 15}).json()["id"]}
        post(http, "keepalive", endpoint)  # again within every 15 seconds
        # qos 1: kept until it is acknowledged. The mask is for logs and for what is shown below.
        sending = {"userId": options.user, "event": event(options.text), "qos": 1,
                   "masks": ["$.text"]}  # fmt: skip
        print(f"reached {post(http, 'sendEvent', sending).json()} endpoint(s)")
        shown = http.get(f"{ENDPOINTS}/{endpoint['userEndpointId']}").json()
        for waiting in shown["events"]:
            print(f"waiting: {waiting['event']['type']} {waiting['event']['text']}")
        post(http, "unregister", {**endpoint, "reason": "done"})


if __name__ == "__main__":
    main()
