"""Peers of devices in a house of real actors, on the fake engine; and a dialect that notes all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from ipaddress import ip_network
from typing import Any
from uuid import uuid4

import trio
from msgspec import Raw

from actors.core import ActorStopped, Message, Ref
from actors.device.credentials import Credential
from actors.device.events import Closed, Connected, DeviceEvent
from actors.device.line import (
    Line,
    LineEvent,
    LineUp,
    LocalLine,
    Told,
)
from actors.device.messages import (
    ConnectData,
)
from actors.device.offers import DataOffer, write_data_offer
from actors.device.peer import DevicePeer
from actors.device.services import DeviceLimits, DeviceServices, PeerSpec
from actors.device.socket import (
    SocketFacts,
    SocketKind,
    open_socket,
)
from actors.directory.directory import Directory
from actors.member.absence import AbsenceTerms
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import (
    End,
    RefuseSecond,
    Resume,
)
from actors.member.profile import Profile
from actors.signalling.absent import AbsentPeers
from actors.signalling.frames import relayed, text
from actors.signalling.switchboard import Switchboard
from actors.words.close_reasons import CloseReason
from actors.words.facts import Signalled
from actors.words.keys import DEVICES, MemberKey, peers_realm
from media.contract.datagrams import DatagramPortWanted
from media.contract.plans import Address, ChannelWanted
from media.contract.session import IceServer, SessionWanted
from tests.fakes.media import FakeEngine
from tests.fakes.media_session import FakeSession
from tests.support.actors import LIMITS, House, RecordingClient, open_house, settle

ONE = peers_realm("one")
LOOPBACK = ip_network("127.0.0.0/8")
WAIT_SECONDS = 5.0
WANTED = SessionWanted(data=True)
HOME: Address = ("127.0.0.1", 4000)
OTHER: Address = ("127.0.0.1", 4001)
AWAY: Address = ("192.0.2.1", 4000)
END = End(CloseReason.LOGOUT)


@dataclass
class Watcher:
    """An observer that holds others to what an observer may rely on."""

    actors: dict[str, Ref[Message]] = field(default_factory=dict)
    events: dict[str, list[DeviceEvent]] = field(default_factory=dict)
    gone: list[str] = field(default_factory=list)
    log: list[tuple[str, object]] = field(default_factory=list)  # all, in order
    look: Callable[[str], None] | None = None  # called with each id that has ended

    def appeared(self, id: str, actor: Ref[Message]) -> None:
        assert id not in self.events
        self.actors[id] = actor
        self.events[id] = []
        self.log.append((id, "appeared"))

    def happened(self, id: str, event: DeviceEvent) -> None:
        assert id in self.actors, "it has appeared, and not ended"
        assert Closed() not in self.events[id]
        named = getattr(event, "connection", None)
        assert named is None or named in self.actors, "a connection appears before its peer hears"
        self.events[id].append(event)
        self.log.append((id, event))

    def ended(self, id: str) -> None:
        assert self.events[id][-1] == Closed()
        del self.actors[id]
        self.gone.append(id)
        self.log.append((id, "ended"))
        if self.look is not None:
            self.look(id)

    def connections(self, kind: str = "dc") -> list[str]:
        """Return the ids of the connections that live."""
        return [id for id in self.actors if id.startswith(f"{kind}-")]


@dataclass
class ScriptedLine:
    """A line to nowhere: the test says what it tells, and reads what was signalled."""

    up: bool = True
    reaches: bool = True
    said: list[tuple[str, str, bytes]] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    told: Told | None = None

    async def run(self, told: Told) -> None:
        self.told = told
        if self.up:
            told(LineUp())
        await trio.sleep_forever()

    async def signal(self, kind: str, to: str, frame: bytes) -> bool:
        self.said.append((kind, to, frame))
        return self.reaches

    async def refuse(self, to: str) -> None:
        self.refused.append(to)

    def tell(self, event: LineEvent) -> None:
        assert self.told is not None
        self.told(event)


@dataclass
class Device:
    """A peer, and the short ways to it."""

    yard: DeviceYard
    token: str
    ref: Ref[Any]

    @property
    def events(self) -> list[DeviceEvent]:
        return self.yard.watcher.events[self.token]

    async def connect(self, target: str, **wanted: Any) -> str:
        """Open a data connection, and wait until all have done their part. Raises its refusals."""
        id_ = await self.connect_now(target, **wanted)
        await settle()
        return id_

    async def connect_now(self, target: str, **wanted: Any) -> str:
        order = ConnectData(target, wanted.pop("channel", ChannelWanted()), **wanted)
        id_: str = await self.ref.ask(order, within=5)
        return id_

    def hear(self, sender: str, kind: str, payload: bytes, address: str | None = None) -> None:
        """Be told a frame of another peer, as the switchboard tells it."""
        frame = relayed(kind, text(sender), self.ref.name.partition(":")[2], Raw(payload))
        self.ref.tell(Signalled(sender, frame, address))


class DeviceYard:
    """A house with a switchboard, and what a dialect of devices has."""

    def __init__(self, house: House, engine: FakeEngine) -> None:
        self.house = house
        self.engine = engine
        self.watcher = Watcher()
        self.limits = DeviceLimits(redirect_allow=(LOOPBACK,))
        self.directory = Directory(house.system.registry, lambda: LIMITS)
        self.absent = AbsentPeers()
        self.switchboard = Switchboard(self.directory, self.absent)
        self.ice_servers: tuple[IceServer, ...] = ()
        self.line: Callable[[PeerSpec], Line] = self.local_line
        self.browsers: dict[str, FakeSession] = {}  # of those who offer, by connection
        self.began = trio.current_time()

    @property
    def services(self) -> DeviceServices:
        return DeviceServices(
            self.engine,
            self.watcher,
            lambda: self.limits,
            lambda spec: self.line(spec),
            lambda: self.ice_servers,
            self.unix_time,
        )

    def unix_time(self) -> float:
        return 1_700_000_000 + trio.current_time() - self.began

    def local_line(self, spec: PeerSpec) -> LocalLine:
        return LocalLine(self.switchboard, spec.key, spec.address, lambda: WAIT_SECONDS)

    def limit(self, **changes: Any) -> None:
        self.limits = replace(self.limits, **changes)

    async def open(
        self, id_: str, *, secret: str = "", credential: Credential | None = None, turn: bool = True
    ) -> Device:
        """Open a peer of a device, and wait until all is quiet.

        Raises PeerIdTaken where somebody has the id.
        """
        device = await self.open_now(id_, secret, credential, turn=turn)
        await settle()
        return device

    async def open_now(
        self, id_: str, secret: str = "", credential: Credential | None = None, *, turn: bool = True
    ) -> Device:
        token = f"pt-{uuid4()}"
        key = MemberKey(ONE, id_)
        spec = PeerSpec(key, token, "a", turn, secret, credential, "test")
        ref = await self.directory.open_member(
            key, partial(DevicePeer, self.services, spec), RefuseSecond(taken=True)
        )
        return Device(self, token, ref)

    async def browse(self, id_: str) -> tuple[Ref[Message], RecordingClient]:
        """Open a member with a browser. Raises ResumeRefused where a device has the id."""
        client = RecordingClient()
        profile = Profile(ONE, "test", account=True, terms=AbsenceTerms())
        ref = await self.directory.open_member(
            MemberKey(ONE, id_),
            partial(Member, Identity(id_), profile, client),
            Resume(client, ""),
        )
        return ref, client

    async def socket(self, kind: SocketKind = SocketKind.DATA, **wanted: Any) -> SocketFacts:
        """Open a UDP socket. Raises NoSocketFree, Busy."""
        port = DatagramPortWanted("127.0.0.1", **wanted)
        registry = self.house.system.registry
        return await open_socket(registry, self.engine, f"{kind}-{uuid4()}", port, 5)

    async def offer(self, connection: str = "dc_1", **fields: Any) -> bytes:
        """Return an offer of data by somebody whose session is the engine's, too."""
        session = await self.engine.open_session(f"b-{uuid4()}", WANTED, lambda _event: None)
        self.browsers[connection] = session
        await session.open_channel(ChannelWanted(connection))
        sdp = (await session.create_offer()).sdp
        fields = {"label": connection, **fields}
        return write_data_offer(DataOffer(sdp, connection, **fields))

    def events(self, id_: str) -> list[DeviceEvent]:
        return self.watcher.events[id_]

    def path(self, device: Device, connection: str) -> str:
        return f"{device.ref.path}/{connection}"

    def check_nothing_is_left(self) -> None:
        """No session, port or actor of a device."""
        assert not self.engine.sessions
        assert not self.engine.ports
        assert not self.engine.datagram_ports
        registry = self.house.system.registry
        assert registry.count_children(DEVICES) == 0
        assert self.watcher.actors == {}

    async def end(self, actor: Ref[Any], message: Message) -> None:
        """Tell an actor to end, and wait until everybody has heard of it."""
        with suppress(ActorStopped):
            actor.tell(message)
        await settle()


@asynccontextmanager
async def open_yard() -> AsyncIterator[DeviceYard]:
    engine = FakeEngine()
    async with open_house(engine=engine) as house:
        yield DeviceYard(house, engine)


async def pair(yard: DeviceYard, **wanted: Any) -> tuple[Device, str, str]:
    """Have a robot connect to a camera; return the robot, and the two connections."""
    robot, camera = await yard.open("robot"), await yard.open("camera")
    called = await robot.connect("camera", **wanted)
    (incoming,) = (it.connection for it in camera.events if isinstance(it, Connected))
    return robot, called, incoming


def session(yard: DeviceYard, id: str) -> FakeSession:
    return yard.engine.sessions[id]


async def scripted(yard: DeviceYard, id_: str = "camera") -> tuple[Device, ScriptedLine]:
    line = ScriptedLine()
    yard.line = lambda _spec: line
    return await yard.open(id_), line
