"""A UDP port whose datagrams go, as they are, to whoever wants them."""

from __future__ import annotations

from collections.abc import Callable

from media.contract.allow_list import AllowList
from media.contract.datagrams import DatagramPortFacts, DatagramPortWanted
from media.contract.plans import Address
from media.udp.port_range import PortRange
from media.udp.udp_port import UdpPort

LONGEST = 65_535  # more than UDP has, over IPv6, too: none is cut

DatagramTaker = Callable[[bytes, float], None]
"""Takes a datagram and its arrival. It must not wait, nor change who else takes."""


class DatagramPort:
    """One port; start `run` in a task.

    Raises NoFreePort, or OSError if the address is not ours.
    """

    def __init__(self, ports: PortRange, wanted: DatagramPortWanted) -> None:
        self._port = UdpPort(ports.bind(wanted.address))
        self._allowed = AllowList(wanted.allow)
        self._takers: tuple[DatagramTaker, ...] = ()
        self._datagrams = self._bytes = self._strangers = 0

    @property
    def facts(self) -> DatagramPortFacts:
        return DatagramPortFacts(self._port.address, self._datagrams, self._bytes, self._strangers)

    def add(self, taker: DatagramTaker) -> None:
        """Give a taker what comes from now on; a closed port has nothing to give."""
        if not self._port.closed:
            self._takers = (*self._takers, taker)

    def remove(self, taker: DatagramTaker) -> None:
        """Give a taker nothing any more; fine if it has got nothing."""
        self._takers = tuple(it for it in self._takers if it != taker)

    async def run(self) -> None:
        """Hand over what comes until `close`. Raises what a taker does."""
        await self._port.receive(self._take, LONGEST)

    def close(self) -> None:
        """Free the port."""
        self._takers = ()
        self._port.close()

    def _take(self, data: bytes, sender: Address, arrival: float) -> None:
        if not self._allowed.allows(sender[0]):
            self._strangers += 1
            return
        self._datagrams += 1
        self._bytes += len(data)
        for taker in self._takers:
            taker(data, arrival)
