"""Many people of one room in a load program: websockets that are read whenever anything comes."""

from __future__ import annotations

import json
import select
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Protocol

from bench.link import MASK, TEXT, Link, frame, frame_end, payload_start

READ_BYTES = 262_144
PING = 0x89
PONG = b"\x8a\x80" + MASK
PATIENCE = 120.0
now = time.perf_counter


class CrowdWire(Protocol):
    """How one kind of server is spoken to; messages are told apart by how they begin."""

    ready: bytes  # one is in the room
    chat: bytes  # somebody has written
    listing: bytes  # who is in the room
    hears_itself: bool  # whether who writes is shown his own message

    def connect(self, port: int, number: int) -> tuple[Link, bytes]:
        """Open a websocket; return it with the message that enters the room."""

    def message(self) -> bytes:
        """Return what writes to everybody."""


class Person:
    """One of the crowd, and what has come for it so far."""

    __slots__ = ("_farewell", "_rest", "chats", "list_bytes", "lists", "readies", "sock")

    def __init__(self, link: Link) -> None:
        self.sock = link.sock
        self._rest = self._farewell = b""
        self.readies = self.chats = self.lists = self.list_bytes = 0

    def send(self, message: bytes) -> None:
        self.sock.setblocking(True)
        self.sock.sendall(frame(message))
        self.sock.setblocking(False)

    def take(self, wire: CrowdWire) -> None:
        """Read what can be read now, and count it."""
        try:
            data = self.sock.recv(READ_BYTES)
        except BlockingIOError:
            return
        if not data:
            raise ConnectionError(f"the server left: {self._farewell!r}")
        if self._rest:
            data = self._rest + data
        start = 0
        while (end := frame_end(data, start)) is not None:
            at = payload_start(data, start)
            if data[start] == PING:
                self.sock.send(PONG)
            elif data[start] != TEXT:
                self._farewell = data[at:end]
            elif data.startswith(wire.chat, at):
                self.chats += 1
            elif wire.listing and data.startswith(wire.listing, at):
                self.lists += 1
                self.list_bytes += end - at
            elif data.startswith(wire.ready, at):
                self.readies += 1
            start = end
        self._rest = data[start:]


class Crowd:
    """All of them, in one room of the server at `port`."""

    def __init__(self, wire: CrowdWire, port: int, stack: ExitStack) -> None:
        self.wire = wire
        self.people: list[Person] = []
        self._port = port
        self._stack = stack
        self._poll = stack.enter_context(select.epoll())
        self._by_file: dict[int, Person] = {}

    def join(self, count: int) -> None:
        """Let so many more in, one after the other."""
        for _ in range(count):
            link, entering = self.wire.connect(self._port, len(self.people))
            person = Person(link)
            link.set_up()
            self._stack.callback(link.sock.close)
            self._poll.register(link.sock, select.EPOLLIN)
            self._by_file[link.sock.fileno()] = person
            self.people.append(person)
            person.send(entering)
            self.collect_until(lambda person=person: person.readies > 0)

    def collect(self, wait: float) -> list[Person]:
        """Read whatever comes within `wait` seconds, or what comes first; return who has read."""
        return list(self.reading(wait))

    def reading(self, wait: float) -> Iterator[Person]:
        """Do the same, one after the other."""
        for file, _ in self._poll.poll(max(0.0, wait)):
            person = self._by_file[file]
            person.take(self.wire)
            yield person

    def collect_until(self, done: Callable[[], bool]) -> None:
        """Read until something holds."""
        end = now() + PATIENCE
        while not done():
            if now() > end:
                raise RuntimeError("the server has not said it to everybody")
            self.collect(0.5)

    def settle(self, quiet: float) -> None:
        """Read until nothing has come for so many seconds."""
        end, last = now() + PATIENCE, now()
        while now() - last < quiet and now() < end:
            if self.collect(quiet / 2):
                last = now()

    def write_rounds(self, seconds: float) -> array[float]:
        """Have one after another write as soon as all have heard; return how long each took."""
        latencies = array("d")
        message = self.wire.message()
        end, turn = now() + seconds, 0
        while now() < end:
            writer = self.people[turn % len(self.people)]
            turn += 1
            expected = len(self.people) - (not self.wire.hears_itself)
            sent = now()
            writer.send(message)
            while expected:
                for person in self.reading(PATIENCE):
                    new, person.chats = person.chats, 0
                    latencies.extend([now() - sent] * new)
                    expected -= new
                if now() - sent > PATIENCE:
                    raise RuntimeError("a message was lost")
        return latencies


def encoded(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
