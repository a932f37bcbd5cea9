"""The telephone of the server: what rooms call out with, and what hears of calls that come in.

There is one for the process. It outlives the crashes of what speaks SIP for it (`life.py`): calls
end with a crash, the accounts of rooms are registered again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import quote

import structlog
import trio

from actors.core import ActorError
from actors.words.calls import CallEnd, CallLeg, CallRefused, MakeOffer
from api.http.credentials import CredentialGuard
from api.sip.accounts import KeptAccount, KeptAccounts
from api.sip.auth import Credentials
from api.sip.binding import SipSocket
from api.sip.destinations import Destination, Destinations, not_allowed
from api.sip.flows import Address, Flow
from api.sip.life import SipAgent, TelephoneLife
from api.sip.plan import TelephonePlan
from api.sip.rooms import RoomAccount, TelephoneRooms
from api.sip.tally import SipTally
from api.sip.transports import NotReached
from api.sip.watched_leg import LegFacts

if TYPE_CHECKING:
    from api.sip.user_agent_words import Invited

log = structlog.get_logger(__name__)

RESOLVE_SECONDS = 5.0
TAKE_SECONDS = 15.0  # for a room to be found, and somebody to carry the call
GOODBYE_SECONDS = 2.0  # for what ends calls to be on its way
ADDRESSES_TRIED = 3  # of a name
USER_LETTERS = "-_.!~*'()&=+$,;?/"  # of the user part of a URI, RFC 3261 section 25.1
NOBODY = "quintet"  # who calls, where the room has no account

MakeAgent = Callable[[TelephoneLife], SipAgent]


class SipTelephone:
    """A Telephone and a RoomsLine. `make_agent` makes what speaks SIP, for each life anew."""

    def __init__(
        self,
        plan: TelephonePlan,
        sockets: tuple[SipSocket, ...],
        guard: CredentialGuard,
        make_agent: MakeAgent,
    ) -> None:
        self._plan = plan
        self._sockets = sockets
        self._guard = guard
        self._make_agent = make_agent
        self._destinations = Destinations(plan.call_allow, plan.trunk)
        self._accounts = KeptAccounts()
        self._rooms: TelephoneRooms | None = None
        self._life: TelephoneLife | None = None
        self._nursery: trio.Nursery | None = None
        self._dialling = 0
        self._stopping = False
        self._started = trio.Event()
        self.tally = SipTally()

    def facts(self) -> dict[str, int]:
        """Count what there is, for the tree page and metrics."""
        life = self._life
        return {
            "calls": self._calls,
            "connections": 0 if life is None else len(life.transports),
            "registered": len(self._accounts),
        }

    @property
    def alive(self) -> bool:
        """Whether it listens and calls, and has not just crashed."""
        return self._life is not None

    async def started(self) -> None:
        """Wait until it has listened once."""
        await self._started.wait()

    @property
    def sockets(self) -> tuple[SipSocket, ...]:
        """What is listened on."""
        return self._sockets

    @property
    def _calls(self) -> int:
        return self._dialling + (0 if self._life is None else len(self._life.legs))

    # One life after the other; for the actor.

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Speak SIP until cancelled. What crashes ends it; calls are told that they are lost."""
        life = TelephoneLife(
            self._plan, self._sockets, self._guard, self.tally, self, self._make_agent
        )
        why = CallEnd.LOST
        try:
            async with trio.open_nursery() as nursery:
                await nursery.start(life.run)
                self._life, self._nursery = life, nursery
                nursery.start_soon(self._accounts.run, self._register)
                log.info("sip.listening", binds=[each.name for each in self._sockets])
                task_status.started()
                self._started.set()
        except BaseException as error:
            if not _crashed(error):
                why = CallEnd.STOPPED
                life.hang_up_now()
            raise
        finally:
            self._life = self._nursery = None
            life.over(why)

    async def drain(self) -> None:
        """Take no more calls, and end those there are; within seconds."""
        self._stopping = True
        with trio.move_on_after(GOODBYE_SECONDS):
            for name in self._accounts.names():
                self.unregister(name)
            if self._life is not None:
                await self._life.hang_up_all()

    # RoomsLine: what rooms use.

    def serve(self, rooms: TelephoneRooms) -> None:
        """Have these rooms called from now on, and call by their accounts."""
        self._rooms = rooms

    def register(self, name: str, server: str, username: str, password: str) -> bool:
        """Register a room at a server, see Registrar."""
        self.unregister(name)
        try:
            found = self._destinations.server(server)
        except CallRefused as error:
            log.warning("sip.register_failed", room=name, why=str(error))
            return False
        if self._stopping:
            return True
        return self._accounts.put(name, RoomAccount(username, password, server), found)

    def unregister(self, name: str) -> None:
        """Take back what is registered of a room."""
        gone = self._accounts.drop(name)
        if gone is not None and self._life is not None:
            self._life.unregister(gone)

    async def _register(self, each: KeptAccount) -> None:
        """Have one account registered once. Raises CallRefused, NotReached."""
        life = self._life
        if life is not None:
            flow = await self._reach(life, each.server)
            life.register(each, flow)

    # Calls out.

    async def dial(self, uri: str, room: str, offer: MakeOffer) -> CallLeg:
        """Begin to call, see Telephone."""
        if self._stopping:
            raise CallRefused(CallEnd.STOPPED)
        if self._calls >= self._plan.calls:
            raise CallRefused(CallEnd.NO_CAPACITY, "there are too many calls")
        self._dialling += 1
        try:
            return await self._dial(uri, room, offer)
        except CallRefused as error:
            self.tally.calls["out", error.why.value] += 1
            log.info("call.refused", why=error.why, direction="out", room=room)
            raise
        finally:
            self._dialling -= 1

    async def _dial(self, uri: str, room: str, offer: MakeOffer) -> CallLeg:
        account = await self._account(room)
        found = self._destinations.find(uri, account.server if account else "")
        life = self._alive()
        try:
            flow = await self._reach(life, found)
            local = life.transports.address_towards(flow.remote[0])
        except NotReached as error:
            raise CallRefused(CallEnd.UNREACHABLE, str(error)) from None
        facts = LegFacts(False, flow.remote[0], local, flow.local[0], room)
        description = facts.told(await offer(local))
        if self._alive() is not life:
            raise CallRefused(CallEnd.FAILED, "the telephone has started anew")
        # From here on nothing waits: who gives up has called nobody, or has the leg.
        caller, credentials = self._identity(account, found, flow)
        now = trio.current_time()
        leg = life.agent.dial(
            found.uri, flow, credentials, caller, description, self._plan.ring_seconds, now
        )
        log.info("call.invited", direction="out", room=room, host=found.host)
        life.wake()
        return life.watch(leg, facts)

    async def _account(self, room: str) -> RoomAccount | None:
        if self._rooms is None:
            return None
        try:
            return await self._rooms.credentials(room)
        except ActorError:
            raise CallRefused(CallEnd.FAILED, "the account of the room is not known now") from None

    def _alive(self) -> TelephoneLife:
        if self._life is None:
            raise CallRefused(CallEnd.FAILED, "the telephone is starting")
        return self._life

    def _identity(
        self, account: RoomAccount | None, to: Destination, flow: Flow
    ) -> tuple[str, Credentials | None]:
        """Return who calls, and the password, which is for the server alone that it belongs to."""
        if account is not None and self._is_server(account, to):
            return _uri(account.username, to), Credentials(account.username, account.password)
        trunk = self._destinations.trunk
        if trunk is not None and to.same_server(trunk):
            name = self._destinations.trunk_user
            return _uri(name, trunk), Credentials(name, self._plan.users.get(name, ""))
        user = account.username if account else NOBODY
        return _uri(user, Destination("", flow.local[0], 0)), None

    def _is_server(self, account: RoomAccount, to: Destination) -> bool:
        with suppress(CallRefused):
            return to.same_server(self._destinations.server(account.server))
        return False

    # The way to somebody.

    async def _reach(self, life: TelephoneLife, to: Destination) -> Flow:
        """Return a way to an address of a host that may be called; of several, the first.

        Raises CallRefused for a host that has none which may be called, NotReached.
        """
        addresses = await self._addresses(to)
        if not addresses:
            raise NotReached("its name leads nowhere")
        allowed = [each for each in addresses if self._destinations.permits(to.host, each[0])]
        if not allowed:
            raise not_allowed()
        trouble = NotReached("there is no way to it")
        for remote in allowed[:ADDRESSES_TRIED]:
            transport = to.transport or life.transports.usual(remote[0])
            try:
                return await life.transports.reach(transport, remote, to.host)
            except NotReached as error:
                trouble = error
        raise trouble

    async def _addresses(self, to: Destination) -> list[Address]:
        """Look a name up, once: what is called is an address that was found here."""
        with trio.move_on_after(RESOLVE_SECONDS), suppress(OSError, UnicodeError):
            found = await trio.socket.getaddrinfo(
                to.host, to.port, type=trio.socket.SOCK_STREAM, flags=trio.socket.AI_ADDRCONFIG
            )
            return [(str(each[4][0]), to.port) for each in found if "%" not in str(each[4][0])]
        return []

    # LifeListener: calls in.

    @property
    def room_for_calls(self) -> bool:
        """Whether there may be one more call."""
        return not self._stopping and self._calls < self._plan.calls

    def taken_in(self, invited: Invited) -> None:
        """Ask the rooms to take a call."""
        if self._rooms is None or self._nursery is None:
            invited.leg.refuse(CallEnd.NO_CAPACITY)
        else:
            self._nursery.start_soon(self._take, self._rooms, invited)

    def registered(self, name: str, ok: bool, why: str) -> None:
        """Hear how a registration stands."""
        self._accounts.answered(name, ok, why)

    async def _take(self, rooms: TelephoneRooms, invited: Invited) -> None:
        with trio.move_on_after(TAKE_SECONDS) as scope:
            await rooms.take(invited)
        if scope.cancelled_caught:
            invited.leg.refuse(CallEnd.FAILED)


def _uri(user: str, to: Destination) -> str:
    """Return the URI of somebody at a host."""
    host = f"[{to.host}]" if ":" in to.host else to.host
    return f"sip:{quote(user, safe=USER_LETTERS)}@{host}"


def _crashed(error: BaseException) -> bool:
    """Tell whether this is more than an end that was asked for."""
    if isinstance(error, BaseExceptionGroup):
        return error.split(trio.Cancelled)[1] is not None
    return not isinstance(error, trio.Cancelled)
