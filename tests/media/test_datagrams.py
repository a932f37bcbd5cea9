"""When a datagram came: when the kernel got it, not when somebody had time for it."""

from __future__ import annotations

import socket
import sys
import time
from collections.abc import Iterator

import pytest

from media.datagrams import OLDEST_SECONDS, bind_port, read_some


@pytest.fixture
def bound() -> Iterator[socket.socket]:
    found = bind_port("127.0.0.1", 0)
    assert found is not None
    yield found
    found.close()


def send(bound: socket.socket, *datagrams: bytes) -> float:
    """Send them, and return when the last one had been sent."""
    with socket.socket(type=socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, bound.getsockname())
    return time.monotonic()


def arrivals(bound: socket.socket, pause: float = 0.0) -> list[tuple[bytes, float]]:
    """Take what is there; `pause` is how long each one keeps us busy."""
    found = []

    def take(data: bytes, sender: object, arrival: float) -> None:
        found.append((data, arrival))
        time.sleep(pause)

    read_some(bound, take)
    return found


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell")
def test_the_arrival_is_that_at_the_kernel(bound: socket.socket) -> None:
    before = time.monotonic()
    after = send(bound, b"one", b"two", b"three")
    time.sleep(0.1)
    found = arrivals(bound, pause=0.05)
    assert [data for data, _ in found] == [b"one", b"two", b"three"]
    times = [arrival for _, arrival in found]
    assert times == sorted(times)
    # The two clocks are read one after the other, and somebody else may run between.
    assert before - 0.02 <= times[0] <= times[-1] <= after + 0.02


def test_a_clock_that_was_set_meanwhile_is_not_believed(
    bound: socket.socket, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = time.time
    for step in (-3600.0, -2 * OLDEST_SECONDS, 2 * OLDEST_SECONDS, 3600.0):
        send(bound, b"one")
        monkeypatch.setattr(time, "time", lambda step=step: right() + step)
        before = time.monotonic()
        ((_, arrival),) = arrivals(bound)
        monkeypatch.setattr(time, "time", right)
        assert before <= arrival <= time.monotonic()
