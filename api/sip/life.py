"""One life of the telephone: the agent, its sockets and its clock, until a crash or the end.

What comes by the sockets is given to the agent, and what the agent has to send is sent. Nothing of
it waits but the clock, so nothing is ever half done. The actor of `actor.py` runs it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Protocol

import structlog
import trio

from actors.words.calls import CallDescription, CallEnd, CallLeg
from api.http.credentials import CredentialGuard, TooManyAttempts, address_key
from api.sip.accounts import KeptAccount
from api.sip.binding import SipSocket
from api.sip.flows import Flow
from api.sip.plan import TelephonePlan
from api.sip.rooms import RoomAccount
from api.sip.strangers import Acquaintances, Strangers
from api.sip.tally import SipTally
from api.sip.transports import NotReached, Transports
from api.sip.watched_leg import LegFacts, WatchedLeg

if TYPE_CHECKING:
    from api.sip.auth import Credentials
    from api.sip.user_agent_words import Invited

log = structlog.get_logger(__name__)

KNOWN_SECONDS = 3600.0  # after a right password
KNOWN = 4096
LOGGED_ADDRESSES = 256  # whose refused calls were logged; of more, the first are logged again
GUARDED = "sip"


class SipAgent(Protocol):
    """What speaks SIP, as `api.sip.agent.UserAgent` does; times are seconds of Trio's clock."""

    def receive(self, data: bytes, flow: Flow, now: float) -> None: ...

    def lost(self, flow: Flow, now: float) -> None: ...

    def tick(self, now: float) -> None: ...

    def due(self) -> float: ...

    def outgoing(self) -> list[tuple[Flow, bytes]]: ...

    def dial(
        self,
        uri: str,
        flow: Flow,
        credentials: Credentials | None,
        local: str,
        offer: CallDescription,
        ring_seconds: float,
        now: float,
    ) -> CallLeg: ...

    def register(
        self, name: str, server: str, account: RoomAccount, flow: Flow, now: float
    ) -> None: ...

    def unregister(self, name: str, now: float) -> None: ...


class LifeListener(Protocol):
    """What outlives a life, and hears of what comes in."""

    @property
    def room_for_calls(self) -> bool:
        """Whether there may be one more call."""

    def taken_in(self, invited: Invited) -> None:
        """Take a call that comes in; it must not wait."""

    def registered(self, name: str, ok: bool, why: str) -> None:
        """Hear how a registration stands."""


class TelephoneLife:
    """Is what the sockets tell (SipWire), and what the agent asks (AgentHooks)."""

    def __init__(
        self,
        plan: TelephonePlan,
        sockets: tuple[SipSocket, ...],
        guard: CredentialGuard,
        tally: SipTally,
        listener: LifeListener,
        make_agent: Callable[[TelephoneLife], SipAgent],
    ) -> None:
        self.plan = plan
        self._guard = guard
        self._tally = tally
        self._listener = listener
        self._strangers = Strangers()
        self._acquaintances = Acquaintances(KNOWN_SECONDS, KNOWN)
        self._talking: Counter[str] = Counter()  # hosts of calls, and of registrations
        self._servers: dict[str, str] = {}  # by the room that is registered there
        self._logged: dict[str, None] = {}
        self._changed = trio.Event()
        self.legs: set[WatchedLeg] = set()
        self.transports = Transports(sockets, plan.secure, plan.connections, self, plan.announces)
        self.agent = make_agent(self)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Live until cancelled, or until something crashes."""
        async with trio.open_nursery() as nursery:
            await nursery.start(self.transports.run)
            nursery.start_soon(self._keep_time)
            task_status.started()

    async def _keep_time(self) -> None:
        while True:
            self._changed = trio.Event()
            self.flush()
            with trio.move_on_at(self.agent.due()):
                await self._changed.wait()
            self.agent.tick(trio.current_time())

    def flush(self) -> None:
        """Send what the agent has to send; it hears what has no way."""
        while outgoing := self.agent.outgoing():
            for flow, data in outgoing:
                if not self.transports.send(flow, data):
                    self.agent.lost(flow, trio.current_time())

    def wake(self) -> None:
        """Have what is to be sent sent soon, and the clock look again."""
        self._changed.set()

    # SipWire: what the sockets tell.

    def admits(self, host: str, data: bytes) -> bool:
        """Tell whether a message of this host is looked at at all."""
        self._tally.message(data)
        now = trio.current_time()
        if self.known(host) or self._strangers.take(address_key(host), now, len(data)):
            return True
        self._tally.refused["stranger"] += 1
        return False

    def known(self, host: str) -> bool:
        """Tell whether we have to do with this host."""
        return (
            host in self._talking
            or self.plan.admits(host)
            or self._acquaintances.knows(address_key(host), trio.current_time())
        )

    def receive(self, data: bytes, flow: Flow) -> None:
        """Give the agent a message."""
        self.agent.receive(data, flow, trio.current_time())
        self.flush()
        self.wake()

    def lost(self, flow: Flow) -> None:
        """Tell the agent that a connection is no more."""
        self.agent.lost(flow, trio.current_time())
        self.wake()

    # AgentHooks: what the agent asks and tells.

    def admitted(self, host: str) -> bool:
        """Tell whether somebody at this host may call without a password."""
        return self.plan.admits(host)

    def may_answer_options(self, host: str) -> bool:
        """Tell whether this host may ask whether we are there."""
        return self.known(host)

    def password(self, user: str) -> str | None:
        """Return the password of a user."""
        return self.plan.users.get(user)

    def attempt(self, host: str, ok: bool) -> bool:
        """Count a password that was shown; False where nobody at that address is heard now."""
        try:
            self._guard.admit_nowait(host, GUARDED)
        except TooManyAttempts:
            self._tally.refused["guessing"] += 1
            return False
        if ok:
            self._guard.succeeded(host, GUARDED)
            self._acquaintances.meet(address_key(host), trio.current_time())
        else:
            self._guard.failed(host, GUARDED)
            self.refused(host, CallEnd.NOT_ALLOWED)
        return True

    def registered(self, name: str, ok: bool, why: str) -> None:
        """Pass on how a registration stands."""
        self._tally.registrations["registered" if ok else "failed"] += 1
        self._listener.registered(name, ok, why)

    def invited(self, invited: Invited) -> None:
        """Count a call that comes in, and pass it on; refused where there are too many."""
        has_room = self._listener.room_for_calls
        told = invited.leg.address
        try:
            local = self.transports.address_towards(invited.host)
        except NotReached:
            local = told
        leg = self.watch(invited.leg, LegFacts(True, invited.host, local, told))
        if not has_room:
            leg.refuse(CallEnd.BUSY)
            return
        log.info("call.invited", direction="in", host=invited.host)
        self._listener.taken_in(replace(invited, leg=leg))

    # Calls.

    def watch(self, leg: CallLeg, facts: LegFacts) -> WatchedLeg:
        """Return a leg in place of this one, which is counted until its end."""
        watched = WatchedLeg(leg, facts, self._ended, self.wake)
        if not watched.over:
            self.legs.add(watched)
            self.talk(facts.host)
        return watched

    def talk(self, host: str) -> None:
        """Know a host until `talked` is called for it."""
        self._talking[host] += 1

    def talked(self, host: str) -> None:
        """Forget a host again."""
        self._talking[host] -= 1
        if self._talking[host] <= 0:
            del self._talking[host]

    def _ended(self, leg: WatchedLeg, why: CallEnd) -> None:
        facts = leg.facts
        self._tally.calls[facts.direction, why.value] += 1
        if leg in self.legs:
            self.legs.remove(leg)
            self.talked(facts.host)
        if leg.taken:
            log.info("sip.call_ended", why=why, host=facts.host, **facts.of_room)
        else:
            self.refused(facts.host, why, facts)

    def refused(self, host: str, why: CallEnd, facts: LegFacts | None = None) -> None:
        """Log a call that did not come about; of strangers, one line for each address."""
        if facts is None or not self.known(host):
            key = address_key(host)
            if key in self._logged:
                return
            self._logged[key] = None
            if len(self._logged) > LOGGED_ADDRESSES:
                del self._logged[next(iter(self._logged))]
        direction = "in" if facts is None else facts.direction
        room = {} if facts is None else facts.of_room
        log.info("call.refused", why=why, direction=direction, host=host, **room)

    def register(self, each: KeptAccount, flow: Flow) -> None:
        """Register an account by this way; what it comes to is told to `registered`."""
        self.unregister(each)
        self._servers[each.name] = flow.remote[0]
        self.talk(flow.remote[0])
        self.agent.register(each.name, each.server.uri, each.account, flow, trio.current_time())
        self.wake()

    def unregister(self, each: KeptAccount) -> None:
        """Take back what was registered, if anything was."""
        host = self._servers.pop(each.name, None)
        if host is not None:
            self.talked(host)
            self.agent.unregister(each.name, trio.current_time())
            self.wake()

    def hang_up_now(self) -> None:
        """End every call, with datagrams only: what waits is over."""
        for leg in tuple(self.legs):
            leg.hang_up(CallEnd.STOPPED)
        self.agent.tick(trio.current_time())  # does what it was ordered
        self.flush()

    async def hang_up_all(self) -> None:
        """End every call, and wait until that is on its way."""
        self.hang_up_now()
        await self.transports.sent()

    def over(self, why: CallEnd) -> None:
        """Tell whoever has a call that it is over, where no more can be sent."""
        for leg in tuple(self.legs):
            leg.lose(why)
