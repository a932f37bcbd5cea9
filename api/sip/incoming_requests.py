"""Requests of others: who may ask, what is answered at once, and to which call the rest goes."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from sipmessage import Request, Response

from api.sip.auth import DigestServer, DigestVerdict
from api.sip.dialogs import called
from api.sip.flows import Flow
from api.sip.header_values import cleaned, without_secrets
from api.sip.leg import SipLeg
from api.sip.messages import (
    address,
    call_id,
    content_type,
    cseq,
    header,
    number,
    response_to,
    tag,
    tokens,
    with_tag,
)
from api.sip.session_timers import too_short
from api.sip.their_offers import UnfitBody, described
from api.sip.transaction_events import NewRequest
from api.sip.user_agent_words import ACCEPT, ALLOW, Invited, Phase

if TYPE_CHECKING:
    from api.sip.agent import UserAgent

TAKEN = ("INVITE", "BYE", "OPTIONS", "UPDATE", "INFO")
OF_A_DIALOG = ("BYE", "UPDATE", "INFO")
EXTENSIONS = ("timer",)
KEYFRAME = "application/media_control+xml"  # RFC 5168
DIGITS = "application/dtmf-relay"
LATER = {"Retry-After": "5"}


class IncomingRequests:
    """Answers what the agent can answer, and hands on the rest."""

    def __init__(self, agent: UserAgent) -> None:
        self._agent = agent
        settings = agent.settings
        self._digest = DigestServer(
            settings.realm, agent.hooks.password, algorithms=settings.algorithms
        )

    def take(self, event: NewRequest, now: float) -> None:
        request = event.request
        leg = self._agent.legs.get((call_id(request), tag(request, "To")))
        if leg is not None and leg.dialog.remote_tag != tag(request, "From"):
            crossed = request.method == "BYE" and not leg.dialog.remote_tag
            leg = leg if crossed else None
        if event.transaction is None:
            if leg is not None and request.method == "ACK":
                leg.offers.acknowledged(request, now)
        elif request.method == "CANCEL":
            self._cancel(event, event.transaction, now)
        elif (trouble := _trouble(request)) is not None:
            self._say(event.transaction, request, *trouble, now=now)
        elif tag(request, "To"):
            self._within(leg, event, event.transaction, now)
        else:
            self._outside(event, event.transaction, now)

    def _cancel(self, event: NewRequest, transaction: str, now: float) -> None:
        if event.of is None:
            self._say(transaction, event.request, 481, now=now)
            return
        request, mine = event.request, {}
        legs = [it for (call, _), it in self._agent.legs.items() if call == call_id(request)]
        for leg in legs:
            if leg.dialog.remote_tag == tag(request, "From"):  # as in the answer to its INVITE
                mine = {"To": with_tag(header(request, "To"), leg.dialog.local_tag)}
        self._say(transaction, request, 200, mine, now=now)
        for leg in legs:
            leg.offers.cancelled(event.of, now)

    def _within(self, leg: SipLeg | None, event: NewRequest, transaction: str, now: float) -> None:
        request, method = event.request, event.request.method
        if leg is None or (leg.phase is Phase.LEAVING and method != "BYE"):
            self._say(transaction, request, 481, now=now)
            return
        # A connection that was lost may have been made again. Elsewhere, or without the TLS of
        # before, only a BYE is taken: it moves nothing.
        moves = self._may_move(leg.dialog.flow, event.flow)
        if not moves and method != "BYE":
            self._say(transaction, request, 403, now=now)
            return
        if not leg.dialog.in_order(request):
            self._say(transaction, request, 500, now=now)
            return
        if moves:
            if event.flow.remote[0] != leg.dialog.flow.remote[0]:
                leg.credentials = None  # they are for the host that was called
            leg.dialog.flow = event.flow
        if method in ("INVITE", "UPDATE"):
            leg.offers.again(transaction, request, now)
        elif method == "BYE":
            self._say(transaction, request, 200, now=now)
            leg.hung_up(now)
        elif method == "INFO":
            kind = content_type(request)
            if request.body and kind not in (KEYFRAME, DIGITS):
                self._say(transaction, request, 415, {"Accept": ACCEPT}, now=now)
                return
            self._say(transaction, request, 200, now=now)
            if request.body and kind == KEYFRAME:
                leg.keyframe()
        elif method == "OPTIONS":
            self._say(transaction, request, 200, _abilities(), now=now)
        elif method == "REFER":
            self._say(transaction, request, 603, now=now)
        else:
            self._say(transaction, request, 405, {"Allow": ALLOW}, now=now)

    def _may_move(self, before: Flow, after: Flow) -> bool:
        """Return whether a call goes on over another way: to its host, or one that may call."""
        if before.transport == "tls" and after.transport != "tls":
            return False
        host = after.remote[0]
        return host == before.remote[0] or self._agent.hooks.admitted(host)

    def _outside(self, event: NewRequest, transaction: str, now: float) -> None:
        request, method = event.request, event.request.method
        if method == "INVITE":
            self._invite(event, transaction, now)
        elif method == "OPTIONS":
            if self._agent.hooks.may_answer_options(event.flow.remote[0]):
                self._say(transaction, request, 200, _abilities(), now=now)
            else:
                self._say(transaction, request, 403, now=now)
        elif method in OF_A_DIALOG:
            self._say(transaction, request, 481, now=now)
        else:
            self._say(transaction, request, 405, {"Allow": ALLOW}, now=now)

    def _invite(self, event: NewRequest, transaction: str, now: float) -> None:
        request, flow, agent = event.request, event.flow, self._agent
        key = (call_id(request), tag(request, "From"), cseq(request).sequence)
        if any(leg.invite_key == key for leg in agent.legs.values()):
            self._say(transaction, request, 482, now=now)  # RFC 3261, section 8.2.2.2
            return
        if not self._allowed(event, transaction, now):
            return
        least = agent.settings.timers
        if too_short(request, least):
            self._say(transaction, request, 422, {"Min-SE": str(least.least)}, now=now)
            return
        if len(agent.legs) >= agent.settings.dialogs:
            self._say(transaction, request, 503, LATER, now=now)
            return
        try:
            offer = described(request)
        except UnfitBody as unfit:
            self._say(transaction, request, unfit.status, {"Accept": ACCEPT}, now=now)
            return
        dialog = called(request, secrets.token_hex(8), flow)
        sender = address(request, "From")
        if dialog is None:
            self._say(transaction, request, 400, now=now)
            return
        leg = SipLeg(agent, dialog, Phase.ASKED)
        leg.invite_key = key
        leg.note_abilities(request)
        agent.legs[dialog.call_id, dialog.local_tag] = leg
        agent.respond(transaction, response_to(request, 100), now, leg.offers)
        leg.offers.begin(transaction, request, offer, now)
        agent.hooks.invited(
            Invited(
                leg,
                cleaned(request.uri.user or ""),
                without_secrets(sender.uri) if sender else "",
                cleaned(sender.name) if sender else "",
                offer,
                flow.remote[0],
            )
        )

    def _allowed(self, event: NewRequest, transaction: str, now: float) -> bool:
        """Return whether who calls may; else he has been answered."""
        request, agent = event.request, self._agent
        host = event.flow.remote[0]
        if agent.hooks.admitted(host):
            return True
        if not agent.settings.challenges:
            self._say(transaction, request, 403, now=now)
            return False
        shown = request.headers.getlist("Authorization")
        verdict, _ = self._digest.check(shown, request.method, now, host)
        if verdict in (DigestVerdict.RIGHT, DigestVerdict.WRONG) and not agent.hooks.attempt(
            host, verdict is DigestVerdict.RIGHT
        ):
            self._say(transaction, request, 503, LATER, now=now)
            return False
        if verdict is DigestVerdict.RIGHT:
            return True
        response = self._response(request, 401)
        asked = self._digest.challenge(now, verdict is DigestVerdict.STALE, host)
        response.headers.setlist("WWW-Authenticate", asked)
        agent.respond(transaction, response, now)
        return False

    def _response(self, request: Request, status: int) -> Response:
        return response_to(request, status, to_tag=secrets.token_hex(8))

    def _say(
        self, transaction: str, request: Request, status: int,
        extra: dict[str, str] | None = None, *, now: float,
    ) -> None:  # fmt: skip
        response = self._response(request, status)
        for name, value in (extra or {}).items():
            response.headers.set(name, value)
        self._agent.respond(transaction, response, now)


def _abilities() -> dict[str, str]:
    return {"Allow": ALLOW, "Accept": ACCEPT, "Supported": ", ".join(EXTENSIONS)}


def _trouble(request: Request) -> tuple[int, dict[str, str]] | None:
    """Return what stops any request, whatever it is (RFC 3261, section 8.2 and 16.3)."""
    if number(request, "Max-Forwards") == 0:
        return 483, {}
    unknown = [word for word in tokens(request, "Require") if word not in EXTENSIONS]
    if unknown:
        return 420, {"Unsupported": cleaned(", ".join(unknown))}
    return None
