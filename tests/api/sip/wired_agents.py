"""Two user agents on a simulated network with loss, delay and a clock of its own."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from heapq import heappop, heappush
from random import Random

from actors.words.calls import CallDescription, CallSection, LegEvent
from api.sip.agent import AgentSettings, Invited, Registration, SipLeg, UserAgent
from api.sip.auth import Credentials
from api.sip.flows import Flow
from api.sip.transactions import TransactionLayer
from media.contract.codec import Codec
from media.contract.plans import Remote
from media.contract.session import Direction

PCMU = Codec("pcmu", 8000, 0)
PCMA = Codec("pcma", 8000, 8)


def audio(
    host: str = "192.0.2.9", port: int = 4000, direction: Direction = Direction.BOTH
) -> CallDescription:
    section = CallSection("audio", (PCMU, PCMA), Remote((host, port)), direction, digits=101)
    return CallDescription((section,))


@dataclass
class Line:
    """One end: a user agent, its hooks, and what it was told."""

    host: str
    settings: AgentSettings = field(default_factory=AgentSettings)
    open_to_all: bool = True
    users: dict[str, str] = field(default_factory=dict)
    invitations: list[Invited] = field(default_factory=list)
    told: list[LegEvent] = field(default_factory=list)
    registered_told: list[tuple[str, bool, str]] = field(default_factory=list)
    attempts: list[bool] = field(default_factory=list)
    blocked: bool = False
    wakes: int = 0

    def __post_init__(self) -> None:
        self.layer = TransactionLayer()
        self.agent = UserAgent(self.settings, self.layer, self)

    # AgentHooks

    def invited(self, invited: Invited) -> None:
        self.invitations.append(invited)
        invited.leg.listen(self.told.append)

    def wake(self) -> None:
        self.wakes += 1

    def admitted(self, host: str) -> bool:
        return self.open_to_all

    def may_answer_options(self, host: str) -> bool:
        return self.open_to_all

    def password(self, user: str) -> str | None:
        return self.users.get(user)

    def attempt(self, host: str, ok: bool) -> bool:
        self.attempts.append(ok)
        return not self.blocked

    def registered(self, name: str, ok: bool, why: str) -> None:
        self.registered_told.append((name, ok, why))

    def of(self, *kinds: type[LegEvent]) -> list[LegEvent]:
        return [event for event in self.told if isinstance(event, kinds)]


class Wire:
    """Carries datagrams between lines, in virtual time."""

    def __init__(self, *lines: Line, loss: float = 0.0, seed: int = 0, delay: float = 0.02) -> None:
        self.now = 1000.0
        self.lines = {line.host: line for line in lines}
        self.loss = loss
        self.delay = delay
        self.random = Random(seed)
        self.sent: list[tuple[float, str, bytes]] = []
        self.drop = lambda host, data: False
        self._on_the_way: list[tuple[float, int, Flow, bytes]] = []
        self._count = 0

    def flow(self, line: Line, other: str) -> Flow:
        return Flow("udp", (line.host, 5060), (other, 5060))

    def dial(self, line: Line, other: str, ring: float = 60.0, **who: str) -> SipLeg:
        credentials = Credentials(**who) if who else None
        leg = line.agent.dial(
            f"sip:room@{other}", self.flow(line, other), credentials, f"sip:me@{line.host}",
            audio(line.host), ring, self.now,
        )  # fmt: skip
        leg.listen(line.told.append)
        self._collect()
        return leg

    def register(self, line: Line, other: str, password: str = "p", name: str = "r") -> None:
        wanted = Registration(name, f"sip:{other}", "room", password)
        line.agent.register(wanted, self.flow(line, other), self.now)

    def run(self, seconds: float) -> None:
        until = self.now + seconds
        while True:
            self._collect()
            arrives = self._on_the_way[0][0] if self._on_the_way else math.inf
            due = min([arrives, *(line.agent.due() for line in self.lines.values())])
            if due > until:
                break
            self.now = max(self.now, due)
            if arrives <= self.now:
                _, _, flow, data = heappop(self._on_the_way)
                line = self.lines.get(flow.remote[0])
                if line is not None:
                    line.agent.receive(data, Flow("udp", flow.remote, flow.local), self.now)
            else:
                for line in self.lines.values():
                    if line.agent.due() <= self.now:
                        line.agent.tick(self.now)
        self.now = until

    def _collect(self) -> None:
        for line in self.lines.values():
            for flow, data in line.agent.outgoing():
                self.sent.append((self.now, line.host, data))
                if self.drop(line.host, data) or self.random.random() < self.loss:
                    continue
                self._count += 1
                delay = self.delay * (1 + (self.random.random() if self.loss else 0))
                heappush(self._on_the_way, (self.now + delay, self._count, flow, data))

    def starts(self, host: str) -> list[str]:
        """Return the first words of what a line sent."""
        return [data.split(b"\r\n")[0].decode() for _, at, data in self.sent if at == host]


def pair(**settings: object) -> tuple[Line, Line, Wire]:
    one, other = Line("192.0.2.1"), Line("192.0.2.2")
    return one, other, Wire(one, other, **settings)  # type: ignore[arg-type]


def talking(wire: Wire, caller: Line, callee: Line) -> tuple[SipLeg, SipLeg]:
    """Return both legs of a call that stands."""
    leg = wire.dial(caller, callee.host)
    wire.run(5)
    other = callee.invitations[-1].leg
    assert isinstance(other, SipLeg)
    other.answer(audio(callee.host))
    wire.run(30)
    return leg, other
