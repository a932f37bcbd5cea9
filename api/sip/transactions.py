"""The transactions of SIP: requests, their repetitions and their answers (RFC 3261 section 17)."""

from __future__ import annotations

from collections.abc import Callable

from sipmessage import Request, Response

from api.sip.flows import Flow
from api.sip.messages import Message
from api.sip.timers import Timers
from api.sip.transaction_events import (
    GotResponse,
    NewRequest,
    NotAcknowledged,
    TimedOut,
    TransactionEvent,
    TransportFailed,
)

__all__ = [
    "GotResponse", "NewRequest", "NotAcknowledged", "TimedOut", "Timers", "TransactionEvent",
    "TransactionLayer", "TransportFailed",
]  # fmt: skip


class TransactionLayer:
    def __init__(
        self,
        timers: Timers = Timers(),
        *,
        most: int = 4096,
        most_of_one: int = 1024,
        known: Callable[[str], bool] | None = None,
        random_token: Callable[[], str] | None = None,
    ) -> None: ...

    def receive(self, message: Message, flow: Flow, now: float) -> TransactionEvent | None: ...

    def send_request(self, request: Request, flow: Flow, now: float) -> str:
        raise NotImplementedError

    def send_ack(self, request: Request, flow: Flow) -> None: ...

    def send_response(self, transaction: str, response: Response, now: float) -> None: ...

    def send_stateless(self, response: Response, flow: Flow) -> None:
        """Answer without a transaction: what could not be parsed (BadMessage.answerable)."""

    def acknowledged(self, transaction: str) -> None: ...

    def cancel(self, transaction: str, now: float) -> str | None: ...

    def lost(self, flow: Flow, now: float) -> list[TransactionEvent]:
        raise NotImplementedError

    def due(self) -> float:
        raise NotImplementedError

    def tick(self, now: float) -> list[TransactionEvent]:
        raise NotImplementedError

    def outgoing(self) -> list[tuple[Flow, bytes]]:
        raise NotImplementedError
