"""What telephones need of rooms, and rooms of telephones; a dialect with such rooms tells it.

The rooms answer calls that come in (`TelephoneRooms`), and have accounts at SIP servers, which the
telephone registers for them (`Registrar`).
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

from actors.words.calls import CallDescription, CallLeg


class RoomAccount(NamedTuple):
    """The account of a room at a SIP server: `server` is a host, or a host and a port."""

    username: str
    password: str
    server: str

    def __repr__(self) -> str:
        """Leave out the password: what is shown may come into a log."""
        return f"RoomAccount(username={self.username!r}, server={self.server!r})"


class Invitation(Protocol):
    """A call that comes in, whose caller may call here.

    `user` is the user part of the Request-URI, `peer` the URI of who calls, and `display` the name
    beside it, or "". Without an `offer` the caller waits for one.
    """

    @property
    def leg(self) -> CallLeg: ...

    @property
    def user(self) -> str: ...

    @property
    def peer(self) -> str: ...

    @property
    def display(self) -> str: ...

    @property
    def offer(self) -> CallDescription | None: ...


class TelephoneRooms(Protocol):
    """Rooms that can be called, and that call. Where nothing is said of it, nothing is raised."""

    async def take(self, invited: Invitation) -> None:
        """Have the room take a call that it is for, or refuse it: its leg hears which.

        It may be called for many calls side by side, and is over once somebody carries the call.
        """

    async def credentials(self, room: str) -> RoomAccount | None:
        """Return the account by which the room of this name calls out; None where it has none.

        Raises ActorError where that cannot be found out now.
        """


class Registrar(Protocol):
    """Registers rooms at SIP servers, again and again, until it is told not to. Nothing waits."""

    def register(self, name: str, server: str, username: str, password: str) -> bool:
        """Register the room of this name, or have it registered with this instead of before.

        False for a server that is no address, or that the settings (`sip.call_allow`) do not let
        rooms reach: then the room is not registered, nor as it was before.
        """

    def unregister(self, name: str) -> None:
        """Take back what is registered of the room of this name, if anything is."""


class RoomsLine(Registrar, Protocol):
    """The telephone, as a dialect with rooms has it."""

    def serve(self, rooms: TelephoneRooms) -> None:
        """Let calls in be for these rooms from now on. Called once."""
