"""The rules of a room: who may join, who is in it, what locks it, when it has been empty too long.

A `RoomState` is changed by plain method calls and answers with the `Notice`s to send; it knows no
actor, no clock and no dialect. Refusals are raised and leave the state as it was. Where a lock is
about to change, its value is computed first and put in place by a second call, so that the actor
can make it safe from a crash in between.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Literal

from actors.room.echo import Echo
from actors.words.conference_refusals import NotAllowed, ParticipantUnknown
from actors.words.facts import (
    Joined,
    PeerChanged,
    PeerJoined,
    PeerLeft,
    PermissionSet,
    Presence,
    RoomChanged,
    RoomView,
    RosterAnnounced,
    RosterListed,
    Said,
)
from actors.words.orders import Say, SetPin
from actors.words.permission import PermissionChange
from actors.words.refusals import (
    AccountRequiredToCreate,
    AccountRequiredToJoin,
    NotInRoom,
    NotThatRoom,
    PinNotNeeded,
    RoomFull,
    RoomLocked,
    WrongPin,
)
from actors.words.rooms import Admission, Notice, PinLock, RoomSpec
from actors.words.views import AnyStream


@dataclass(slots=True)
class RoomState:
    """One room. `members` is in order of joining; `used` turns true with the first member."""

    spec: RoomSpec
    lock: PinLock | None = None
    used: bool = False
    members: dict[str, Presence] = field(default_factory=dict)
    echo: Echo = field(default_factory=lambda: Echo(0, 0))
    view: RoomView = field(init=False)
    announces_members: bool = field(init=False)  # who comes and goes

    def __post_init__(self) -> None:
        spec = self.spec
        self.view = RoomView(spec.key, spec.title, spec.kind)
        self.announces_members = spec.site is None and (
            spec.conference is None or spec.conference.announces_members
        )

    def admit(self, admission: Admission, leaving: int = 0) -> None:
        """Check whether this joiner may enter; raises the refusal, changes nothing.

        So many members will be put out for it.
        """
        presence = admission.presence
        may = presence.permission
        if not may.enter:
            raise AccountRequiredToJoin
        if not may.create and not self.used:
            raise AccountRequiredToCreate
        if self.lock is not None:
            if not admission.pin:
                raise RoomLocked
            if not self.lock.opens_with(admission.pin):
                raise WrongPin
        elif admission.pin and self.used:
            raise PinNotNeeded
        if presence.peer not in self.members and len(self.members) - leaving >= self.spec.capacity:
            raise RoomFull

    def lock_after_join(self, admission: Admission, salt: bytes) -> PinLock | None:
        """Return the lock that holds once this joiner is in: the first one's PIN becomes it."""
        if self.used or self.lock is not None or not admission.pin:
            return self.lock
        return PinLock.of(admission.pin, salt)

    def join(
        self,
        admission: Admission,
        tag: str,
        lock: PinLock | None,
        streams: tuple[AnyStream, ...] = (),
    ) -> list[Notice]:
        """Let a joiner in that `admit` has accepted; `lock` is what `lock_after_join` returned.

        A member that joins again is announced again. `streams` are those in the room. Who is in a
        site is told by its lists alone.
        """
        presence = admission.presence
        self.lock = lock
        self.used = True
        self.members[presence.peer] = presence
        members = tuple(self.members.values()) if self.spec.site is None else (presence,)
        joined = Joined(tag, self.view, members, admission.attempt, streams)
        notices = [Notice(joined, to=presence.peer)]
        if self.announces_members:
            notices.append(Notice(PeerJoined(presence), but=presence.peer))
        if self.spec.announces_roster and len(members) > 1:
            called = tuple(member.peer for member in members if member.callable)
            notices.append(Notice(RosterAnnounced(self.view, called)))
        return notices

    def leave(self, peer: str, *, gone: bool) -> list[Notice]:
        """Remove a member; an unknown peer changes nothing."""
        if self.members.pop(peer, None) is None:
            return []
        return [Notice(PeerLeft(peer, gone))] if self.announces_members else []

    def present(self, presence: Presence) -> list[Notice]:
        """Replace a member's presence and show it to the others; older revisions are ignored."""
        known = self.members.get(presence.peer)
        if known is None or presence.revision < known.revision:
            return []
        self.members[presence.peer] = presence
        if self.spec.site is not None:
            return []
        return [Notice(PeerChanged(presence), but=presence.peer)]

    def permit(self, peer: str, changes: Iterable[PermissionChange]) -> list[Notice]:
        """Change what a member may do. Raises ParticipantUnknown."""
        if peer not in self.members:
            raise ParticipantUnknown(peer)
        presence = self.members[peer]
        permission = presence.permission.changed(changes)
        # The member counts the revision up, too, once it hears of it.
        self.members[peer] = replace(
            presence, permission=permission, revision=presence.revision + 1
        )
        return [Notice(PermissionSet(permission), to=peer)]

    def say(self, by: str, order: Say, now: float) -> list[Notice]:
        """Tell everyone, or the one it is for. Raises NotInRoom, NotAllowed, ParticipantUnknown."""
        self._require(by, "chat")
        to = order.to
        known = to is None or to in self.members
        if not known and not self.echo.is_awaited(to or "", now):
            raise ParticipantUnknown(to)
        said = Said(by, to, order.text, order.extra, order.passing, self.echo.number())
        self.echo.add(said, now)
        if not known:
            return []
        return [Notice(said, to=to, but=by if to is None and not order.echoed else None)]

    def missed(self, member: str, now: float) -> list[Notice]:
        """Tell a member that is back what was said meanwhile."""
        return [Notice(said, to=member) for said in self.echo.missed(member, now)]

    def list_members(self, by: str, tag: str) -> list[Notice]:
        """List the members to one of them. Raises NotInRoom."""
        self._require(by)
        return [Notice(RosterListed(tag, tuple(self.members.values())), to=by)]

    def lock_after_change(self, by: str, order: SetPin, salt: bytes) -> PinLock | None:
        """Return the lock for a PIN, none for "", today's for None.

        Raises NotThatRoom, NotInRoom, NotAllowed.
        """
        if order.room != self.spec.key.name:
            raise NotThatRoom
        self._require(by, "lock")
        if order.pin is None:
            return self.lock
        return PinLock.of(order.pin, salt) if order.pin else None

    def set_lock(self, by: str, order: SetPin, lock: PinLock | None) -> list[Notice]:
        """Put the lock that `lock_after_change` returned in place and tell everyone the PIN."""
        self.lock = lock
        changed = RoomChanged(by, order.tag, self.view, order.pin)
        return [Notice(changed, to=by), Notice(replace(changed, tag=""), but=by)]

    def require_kick(self, by: str, member: str) -> None:
        """Check that this one may put that one out.

        Raises NotInRoom, NotAllowed, ParticipantUnknown.
        """
        self._require(by, "kick")
        if member not in self.members:
            raise ParticipantUnknown(member)

    def _require(self, by: str, right: Literal["chat", "lock", "kick"] | None = None) -> None:
        if by not in self.members:
            raise NotInRoom
        if right is not None and not getattr(self.members[by].permission, right):
            raise NotAllowed(right)
