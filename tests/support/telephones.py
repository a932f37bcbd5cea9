"""Telephones of the server on loopback, each with its sockets, in an actor system of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network
from typing import Any

from actors.core import ActorSystem, open_system
from actors.words.calls import CallDescription, CallEnd, CallLeg, LegEnded, LegEvent
from api.http.credentials import CredentialGuard
from api.sip.actor import telephone_spec
from api.sip.binding import SipSocket, sip_sockets
from api.sip.flows import Transport
from api.sip.life import SipAgent, TelephoneLife
from api.sip.plan import TelephonePlan
from api.sip.rooms import Invitation, RoomAccount
from api.sip.telephone import SipTelephone
from tests.support.sip_wire import HOST, secure_contexts, until

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))


@dataclass
class NotedRooms:
    """TelephoneRooms that answer each call with `answer`; without one they leave it alone."""

    answer: CallDescription | None = None
    calls: list[Invitation] = field(default_factory=list)
    told: list[LegEvent] = field(default_factory=list)
    accounts: dict[str, RoomAccount] = field(default_factory=dict)

    async def take(self, invited: Invitation) -> None:
        self.calls.append(invited)
        invited.leg.listen(self.told.append)
        if self.answer is not None:
            invited.leg.answer(self.answer)

    async def credentials(self, room: str) -> RoomAccount | None:
        return self.accounts.get(room)


@dataclass
class OpenTelephone:
    """A telephone that runs. `agents` are those of its lives, the last one is the current one."""

    telephone: SipTelephone
    rooms: NotedRooms
    sockets: tuple[SipSocket, ...]
    system: ActorSystem
    agents: list[Any]

    def port(self, transport: Transport) -> int:
        return next(each.port for each in self.sockets if each.transport == transport)

    def uri(self, transport: Transport, user: str = "room", host: str = HOST) -> str:
        """Return the URI of a room here."""
        return f"sip:{user}@{host}:{self.port(transport)};transport={transport}"


@asynccontextmanager
async def open_telephone(
    make_agent: Callable[[TelephoneLife], SipAgent],
    *spoken: Transport,
    answer: CallDescription | None = None,
    failures: int = 10,
    **plan: Any,
) -> AsyncIterator[OpenTelephone]:
    """Run a telephone on free ports of loopback; `plan` changes what TelephonePlan holds."""
    usual: dict[str, Any] = {
        "secure": secure_contexts(),
        "allow": LOOPBACK,
        "call_allow": ("127.0.0.0/8", "::1/128", "localhost"),
    }
    agents: list[Any] = []

    def noted(life: TelephoneLife) -> SipAgent:
        agents.append(make_agent(life))
        made: SipAgent = agents[-1]
        return made

    with sip_sockets([(each, HOST, 0) for each in spoken or ("udp",)]) as sockets:
        telephone = SipTelephone(
            TelephonePlan(**usual | plan), sockets, CredentialGuard(failures, 60.0), noted
        )
        rooms = NotedRooms(answer)
        telephone.serve(rooms)
        async with open_system([telephone_spec(telephone)], grace=5) as system:
            await until(lambda: bool(agents) and telephone.alive)
            yield OpenTelephone(telephone, rooms, sockets, system, agents)


@dataclass
class NotedCall:
    """A call out, with what it told."""

    leg: CallLeg
    told: list[LegEvent]

    @property
    def end(self) -> CallEnd | None:
        """Why it is over; None while it is not."""
        return next((each.why for each in self.told if isinstance(each, LegEnded)), None)


async def call(by: SipTelephone, uri: str, offer: CallDescription, room: str = "here") -> NotedCall:
    """Dial, and note what is told."""

    async def make(address: str) -> CallDescription:
        return offer

    leg = await by.dial(uri, room, make)
    told: list[LegEvent] = []
    leg.listen(told.append)
    return NotedCall(leg, told)
