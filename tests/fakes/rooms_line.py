"""The telephone as rooms have it, without any network: what is registered is noted."""

from __future__ import annotations

from dataclasses import dataclass, field

import trio

from actors.words.calls import CallDescription
from api.sip.rooms import RoomAccount, TelephoneRooms
from tests.fakes.telephone import FakeLeg


@dataclass
class FakeInvitation:
    """A call in; see api.sip.rooms.Invitation."""

    user: str
    peer: str = "sip:+49301234:sesame@sip.example.org;user=phone"
    display: str = "Ann"
    offer: CallDescription | None = None
    leg: FakeLeg = field(default_factory=FakeLeg)


@dataclass
class FakeLine:
    """See api.sip.rooms.RoomsLine. It registers at the servers that it `allows`, None for all.

    `registered` are the accounts by room, `orders` what was said, and `times` when.
    """

    allows: set[str] | None = None
    registered: dict[str, RoomAccount] = field(default_factory=dict)
    orders: list[tuple[str, str]] = field(default_factory=list)
    times: list[float] = field(default_factory=list)
    rooms: TelephoneRooms | None = None

    def serve(self, rooms: TelephoneRooms) -> None:
        assert self.rooms is None
        self.rooms = rooms

    def register(self, name: str, server: str, username: str, password: str) -> bool:
        self.orders.append(("register", name))
        self.times.append(trio.current_time())
        if self.allows is not None and server not in self.allows:
            self.registered.pop(name, None)
            return False
        self.registered[name] = RoomAccount(username, password, server)
        return True

    def unregister(self, name: str) -> None:
        self.orders.append(("unregister", name))
        self.registered.pop(name, None)

    async def call(self, user: str) -> FakeLeg:
        """Have a call come in; return its leg once it is carried or refused."""
        assert self.rooms is not None
        invited = FakeInvitation(user)
        await self.rooms.take(invited)
        return invited.leg
