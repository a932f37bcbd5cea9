"""The datagram ports of an engine, by id: each runs until it is closed."""

from __future__ import annotations

from functools import partial
from ipaddress import ip_address

import trio

from media.contract.datagrams import DatagramPortFacts, DatagramPortWanted
from media.contract.errors import BadAddress, UnknownPort
from media.rtp.router import Router
from media.rtp.rtp_packet import looks_like_rtcp
from media.udp.datagram_port import DatagramPort, DatagramTaker
from media.udp.port_range import PortRange
from media.webrtc.containment import Stray, contained, contained_async


class DatagramPorts:
    """Ports whose RTCP can be about streams of `router`.

    `stray` takes what a bug in one raises; that one is closed. Whoever opens one has seen to it
    that its id is free, and that there are not too many.
    """

    def __init__(self, router: Router, nursery: trio.Nursery, stray: Stray) -> None:
        self._router = router
        self._nursery = nursery
        self._stray = stray
        self._ports: dict[str, DatagramPort] = {}
        self._routes: dict[str, DatagramTaker] = {}

    def __len__(self) -> int:
        return len(self._ports)

    def __contains__(self, port_id: str) -> bool:
        return port_id in self._ports

    def open(self, port_id: str, wanted: DatagramPortWanted) -> DatagramPortFacts:
        """See media.contract.engine.MediaEngine.open_datagram_port."""
        port = self._ports[port_id] = _bound(wanted)
        self._nursery.start_soon(self._run, port_id, port)
        return port.facts

    def port(self, port_id: str) -> DatagramPort:
        """Return an open port. Raises UnknownPort."""
        try:
            return self._ports[port_id]
        except KeyError:
            raise UnknownPort(port_id) from None

    def route_rtcp(self, port_id: str, streams: tuple[str, ...]) -> None:
        """See media.contract.engine.MediaEngine.route_rtcp."""
        port, before = self.port(port_id), self._routes.pop(port_id, None)
        if before is not None:
            port.remove(before)
        if streams:
            taker = self._routes[port_id] = partial(self._feed_rtcp, tuple(dict.fromkeys(streams)))
            port.add(taker)

    def close(self, port_id: str) -> None:
        """See media.contract.engine.MediaEngine.close_port."""
        port = self.port(port_id)
        del self._ports[port_id]
        self._routes.pop(port_id, None)
        port.close()

    def close_all(self) -> None:
        """Close every port."""
        for port_id in list(self._ports):
            self.close(port_id)

    def _feed_rtcp(self, streams: tuple[str, ...], datagram: bytes, arrival: float) -> None:
        if looks_like_rtcp(datagram):
            self._router.feed_rtcp(streams, datagram, arrival)

    async def _run(self, port_id: str, port: DatagramPort) -> None:
        whole = await contained_async(self._stray, "a datagram was not taken", port.run)
        if not whole and self._ports.get(port_id) is port:
            contained(self._stray, "a port was not closed", self.close, port_id)


def _bound(wanted: DatagramPortWanted) -> DatagramPort:
    ports = PortRange(*wanted.ports)
    try:
        ip_address(wanted.address)  # to look up a name would wait
        return DatagramPort(ports, wanted)
    except (OSError, ValueError) as error:
        raise BadAddress("no address of ours to listen on") from error
