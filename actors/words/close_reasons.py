"""Why a member or an endpoint ends, where somebody beyond its actor must know."""

from __future__ import annotations

from enum import StrEnum


class CloseReason(StrEnum):
    """As the log has it. A dialect's client says goodbye by it, in the dialect's way."""

    REPLACED = "replaced"  # another connection of the same client has taken over
    DISCONNECTED = "disconnected"  # the connection was lost, and nobody came back in time
    TOO_SLOW = "too_slow"
    REFUSED = "refused"  # not let into the room
    LOGOUT = "logout"
    DROPPED = "dropped"  # put out of the room
    PUT_OUT = "put_out"  # put out by the operator: nobody goes on as this one
    ROOM_CLOSED = "room_closed"
    EXPIRED = "expired"  # an endpoint that was not renewed, a client that polls no more
    UNREGISTERED = "unregistered"  # its owner ended it
    SHUTTING_DOWN = "shutting_down"  # the server drains
    SHUTDOWN = "shutdown"  # the server ends
    CRASHED = "crashed"  # or anything else that this list does not foresee

    @classmethod
    def of(cls, reason: str) -> CloseReason:
        """Return what a reason of the actor core is in this list."""
        try:
            return cls(reason)
        except ValueError:
            return cls.CRASHED
