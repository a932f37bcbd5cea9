"""INVITEs and UPDATEs of the other side within a call, until they are answered and confirmed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sipmessage import Request, Response

from actors.words.calls import CallDescription, CallEnd, LegConfirmed, LegOffered
from api.sip.description import BadSession, read
from api.sip.header_values import put_description
from api.sip.messages import content_type, cseq, header, response_to
from api.sip.session_timers import answered, too_short
from api.sip.user_agent_words import ACCEPT, ALLOW, STATUSES, Phase

if TYPE_CHECKING:
    from api.sip.leg import SipLeg

SDP = "application/sdp"


@dataclass(slots=True)
class TheirOffer:
    """A request whose answer the owner gives; `offer` is None where we make one."""

    transaction: str
    request: Request
    offer: CallDescription | None
    first: bool  # the INVITE that began the call
    until: float


class UnfitBody(Exception):
    """A body that cannot be taken, with the status to answer: 400, 415 or 488."""

    def __init__(self, status: int) -> None:
        super().__init__(str(status))
        self.status = status


def described(request: Request | Response) -> CallDescription | None:
    """Return the description in a body; None without a body. Raises UnfitBody."""
    if not request.body:
        return None
    if content_type(request) != SDP or header(request, "Content-Encoding") not in ("", "identity"):
        raise UnfitBody(415)
    try:
        return read(request.body)
    except BadSession as bad:
        raise UnfitBody(bad.status) from None


class TheirOffers:
    """At most one at a time, with the ACK that is awaited for the last answer."""

    def __init__(self, leg: SipLeg) -> None:
        self._leg = leg
        self._open: TheirOffer | None = None
        self._rung = False
        self._unconfirmed: TheirOffer | None = None
        self._settled: tuple[CallDescription, bytes] | None = None  # their last offer, our answer

    @property
    def open(self) -> bool:
        return self._open is not None

    @property
    def unconfirmed(self) -> bool:
        """Whether the ACK of the answer that began the call has not come."""
        return self._unconfirmed is not None and self._unconfirmed.first

    def begin(self, transaction: str, request: Request, offer: CallDescription | None,
              now: float) -> None:  # fmt: skip
        """Take the INVITE that begins the call."""
        until = now + self._leg.desk.settings.ring_seconds
        self._open = TheirOffer(transaction, request, offer, first=True, until=until)
        self._leg.theirs = offer

    def again(self, transaction: str, request: Request, now: float) -> None:
        """Take an INVITE or UPDATE in the standing call."""
        leg = self._leg
        if leg.requests.open:  # RFC 3261, section 14.2; RFC 3311, section 5.2
            self._say(transaction, request, 491, now)
            return
        if self._open is not None or self._unconfirmed is not None:
            self._say(transaction, request, 500, now, {"Retry-After": "2"})
            return
        if too_short(request, leg.plan):
            self._say(transaction, request, 422, now, {"Min-SE": str(leg.plan.least)})
            return
        try:
            offer = described(request)
        except UnfitBody as unfit:
            self._say(transaction, request, unfit.status, now, {"Accept": ACCEPT})
            return
        leg.dialog.refresh_target(request)
        leg.note_abilities(request)
        until = now + leg.desk.settings.offer_seconds
        if request.method == "UPDATE" and offer is None:
            self._accept(TheirOffer(transaction, request, None, first=False, until=until), b"", now)
            return
        if request.method == "INVITE":
            self._say(transaction, request, 100, now)
        self._open = TheirOffer(transaction, request, offer, first=False, until=until)
        if offer is not None and self._settled is not None and self._settled[0] == offer:
            # A refresh (RFC 4028): nothing changes, so nobody has to be asked.
            asked, self._open = self._open, None
            self._accept(asked, self._settled[1], now)
            return
        leg.tell(LegOffered(offer))

    def ring(self, now: float) -> None:
        asked = self._open
        if asked is not None and asked.first and not self._rung:
            self._rung = True
            response = self._response(asked.request, 180)
            response.headers.set("Contact", self._leg.dialog.contact)
            self._leg.desk.respond(asked.transaction, response, now)

    def answer(self, description: CallDescription, now: float) -> None:
        asked, self._open = self._open, None
        if asked is None:
            return
        body = self._leg.describe(description, asked.request.body if asked.offer else b"")
        self._settled = None if asked.offer is None else (asked.offer, body)
        if asked.offer is not None:
            self._leg.theirs = asked.offer
        self._accept(asked, body, now)

    def refuse(self, why: CallEnd, now: float) -> None:
        asked, self._open = self._open, None
        if asked is None:
            return
        status, words = STATUSES.get(why, (500, "Server Internal Error"))
        self._respond(asked.transaction, self._response(asked.request, status, words), now)
        if asked.first:
            self._leg.over(why, now)

    def cancelled(self, transaction: str, now: float) -> None:
        """Take the CANCEL of an INVITE; one that comes too late does nothing."""
        asked = self._open
        if asked is None or asked.transaction != transaction:
            return
        self._open = None
        self._say(transaction, asked.request, 487, now)
        if asked.first:
            self._leg.over(CallEnd.CANCELLED, now)

    def drop(self, now: float) -> None:
        """The call ends: what is open is answered, no ACK is awaited but that of the first."""
        asked, self._open = self._open, None
        if asked is not None:
            self._say(asked.transaction, asked.request, 487, now)

    def acknowledged(self, request: Request, now: float) -> None:
        """Take an ACK of a 2xx, with the answer where we made the offer."""
        asked = self._unconfirmed
        if asked is None or cseq(asked.request).sequence != cseq(request).sequence:
            return
        self._unconfirmed = None
        leg = self._leg
        leg.desk.acknowledged(asked.transaction)
        if leg.phase is Phase.LEAVING:
            leg.requests.bye(now)
            return
        answer = None
        if asked.offer is None:
            try:
                answer = described(request)
            except UnfitBody:
                answer = None
            if answer is None:
                leg.leave(CallEnd.NO_COMMON_CODEC, now, "no answer in the ACK")
                return
            leg.theirs = answer
        leg.tell(LegConfirmed(answer))

    def hung_up(self) -> None:
        """They have said BYE: no ACK is awaited any more."""
        asked, self._unconfirmed = self._unconfirmed, None
        if asked is not None:
            self._leg.desk.acknowledged(asked.transaction)

    def responded(self, transaction: str, response: Response, request: Request, now: float) -> None:
        """Nothing: requests of theirs have no responses of theirs."""

    def failed(self, transaction: str, silent: bool, now: float) -> None:
        """No ACK came for our 2xx (RFC 3261, 13.3.1.4), or the connection has gone."""
        asked = self._unconfirmed
        if asked is not None and asked.transaction == transaction:
            self._unconfirmed = None
            leg = self._leg
            if leg.phase is Phase.LEAVING:
                leg.requests.bye(now)
            else:
                leg.leave(CallEnd.LOST, now, "no ACK")
        elif self._open is not None and self._open.transaction == transaction:
            first, self._open = self._open.first, None
            if first:
                self._leg.over(CallEnd.LOST, now)

    def due(self) -> float:
        return self._open.until if self._open is not None else math.inf

    def tick(self, now: float) -> None:
        asked = self._open
        if asked is None or now < asked.until:
            return
        if asked.first:
            self.refuse(CallEnd.UNANSWERED, now)
        else:
            self.refuse(CallEnd.FAILED, now)

    def _accept(self, asked: TheirOffer, body: bytes, now: float) -> None:
        leg = self._leg
        response = self._response(asked.request, 200)
        headers = response.headers
        headers.set("Contact", leg.dialog.contact)
        headers.set("Allow", ALLOW)
        headers.set("Supported", "timer")
        if leg.plan.interval:
            leg.timer.start(*answered(asked.request, response, leg.plan), now)
        if body:
            put_description(response, body)
        if asked.request.method == "INVITE":
            self._unconfirmed = asked
        if asked.first:
            leg.standing()
        self._respond(asked.transaction, response, now)

    def _response(self, request: Request, status: int, words: str = "") -> Response:
        return response_to(request, status, words, to_tag=self._leg.dialog.local_tag)

    def _say(self, transaction: str, request: Request, status: int, now: float,
             extra: dict[str, str] | None = None) -> None:  # fmt: skip
        # 100 has no tag yet, RFC 3261, section 8.2.6.2.
        tag = self._leg.dialog.local_tag if status > 100 else ""
        response = response_to(request, status, to_tag=tag)
        for name, value in (extra or {}).items():
            response.headers.set(name, value)
        self._respond(transaction, response, now)

    def _respond(self, transaction: str, response: Response, now: float) -> None:
        awaits = response.code // 100 == 2 and self._unconfirmed is not None
        self._leg.desk.respond(transaction, response, now, self if awaits else None)
