"""The hub: the front desk. Finds or spawns a room or a peer; never waits for either."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass

from actors.core import (
    Actor,
    ActorError,
    ActorStopped,
    ChildSpec,
    Down,
    MailboxFull,
    Message,
    Ref,
    Refused,
    Registry,
    ReplyTo,
    Request,
    Restart,
    Spawn,
)
from actors.directory.origins import Origins
from actors.room.room import Join, Room
from actors.room.roster import Roster
from actors.streams.services import MediaServices
from actors.words.facts import JoinRefused
from actors.words.keys import PEERS, ROOMS, PeerKey
from actors.words.limits import ActorLimits
from actors.words.refusals import Busy, TooManyPeers, TooManyRooms
from actors.words.rooms import Admission, RoomSpec

HUB = "/conferencing/hub"
ROOM_GRACE = 5.0
CONFERENCE_GRACE = 12.0  # recordings are finalised in it


@dataclass(frozen=True, slots=True)
class OpenPeer(Request[Ref[Message]]):
    """Return the peer of this key: the live one, once it has taken `takeover`, or a new one.

    Raises TooManyPeers, Busy.
    """

    key: PeerKey
    factory: Callable[[], Actor[Message]]
    takeover: Request[None]


@dataclass(frozen=True, slots=True)
class Admit(Message):
    """Bring a peer's Join to the room it names; the room answers the peer, or else the hub does."""

    peer: Ref[Message]
    spec: RoomSpec
    admission: Admission
    tag: str


@dataclass(frozen=True, slots=True)
class Identified(Message):
    """This peer is this user's."""

    peer: Ref[Message]
    realm: str
    user: str


@dataclass(frozen=True, slots=True)
class FindUser(Request[tuple[Ref[Message], ...]]):
    """Return the live peers of a user."""

    realm: str
    user: str


@dataclass(frozen=True, slots=True)
class CountUsers(Request[int]):
    """Return how many users have a live peer in this realm."""

    realm: str


def tell_hub(registry: Registry, message: Message) -> None:
    """Tell the hub. Raises Busy when it cannot take more."""
    hub = registry.find(HUB)
    try:
        if hub is None:
            raise Busy
        hub.tell(message)
    except ActorError:
        raise Busy from None


class Hub(Actor[Message]):
    kind = "hub"
    accepts = (OpenPeer, Admit, Identified, FindUser, CountUsers)

    def __init__(self, limits: Callable[[], ActorLimits], media: MediaServices) -> None:
        self._current_limits = limits  # they may change while the server runs
        self._media = media
        self._users: dict[tuple[str, str], dict[Ref[Message], None]] = {}
        self._user_of: dict[Ref[Message], tuple[str, str]] = {}
        self._rooms: set[Ref[Message]] = set()
        self._origins = Origins()

    @property
    def _limits(self) -> ActorLimits:
        return self._current_limits()

    async def handle(self, message: Message) -> object:
        match message:
            case OpenPeer():
                return await self._open_peer(message)
            case Admit():
                await self._admit(message)
            case Identified(peer, realm, user):
                self._identify(peer, (realm, user))
            case FindUser(realm, user):
                return tuple(self._users.get((realm, user), ()))
            case CountUsers(realm):
                return sum(1 for known, _ in self._users if known == realm)
        return None

    async def on_down(self, down: Down) -> None:
        user = self._user_of.pop(down.ref, None)
        if user is not None:
            self._users[user].pop(down.ref, None)
            if not self._users[user]:
                del self._users[user]
        if not down.restarting:
            self._rooms.discard(down.ref)
            self._origins.forget(down.ref)

    def snapshot(self) -> Mapping[str, object]:
        return {"rooms": len(self._rooms), "users": len(self._users)}

    # --- peers

    async def _open_peer(self, order: OpenPeer) -> Ref[Message] | None:
        registry = self.ctx.registry
        known = registry.find(order.key.path)
        if known is not None:
            self.ctx.start_task(self._take_over, known, order, self.ctx.defer())
            return None
        if len(registry.children(PEERS)) >= self._limits.peers:
            raise TooManyPeers
        return await self._spawn(PEERS, order.key.slug, order.factory, Restart.TEMPORARY)

    async def _take_over(
        self, known: Ref[Message], order: OpenPeer, asker: ReplyTo[Ref[Message]]
    ) -> None:
        """Have a live peer take the new socket, in a helper: the front desk waits for nobody."""
        within = self._limits.ask_seconds
        try:
            try:
                await known.ask(order.takeover, within=within)
                asker.reply(known)
            except ActorStopped:  # its end was under way: the client begins anew
                asker.reply(await self.ctx.self_ref.ask(order, within=within))
        except Refused as refusal:
            asker.refuse(refusal)
        except ActorError:
            asker.refuse(Busy())

    def _identify(self, peer: Ref[Message], user: tuple[str, str]) -> None:
        self._users.setdefault(user, {})[peer] = None
        self._user_of[peer] = user
        self.ctx.watch(peer)

    # --- rooms

    async def _admit(self, order: Admit) -> None:
        try:
            room = await self._room(order.spec, order.admission)
            room.tell(Join(order.peer, order.admission, order.tag))
        except Refused as refusal:
            self._refuse(order, refusal)
        except (ActorStopped, MailboxFull):
            self._refuse(order, Busy())

    def _refuse(self, order: Admit, refusal: Refused) -> None:
        key, peer = order.spec.key, order.admission.presence.peer
        told = {"room": key.name, "dialect": key.realm, "peer": peer, "reason": refusal.code}
        self.ctx.log.info("join.refused", **told)
        with suppress(ActorError):  # it is gone, or will see its own deadline pass
            attempt = order.admission.attempt
            order.peer.tell(JoinRefused(order.tag, order.spec.key, refusal, attempt))

    async def _room(self, spec: RoomSpec, admission: Admission) -> Ref[Message]:
        known = self.ctx.registry.find(spec.key.path)
        if known is not None:
            self._note(known)  # its spawning may have been answered too late
            return known
        if len(self._rooms) >= self._limits.rooms:
            raise TooManyRooms
        address, most = admission.address, self._limits.empty_rooms_per_address
        self._origins.check(address, admission.presence.peer, most)
        roster = Roster()

        def factory() -> Actor[Message]:
            return Room(spec, self._limits, self._media, roster)

        grace = ROOM_GRACE if spec.conference is None else CONFERENCE_GRACE
        room = await self._spawn(ROOMS, spec.key.slug, factory, Restart.TRANSIENT, grace)
        self._origins.note(room, address, roster)
        self._note(room)
        return room

    def _note(self, room: Ref[Message]) -> None:
        if room not in self._rooms:
            self._rooms.add(room)
            self.ctx.watch(room)

    # --- the house

    async def _spawn(
        self,
        parent: str,
        name: str,
        factory: Callable[[], Actor[Message]],
        restart: Restart,
        grace: float = ROOM_GRACE,
    ) -> Ref[Message]:
        spec = ChildSpec(name, factory, restart, grace, self._limits.mailbox_messages)
        try:
            return await self._find(parent).ask(Spawn(spec), within=self._limits.ask_seconds)
        except Refused:
            raise
        except ActorError:
            raise Busy from None

    def _find(self, path: str) -> Ref[Message]:
        ref = self.ctx.registry.find(path)
        if ref is None:
            raise Busy  # only while the house is going down
        return ref
