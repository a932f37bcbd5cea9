"""Two devices that call each other: their calls, each with a line to the other one."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import trio

from actors.core import ActorError, ChildSpec, Message, Ref
from actors.device.call import MediaCall
from actors.device.connection import Begin
from actors.device.events import DeviceEvent
from actors.device.line import Told
from actors.device.medium import MediumWanted
from actors.device.messages import (
    AnswerCall,
    CallPeer,
    CallShown,
    EndConnection,
    FromPeer,
    ShowCall,
)
from actors.device.offers import MediaOffer, read_offer
from actors.device.services import ConnectionSpec, DeviceLimits, DeviceServices
from actors.signalling.frames import decode
from actors.words.keys import MemberKey
from media.contract.engine import MediaEngine
from tests.support.devices import LIMITS, Shown, Yard, open_yard

E = TypeVar("E", bound=DeviceEvent)
GRACE = 20.0


@dataclass
class CrossedLine:
    """What one device says reaches the other, or `held`; nothing does while it is `cut`."""

    said: list[tuple[str, bytes]] = field(default_factory=list)
    other: Callable[[str, bytes], Any] | None = None
    cut: bool = False

    async def run(self, told: Told) -> None:
        return

    async def signal(self, kind: str, to: str, frame: bytes) -> bool:
        read = decode(frame)
        assert read is not None
        assert (read.type, read.dst) == (kind, to)
        payload = bytes(read.payload)
        self.said.append((kind, payload))
        if self.cut:
            return False
        if self.other is not None:
            with suppress(ActorError):  # it has ended
                await self.other(kind, payload)
        return True

    async def refuse(self, to: str) -> None:
        raise AssertionError("a connection refuses nothing")

    @property
    def kinds(self) -> list[str]:
        return [kind for kind, _ in self.said]


@dataclass
class Calls:
    """Devices "ann", who calls, and "ben", who is called."""

    yard: Yard
    shown: Shown
    limits: DeviceLimits
    lines: dict[str, CrossedLine] = field(default_factory=dict)

    def spec(self, id: str, me: str, remote: str) -> ConnectionSpec:
        """Return what a call is made from; its line is noted by its id."""
        line = self.lines.setdefault(id, CrossedLine())
        services = DeviceServices(
            self.yard.engine, self.shown, lambda: self.limits, lambda spec: line
        )
        key = MemberKey("peers.key", me)
        return ConnectionSpec(id, key, remote, "mc_wire", line, services, token=f"pt-{me}")

    async def incoming(self, offer: MediaOffer, id: str = "mc-ben") -> Ref[Any]:
        """Make the call of somebody who is called."""
        spec = self.spec(id, "ben", "ann")
        return await self._spawn(id, lambda: MediaCall(spec, offer, None))

    async def outgoing(self, *media: MediumWanted, id: str = "mc-ann", metadata: str = "") -> Any:
        """Make the call of somebody who calls, and have it begun."""
        spec = self.spec(id, "ann", "ben")
        wanted = CallPeer("ben", media, metadata)
        call = await self._spawn(id, lambda: MediaCall(spec, None, wanted))
        await call.ask(Begin(), within=20)
        return call

    async def call(
        self, *media: MediumWanted, to: str = "mc-ben", id: str = "mc-ann", metadata: str = ""
    ) -> tuple[Ref[Any], Ref[Any]]:
        """Have ann call ben; return both calls, of which ben's is not answered."""
        rung: list[Ref[Any]] = []
        ringing = trio.Event()

        async def reach_ben(kind: str, payload: bytes) -> None:
            if kind == "OFFER":
                offer = read_offer(payload)
                assert isinstance(offer, MediaOffer)
                rung.append(await self.incoming(offer, to))
                ringing.set()
            else:
                rung[0].tell(FromPeer(kind, payload))

        async def reach_ann(kind: str, payload: bytes) -> None:
            ann.tell(FromPeer(kind, payload))

        self.lines[id] = CrossedLine(other=reach_ben)
        self.lines[to] = CrossedLine(other=reach_ann)
        ann = await self.outgoing(*media, id=id, metadata=metadata)
        with trio.fail_after(30):
            await ringing.wait()
        return ann, rung[0]

    async def answer(self, call: Ref[Any], *media: MediumWanted) -> None:
        await call.ask(AnswerCall(media), within=20)

    async def show(self, call: Ref[Any]) -> CallShown:
        shown: CallShown = await call.ask(ShowCall(), within=5)
        return shown

    async def until(self, id: str, kind: type[E], seconds: float = 30) -> E:
        """Return the first event of a kind, waiting for it."""
        with trio.fail_after(seconds):
            while True:
                for event in self.shown.of(id):
                    if isinstance(event, kind):
                        return event
                await trio.sleep(0.01)

    async def ended(self, *ids: str, seconds: float = 20) -> None:
        with trio.fail_after(seconds):
            while not set(ids) <= set(self.shown.ends):
                await trio.sleep(0.01)

    def end(self, call: Ref[Message]) -> None:
        call.tell(EndConnection())

    async def _spawn(self, id: str, make: Callable[[], MediaCall]) -> Ref[Any]:
        return await self.yard.spawn(ChildSpec(id, make, grace=GRACE))


@asynccontextmanager
async def open_calls(engine: MediaEngine, **limits: Any) -> AsyncIterator[Calls]:
    """Run a place where devices call each other on one engine."""
    async with open_yard(engine) as yard:
        yield Calls(yard, Shown(), replace(LIMITS, **limits))
