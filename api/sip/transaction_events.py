"""What the transactions of SIP tell their user."""

from __future__ import annotations

from dataclasses import dataclass

from sipmessage import Request, Response

from api.sip.flows import Flow


@dataclass(frozen=True, slots=True)
class TransactionEvent:
    """Something that the user of the transactions hears."""


@dataclass(frozen=True, slots=True)
class NewRequest(TransactionEvent):
    """A request came; its top Via says from where (`received`, `rport`).

    `transaction` is what it is answered by; None for the ACK of a 2xx, which is never answered.
    `of` is set for a CANCEL only: the transaction of the INVITE that it means, None if there is
    no such one (481). Both of them are still to be answered.
    """

    transaction: str | None
    request: Request
    flow: Flow
    of: str | None = None


@dataclass(frozen=True, slots=True)
class GotResponse(TransactionEvent):
    """A provisional or the final response came. A 2xx to an INVITE is told each time it comes.

    `request` is the one that was sent, with its Via. The ACK of a 3xx to 6xx has been sent.
    """

    transaction: str
    response: Response
    request: Request


@dataclass(frozen=True, slots=True)
class TimedOut(TransactionEvent):
    """A transaction is given up: timers B and F of a request of ours (as a 408); timer H of a 3xx
    to 6xx of ours whose ACK never came; a request that was not answered here in time."""

    transaction: str


@dataclass(frozen=True, slots=True)
class NotAcknowledged(TransactionEvent):
    """The ACK of our 2xx did not come in 64 T1: the session is to be ended (RFC 3261 13.3.1.4)."""

    transaction: str


@dataclass(frozen=True, slots=True)
class TransportFailed(TransactionEvent):
    """What a transaction sent could not be sent, or its connection has gone (as a 503)."""

    transaction: str
