"""The RTP ports of one telephone call: one for each kind, opened, changed and closed as agreed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable
from contextlib import suppress

import trio

from actors.jobs.call_rules import AUDIO, Agreed, AgreedSection, Allowed
from actors.words.calls import CallLeg
from media.contract.engine import MediaEngine
from media.contract.errors import MediaError
from media.contract.plans import (
    Address,
    PortFacts,
    PortReceives,
    PortSends,
    PortSink,
    PortWanted,
)


class CallPorts:
    """Belongs to one call, which closes it. `range` are the ports that may be used, (0, 0) any."""

    __slots__ = ("_anew", "_begun", "_call", "_engine", "_events", "_open", "_range", "_wanted")

    def __init__(
        self, call: str, engine: MediaEngine, range: tuple[int, int], events: PortSink
    ) -> None:
        self._call = f"call:{call}:{secrets.token_hex(4)}"
        self._engine = engine
        self._range = range
        self._events = events
        self._begun: set[str] = set()  # kinds whose ports may be open
        self._open: dict[str, PortFacts] = {}
        self._wanted: dict[str, tuple[PortReceives | None, PortSends | None]] = {}
        self._anew: set[str] = set()

    @property
    def places(self) -> dict[str, tuple[Address, Address]]:
        """Return where RTP and RTCP of each kind are taken."""
        return {kind: (it.address, it.rtcp_address) for kind, it in self._open.items()}

    @property
    def sources(self) -> dict[str, str]:
        """Return the engine's ids of what comes, by kind."""
        return {kind: it.source for kind, it in self._open.items() if it.source is not None}

    @property
    def sinks(self) -> dict[str, str]:
        """Return the engine's ids of what is sent, by kind."""
        return {kind: it.sink for kind, it in self._open.items() if it.sink is not None}

    def take_anew(self) -> frozenset[str]:
        """Return the kinds whose source or sink is another one since this was asked last."""
        anew = frozenset(self._anew)
        self._anew.clear()
        return anew

    async def open(self, kinds: Iterable[str], address: str) -> dict[str, tuple[Address, Address]]:
        """Have a port of each of these kinds be open; return the places. Raises MediaError."""
        for kind in sorted(kinds):
            if kind not in self._open:
                await self._begin(kind, address, None, None)
        return self.places

    async def follow(self, agreed: Agreed, allowed: Allowed, leg: CallLeg) -> Agreed:
        """Have the ports be as agreed on, those of no section closed; return what could be.

        A picture without a port is rejected. Raises MediaError where the sound has none.
        """
        done = []
        for section in agreed:
            try:
                await self._bring_about(section, allowed, leg)
            except MediaError:
                if section.kind == AUDIO:
                    raise
                section = AgreedSection(section.kind)
            done.append(section)
        kinds = {it.kind for it in done if it.receives is not None}
        for kind in self._begun - kinds:
            await self._close(kind)
        return tuple(done)

    async def close(self) -> None:
        """Close all, whatever is open of them."""
        with trio.CancelScope(shield=True), trio.move_on_after(5.0):
            for kind in sorted(self._begun):
                await self._close(kind)

    # --- inside

    def _id(self, kind: str) -> str:
        return f"{self._call}:{kind}"

    async def _bring_about(self, section: AgreedSection, allowed: Allowed, leg: CallLeg) -> None:
        kind, receives, sends = section.kind, None, None
        if section.receives is None or section.sends is None:
            return
        if kind in allowed.comes:
            receives = PortReceives(
                kind, section.receives, publisher=self._call, digits=section.digits
            )
        if kind in allowed.goes and section.remote is not None:
            sends = PortSends(
                kind, section.sends, section.remote, symmetric=True, also_from=leg.host
            )
        if kind not in self._open:
            await self._begin(kind, leg.address, receives, sends)
        elif (receives, sends) != self._wanted[kind]:
            before, sent = self._wanted[kind]
            self._open[kind] = await self._engine.change_port(self._id(kind), receives, sends)
            self._wanted[kind] = receives, sends
            codecs = [None if it is None else it.codec for it in (sent, sends)]
            if receives != before or codecs[0] != codecs[1]:
                self._anew.add(kind)

    async def _begin(
        self, kind: str, address: str, receives: PortReceives | None, sends: PortSends | None
    ) -> None:
        wanted = PortWanted(address, self._range, receives=receives, sends=sends)
        self._begun.add(kind)
        self._open[kind] = await self._engine.open_port(self._id(kind), wanted, self._events)
        self._wanted[kind] = receives, sends

    async def _close(self, kind: str) -> None:
        self._begun.discard(kind)
        self._open.pop(kind, None)
        self._wanted.pop(kind, None)
        with suppress(MediaError):  # it was never opened
            await self._engine.close_port(self._id(kind))
