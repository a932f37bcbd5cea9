"""`python -m bench.events`: Auvious events from sendEvent to MQTT subscribers, beside Mosquitto.

Quintet takes an event as an HTTP request with a token, keeps it in the endpoint's outbox and sends
it over a websocket; Mosquitto takes and sends a PUBLISH over TCP. The rest is the same: ENDPOINTS
subscribers, each with a topic of its own, and the same payload.
"""

from __future__ import annotations

import argparse
import select
import time
from array import array
from collections import deque
from contextlib import ExitStack
from statistics import median

from bench.event_sides import ALL, ENDPOINTS, IDLE, Sender, Side, mosquitto, quintet
from bench.figures import Figures, figures_of

SENDERS = 16  # connections that send, one event under way on each in the closed loop
RATE = 500  # events per second in the open loop
WARM_UP_SECONDS = 1.0
DRAIN_SECONDS = 10.0
now = time.perf_counter


class Load:
    """Subscribers and senders of one run, and how long each event was on its way."""

    def __init__(self, side: Side, qos: int, stack: ExitStack) -> None:
        self.subscribers = [side.subscriber(number, qos) for number in range(ENDPOINTS)]
        self.senders = [side.sender(qos) for _ in range(SENDERS)]
        self.latencies = array("d")
        self.answered: list[Sender] = []
        self._on_the_way: list[deque[float]] = [deque() for _ in range(ENDPOINTS)]
        self._next = 0
        self._poll = stack.enter_context(select.epoll())
        self._hears = {link.sock.fileno(): each for each, link in enumerate(self.subscribers)}
        self._sends = {sender.sock.fileno(): sender for sender in self.senders}
        for link in (*self.subscribers, *self.senders):
            stack.callback(link.sock.close)
            self._poll.register(link.sock, select.EPOLLIN)

    @property
    def unheard(self) -> int:
        return sum(map(len, self._on_the_way))

    def send(self, sender: Sender) -> None:
        """Send an event to the next subscriber in turn."""
        self._next = (self._next + 1) % ENDPOINTS
        self._on_the_way[self._next].append(now())
        sender.send(self._next)

    def send_to_all(self, sender: Sender) -> None:
        """Send one event to everyone."""
        sent = now()
        for on_the_way in self._on_the_way:
            on_the_way.append(sent)
        sender.send(ALL)

    def collect(self, wait: float) -> None:
        """Take in what arrives within `wait` seconds, or what arrives first."""
        select.select([self._poll], [], [], max(0.0, wait))
        for file, _ in self._poll.poll(0):
            number = self._hears.get(file)
            if number is None:
                sender = self._sends[file]
                self.answered += [sender] * sender.take()
            else:
                for _ in range(self.subscribers[number].take()[0]):
                    self.latencies.append(now() - self._on_the_way[number].popleft())

    def closed(self, seconds: float) -> None:
        """Let every sender send again as soon as it is answered."""
        end = now() + seconds
        while (left := end - now()) > 0:
            for sender in self.answered:
                self.send(sender)
            self.answered.clear()
            self.collect(left)

    def rounds(self, seconds: float) -> None:
        """Send to everyone again as soon as everyone has heard."""
        end = now() + seconds
        while now() < end:
            self.send_to_all(self.senders[0])
            self.drain()

    def open(self, seconds: float) -> None:
        """Send RATE a second, whatever becomes of them."""
        start, total, sent = now(), int(RATE * seconds), 0
        while sent < total:
            wait = start + sent / RATE - now()
            if wait <= 0:
                self.send(self.senders[sent % SENDERS])
                sent += 1
            else:
                self.collect(wait)

    def drain(self) -> None:
        """Wait for what is on its way."""
        end = now() + DRAIN_SECONDS
        while self.unheard and now() < end:
            self.collect(end - now())
        if self.unheard:
            raise RuntimeError(f"{self.unheard} events were lost")


def closed_loop(side: Side, seconds: float, qos: int) -> Figures:
    """SENDERS send as fast as they are answered."""
    with ExitStack() as stack:
        load = Load(side, qos, stack)
        load.answered = list(load.senders)
        load.closed(WARM_UP_SECONDS)
        load.latencies = array("d")
        cpu, start = side.server.cpu_seconds(), now()
        load.closed(seconds)
        figures = figures_of(
            load.latencies, now() - start, side.server.cpu_seconds() - cpu, "event"
        )
        load.drain()
        return figures


def open_loop(side: Side, seconds: float, qos: int) -> Figures:
    """RATE events a second."""
    with ExitStack() as stack:
        load = Load(side, qos, stack)
        load.open(WARM_UP_SECONDS)
        load.drain()
        load.latencies = array("d")
        cpu, start = side.server.cpu_seconds(), now()
        load.open(seconds)
        load.drain()
        return figures_of(load.latencies, now() - start, side.server.cpu_seconds() - cpu, "event")


def to_all(side: Side, seconds: float, qos: int) -> Figures:
    """One sender sends each event to all endpoints of a user."""
    side.to_all = True
    with ExitStack() as stack:
        load = Load(side, qos, stack)
        load.rounds(WARM_UP_SECONDS)
        load.latencies = array("d")
        cpu, start = side.server.cpu_seconds(), now()
        load.rounds(seconds)
        return figures_of(load.latencies, now() - start, side.server.cpu_seconds() - cpu, "event")


def memory(side: Side, _seconds: float, qos: int) -> Figures:
    """What IDLE endpoints take, registered and with a subscriber each."""
    with ExitStack() as stack:
        for number in range(40):  # what a server makes once is no one's share
            stack.callback(side.subscriber(IDLE + number, qos).sock.close)
        time.sleep(1)
        before = side.server.memory_bytes()
        for number in range(IDLE):
            stack.callback(side.subscriber(number, qos).sock.close)
        time.sleep(1)
        return {"KiB/subscriber": (side.server.memory_bytes() - before) / 1024 / IDLE}


WORKS = [
    ("closed loop, QoS 1", closed_loop, 1),
    ("closed loop, QoS 0", closed_loop, 0),
    (f"open loop, {RATE}/s, QoS 1", open_loop, 1),
    (f"open loop, {RATE}/s, QoS 0", open_loop, 0),
    (f"one event to {ENDPOINTS}, QoS 1", to_all, 1),
    (f"one event to {ENDPOINTS}, QoS 0", to_all, 0),
    ("idle endpoints", memory, 1),
]


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.events", description=__doc__)
    parser.add_argument("works", nargs="*", help="words that the works' names begin with; all")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each work (3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run (4)")
    options = parser.parse_args()
    print("| work | figure | Quintet | range | Mosquitto | ratio |\n|---|---|---|---|---|---|")
    for name, work, qos in WORKS:
        if options.works and not name.startswith(tuple(options.works)):
            continue
        runs: list[tuple[Figures, Figures]] = []
        for _ in range(options.rounds):
            with quintet() as ours:
                one = work(ours, options.seconds, qos)
            with mosquitto() as theirs:
                runs.append((one, work(theirs, options.seconds, qos)))
        for figure in runs[0][0]:
            ours_, theirs_ = ([run[which][figure] for run in runs] for which in (0, 1))
            ratio = median(one / other for one, other in zip(ours_, theirs_, strict=True))
            print(
                f"| {name} | {figure} | {_number(median(ours_))} | {_number(min(ours_))} – "
                f"{_number(max(ours_))} | {_number(median(theirs_))} | {ratio:.2f} |",
                flush=True,
            )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


if __name__ == "__main__":
    main()
