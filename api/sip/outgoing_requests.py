"""Requests of ours within a call: the INVITE that begins it, refreshes, and BYE."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sipmessage import Request, Response

from actors.words.calls import (
    CallDescription,
    CallEnd,
    LegAnswered,
    LegConfirmed,
    LegRings,
)
from api.sip.credentials_shown import with_credentials
from api.sip.header_values import put_description, written_again
from api.sip.messages import cseq, header, tag
from api.sip.session_timers import AGAIN_SECONDS, agreed, longer, wanted
from api.sip.their_offers import UnfitBody, described
from api.sip.user_agent_words import ALLOW, Phase, end_of, status_words

if TYPE_CHECKING:
    from api.sip.leg import SipLeg

MOST_TRIES = 4  # of one request: challenges, and a longer session
MOST_EARLY = 8  # early descriptions that are told
MOST_FORKS = 8  # others that answer one call of ours, and are told its end
GLARE_SECONDS = 3.0  # RFC 3261, section 14.1: 2.1 to 4 for who owns the Call-ID


@dataclass(slots=True)
class Sent:
    """A request that waits for its final response."""

    transaction: str
    request: Request
    tries: int = 1


class OutgoingRequests:
    """At most one INVITE or UPDATE of ours is open, and a BYE."""

    def __init__(self, leg: SipLeg) -> None:
        self._leg = leg
        self._invite: Sent | None = None  # the first one, or a refresh
        self._bye: Sent | None = None
        self._rings_until = math.inf
        self._answered = ""  # the transaction of the last INVITE that was taken
        self._early: CallDescription | None = None
        self._rings = 0
        self._forks: set[str] = set()  # tags of those that were told BYE
        self._left = False  # they said BYE before their answer came

    @property
    def open(self) -> bool:
        return self._invite is not None

    def dial(self, offer: CallDescription, ring_seconds: float, now: float) -> None:
        request = self._leg.dialog.request("INVITE")
        put_description(request, self._leg.describe(offer))
        self._rings_until = now + ring_seconds
        self._invite = self._send(self._offered(request), now)

    def cancel(self, now: float) -> None:
        if self._invite is not None:
            self._leg.desk.cancel(self._invite.transaction, now)

    def bye(self, now: float) -> None:
        if self._bye is None:
            self._bye = self._send(self._leg.dialog.request("BYE"), now)

    def refresh(self, now: float) -> None:
        """Say that we are still there: by UPDATE where they take it, else by INVITE."""
        leg = self._leg
        if self.open or leg.offers.open or leg.offers.unconfirmed:
            leg.timer.again(now, GLARE_SECONDS)
            return
        leg.timer.refreshing()
        if self._answered:
            leg.desk.forget(self._answered)  # nobody repeats the answer to that any more
        request = leg.dialog.request("UPDATE" if leg.peer_updates else "INVITE")
        if not leg.peer_updates:
            put_description(request, leg.sent_body)
        self._invite = self._send(self._offered(request), now)

    @property
    def waits_for_first(self) -> bool:
        """Whether the INVITE that begins the call has no final answer."""
        return self._invite is not None and not leg_has_tag(self._leg)

    def hung_up(self) -> None:
        """They said BYE while our INVITE has no final answer: it is on its way, or cancelled."""
        self._left = True

    def due(self) -> float:
        return self._rings_until

    def tick(self, now: float) -> None:
        if now >= self._rings_until:
            self._rings_until = math.inf
            self._leg.leave(CallEnd.UNANSWERED, now)

    def responded(self, transaction: str, response: Response, request: Request, now: float) -> None:
        code = response.code
        if self._bye is not None and transaction == self._bye.transaction:
            if code >= 200 and not self._once_more(self._bye, response, now):
                self._leg.over(CallEnd.HUNG_UP, now)
        elif self._invite is None or transaction != self._invite.transaction:
            if request.method == "INVITE" and code // 100 == 2:
                self._acknowledge(request, response, now)  # its first ACK was lost, or it forked
        elif code < 200:
            self._provisional(response, now)
        elif code < 300:
            self._accepted(self._invite, response, now)
        elif not self._once_more(self._invite, response, now):
            self._refused(self._invite, response, now)

    def failed(self, transaction: str, silent: bool, now: float) -> None:
        leg = self._leg
        if self._bye is not None and transaction == self._bye.transaction:
            leg.over(CallEnd.HUNG_UP, now)
        elif self._invite is not None and transaction == self._invite.transaction:
            self._invite = None
            if leg.phase is Phase.STANDING:
                leg.leave(CallEnd.LOST, now, "no answer to a refresh")
            elif self._bye is None:
                leg.over(CallEnd.UNREACHABLE, now)

    def _send(self, request: Request, now: float) -> Sent:
        leg = self._leg
        return Sent(leg.desk.send(request, leg.dialog.flow, self, now), request)

    def _offered(self, request: Request) -> Request:
        leg = self._leg
        request.headers.set("Allow", ALLOW)
        if leg.plan.interval:
            agreed_on = leg.timer.interval or leg.plan.interval
            plan = replace(leg.plan, interval=agreed_on)
            wanted(request, plan, "uac" if leg.timer.ours else "")
        return request

    def _once_more(self, sent: Sent, response: Response, now: float) -> bool:
        """Send a request again with what was lacking: credentials, or a longer session."""
        leg, again = self._leg, None
        if sent.tries >= MOST_TRIES or (leg.phase is Phase.LEAVING and sent is not self._bye):
            return False
        number = leg.dialog.local_sequence + 1
        if response.code in (401, 407) and leg.credentials is not None:
            again = with_credentials(sent.request, response, leg.credentials, number)
        elif response.code == 422 and (plan := longer(response, leg.plan)) is not None:
            leg.plan = plan
            again = self._offered(written_again(sent.request, number))
        if again is None:
            return False
        leg.dialog.local_sequence = number
        leg.desk.forget(sent.transaction)
        sent.transaction = leg.desk.send(again, leg.dialog.flow, self, now)
        sent.request = again
        sent.tries += 1
        return True

    def _provisional(self, response: Response, now: float) -> None:
        leg = self._leg
        if leg.phase is not Phase.CALLING or response.code == 100 or self._rings >= MOST_EARLY:
            return
        try:
            early = described(response)
        except UnfitBody:
            early = None
        if self._rings and (early is None or early == self._early):
            return
        self._rings += 1
        self._early = early or self._early
        leg.tell(LegRings(early))

    def _accepted(self, sent: Sent, response: Response, now: float) -> None:
        leg, first = self._leg, not leg_has_tag(self._leg)
        self._invite, self._rings_until = None, math.inf
        self._answered = sent.transaction
        leg.note_abilities(response)
        if first:
            leg.dialog.established(response)
        else:
            leg.dialog.refresh_target(response)
        if sent.request.method == "INVITE":
            self._acknowledge(sent.request, response, now)
        if leg.phase is Phase.LEAVING:
            if not first:
                return
            if self._left:
                leg.over(CallEnd.HUNG_UP, now)
            else:  # it crossed our CANCEL
                self.bye(now)
            return
        try:
            answer = described(response)
        except UnfitBody:
            answer = None
        if first:
            leg.standing()
            if answer is None:
                leg.leave(CallEnd.NO_COMMON_CODEC, now, "no answer that is understood")
                return
        if (timer := agreed(response)) is not None and leg.plan.interval:
            leg.timer.start(*timer, now)
        elif not first or timer is None:
            leg.timer.stop()
        if first and answer is not None:
            leg.theirs = answer
            leg.tell(LegAnswered(answer))
        elif answer is not None and answer != leg.theirs:
            leg.theirs = answer
            leg.tell(LegConfirmed(answer))

    def _refused(self, sent: Sent, response: Response, now: float) -> None:
        leg, code = self._leg, response.code
        self._invite, self._rings_until = None, math.inf
        if leg.phase is Phase.CALLING:
            leg.over(end_of(code), now, status_words(response))
        elif leg.phase is Phase.LEAVING:
            if self._bye is None:
                leg.over(CallEnd.CANCELLED, now)
        elif code in (408, 481):  # RFC 3261, section 12.2.1.2
            leg.leave(CallEnd.LOST, now, status_words(response))
        else:
            if code in (405, 501) and sent.request.method == "UPDATE":
                leg.peer_updates = False
                leg.timer.again(now, 0.0)
                return
            leg.timer.again(now, GLARE_SECONDS if code == 491 else AGAIN_SECONDS)

    def _acknowledge(self, invite: Request, response: Response, now: float) -> None:
        leg = self._leg
        if leg_has_tag(leg) and tag(response, "To") != leg.dialog.remote_tag:
            self._end_fork(invite, response, now)
            return
        leg.desk.acknowledge(self._ack(invite), leg.dialog.flow)

    def _ack(self, invite: Request) -> Request:
        ack = self._leg.dialog.request("ACK", cseq(invite).sequence)
        for name in ("Authorization", "Proxy-Authorization"):  # RFC 3261, section 22.1
            if header(invite, name):
                ack.headers.setlist(name, list(invite.headers.getlist(name)))
        return ack

    def _end_fork(self, invite: Request, response: Response, now: float) -> None:
        """A second one has answered our INVITE: the first one has the call."""
        leg, other_tag = self._leg, tag(response, "To")
        told = other_tag in self._forks
        if not told and len(self._forks) >= MOST_FORKS:
            return
        self._forks.add(other_tag)
        other = replace(leg.dialog)
        other.established(response)
        ack = other.request("ACK", cseq(invite).sequence)
        leg.desk.acknowledge(ack, other.flow)
        if not told:
            leg.desk.send(other.request("BYE"), other.flow, self, now)


def leg_has_tag(leg: SipLeg) -> bool:
    return bool(leg.dialog.remote_tag)
