"""The signalling of one call, as its owner steers it and as the other side does.

Orders come without a time and are done with the agent's next tick. What belongs to an offer of
theirs is in `their_offers`, what belongs to our INVITE in `outgoing_requests`.
"""

from __future__ import annotations

import math
import secrets
from collections import deque

from actors.words.calls import (
    CallDescription,
    CallEnd,
    LegEnded,
    LegEvent,
    LegKeyframe,
    LegSink,
)
from api.sip.auth import Credentials
from api.sip.description import write
from api.sip.dialogs import Dialog
from api.sip.header_values import cleaned
from api.sip.messages import Message
from api.sip.outgoing_requests import OutgoingRequests
from api.sip.session_timers import SessionTimer, TimerPlan
from api.sip.their_offers import TheirOffers
from api.sip.user_agent_words import Desk, Phase

MOST_UNHEARD = 32  # events before anybody listens
LEAVING_SECONDS = 40.0  # beyond all timers of what ends a call


class SipLeg:
    """Implements `actors.words.calls.CallLeg`; made by the agent."""

    def __init__(
        self, desk: Desk, dialog: Dialog, phase: Phase, credentials: Credentials | None = None
    ) -> None:
        self.desk = desk
        self.dialog = dialog
        self.phase = phase
        self.credentials = credentials
        self.timer = SessionTimer()
        self.plan: TimerPlan = desk.settings.timers
        self.theirs: CallDescription | None = None  # what they said last
        self.sent_body = b""  # what we said last
        self.peer_updates = False  # whether they take UPDATE
        self.gone_by = math.inf
        self.invite_key: tuple[str, str, int] | None = None  # of theirs: who repeats it, loops
        self.offers = TheirOffers(self)
        self.requests = OutgoingRequests(self)
        self._session = secrets.randbits(48)
        self._version = 0
        self._sink: LegSink | None = None
        self._unheard: deque[LegEvent] = deque()
        self._ended = False

    # CallLeg

    @property
    def address(self) -> str:
        return self.dialog.flow.local[0]

    @property
    def host(self) -> str:
        return self.dialog.flow.remote[0]

    def listen(self, events: LegSink) -> None:
        self._sink = events
        while self._unheard:
            events(self._unheard.popleft())

    def ring(self) -> None:
        self.desk.order(self.offers.ring)

    def answer(self, description: CallDescription) -> None:
        self.desk.order(lambda now: self.offers.answer(description, now))

    def refuse(self, why: CallEnd) -> None:
        self.desk.order(lambda now: self.offers.refuse(why, now))

    def hang_up(self, why: CallEnd = CallEnd.HUNG_UP) -> None:
        self.desk.order(lambda now: self.leave(why, now))

    # Of the agent and of the parts

    def tell(self, event: LegEvent) -> None:
        if self._ended:
            return
        self._ended = isinstance(event, LegEnded)
        if self._sink is not None:
            self._sink(event)
        elif len(self._unheard) < MOST_UNHEARD or self._ended:
            self._unheard.append(event)

    def leave(self, why: CallEnd, now: float, detail: str = "") -> None:
        """End the call from our side, whatever its state."""
        if self.phase is Phase.CALLING:
            self.ending(why, now, detail)
            self.requests.cancel(now)
        elif self.phase is Phase.ASKED:
            self.offers.refuse(why, now)
        elif self.phase is Phase.STANDING:
            self.offers.drop(now)
            self.ending(why, now, detail)
            # A callee waits for the ACK before it says BYE (RFC 3261, section 15).
            if not self.offers.unconfirmed:
                self.requests.bye(now)

    def ending(self, why: CallEnd, now: float, detail: str = "") -> None:
        """Tell the end, while something of the call is still on its way."""
        self.phase = Phase.LEAVING
        self.gone_by = now + LEAVING_SECONDS
        self.timer.stop()
        self.tell(LegEnded(why, cleaned(detail)))

    def over(self, why: CallEnd, now: float, detail: str = "") -> None:
        """Tell the end: nothing of the call is left."""
        if self.phase is Phase.GONE:
            return
        if self.phase is not Phase.LEAVING:
            self.ending(why, now, detail)
        self.phase = Phase.GONE
        self.gone_by = math.inf
        self.offers.drop(now)
        self.desk.gone(self)

    def describe(self, description: CallDescription, answering: bytes = b"") -> bytes:
        """Return our text of a description; its version rises where it changes."""
        host = self.address
        body = write(description, host, self._session, self._version, answering)
        if body != self.sent_body:
            self._version += 1
            body = write(description, host, self._session, self._version, answering)
        self.sent_body = body
        return body

    def note_abilities(self, message: Message) -> None:
        """See from Allow whether they take UPDATE."""
        allowed = ",".join(message.headers.getlist("Allow")).upper()
        if allowed:
            self.peer_updates = "UPDATE" in [word.strip() for word in allowed.split(",")]

    def due(self) -> float:
        return min(self.gone_by, self.timer.due(), self.offers.due(), self.requests.due())

    def tick(self, now: float) -> None:
        if now >= self.gone_by:
            self.over(CallEnd.LOST, now)
            return
        self.offers.tick(now)
        self.requests.tick(now)
        if self.phase is not Phase.STANDING:
            return
        if now >= self.timer.expires_at:
            self.leave(CallEnd.LOST, now, "session expired")
        elif now >= self.timer.refresh_at:
            self.requests.refresh(now)

    def hung_up(self, now: float) -> None:
        """Take their BYE, which may cross anything of ours (RFC 3261, section 15)."""
        self.offers.hung_up()
        if self.phase is Phase.CALLING:
            self.requests.hung_up()
            self.requests.cancel(now)
            self.ending(CallEnd.HUNG_UP, now)
        elif not self.requests.waits_for_first:
            self.over(CallEnd.CANCELLED if self.phase is Phase.ASKED else CallEnd.HUNG_UP, now)

    def standing(self) -> None:
        self.phase = Phase.STANDING

    def keyframe(self) -> None:
        if self.phase is Phase.STANDING:
            self.tell(LegKeyframe())
