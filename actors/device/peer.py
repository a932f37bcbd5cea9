"""A peer of a device: who can be reached by an id, without a browser; and its connections.

It is what the directory has under its key, beside the members with browsers, and takes what is
signalled as they do. Each connection is a child of it, which gets what the other side says about
it. Whoever drives the peer is shown what happens by the observer, and asks for the rest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from secrets import token_hex
from uuid import uuid4

import trio

from actors.core import (
    Actor,
    ActorError,
    ChildSpec,
    Down,
    MailboxFull,
    Message,
    Ref,
    Refused,
    ReplyTo,
    Timer,
)
from actors.device.call import MediaCall
from actors.device.connection import CONNECTION_GRACE, Begin, DeviceConnection
from actors.device.connections import ConnectionTie, PeerConnections, ShownEnds
from actors.device.credentials import Credential, check_credential
from actors.device.data import DataConnection
from actors.device.events import Closed, CredentialExpires, DeviceEvent, Opened, PeerFailed
from actors.device.line import (
    Line,
    LineDown,
    LineEvent,
    LineFrame,
    LineRefused,
    LineUnreached,
    LineUp,
)
from actors.device.messages import (
    CallPeer,
    ConnectData,
    CredentialRunsOut,
    EndConnection,
    FromLine,
    FromPeer,
    LookForProgram,
    OtherSideUnreached,
    PeerShown,
    ProgramAlive,
    RedirectsChanged,
    RenewCredential,
    ShowPeer,
)
from actors.device.offers import DataOffer, connection_of, read_offer
from actors.device.refusing import RefusedOffers
from actors.device.services import ConnectionSpec, DeviceServices, PeerSpec
from actors.member.messages import (
    Adopt,
    DescribeMember,
    End,
    Lost,
    MemberView,
    RefuseSecond,
    Resume,
    ResumeRefused,
)
from actors.signalling.frames import LEAVE, PeerFrame, decode, is_id
from actors.words.close_reasons import CloseReason
from actors.words.closings import Expel
from actors.words.device_refusals import PeerIdTaken, TooManyConnections
from actors.words.facts import Presence, Signalled, Unreached
from actors.words.refusals import Busy

EXPIRY_NOTICE = 300.0
"""Seconds before the end of its credential at which a peer's program is told (fact sheet 3)."""

IDLE_LOOK = 30.0  # seconds; what is configured may change meanwhile

MakesConnection = Callable[[ConnectionSpec], DeviceConnection]

TO_CONNECTIONS = frozenset({"ANSWER", "CANDIDATE"})


class DevicePeer(Actor[Message]):
    __slots__ = (
        "_connections", "_credential", "_early", "_ends", "_expiry", "_expiry_number", "_heard_at",
        "_key", "_line", "_opened", "_reachable", "_refused", "_services",
        "_shown_end", "_spec", "_timers",
    )  # fmt: skip

    kind = "device_peer"
    accepts = (
        Signalled, Unreached, FromLine, ConnectData, CallPeer, ShowPeer, ProgramAlive,
        RenewCredential, RedirectsChanged, Resume, Adopt, RefuseSecond, Lost, End, Expel,
        DescribeMember, CredentialRunsOut, LookForProgram,
    )  # fmt: skip

    def __init__(self, services: DeviceServices, spec: PeerSpec) -> None:
        self._services = services
        self._spec = spec
        self._key = spec.key
        self._line: Line = services.line(spec)
        self._connections = PeerConnections()
        self._ends = ShownEnds(services.observer)
        self._early: list[LineEvent] | None = []  # what the line tells during the setup
        self._opened = self._reachable = self._shown_end = False
        self._refused = RefusedOffers(self._line)  # as there were too many connections
        self._credential: Credential | None = None
        self._expiry = 0.0
        self._expiry_number = 0
        self._timers: tuple[Timer, ...] = ()
        self._heard_at = 0.0

    async def setup(self) -> None:
        self._services.observer.appeared(self._spec.token, self.ctx.self_ref)
        whole = False
        try:
            self.ctx.log.info("device.peer_opened", **self._spec.told())
            begun = trio.Event()
            self.ctx.start_task(self._run_line, begun, name="line")
            await begun.wait()
            if self._spec.secret and self._spec.credential is not None:
                self._go_on_under(self._spec.credential)
            self._heard_at = self.ctx.now()
            self._look_again()
            early, self._early = self._early or [], None
            for event in early:
                if self.ctx.self_ref.alive:  # a line may give up at once
                    await self._hear_line(event)
            whole = True
        finally:
            if not whole:
                self._show_end()

    async def handle(self, message: Message) -> object:
        match message:
            case Signalled(sender, body, address):
                await self._take(sender, decode(body), address)
            case Unreached(peer):
                self._tell_all_with(peer, OtherSideUnreached())
            case FromLine(event):
                await self._hear_line(event)
            case ConnectData():
                self._check_room()
                data = partial(DataConnection, offer=None, wanted=message)
                tie = await self._spawn("dc", message.target, f"dc_{token_hex(8)}", data)
                self.ctx.start_task(self._begin, tie, self.ctx.defer(), name="begin")
            case CallPeer():
                self._check_room()
                call = partial(MediaCall, offer=None, wanted=message)
                tie = await self._spawn("mc", message.target, f"mc_{token_hex(8)}", call)
                self.ctx.start_task(self._begin, tie, self.ctx.defer(), name="begin")
            case ShowPeer():
                return self._shown()
            case ProgramAlive():
                self._heard_at = self.ctx.now()
            case RenewCredential(credential, secret):
                if self._spec.secret:
                    secret, now = secret or self._spec.secret, self._services.unix_time()
                    check_credential(secret, self._key.id, credential, now)
                    self._go_on_under(credential)
            case RedirectsChanged():
                for tie in self._connections:
                    tie.tell(message)
            case Resume() | Adopt():
                raise ResumeRefused  # nobody takes over a device
            case RefuseSecond():
                raise PeerIdTaken
            case DescribeMember():
                return MemberView(Presence(self._key.id), "")
            case End(reason):
                self._end(reason)
            case Expel():
                names = {"peer": self._key.id, "dialect": self._spec.dialect}
                self.ctx.log.info("peer.put_out", **names, **message.orderer)
                self._end(CloseReason.PUT_OUT)
            case CredentialRunsOut(number, now) if number == self._expiry_number:
                self._run_out(now=now)
            case LookForProgram():
                self._look_for_program()
        return None

    async def on_down(self, down: Down) -> None:
        tie = self._connections.remove(down.ref)
        if tie is not None:
            self._ends.make_sure(tie.id)
        self._refused.calm()

    async def teardown(self, reason: str) -> None:
        try:
            self.ctx.log.info("device.peer_ended", peer=self._key.id, reason=reason)
            for tie in self._connections:
                self._ends.make_sure(tie.id)
        finally:
            self._show_end()

    def snapshot(self) -> Mapping[str, object]:
        return {
            **self._spec.shown(),
            "away": not self._reachable,
            "reachable": self._reachable,
            "connections": len(self._connections),
            "refused_offers": self._refused.number,
        }

    def _shown(self) -> PeerShown:
        ids = tuple(tie.id for tie in self._connections)
        expires = None if self._credential is None else self._expiry - self.ctx.now()
        return PeerShown(self._key.id, self._reachable, ids, expires)

    def _show(self, event: DeviceEvent) -> None:
        self._services.observer.happened(self._spec.token, event)

    def _show_end(self) -> None:
        if not self._shown_end:
            self._shown_end = True
            self._show(Closed())
            self._services.observer.ended(self._spec.token)

    # --- the line

    async def _run_line(self, begun: trio.Event) -> None:
        """Run the line. What it tells in its first step comes before what is in the mailbox.

        So what has waited for the peer to come is heard ahead of what was signalled since.
        """
        begun.set()
        await self._line.run(self._note)

    def _note(self, event: LineEvent) -> None:
        """Take what the line tells; it neither waits nor raises."""
        if self._early is not None:
            self._early.append(event)
            return
        try:
            self.ctx.self_ref.tell(FromLine(event))
        except MailboxFull:
            if not isinstance(event, LineFrame | LineUnreached):  # of a flood those may be lost
                self.ctx.tell_self_after(0.0, FromLine(event))
        except ActorError:
            return  # it is ending

    async def _hear_line(self, event: LineEvent) -> None:
        match event:
            case LineUp():
                self._reachable = True
                if not self._opened:
                    self._opened = True
                    self._show(Opened())
            case LineDown(trouble):
                self._reachable = False
                self._show(PeerFailed(trouble))
            case LineRefused(trouble):
                self._reachable = False
                self._show(PeerFailed(trouble))
                self._end("refused by the line")
            case LineUnreached(peer):
                self._tell_all_with(peer, OtherSideUnreached())
            case LineFrame(body, address):
                frame = decode(body)
                if frame is not None and frame.src is not None and is_id(frame.src):
                    await self._take(frame.src, frame, address)

    async def _take(self, sender: str, frame: PeerFrame | None, address: str | None) -> None:
        """Take what another peer says, from its address where that is known."""
        if frame is None:
            return
        payload = bytes(frame.payload)
        if frame.type == "OFFER":
            await self._take_offer(sender, payload, address)
        elif frame.type in TO_CONNECTIONS:
            tie = self._connections.find(sender, connection_of(payload))
            if tie is not None:
                tie.tell_frame(FromPeer(frame.type, payload, address))
        elif frame.type == LEAVE:
            for tie in self._connections.with_remote(sender):
                tie.tell_frame(FromPeer(LEAVE, b""))

    def _tell_all_with(self, remote: str, message: Message) -> None:
        for tie in self._connections.with_remote(remote):
            tie.tell(message)

    # --- connections

    async def _take_offer(self, sender: str, payload: bytes, address: str | None) -> None:
        if self._connections.find(sender, connection_of(payload)) is not None:
            return
        limits = self._services.limits()
        if self._is_full or self._connections.begun_by(sender) >= limits.of_one_caller:
            await self._refused.refuse(sender, self.ctx.log, self._key.id, limits.ask_seconds)
            return
        offer = read_offer(payload)
        if isinstance(offer, DataOffer):
            data = partial(DataConnection, offer=offer)
            await self._spawn("dc", sender, offer.connection, data, incoming=True, address=address)
        elif offer is not None:
            call = partial(MediaCall, offer=offer, wanted=None)
            await self._spawn("mc", sender, offer.connection, call, incoming=True, address=address)

    async def _spawn(
        self,
        kind: str,
        remote: str,
        their_id: str,
        make: MakesConnection,
        *,
        incoming: bool = False,
        address: str | None = None,
    ) -> ConnectionTie:
        spec = ConnectionSpec(
            id=f"{kind}-{uuid4()}",
            me=self._key,
            remote=remote,
            their_id=their_id,
            line=self._line,
            services=replace(self._services, observer=self._ends),
            ice_servers=self._services.ice_servers_for(self._spec),
            token=self._spec.token,
            dialect=self._spec.dialect,
            remote_address=address,
        )
        child = ChildSpec(spec.id, partial(make, spec), grace=CONNECTION_GRACE)
        actor: Ref[Message] = await self.ctx.spawn(child)
        self.ctx.watch(actor)
        tie = ConnectionTie(spec.id, remote, their_id, actor, incoming)
        self._connections.add(tie)
        return tie

    async def _begin(self, tie: ConnectionTie, reply: ReplyTo[str]) -> None:
        """Have a connection begin, which may wait for sockets; the peer does not."""
        begun = False
        try:
            await tie.actor.ask(Begin(), within=self._services.limits().ask_seconds)
            begun = not reply.done
            reply.reply(tie.id)
        except Refused as refusal:
            reply.refuse(refusal)
        except ActorError:
            reply.refuse(Busy())
        finally:
            if not begun:  # nobody will ever know of it
                tie.tell(EndConnection("not wanted any more"))

    @property
    def _is_full(self) -> bool:
        return len(self._connections) >= self._services.limits().connections

    def _check_room(self) -> None:
        if self._is_full:
            raise TooManyConnections

    # --- how long it lives

    def _end(self, reason: str) -> None:
        """End with all connections, which end side by side and not one after the other."""
        for tie in self._connections:
            tie.tell(EndConnection(reason))
        self.ctx.stop(reason)

    def _go_on_under(self, credential: Credential) -> None:
        for timer in self._timers:
            timer.cancel()
        left = credential.ends - self._services.unix_time()
        self._credential, self._expiry = credential, self.ctx.now() + left
        self._expiry_number += 1
        self._timers = tuple(
            self.ctx.tell_self_after(max(0.0, at), CredentialRunsOut(self._expiry_number, now))
            for at, now in ((left - EXPIRY_NOTICE, False), (left, True))
        )

    def _run_out(self, *, now: bool) -> None:
        if now:
            self._end("the credential has expired")
        else:
            self._show(CredentialExpires(max(0, round(self._expiry - self.ctx.now()))))

    def _look_again(self) -> None:
        """Look for the program when it has been silent for too long, or what that is may differ."""
        idle = self._services.limits().idle_seconds
        left = self._heard_at + idle - self.ctx.now() if idle else IDLE_LOOK
        self.ctx.tell_self_after(min(max(left, 0.0), IDLE_LOOK), LookForProgram())

    def _look_for_program(self) -> None:
        idle = self._services.limits().idle_seconds
        if idle and self.ctx.now() - self._heard_at >= idle:
            self._end("its program is silent")
        else:
            self._look_again()
