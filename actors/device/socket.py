"""A UDP socket of a program: it takes data, media or RTCP, and is freed with its last use.

It lives by itself: a program opens it before any connection, and several connections may use it at
once. While nothing uses it, it stays until it is freed by hand, or for as long as it may; once
used, it ends with the last connection that does.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from actors.core import (
    Actor,
    ActorError,
    ChildSpec,
    Down,
    Message,
    Ref,
    Refused,
    Registry,
    Request,
    Spawn,
)
from actors.streams.connection import MEASURE_SECONDS, MeasureTraffic
from actors.words.device_refusals import NoSocketFree, SocketInUse, SocketUnknown
from actors.words.keys import DEVICES
from actors.words.refusals import Busy
from media.contract import errors
from media.contract.codec import Codec
from media.contract.datagrams import DatagramPortWanted
from media.contract.engine import MediaEngine
from media.contract.plans import Address, PortReceives, PortWanted

BIND_SECONDS = 60.0  # more than anybody waits for


class SocketKind(StrEnum):
    """What a socket takes; the value is what its id begins with."""

    DATA = "da"
    VIDEO = "vi"
    AUDIO = "au"
    RTCP = "rc"


@dataclass(frozen=True, slots=True)
class SocketFacts(Message):
    """A socket, and where it takes datagrams."""

    id: str
    kind: SocketKind
    address: Address
    users: int = 0


@dataclass(frozen=True, slots=True)
class BindSocket(Request[SocketFacts]):
    """Bind the port: the first thing that a socket is asked, once. Raises NoSocketFree."""


@dataclass(frozen=True, slots=True)
class BindDue(Message):
    """The timer of a socket that nobody has bound: who opened it is gone."""


@dataclass(frozen=True, slots=True)
class ShowSocket(Request[SocketFacts]):
    pass


@dataclass(frozen=True, slots=True)
class FreeSocket(Request[None]):
    """End the socket; its port is free when this is answered. Raises SocketInUse."""


@dataclass(frozen=True, slots=True)
class UseSocket(Request[SocketFacts]):
    """Have a connection use the socket until it releases it, or ends.

    A media socket is used for one codec (with its payload type) at a time; `feedback` is where the
    sender is told about its packets. What comes is the source `<id>/in` of the engine. An RTCP
    socket is used for the sources and sinks of the engine that `streams` names. Using it again
    replaces what was said before. Raises SocketUnknown for another kind, SocketInUse for another
    codec, Busy where the engine cannot take it.
    """

    user: Ref[Message]
    kind: SocketKind
    codec: Codec | None = None
    feedback: Address | None = None
    streams: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ReleaseSocket(Request[None]):
    """Have a connection use the socket no more; the port of an unused one is free when answered.

    With `keep` it stays, as if that connection had never used it: its use came to nothing.
    """

    user: Ref[Message]
    keep: bool = False


@dataclass(frozen=True, slots=True)
class _Use:
    """What one connection wants of the socket."""

    codec: Codec | None
    feedback: Address | None
    streams: tuple[str, ...]


class DeviceSocket(Actor[Message]):
    __slots__ = (
        "_address", "_engine", "_figures", "_id", "_idle_seconds", "_kind", "_unused_since",
        "_uses", "_wanted",
    )  # fmt: skip

    kind = "udp_socket"
    accepts = (
        BindSocket, BindDue, ShowSocket, FreeSocket, UseSocket, ReleaseSocket, MeasureTraffic,
    )  # fmt: skip

    def __init__(
        self,
        engine: MediaEngine,
        id: str,
        wanted: DatagramPortWanted,
        idle_seconds: Callable[[], float],
    ) -> None:
        self._engine = engine
        self._idle_seconds = idle_seconds
        self._unused_since = 0.0
        self._id = id
        self._kind = SocketKind(id[:2])
        self._wanted = wanted
        self._address: Address = ("", 0)
        self._uses: dict[Ref[Message], _Use] = {}
        self._figures: dict[str, int] = {}  # as they were at the last look

    async def setup(self) -> None:
        self.ctx.tell_self_after(BIND_SECONDS, BindDue())

    async def handle(self, message: Message) -> object:
        match message:
            case BindSocket():
                await self._bind()
                self._unused_since = self.ctx.now()
                self.ctx.tell_self_after(MEASURE_SECONDS, MeasureTraffic())
                return self._facts
            case BindDue() if not self._address[1]:
                self.ctx.stop("not bound")
            case ShowSocket():
                return self._facts
            case FreeSocket():
                if self._uses:
                    raise SocketInUse(self._id)
                await self._close()
                self.ctx.stop("freed")
            case UseSocket():
                await self._use(message)
                return self._facts
            case ReleaseSocket(user, keep):
                await self._release(user, keep=keep)
            case MeasureTraffic() if self._is_idle:
                await self._close()
                self.ctx.stop("idle")
            case MeasureTraffic():
                with suppress(errors.MediaError):
                    await self._measure()
                self.ctx.tell_self_after(MEASURE_SECONDS, MeasureTraffic())
        return None

    async def on_down(self, down: Down) -> None:
        await self._release(down.ref)

    async def teardown(self, reason: str) -> None:
        await self._close()

    def snapshot(self) -> Mapping[str, object]:
        return {
            "use": self._kind.name.lower(),
            "port": self._address[1],
            "users": len(self._uses),
            **self._figures,
        }

    @property
    def _of_media(self) -> bool:
        return self._kind in (SocketKind.VIDEO, SocketKind.AUDIO)

    @property
    def _is_idle(self) -> bool:
        """Whether nothing has used it for too long: its program may be gone, or forgetful."""
        seconds = self._idle_seconds()
        return not self._uses and 0 < seconds <= self.ctx.now() - self._unused_since

    @property
    def _facts(self) -> SocketFacts:
        return SocketFacts(self._id, self._kind, self._address, len(self._uses))

    async def _bind(self) -> None:
        wanted = self._wanted
        try:
            if self._of_media:
                port = PortWanted(wanted.address, wanted.ports, mux=True)
                self._address = (await self._engine.open_port(self._id, port)).address
            else:
                facts = await self._engine.open_datagram_port(self._id, wanted)
                self._address = facts.address
        except errors.MediaError as error:
            self.ctx.stop("no port")
            raise NoSocketFree(str(error)) from error

    async def _use(self, order: UseSocket) -> None:
        if order.kind is not self._kind:
            raise SocketUnknown(self._id)
        others = [use for user, use in self._uses.items() if user != order.user]
        if order.codec is not None and any(use.codec != order.codec for use in others):
            raise SocketInUse(self._id)
        before = self._uses.get(order.user)
        self._uses[order.user] = _Use(order.codec, order.feedback, order.streams)
        try:
            await self._apply()
        except errors.MediaError as error:  # the engine is full; the other uses are as they were
            if before is None:
                del self._uses[order.user]
            else:
                self._uses[order.user] = before
            raise Busy from error
        if before is None:
            self.ctx.watch(order.user)

    async def _release(self, user: Ref[Message], *, keep: bool = False) -> None:
        if self._uses.pop(user, None) is None:
            return
        self.ctx.unwatch(user)
        if self._uses or keep:
            self._unused_since = self.ctx.now()
            await self._apply()
        else:
            await self._close()
            self.ctx.stop("unused")

    async def _apply(self) -> None:
        """Have the engine do what all users together want."""
        uses = self._uses.values()
        if self._of_media:
            await self._engine.change_port(self._id, self._receives(), None)
        elif self._kind is SocketKind.RTCP:
            streams = dict.fromkeys(stream for use in uses for stream in use.streams)
            await self._engine.route_rtcp(self._id, tuple(streams))

    def _receives(self) -> PortReceives | None:
        codec = next((use.codec for use in self._uses.values() if use.codec is not None), None)
        if codec is None:
            return None
        feedback = dict.fromkeys(use.feedback for use in self._uses.values() if use.feedback)
        kind = "video" if self._kind is SocketKind.VIDEO else "audio"
        return PortReceives(kind, codec, feedback=tuple(feedback), allow=self._wanted.allow)

    async def _measure(self) -> None:
        """Look at what came; what comes to a media socket that nothing uses is not counted."""
        if not self._of_media:
            taken = await self._engine.datagram_port_facts(self._id)
            self._figures = {"packets": taken.datagrams, "bytes": taken.bytes}
            self._figures["strangers"] = taken.strangers
            return
        port = await self._engine.port_facts(self._id)
        self._figures = {"strangers": port.strangers}
        if port.received is not None:
            counts = port.received.counts
            self._figures |= {"packets": counts.packets, "bytes": counts.octets}
            self._figures["foreign"] = counts.foreign

    async def _close(self) -> None:
        with suppress(errors.UnknownPort):
            await self._engine.close_port(self._id)


async def open_socket(
    registry: Registry,
    engine: MediaEngine,
    id: str,
    wanted: DatagramPortWanted,
    within: float,
    idle_seconds: Callable[[], float] = float,
) -> SocketFacts:
    """Open a socket under a new id, whose first two letters say its kind.

    One that nothing uses for `idle_seconds` ends within MEASURE_SECONDS; 0: never. Raises
    NoSocketFree, Busy.
    """
    devices: Ref[Message] | None = registry.find(DEVICES)
    if devices is None:
        raise Busy  # it restarts, or the server is going down
    spec = ChildSpec(id, lambda: DeviceSocket(engine, id, wanted, idle_seconds))
    try:
        socket: Ref[Message] = await devices.ask(Spawn(spec), within=within)
        bound = False
        try:
            facts = await socket.ask(BindSocket(), within=within)
            bound = True
        finally:
            if not bound:  # nobody will ever know of it
                with suppress(ActorError):
                    socket.tell(FreeSocket())
    except Refused:
        raise
    except ActorError as error:
        raise Busy from error
    return facts


def find_socket(registry: Registry, id: str) -> Ref[Message] | None:
    """Find a socket that lives; whatever else lives under that id is none."""
    found: Ref[Message] | None = registry.find(f"{DEVICES}/{id}")
    return found if found is not None and found.kind == DeviceSocket.kind else None
