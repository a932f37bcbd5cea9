"""The rooms: one per key, how many there may be, what is kept while their names are taken."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, replace

from actors.core import (
    Actor,
    ActorError,
    ActorStopped,
    MailboxFull,
    Message,
    Ref,
    Refused,
    Restart,
)
from actors.directory.messages import Admit
from actors.directory.opening import GRACE, Opening
from actors.directory.origins import Origins
from actors.room.echo import EchoRoom
from actors.room.room import Join, Room
from actors.room.roster import Roster
from actors.room.site_services import SITE_MAILBOX_PER_PERSON, SiteServices
from actors.streams.services import MediaServices
from actors.words.facts import JoinRefused
from actors.words.keys import ROOMS, MemberKey, RoomKey
from actors.words.refusals import Busy, TooManyRooms
from actors.words.rooms import RoomSpec

CONFERENCE_GRACE = 12.0  # recordings are finalised in it


@dataclass(frozen=True, slots=True)
class Made:
    """What a room is made from; the roster is the room's, and only looked at here."""

    spec: RoomSpec
    roster: Roster


class Rooms:
    """Belongs to one incarnation of the directory; rooms end with it.

    `check` raises what a room is refused by, whether or not it lives.
    What a room is made from, its spec (the type) and its roster (who is in, the lock), is kept with
    its name, and so outlives the incarnations of the room itself.
    """

    __slots__ = (
        "_by_key",
        "_check",
        "_directory",
        "_echo_room",
        "_key_of",
        "_made",
        "_media",
        "_opening",
        "_origins",
        "_site",
    )

    def __init__(
        self,
        directory: Actor[Message],
        opening: Opening,
        media: MediaServices,
        site: SiteServices,
        check: Callable[[RoomKey], None],
    ) -> None:
        self._directory = directory
        self._check = check
        self._opening = opening
        self._media = media
        self._site = site
        self._by_key: dict[RoomKey, Ref[Message]] = {}
        self._echo_room = EchoRoom()
        self._key_of: dict[Ref[Message], RoomKey] = {}  # also of those whose end is not heard yet
        self._made: dict[RoomKey, Made] = {}
        self._origins = Origins()

    def __len__(self) -> int:
        return len(self._key_of)

    async def admit(self, order: Admit) -> None:
        """Bring a Join to its room, which answers it; or refuse it."""
        try:
            admission = order.admission
            room = await self._find_or_spawn(order.spec, admission.address, admission.presence.peer)
            room.tell(Join(order.peer, admission, order.tag))
        except Refused as refusal:
            self._refuse(order, refusal)
        except (ActorStopped, MailboxFull):
            self._refuse(order, Busy())

    async def open(self, spec: RoomSpec) -> Ref[Message]:
        """Return a room in which nobody need be. Raises TooManyRooms, Busy."""
        return await self._find_or_spawn(spec)

    def forget(self, room: Ref[Message]) -> None:
        """Forget a room that has ended; an unknown one changes nothing."""
        key = self._key_of.pop(room, None)
        if key is not None and self._by_key.get(key) == room:  # not one that came after it
            del self._by_key[key]
            self._made.pop(key, None)
        self._origins.forget(room)

    def made(self, key: RoomKey) -> Made | None:
        """Return what a live room is made from."""
        return self._made.get(key)

    def with_member(self, key: MemberKey) -> Made | None:
        """Return what the room is made from that this one is in, as himself or as a telephone."""
        for made in self._made.values():
            ref = made.roster.refs.get(key.id)
            if ref is None:
                continue
            within = ref.path.startswith(f"{made.spec.key.path}/")  # a call is its room's child
            if ref.path == key.path or (within and made.spec.key.realm == key.realm):
                return made
        return None

    def _refuse(self, order: Admit, refusal: Refused) -> None:
        key, peer = order.spec.key, order.admission.presence.peer
        dialect, address = order.spec.dialect, order.admission.shown_address
        told = {"room": key.name, "dialect": dialect, "peer": peer, "address": address}
        self._directory.ctx.log.info("join.refused", **told, reason=refusal.code)
        self._directory.ctx.count("joins_refused", dialect, refusal.code)
        with suppress(ActorError):  # it is gone, or will see its own deadline pass
            order.peer.tell(JoinRefused(order.tag, key, refusal, order.admission.attempt))

    async def _find_or_spawn(
        self, spec: RoomSpec, address: str = "", peer: str = ""
    ) -> Ref[Message]:
        self._check(spec.key)
        known = self._by_key.get(spec.key)
        if known is not None and known.alive:
            return known
        known = self._opening.find(spec.key.path)
        if known is not None:  # its spawning was answered too late
            self._note(spec.key, known)
            return known
        limits = self._opening.limits
        if len(self._key_of) >= limits.rooms:
            raise TooManyRooms
        self._origins.check(address, peer, limits.empty_rooms_per_address)
        roster = Roster(echo_room=self._echo_room)

        def factory() -> Actor[Message]:
            limits = self._opening.limits
            if spec.conference is not None:
                # Whoever makes such a spec has loaded it: nobody waits for that here.
                from actors.room.conference_room import ConferenceRoom

                return ConferenceRoom(spec, spec.conference, limits, self._media, roster)
            if spec.site is not None:
                from actors.room.site_room import SiteRoom

                return SiteRoom(spec, spec.site, limits, roster, self._site)
            return Room(spec, limits, roster)

        if spec.site is not None:
            mailbox = max(limits.mailbox_messages, SITE_MAILBOX_PER_PERSON * spec.capacity)
            limits = replace(limits, mailbox_messages=mailbox)
        grace = GRACE if spec.conference is None else CONFERENCE_GRACE
        room = await self._opening.spawn(
            ROOMS, spec.key.slug, factory, limits, Restart.TRANSIENT, grace
        )
        self._origins.note(room, address, roster)
        self._note(spec.key, room)
        self._made[spec.key] = Made(spec, roster)
        return room

    def _note(self, key: RoomKey, room: Ref[Message]) -> None:
        self._by_key[key] = room
        self._key_of[room] = key
        self._directory.ctx.watch(room)
