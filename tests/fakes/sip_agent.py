"""What speaks for the telephone, without SIP: one line of text for each message.

INVITE and REGISTER are answered by OK, BYE ends a call, CRASH crashes who reads it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from itertools import count
from typing import Any, Protocol

from actors.words.calls import CallDescription, CallEnd, LegEnded, LegEvent
from api.sip.flows import Flow
from api.sip.rooms import RoomAccount
from tests.fakes.telephone import FakeLeg

NOTHING = CallDescription(())
_ids = count(1)


class Hooks(Protocol):
    """What it asks of the telephone."""

    def invited(self, invited: Any) -> None: ...

    def wake(self) -> None: ...

    def admitted(self, host: str) -> bool: ...

    def registered(self, name: str, ok: bool, why: str) -> None: ...


@dataclass(frozen=True)
class FakeInvited:
    """See api.sip.rooms.Invitation."""

    leg: Any
    user: str
    host: str
    peer: str = "sip:somebody@example.org"
    display: str = ""
    offer: CallDescription | None = None


@dataclass(eq=False)
class SpokenLeg(FakeLeg):
    """A leg whose end is said to the other side."""

    agent: Any = None
    id: str = ""
    flow: Any = None

    def answer(self, description: CallDescription) -> None:
        super().answer(description)
        self.agent.say(self.flow, "OK", self.id)

    def tell(self, event: LegEvent) -> None:
        if isinstance(event, LegEnded) and self.ended is None:
            if event.why is not CallEnd.LOST and self.id in self.agent.legs:
                self.agent.say(self.flow, "BYE", self.id, event.why.value)
            self.agent.legs.pop(self.id, None)
        super().tell(event)


@dataclass(eq=False)
class FakeSipAgent:
    """See api.sip.life.SipAgent. `dialled` is what `dial` was given."""

    hooks: Hooks
    legs: dict[str, SpokenLeg] = field(default_factory=dict)
    dialled: list[tuple[Any, ...]] = field(default_factory=list)
    registering: dict[str, Flow] = field(default_factory=dict)
    lost_flows: list[Flow] = field(default_factory=list)
    at: float = math.inf
    ticks: int = 0
    _outgoing: list[tuple[Flow, bytes]] = field(default_factory=list)

    def say(self, flow: Flow, *words: str) -> None:
        self._outgoing.append((flow, line(*words)))

    def receive(self, data: bytes, flow: Flow, now: float) -> None:
        verb, *rest = data.decode("utf-8", "replace").partition("\r")[0].split(" ")
        match [verb, *rest]:
            case ["INVITE", id_, *_] if not self.hooks.admitted(flow.remote[0]):
                self.say(flow, "NO", id_)
            case ["INVITE", id_, user, *_]:
                leg = SpokenLeg(flow.local[0], agent=self, id=id_, flow=flow)
                self.legs[id_] = leg
                self.hooks.invited(FakeInvited(leg, user, flow.remote[0]))
            case ["OK", id_, *_] if id_ in self.legs:
                self.legs[id_].pick_up(NOTHING)
            case ["BYE", id_, *_] if id_ in self.legs:
                leg = self.legs.pop(id_)
                leg.end()
            case ["REGISTER", name, *_]:
                self.say(flow, "REGISTERED", name)
            case ["REGISTERED", name, *_]:
                self.hooks.registered(name, True, "")
            case ["CRASH", *_]:
                raise ZeroDivisionError

    def lost(self, flow: Flow, now: float) -> None:
        self.lost_flows.append(flow)
        for id_, leg in tuple(self.legs.items()):
            if leg.flow == flow:
                del self.legs[id_]
                leg.end(CallEnd.LOST)
        for name, used in tuple(self.registering.items()):
            if used == flow:
                del self.registering[name]
                self.hooks.registered(name, False, "lost")

    def tick(self, now: float) -> None:
        self.ticks += 1
        if now >= self.at:
            self.at = math.inf

    def due(self) -> float:
        return self.at

    def outgoing(self) -> list[tuple[Flow, bytes]]:
        outgoing, self._outgoing = self._outgoing, []
        return outgoing

    def dial(
        self,
        uri: str,
        flow: Flow,
        credentials: Any,
        local: str,
        offer: CallDescription,
        ring_seconds: float,
        now: float,
    ) -> FakeLeg:
        self.dialled.append((uri, flow, credentials, local, offer, ring_seconds))
        id_ = str(next(_ids))
        leg = self.legs[id_] = SpokenLeg(flow.local[0], offer, agent=self, id=id_, flow=flow)
        self.say(flow, "INVITE", id_, uri)
        return leg

    def register(
        self, name: str, server: str, account: RoomAccount, flow: Flow, now: float
    ) -> None:
        self.registering[name] = flow
        self.say(flow, "REGISTER", name)

    def unregister(self, name: str, now: float) -> None:
        if (flow := self.registering.pop(name, None)) is not None:
            self.say(flow, "UNREGISTER", name)


def line(*words: str) -> bytes:
    """Return a message of these words, which ends where one of SIP would."""
    return (" ".join(words) + "\r\nContent-Length: 0\r\n\r\n").encode()
