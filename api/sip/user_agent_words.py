"""What the user agent is set to, what it tells its owner, and what its parts use of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from sipmessage import Request, Response

from actors.words.calls import CallDescription, CallEnd, CallLeg
from api.sip.auth import ALGORITHMS
from api.sip.flows import Flow
from api.sip.header_values import cleaned
from api.sip.session_timers import TimerPlan

if TYPE_CHECKING:
    from api.sip.leg import SipLeg

ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO"
ACCEPT = "application/sdp, application/media_control+xml, application/dtmf-relay"


class Phase(Enum):
    CALLING = "calling"  # our INVITE waits for its final answer
    ASKED = "asked"  # their INVITE waits for ours
    STANDING = "standing"
    LEAVING = "leaving"  # its end was told, something of it is still on the way
    GONE = "gone"


@dataclass(frozen=True, slots=True)
class AgentSettings:
    """`realm` is that of our digest; `challenges`: whether strangers may show credentials at all.

    Times are in seconds. `offer_seconds` is how long an offer in a call may wait for its answer,
    `ring_seconds` how long a call in may wait to be taken.
    """

    realm: str = "quintet"
    challenges: bool = False
    algorithms: tuple[str, ...] = ALGORITHMS
    name: str = "Quintet"  # in User-Agent and Server
    timers: TimerPlan = field(default_factory=TimerPlan)
    dialogs: int = 200  # calls in all, with those that are ending
    ring_seconds: float = 60.0
    offer_seconds: float = 10.0
    register_seconds: int = 3600
    registrations: int = 1000


@dataclass(frozen=True, slots=True)
class Invited:
    """Somebody calls. `user` is whom, `peer` who: his URI without secrets; `host` his address."""

    leg: CallLeg
    user: str = field(repr=False)
    peer: str = field(repr=False)
    display: str = field(repr=False)
    offer: CallDescription | None = field(repr=False)
    host: str


class AgentHooks(Protocol):
    """What the agent asks of its owner and tells it. Nothing here waits or raises."""

    def invited(self, invited: Invited) -> None:
        """Take this call, or refuse it: its leg is told so later."""

    def wake(self) -> None:
        """Call `tick` soon, and send what `outgoing` has then."""

    def admitted(self, host: str) -> bool:
        """Return whether that address may call without credentials."""

    def may_answer_options(self, host: str) -> bool:
        """Return whether that address is told what we can."""

    def password(self, user: str) -> str | None:
        """Return a digest user's password."""

    def attempt(self, host: str, ok: bool) -> bool:
        """Take note of credentials shown; False: that address has shown too many wrong ones."""

    def registered(self, name: str, ok: bool, why: str) -> None:
        """A registration stands, or does not: `why` says it, cleaned; "" after unregister."""


class Sender(Protocol):
    """Whoever has sent a request: is told what becomes of it."""

    def responded(self, transaction: str, response: Response, request: Request, now: float) -> None:
        """A response has come."""

    def failed(self, transaction: str, silent: bool, now: float) -> None:
        """None will come: nobody spoke (`silent`), or it could not be sent."""


class Desk(Protocol):
    """What calls and registrations use of the agent."""

    settings: AgentSettings
    hooks: AgentHooks

    def order(self, todo: Callable[[float], None]) -> None:
        """Do this with the next tick: orders come without a time."""

    def send(self, request: Request, flow: Flow, sender: Sender, now: float) -> str:
        """Send a request; returns the transaction."""

    def acknowledge(self, request: Request, flow: Flow) -> None:
        """Send the ACK of a 2xx."""

    def cancel(self, transaction: str, now: float) -> None:
        """Cancel an INVITE of ours."""

    def respond(
        self, transaction: str, response: Response, now: float, acked_by: Sender | None = None
    ) -> None:
        """Answer a request; `acked_by` is told (failed) if no ACK comes for a 2xx."""

    def acknowledged(self, transaction: str) -> None:
        """The ACK has come."""

    def forget(self, transaction: str) -> None:
        """Nobody waits for responses to this any more."""

    def gone(self, leg: SipLeg) -> None:
        """Nothing of this call is left."""


STATUSES = {
    CallEnd.BUSY: (486, "Busy Here"),
    CallEnd.NO_CAPACITY: (503, "Service Unavailable"),
    CallEnd.NOT_FOUND: (404, "Not Found"),
    CallEnd.NOT_ALLOWED: (403, "Forbidden"),
    CallEnd.NO_COMMON_CODEC: (488, "Not Acceptable Here"),
    CallEnd.DECLINED: (603, "Decline"),
    CallEnd.HUNG_UP: (603, "Decline"),
    CallEnd.DROPPED: (603, "Decline"),
    CallEnd.ROOM_ENDED: (480, "Temporarily Unavailable"),
    CallEnd.UNANSWERED: (480, "Temporarily Unavailable"),
    CallEnd.CANCELLED: (487, "Request Terminated"),
    CallEnd.STOPPED: (503, "Service Unavailable"),
    CallEnd.MEDIA_LOST: (503, "Service Unavailable"),
}
"""How a refusal of ours is answered; anything else is 500."""

ENDS = {
    486: CallEnd.BUSY, 600: CallEnd.BUSY, 603: CallEnd.DECLINED,
    404: CallEnd.NOT_FOUND, 410: CallEnd.NOT_FOUND, 484: CallEnd.NOT_FOUND, 604: CallEnd.NOT_FOUND,
    408: CallEnd.UNANSWERED, 480: CallEnd.UNANSWERED, 487: CallEnd.UNANSWERED,
    401: CallEnd.NOT_ALLOWED, 403: CallEnd.NOT_ALLOWED, 407: CallEnd.NOT_ALLOWED,
    488: CallEnd.NO_COMMON_CODEC, 606: CallEnd.NO_COMMON_CODEC, 415: CallEnd.NO_COMMON_CODEC,
    503: CallEnd.UNREACHABLE,
}  # fmt: skip


def end_of(status: int) -> CallEnd:
    """Return what a final status from the other side means to a call of ours."""
    if 300 <= status < 400:
        return CallEnd.REDIRECTED
    return ENDS.get(status, CallEnd.FAILED)


def status_words(response: Response) -> str:
    """Return the other side's status and words, cleaned."""
    return cleaned(f"{response.code} {response.phrase}")
