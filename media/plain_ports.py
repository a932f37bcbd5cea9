"""The UDP ports of an engine, by id: each runs until it is closed."""

from __future__ import annotations

from dataclasses import replace
from ipaddress import ip_address
from weakref import WeakValueDictionary

import trio

from media.contract.errors import BadAddress, IdTaken, RouterFull, UnknownPort
from media.contract.plans import (
    DigitPressed,
    PortFacts,
    PortReceives,
    PortSends,
    PortSink,
    PortWanted,
)
from media.rtp.router import Router, SenderClock
from media.rtp.telephone_events import KeyPressed
from media.udp.plain_rtp import KeySink, PlainRtp, no_keys
from media.udp.port_range import PortRange
from media.webrtc.containment import Stray, contained, contained_async


class PlainPorts:
    """At most `limit` ports, whose sources and sinks live in `router` as `<id>/in`, `<id>/out`.

    `stray` takes what a bug in one raises; that one is closed.
    """

    def __init__(self, router: Router, nursery: trio.Nursery, stray: Stray, limit: int) -> None:
        self._router = router
        self._nursery = nursery
        self._stray = stray
        self._limit = limit
        self._ports: dict[str, PlainRtp] = {}
        self._receives: dict[str, PortReceives] = {}
        self._sends: dict[str, PortSends] = {}
        self._clocks: WeakValueDictionary[str, SenderClock] = WeakValueDictionary()

    def __len__(self) -> int:
        return len(self._ports)

    def __contains__(self, port_id: str) -> bool:
        return port_id in self._ports

    def open(self, port_id: str, wanted: PortWanted, events: PortSink | None = None) -> PortFacts:
        """See media.contract.engine.MediaEngine.open_port."""
        if port_id in self._ports:
            raise IdTaken(port_id)
        if len(self._ports) >= self._limit:
            raise RouterFull(f"{self._limit} ports")
        port = self._ports[port_id] = self._bound(
            wanted, no_keys if events is None else self._telling(port_id, events)
        )
        done = False
        try:
            facts = self.change(port_id, wanted.receives, wanted.sends)
            done = True
        finally:
            if not done:
                self.close(port_id)
        self._nursery.start_soon(self._run, port_id, port)
        return facts

    def change(
        self, port_id: str, receives: PortReceives | None, sends: PortSends | None
    ) -> PortFacts:
        """See media.contract.engine.MediaEngine.change_port."""
        port = self._port(port_id)
        if receives != self._receives.get(port_id):
            was = self._receives.pop(port_id, None)
            if receives is not None and was is not None and _same_sender(was, receives):
                port.redirect_feedback(receives.feedback)
                port.read_keys(receives.digits)
            else:
                port.stop_receiving()
                if receives is not None:
                    self._receive(port, f"{port_id}/in", receives)
            if receives is not None:
                self._receives[port_id] = receives
        if sends != self._sends.get(port_id):
            before = self._sends.pop(port_id, None)
            if sends is not None and before is not None and _same_stream(before, sends):
                port.redirect(
                    sends.remote,
                    reports=sends.reports,
                    symmetric=sends.symmetric,
                    also_from=sends.also_from,
                )
            else:
                port.stop_sending()
                if sends is not None:
                    _send(port, f"{port_id}/out", sends)
            if sends is not None:
                self._sends[port_id] = sends
        return self.facts(port_id)

    def facts(self, port_id: str) -> PortFacts:
        """See media.contract.engine.MediaEngine.port_facts."""
        port = self._port(port_id)
        return PortFacts(
            address=port.address,
            rtcp_address=port.rtcp_address,
            source=port.source.id if port.source is not None else None,
            sink=port.sink.id if port.sink is not None else None,
            strangers=port.strangers,
            received=port.source.stats() if port.source is not None else None,
            sent=port.sink.stats() if port.sink is not None else None,
        )

    def close(self, port_id: str) -> None:
        """See media.contract.engine.MediaEngine.close_port."""
        port = self._port(port_id)
        del self._ports[port_id]
        self._receives.pop(port_id, None)
        self._sends.pop(port_id, None)
        port.close()

    def close_all(self) -> None:
        """Close every port."""
        for port_id in list(self._ports):
            self.close(port_id)

    async def _run(self, port_id: str, port: PlainRtp) -> None:
        whole = await contained_async(self._stray, "a packet was not taken", port.run)
        if not whole and self._ports.get(port_id) is port:
            contained(self._stray, "a port was not closed", self.close, port_id)

    def _bound(self, wanted: PortWanted, pressed: KeySink) -> PlainRtp:
        ports = PortRange(*wanted.ports)
        try:
            ip_address(wanted.address)  # to look up a name would wait
            return PlainRtp(self._router, ports, wanted.address, mux=wanted.mux, pressed=pressed)
        except (OSError, ValueError) as error:
            raise BadAddress("no address of ours to listen on") from error

    def _port(self, port_id: str) -> PlainRtp:
        try:
            return self._ports[port_id]
        except KeyError:
            raise UnknownPort(port_id) from None

    def _receive(self, port: PlainRtp, source_id: str, wanted: PortReceives) -> None:
        clock = SenderClock()  # kept by those who use it
        if wanted.publisher:
            clock = self._clocks.setdefault(wanted.publisher, clock)
        port.receive(
            source_id,
            wanted.kind,
            wanted.codec,
            only_from=wanted.only_from,
            clock=clock,
            feedback=wanted.feedback,
            allow=wanted.allow,
            digits=wanted.digits,
        )

    def _telling(self, port_id: str, events: PortSink) -> KeySink:
        """Return what tells a caller of keys, whatever he does with it."""

        def tell(pressed: KeyPressed) -> None:
            event = DigitPressed(port_id, pressed.key, pressed.milliseconds)
            contained(self._stray, "a key was not told", events, event)

        return tell


def _send(port: PlainRtp, sink_id: str, wanted: PortSends) -> None:
    port.send(
        sink_id,
        wanted.kind,
        wanted.codec,
        wanted.remote,
        ssrc=wanted.ssrc,
        reports=wanted.reports,
        symmetric=wanted.symmetric,
        also_from=wanted.also_from,
    )


def _same_stream(one: PortSends, other: PortSends) -> bool:
    """Tell whether only the receiver is another one."""
    return (one.kind, one.codec, one.ssrc) == (other.kind, other.codec, other.ssrc)


def _same_sender(one: PortReceives, other: PortReceives) -> bool:
    """Tell whether only what is said to the sender goes elsewhere, or keys come otherwise."""
    return one == replace(other, feedback=one.feedback, digits=one.digits)
