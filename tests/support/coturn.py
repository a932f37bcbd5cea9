"""Debian's coturn with the configuration of docs/turn.md, on loopback."""

from __future__ import annotations

import re
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.support.ports import HERE, free_port, free_udp_ports
from tests.support.programs import need
from tests.support.tls import pem_file

GUIDE = Path(__file__).resolve().parent.parent.parent / "docs" / "turn.md"
START_SECONDS = 60.0
RELAYS = 40


def guide_config() -> str:
    """Return the configuration that the guide gives."""
    found = re.search(r"^```ini\n(.*?)^```", GUIDE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    assert found
    return found[1]


def write_config(folder: Path, secret: str) -> tuple[Path, int]:
    """Write the guide's configuration for loopback; returns the file, and the port of UDP and TCP.

    What the guide has for a machine on the internet is replaced line by line, and what is said of
    loopback as a peer is taken back: there is no other network here.
    """
    port, relays = free_port(), free_udp_ports(RELAYS)
    certificate = str(pem_file(folder, HERE))
    replaced = {
        "listening-port": str(port),
        "tls-listening-port": str(free_port()),
        "min-port": str(relays),
        "max-port": str(relays + RELAYS - 1),
        "static-auth-secret": secret,
        "cert": certificate,
        "pkey": certificate,
    }
    lines = []
    for line in guide_config().splitlines():
        key, equals, _ = line.partition("=")
        lines.append(f"{key}={replaced.pop(key)}" if equals and key in replaced else line)
    assert not replaced, replaced
    lines = [line for line in lines if line != "syslog" and "=127." not in line]
    lines += [f"listening-ip={HERE}", f"relay-ip={HERE}", "allow-loopback-peers"]
    lines += [f"pidfile={folder}/turnserver.pid", f"userdb={folder}/turndb", "log-file=stdout"]
    config = folder / "turnserver.conf"
    config.write_text("\n".join(lines) + "\n")
    return config, port


def asking(port: int, secret: str) -> subprocess.Popen[str]:
    """Start the program by which the guide tries a relay; it ends by itself, with its figures."""
    found = re.search(r"^\$ turnutils_uclient (.*)$", GUIDE.read_text("utf-8"), re.MULTILINE)
    assert found
    words = found[1].replace("turn.example.org", HERE).replace("change-me", "SECRET").split()
    words = [secret if word == "SECRET" else word for word in words]
    command = [need("turnutils_uclient"), "-p", str(port), *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextmanager
def coturn(folder: Path, secret: str) -> Iterator[int]:
    """Run a relay while the block runs; gives its port, where it listens when the block starts."""
    config, port = write_config(folder, secret)
    log = folder / "turnserver.log"
    with log.open("wb") as output:
        process = subprocess.Popen(
            [need("turnserver"), "-c", str(config)], stdout=output, stderr=output
        )
    try:
        deadline = time.monotonic() + START_SECONDS
        while True:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            try:
                socket.create_connection((HERE, port), 1).close()
                break
            except OSError:
                time.sleep(0.02)
        yield port
    finally:
        process.kill()
        process.wait(timeout=60)
