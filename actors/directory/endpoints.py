"""The desk of endpoints: one endpoint per id, whose they are, and how many there may be.

It finds or spawns and never waits for an endpoint. What goes to an endpoint that is known by its id
goes there directly (`EndpointKey.path`), without a tour through here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from actors.core import (
    Actor,
    ActorError,
    ActorStopped,
    ChildSpec,
    Down,
    Message,
    Ref,
    Refused,
    ReplyTo,
    Request,
    Restart,
    Spawn,
)
from actors.endpoint.endpoint import Endpoint, EndpointSpec, Renew
from actors.endpoint.rules import Owner, Quota
from actors.words.keys import ENDPOINTS
from actors.words.limits import ActorLimits
from actors.words.refusals import Busy, EndpointTaken, EndpointUnknown, TooManyEndpoints

DESK = "/delivery/endpoint_desk"


@dataclass(frozen=True, slots=True)
class OpenEndpoint(Request[Ref[Message]]):
    """Return the endpoint of this id: a new one, or the same owner's live one under new terms.

    Raises EndpointTaken, TooManyEndpoints, Busy.
    """

    spec: EndpointSpec
    quota: Quota


@dataclass(frozen=True, slots=True)
class FindEndpoints(Request[tuple[Ref[Message], ...]]):
    """Return the live endpoints of an owner, the oldest first."""

    realm: str
    owner: Owner


class EndpointDesk(Actor[Message]):
    kind = "endpoint_desk"
    accepts = (OpenEndpoint, FindEndpoints)

    def __init__(self, limits: Callable[[], ActorLimits]) -> None:
        self._limits = limits  # they may change while the server runs
        self._owned: dict[tuple[str, Owner], dict[Ref[Message], None]] = {}
        self._owner_of: dict[Ref[Message], tuple[str, Owner]] = {}
        self._of_organization: Counter[tuple[str, str]] = Counter()
        self._of_realm: Counter[str] = Counter()

    async def handle(self, message: Message) -> object:
        match message:
            case OpenEndpoint():
                return await self._open(message)
            case FindEndpoints(realm, owner):
                return tuple(self._owned.get((realm, owner), ()))
        return None

    async def on_down(self, down: Down) -> None:
        self._forget(down.ref)

    def snapshot(self) -> Mapping[str, object]:
        return {"endpoints": len(self._owner_of), "users": len(self._owned)}

    async def _open(self, order: OpenEndpoint) -> Ref[Message] | None:
        key, owner = order.spec.key, order.spec.owner
        known = self.ctx.registry.find(key.path)
        if known is not None:
            self.ctx.start_task(self._renew, known, order, self.ctx.defer())
            return None
        self._check(key.realm, owner, order.quota)
        ref = await self._spawn(order.spec)
        self._note(ref, key.realm, owner)
        return ref

    async def _renew(
        self, known: Ref[Message], order: OpenEndpoint, asker: ReplyTo[Ref[Message]]
    ) -> None:
        """Give a live endpoint new terms, in a helper: the desk waits for nobody."""
        within = self._limits().ask_seconds
        renewal = Renew(order.spec.owner, order.spec.terms)
        try:
            try:
                await known.ask(renewal, within=within)
                if known not in self._owner_of:  # its spawning was answered too late
                    self._note(known, order.spec.key.realm, order.spec.owner)
                asker.reply(known)
            except ActorStopped:  # its end was under way: a new one takes its place
                asker.reply(await self.ctx.self_ref.ask(order, within=within))
        except EndpointUnknown:
            asker.refuse(EndpointTaken())
        except Refused as refusal:
            asker.refuse(refusal)
        except ActorError:
            asker.refuse(Busy())

    async def _spawn(self, spec: EndpointSpec) -> Ref[Message]:
        parent = self.ctx.registry.find(ENDPOINTS)
        if parent is None:
            raise Busy  # only while the house is going down
        limits = self._limits()
        child = ChildSpec(
            spec.key.slug,
            lambda: Endpoint(spec),
            Restart.TEMPORARY,
            mailbox=limits.mailbox_messages,
        )
        try:
            return await parent.ask(Spawn(child), within=limits.ask_seconds)
        except Refused:
            raise
        except ActorError:
            raise Busy from None

    # --- who has what

    def _check(self, realm: str, owner: Owner, quota: Quota) -> None:
        mine = sum(ref.alive for ref in self._owned.get((realm, owner), ()))
        if (
            mine >= quota.per_user
            or self._of_organization[realm, owner.organization] >= quota.per_organization
            or self._of_realm[realm] >= quota.total
        ):
            raise TooManyEndpoints

    def _note(self, ref: Ref[Message], realm: str, owner: Owner) -> None:
        self._owned.setdefault((realm, owner), {})[ref] = None
        self._owner_of[ref] = (realm, owner)
        self._of_organization[realm, owner.organization] += 1
        self._of_realm[realm] += 1
        self.ctx.watch(ref)

    def _forget(self, ref: Ref[Message]) -> None:
        realm, owner = self._owner_of.pop(ref)
        owned = self._owned[realm, owner]
        del owned[ref]
        if not owned:
            del self._owned[realm, owner]
        self._of_organization[realm, owner.organization] -= 1
        if not self._of_organization[realm, owner.organization]:
            del self._of_organization[realm, owner.organization]
        self._of_realm[realm] -= 1
