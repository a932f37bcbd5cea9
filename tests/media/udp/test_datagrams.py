"""When a datagram came: when the kernel got it, not when somebody had time for it."""

from __future__ import annotations

import errno
import socket
import sys
import time
from collections.abc import Iterator

import pytest

from media.udp.datagrams import (
    CONTROL_BYTES,
    OLDEST_SECONDS,
    TIMESPEC,
    TIMESTAMPS,
    bind_port,
    read_some,
)


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


def wait_until_arrivals_are_noted(bound: socket.socket) -> None:
    """The kernel begins a little after the first socket of the machine has asked for it."""
    for _ in range(100):
        sent = send(bound, b"noted?")
        time.sleep(0.05)
        ((_, arrival),) = arrivals(bound)
        if arrival < sent + 0.03:
            return
    raise AssertionError("the kernel notes no arrivals")


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell")
def test_the_arrival_is_that_at_the_kernel(bound: socket.socket) -> None:
    wait_until_arrivals_are_noted(bound)
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


class Without(socket.socket):
    """A socket of a system that notes no arrivals."""

    def setsockopt(self, level: int, option: int, *value: int) -> None:
        if (level, option) == (socket.SOL_SOCKET, TIMESTAMPS):
            raise OSError(errno.ENOPROTOOPT, "Protocol not available")
        super().setsockopt(level, option, *value)


@pytest.mark.parametrize("platform", ["linux", "darwin"])
@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_a_system_that_notes_no_arrivals_has_the_time_of_reading(
    monkeypatch: pytest.MonkeyPatch, platform: str, address: str
) -> None:
    monkeypatch.setattr(socket, "socket", Without)
    monkeypatch.setattr(sys, "platform", platform)
    bound = bind_port(address, 0)
    assert bound is not None
    with bound:
        bound.sendto(b"one", bound.getsockname())
        before = time.monotonic()
        ((data, arrival),) = arrivals(bound)
    assert data == b"one"
    assert before <= arrival <= time.monotonic()


NOTED = (socket.SOL_SOCKET, TIMESTAMPS)
ENDLESS = TIMESPEC.pack((1 << 63) - 1, -(1 << 63))


@pytest.mark.parametrize(
    "told",
    [
        [],
        [(*NOTED, b"")],
        [(*NOTED, bytes(TIMESPEC.size - 1))],
        [(*NOTED, bytes(TIMESPEC.size))],
        [(*NOTED, ENDLESS)],
        [(*NOTED, b"\xff" * TIMESPEC.size)],
        [(socket.SOL_SOCKET, TIMESTAMPS + 1, b"now")],
        [(socket.IPPROTO_IP, TIMESTAMPS, b"now")],
    ],
)
def test_what_tells_no_arrival_is_harmless(told: list[tuple[int, int, bytes]]) -> None:
    """Neither is a time that stands in a note of another kind."""
    moment = TIMESPEC.pack(*divmod(time.time_ns() - 200_000_000, 10**9))
    told = [(level, kind, moment if data == b"now" else data) for level, kind, data in told]

    class Telling(socket.socket):
        def recvmsg(self, *sizes: int) -> tuple[bytes, list[tuple[int, int, bytes]], int, object]:
            assert sizes[1] == CONTROL_BYTES
            data, _, flags, sender = super().recvmsg(*sizes)
            return data, told, flags, sender

    with Telling(type=socket.SOCK_DGRAM) as bound:
        bound.bind(("127.0.0.1", 0))
        bound.setblocking(False)
        send(bound, b"one")
        before = time.monotonic()
        ((_, arrival),) = arrivals(bound)
        assert before <= arrival <= time.monotonic()


@pytest.mark.skipif(sys.platform != "linux", reason="other kernels do not tell")
def test_an_arrival_is_found_behind_other_notes(monkeypatch: pytest.MonkeyPatch) -> None:
    bound = bind_port("127.0.0.1", 0)
    assert bound is not None
    with bound:
        bound.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        monkeypatch.setattr("media.udp.datagrams.CONTROL_BYTES", 4 * CONTROL_BYTES)
        wait_until_arrivals_are_noted(bound)
        after = send(bound, b"one")
        time.sleep(0.1)
        ((_, arrival),) = arrivals(bound)
        assert arrival <= after + 0.02
