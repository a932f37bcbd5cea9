"""A real Mosquitto of the test's own, and somebody who listens to it."""

from __future__ import annotations

import getpass
import queue
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from paho.mqtt.client import Client, MQTTMessage
from paho.mqtt.enums import CallbackAPIVersion

from tests.support.programs import need

START_SECONDS = 60.0
USER, PASSWORD = "quintet", "a:pass/word@1"


def write_config(folder: Path, port: int, *, tls: bool = False) -> Path:
    """Let one user in; with `tls`, use cert.pem and key.pem of the folder."""
    passwords = folder / "passwords"
    command = [need("mosquitto_passwd"), "-b", "-c", str(passwords), USER, PASSWORD]
    subprocess.run(command, check=True, capture_output=True, timeout=START_SECONDS)
    lines = [
        f"listener {port} 127.0.0.1",
        f"user {getpass.getuser()}",  # started by root, it would become somebody else
        "allow_anonymous false",
        f"password_file {passwords}",
        "persistence false",
        "log_dest stderr",
        "max_queued_messages 0",
    ]
    if tls:
        lines += [f"certfile {folder}/cert.pem", f"keyfile {folder}/key.pem"]
    config = folder / "mosquitto.conf"
    config.write_text("\n".join(lines) + "\n")
    return config


@contextmanager
def mosquitto(config: Path, port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a broker while the block runs; it accepts connections when the block starts."""
    command = [need("mosquitto"), "-c", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None, "mosquitto ended"
            assert time.monotonic() < deadline, "mosquitto does not listen"
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield process
    finally:
        process.kill()
        process.wait(timeout=60)


class Subscriber:
    """Collects what is published below a topic, in a thread of paho's own."""

    def __init__(self, port: int, topic: str) -> None:
        self._heard: queue.SimpleQueue[tuple[str, bytes]] = queue.SimpleQueue()
        self._ready = threading.Event()
        self._client = Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(USER, PASSWORD)
        self._client.on_connect = lambda client, *_: client.subscribe(topic, qos=1)
        self._client.on_subscribe = lambda *_: self._ready.set()
        self._client.on_message = self._hear
        self._client.connect("127.0.0.1", port)

    def _hear(self, _client: object, _data: object, message: MQTTMessage) -> None:
        self._heard.put((message.topic, message.payload))

    def __enter__(self) -> Subscriber:
        self._client.loop_start()
        assert self._ready.wait(START_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def next(self, within: float = 60.0) -> tuple[str, bytes]:
        """Return topic and payload of the next message."""
        return self._heard.get(timeout=within)
