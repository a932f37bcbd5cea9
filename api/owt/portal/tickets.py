"""Reconnection tickets: what a participant shows on another socket to go on as itself.

Made and checked with one key, nothing stored. A ticket is good for ten minutes; SDKs fetch another
one a minute before (facts: section 7).
"""

from __future__ import annotations

import secrets

from actors.core import Refused
from api.owt.signatures import sealed, sign, signed_by, unsealed

TICKET_SECONDS = 600.0
_LONGEST = 4096


class BadTicket(Refused):
    """The text is no ticket, or not one of ours."""

    code = "bad_ticket"


class TicketExpired(Refused):
    code = "ticket_expired"


def make_ticket(participant: str, key: str, now: float) -> str:
    """Return a ticket of this participant; `now` in unix seconds."""
    begin = int(now * 1000)
    end = begin + int(TICKET_SECONDS * 1000)
    number = secrets.token_hex(12)
    return sealed(
        {
            "participantId": participant,
            "ticketId": number,
            "notBefore": begin,
            "notAfter": end,
            "signature": sign(key, _signed(participant, begin, end)),
        }
    )


def participant_of(ticket: str, key: str, now: float) -> str:
    """Return whose ticket this is. Raises BadTicket, TicketExpired."""
    document = unsealed(ticket) if len(ticket) <= _LONGEST else None
    match document:
        case {
            "participantId": str(participant),
            "notBefore": int(begin),
            "notAfter": int(end),
            "signature": str(signature),
        } if signed_by(key, _signed(participant, begin, end), signature):
            if now * 1000 > end:
                raise TicketExpired
            return participant
    raise BadTicket


def _signed(participant: str, begin: int, end: int) -> str:
    return f"{participant},{begin},{end}"
