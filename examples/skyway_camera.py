"""A camera by the REST API of SkyWay WebRTC Gateway: browsers call it, and see its picture.

    python examples/skyway_camera.py http://127.0.0.1:8000 camera

Needs `httpx`, ffmpeg, and a listener that serves skyway (docs/skyway.md). Serve
`skyway_camera.html` and open it in a browser:

    python -m http.server 8001 --directory examples
    http://localhost:8001/skyway_camera.html?broker=localhost:8080&camera=camera

The picture is a test card; put your own input in its place (`-f v4l2 -i /dev/video0`). Each call
has a UDP socket of the gateway and an encoder of its own. A program with many viewers opens one
socket and names it in every answer: it is freed with the last call that uses it.
"""

from __future__ import annotations

import argparse
import signal
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import httpx

PAYLOAD_TYPE = 96
POLL_SECONDS = 60.0  # more than the gateway waits for an event (skyway.long_poll_seconds)
TEST_CARD = ["-f", "lavfi", "-i", "testsrc=size=640x480:rate=15"]
VP8 = ["-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", "-b:v", "600k", "-g", "30"]


class Gateway:
    """The operations that a camera needs; see api/skyway/README.md for all 22."""

    def __init__(self, base: str) -> None:
        self._http = httpx.Client(base_url=base.rstrip("/"), timeout=POLL_SECONDS)

    def ask(self, method: str, path: str, **request: Any) -> dict[str, Any]:
        """Ask, and return the answer's JSON, {} for none. Raises httpx.HTTPStatusError."""
        answer = self._http.request(method, path, **request)
        answer.raise_for_status()
        return dict(answer.json()) if answer.content else {}

    def events(self, path: str, **parameters: str) -> Iterator[dict[str, Any]]:
        """Yield events one after another, until the peer or connection is gone."""
        while True:
            answer = self._http.get(path, params=parameters)
            if answer.status_code == 408:
                continue  # nothing happened: ask again
            if answer.is_error:
                return
            event = dict(answer.json())
            yield event
            if event["event"] == "CLOSE":
                return


@contextmanager
def peer(gateway: Gateway, peer_id: str, key: str, domain: str) -> Iterator[dict[str, str]]:
    """Be reachable under an id; the query that proves who asks is yielded."""
    body = {"key": key, "domain": domain, "peer_id": peer_id, "turn": False}
    created = gateway.ask("POST", "/peers", json=body)["params"]
    try:
        yield {"token": created["token"]}
    finally:
        gateway.ask("DELETE", f"/peers/{peer_id}", params={"token": created["token"]})


@contextmanager
def encoder(address: str, port: int) -> Iterator[None]:
    """Send the picture to a socket of the gateway as RTP."""
    target = f"rtp://{address}:{port}?pkt_size=1200"
    output = ["-payload_type", str(PAYLOAD_TYPE), "-f", "rtp", target]
    command = ["ffmpeg", "-loglevel", "error", "-nostdin", "-re", *TEST_CARD, *VP8, *output]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            yield
        finally:
            process.terminate()


def show(gateway: Gateway, call: str) -> None:
    """Answer a call with the picture, and follow it to its end."""
    socket = gateway.ask("POST", "/media", json={"is_video": True})
    video = {
        "band_width": 1500, "codec": "VP8", "media_id": socket["media_id"],
        "payload_type": PAYLOAD_TYPE,
    }  # fmt: skip
    constraints = {
        "video": True, "videoReceiveEnabled": False, "video_params": video,
        "audio": False, "audioReceiveEnabled": False,
    }  # fmt: skip
    path = f"/media/connections/{call}"
    with encoder(socket.get("ip_v4") or socket["ip_v6"], socket["port"]):
        gateway.ask("POST", f"{path}/answer", json={"constraints": constraints})
        for event in gateway.events(f"{path}/events"):
            print(f"{call}: {event['event']}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="Be a camera that browsers call.")
    parser.add_argument("base", help="where the gateway is: http://host:port")
    parser.add_argument("peer_id", help="the id that browsers call")
    parser.add_argument("--key", default="peerjs", help="the API key")
    parser.add_argument("--domain", default="localhost")
    options = parser.parse_args()

    gateway = Gateway(options.base)
    with peer(gateway, options.peer_id, options.key, options.domain) as proof:
        for event in gateway.events(f"/peers/{options.peer_id}/events", **proof):
            print(event["event"], flush=True)
            if event["event"] == "CALL":
                call = event["call_params"]["media_connection_id"]
                threading.Thread(target=show, args=(gateway, call)).start()


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does
    with suppress(KeyboardInterrupt):
        main()
