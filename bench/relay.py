"""Relaying an offer between websocket clients: as fast as it goes, and at a steady rate."""

from __future__ import annotations

import select
import time
from array import array
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from bench.figures import Figures, figures_of
from bench.link import Link, frame
from bench.servers import Server
from bench.wires import Wire

PAIRS = 50
CLIENTS = 200
RATE = 1000  # messages per second, of all clients together
WARM_UP_SECONDS = 1.5
DRAIN_SECONDS = 2.0
now = time.perf_counter


@dataclass(eq=False)
class Caller:
    """One half of a pair. `on_the_way` holds when each message to it was sent."""

    link: Link
    offer: bytes = b""  # framed, to the other half
    other: Caller = field(init=False)
    on_the_way: deque[float] = field(default_factory=deque)

    def call(self) -> None:
        """Send the offer to the other half."""
        self.other.on_the_way.append(now())
        if self.link.sock.send(self.offer) != len(self.offer):
            raise RuntimeError("the server does not read")


def closed_loop(server: Server, wire: Wire, seconds: float) -> Figures:
    """Let PAIRS pairs call each other in turn, one offer of a pair on its way at any time."""
    with _callers(server, wire, PAIRS) as callers, select.epoll() as poll:
        by_file = _watch(poll, callers)
        for caller in callers[::2]:
            caller.call()
        _exchange(poll, by_file, WARM_UP_SECONDS)
        cpu, start = server.cpu_seconds(), now()
        latencies = _exchange(poll, by_file, seconds)
        return figures_of(latencies, now() - start, server.cpu_seconds() - cpu, "msg")


def _exchange(poll: select.epoll, by_file: dict[int, Caller], seconds: float) -> array[float]:
    """Answer each offer with an offer; return how long each was on its way."""
    latencies = array("d")
    end = now() + seconds
    while (time_now := now()) < end:
        for file, _ in poll.poll(end - time_now):
            caller = by_file[file]
            if caller.link.count_new():
                latencies.append(now() - caller.on_the_way.popleft())
                caller.call()
    return latencies


def open_loop(server: Server, wire: Wire, seconds: float) -> Figures:
    """Send RATE offers a second from CLIENTS clients in turn, whatever becomes of them."""
    with _callers(server, wire, CLIENTS // 2) as callers, select.epoll() as poll:
        by_file = _watch(poll, callers)
        _send_steadily(poll, by_file, callers, WARM_UP_SECONDS)
        cpu, start = server.cpu_seconds(), now()
        latencies = _send_steadily(poll, by_file, callers, seconds)
        return figures_of(latencies, now() - start, server.cpu_seconds() - cpu, "msg")


def _send_steadily(
    poll: select.epoll, by_file: dict[int, Caller], callers: list[Caller], seconds: float
) -> array[float]:
    latencies = array("d")
    start, total, sent = now(), int(RATE * seconds), 0
    while len(latencies) < total:
        due = start + sent / RATE if sent < total else start + seconds + DRAIN_SECONDS
        wait = due - now()
        if wait <= 0.0:
            if sent == total:
                raise RuntimeError(f"{total - len(latencies)} of {total} offers were lost")
            callers[sent % len(callers)].call()
            sent += 1
        else:
            _collect(poll, by_file, latencies, wait)
    return latencies


def _collect(
    poll: select.epoll, by_file: dict[int, Caller], latencies: array[float], wait: float
) -> None:
    """Take in what arrives within `wait` seconds, or what arrives first."""
    select.select([poll], [], [], wait)  # unlike epoll, it waits for less than a millisecond
    for file, _ in poll.poll(0):
        caller = by_file[file]
        for _ in range(caller.link.count_new()):
            latencies.append(now() - caller.on_the_way.popleft())


@contextmanager
def _callers(server: Server, wire: Wire, pairs: int) -> Iterator[list[Caller]]:
    """Connect two clients for each pair, in a room of their own, each after the other."""
    callers: list[Caller] = []
    try:
        for number in range(pairs):
            one, its_id = wire.connect(server.port, 2 * number)
            callers.append(Caller(one))
            two, other_id = wire.connect(server.port, 2 * number + 1)
            callers.append(Caller(two))
            for link in (one, two):
                wire.join(link, f"pair-{number}")
            _introduce(callers[-2], callers[-1], wire, its_id, other_id)
        for caller in callers:
            caller.link.set_up()
        time.sleep(0.1)  # what else a joined room has to say
        for caller in callers:
            caller.link.count_new()
        yield callers
    finally:
        for caller in callers:
            caller.link.sock.close()


def _introduce(one: Caller, two: Caller, wire: Wire, its_id: str, other_id: str) -> None:
    one.other, two.other = two, one
    one.offer = frame(wire.offer(its_id, other_id))
    two.offer = frame(wire.offer(other_id, its_id))


def _watch(poll: select.epoll, callers: list[Caller]) -> dict[int, Caller]:
    for caller in callers:
        poll.register(caller.link.sock, select.EPOLLIN)
    return {caller.link.sock.fileno(): caller for caller in callers}
