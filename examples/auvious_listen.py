"""Listen for the events of a user of Auvious RTC, over MQTT on a websocket.

    QUINTET_PASSWORD=... python examples/auvious_listen.py http://127.0.0.1:8080 app alice

Needs `httpx` and `paho-mqtt`. The server needs an `[[auvious.clients]]` entry with `public = true`
and the grant `password` (here "app"), and an `[[auvious.users]]` entry (here "alice").

It registers an endpoint, keeps it alive, and prints what is sent to it; `auvious_events.py` sends
something. Events of qos 1 that come while the connection is away arrive once it is back. When its
token ends, after an hour, so does the connection: a program that runs longer signs in again.
"""

from __future__ import annotations

import argparse
import os
import queue
from urllib.parse import urlsplit

import httpx
from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

ENDPOINTS = "/rtc-api/users/endpoints"
KEEP_ALIVE_SECONDS = 15


def sign_in(http: httpx.Client, client: str, user: str, password: str) -> str:
    """Trade a password for an access token."""
    form = {"grant_type": "password", "client_id": client, "username": user, "password": password}
    answer = http.post("/security/oauth/token", data=form)
    if answer.status_code != 200:
        raise SystemExit(f"refused: {answer.json()['error_description']}")
    return str(answer.json()["access_token"])


def connect(base: str, user: str, token: str, topic: str, heard: queue.Queue[str]) -> Client:
    """Connect, and subscribe each time the connection is back; events go into `heard`."""

    def on_connect(client: Client, *_: object) -> None:
        client.subscribe(topic, qos=1)

    def on_message(_client: Client, _data: object, message: MQTTMessage) -> None:
        heard.put(message.payload.decode())

    parts = urlsplit(base)
    secure = parts.scheme == "https"
    client = Client(CallbackAPIVersion.VERSION2, transport="websockets")
    client.ws_set_options(path="/ws")
    client.username_pw_set(user, token)  # the user is the token's, the password is the token
    if secure:
        client.tls_set()
    client.on_connect, client.on_message = on_connect, on_message
    client.connect(parts.hostname or "127.0.0.1", parts.port or (443 if secure else 80))
    client.loop_start()
    return client


def main() -> None:
    parser = argparse.ArgumentParser(description="Print the events of a user.")
    parser.add_argument("base", help="where the server is: http://host:port")
    parser.add_argument("client")
    parser.add_argument("user")
    parser.add_argument("--events", type=int, default=0, help="end after so many (0: never)")
    options = parser.parse_args()
    # From the environment: arguments of a program can be read by everybody on the machine.
    password = os.environ.get("QUINTET_PASSWORD")
    if not password:
        raise SystemExit("set QUINTET_PASSWORD to the password of the user")

    with httpx.Client(base_url=options.base.rstrip("/"), timeout=10) as http:
        token = sign_in(http, options.client, options.user, password)
        http.headers["Authorization"] = f"Bearer {token}"
        answer = http.post(ENDPOINTS, json={"keepAliveSeconds": KEEP_ALIVE_SECONDS})
        answer.raise_for_status()
        endpoint = {"userEndpointId": answer.json()}

        heard: queue.Queue[str] = queue.Queue()
        topic = f"user/{options.user}/{answer.json()}"
        client = connect(options.base, options.user, token, topic, heard)
        count = 0
        try:
            while not options.events or count < options.events:
                try:
                    print(heard.get(timeout=KEEP_ALIVE_SECONDS * 2 / 3), flush=True)
                    count += 1
                except queue.Empty:
                    http.post(f"{ENDPOINTS}/keepalive", json=endpoint).raise_for_status()
        finally:
            client.disconnect()
            client.loop_stop()
            http.post(f"{ENDPOINTS}/unregister", json={**endpoint, "reason": "done"})


if __name__ == "__main__":
    main()
