"""A robot by the REST API of SkyWay WebRTC Gateway: a page steers it and hears where it is.

    python examples/skyway_robot.py http://127.0.0.1:8000 robot

Needs `httpx`, and a listener that serves skyway (docs/skyway.md). Serve
`skyway_robot.html` and open it in a browser:

    python -m http.server 8001 --directory examples
    http://localhost:8001/skyway_robot.html?broker=localhost:8080&robot=robot

Data goes both ways over UDP: a message of the page ("forward", "left", …) comes as a datagram to a
socket of this program, and a datagram to the gateway's socket is a message to the page.
"""

from __future__ import annotations

import argparse
import json
import signal
import socket
import threading
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import httpx

HERE = "127.0.0.1"  # where the gateway sends what comes; skyway.redirect_allow names what may be
POLL_SECONDS = 60.0  # more than the gateway waits for an event (skyway.long_poll_seconds)
STEPS = {"forward": (0, 1), "back": (0, -1), "left": (-1, 0), "right": (1, 0)}


class Robot:
    """Goes a step when it is told to."""

    def __init__(self) -> None:
        self.x = self.y = 0

    def obey(self, order: str) -> None:
        """Go a step; an order it does not know is none."""
        step_x, step_y = STEPS.get(order, (0, 0))
        self.x, self.y = self.x + step_x, self.y + step_y


def drive(http: httpx.Client, connection: str) -> None:
    """Do what one page says, until it leaves."""
    robot = Robot()
    gateway = http.post("/data", json={}).raise_for_status().json()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as orders:
        orders.bind((HERE, 0))
        orders.settimeout(1.0)
        redirect = {"ip_v4": HERE, "port": orders.getsockname()[1]}
        change = {"feed_params": {"data_id": gateway["data_id"]}, "redirect_params": redirect}
        path = f"/data/connections/{connection}"
        http.put(path, json=change).raise_for_status()
        closed = threading.Event()
        threading.Thread(target=follow, args=(http, path, closed)).start()
        while not closed.is_set():
            state = json.dumps({"x": robot.x, "y": robot.y}).encode()
            orders.sendto(state, (gateway["ip_v4"], gateway["port"]))
            with suppress(TimeoutError):
                robot.obey(orders.recv(65_507).decode(errors="replace"))


def follow(http: httpx.Client, path: str, closed: threading.Event) -> None:
    """Print what happens to a connection, and tell when it is gone."""
    try:
        for event in events(http, f"{path}/events"):
            print(f"{path}: {event['event']}", flush=True)
    finally:
        closed.set()


def events(http: httpx.Client, path: str, **parameters: str) -> Iterator[dict[str, Any]]:
    """Yield events one after another, until the peer or connection is gone."""
    while True:
        answer = http.get(path, params=parameters)
        if answer.status_code == 408:
            continue  # nothing happened: ask again
        if answer.is_error:
            return
        event = dict(answer.json())
        yield event
        if event["event"] == "CLOSE":
            return


def main() -> None:
    parser = argparse.ArgumentParser(description="Be a robot that pages steer.")
    parser.add_argument("base", help="where the gateway is: http://host:port")
    parser.add_argument("peer_id", help="the id that pages connect to")
    parser.add_argument("--key", default="peerjs", help="the API key")
    parser.add_argument("--domain", default="localhost")
    options = parser.parse_args()

    with httpx.Client(base_url=options.base.rstrip("/"), timeout=POLL_SECONDS) as http:
        body = {"key": options.key, "domain": options.domain, "peer_id": options.peer_id}
        created = http.post("/peers", json=body).raise_for_status().json()["params"]
        proof = {"token": created["token"]}
        drivers: list[threading.Thread] = []
        try:
            for event in events(http, f"/peers/{options.peer_id}/events", **proof):
                print(event["event"], flush=True)
                if event["event"] == "CONNECTION":
                    connection = event["data_params"]["data_connection_id"]
                    drivers.append(threading.Thread(target=drive, args=(http, connection)))
                    drivers[-1].start()
        finally:
            http.delete(f"/peers/{options.peer_id}", params=proof)  # ends its connections, too
            for driver in drivers:
                driver.join()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    with suppress(KeyboardInterrupt):
        main()
