"""Datagram ports and relays of the fake media engine; see `tests/fakes/media.py`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from ipaddress import ip_address

from media.channels.chunks import Chunks, Unsendable
from media.channels.formats import Aside, to_datagram, to_message
from media.contract.datagrams import (
    ChannelRelay,
    DatagramPortFacts,
    DatagramPortWanted,
    RelayStats,
)
from media.contract.plans import Address

MAX_MESSAGE = 262_144


@dataclass(eq=False)
class FakeDatagramPort:
    """`rtcp_about` is what `route_rtcp` was told last."""

    wanted: DatagramPortWanted
    facts: DatagramPortFacts
    takers: list[Callable[[bytes], None]] = field(default_factory=list)
    rtcp_about: tuple[str, ...] = ()

    @property
    def numbers(self) -> tuple[int]:
        return (self.facts.address[1],)

    def take(self, datagram: bytes, host: str) -> None:
        facts, allow = self.facts, self.wanted.allow
        if allow is not None and not any(ip_address(host) in network for network in allow):
            self.facts = replace(facts, strangers=facts.strangers + 1)
            return
        size = facts.bytes + len(datagram)
        self.facts = replace(facts, datagrams=facts.datagrams + 1, bytes=size)
        for taker in list(self.takers):
            taker(datagram)


class FakeRelay:
    """`deliver` sends a message on the first open channel and tells whether there is one.

    `redirected` gets what would go to UDP.
    """

    def __init__(
        self,
        deliver: Callable[[bytes], bool],
        close_channel: Callable[[str], None],
        redirected: list[tuple[Address, bytes]],
    ) -> None:
        self.wanted: ChannelRelay
        self._deliver = deliver
        self._close_channel = close_channel
        self._redirected = redirected
        self._port: FakeDatagramPort | None = None
        self._chunks = Chunks()
        self._counts: Counter[str] = Counter()

    @property
    def stats(self) -> RelayStats:
        return RelayStats(**(self._counts + Counter(malformed=self._chunks.lost)))

    def set(self, wanted: ChannelRelay, port: FakeDatagramPort | None) -> None:
        self.end()
        self.wanted, self._port = wanted, port
        if port is not None:
            port.takers.append(self.take_datagram)

    def end(self) -> None:
        if self._port is not None and self.take_datagram in self._port.takers:
            self._port.takers.remove(self.take_datagram)

    def take_datagram(self, datagram: bytes) -> None:
        message = to_message(self.wanted.format, datagram)
        if isinstance(message, Unsendable):
            self._counts[message.value] += 1
        elif len(message) > MAX_MESSAGE:
            self._counts["too_large"] += 1
        elif not self._deliver(message):
            self._counts["nowhere"] += 1
        else:
            self._counts += Counter(messages_out=1, bytes_out=len(datagram))

    def take_message(self, channel: str, message: str | bytes) -> None:
        found = to_datagram(self.wanted.format, message, channel, self._chunks)
        if isinstance(found, Unsendable):
            self._counts[found.value] += 1
        elif found is Aside.CLOSE:
            self._close_channel(channel)
        elif isinstance(found, bytes) and self.wanted.redirect is None:
            self._counts["nowhere"] += 1
        elif isinstance(found, bytes) and self.wanted.redirect is not None:
            self._redirected.append((self.wanted.redirect, found))
            self._counts += Counter(messages_in=1, bytes_in=len(found))
