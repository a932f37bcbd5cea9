"""Session timers: when a call is refreshed, and when it is taken for dead (RFC 4028)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from sipmessage import Request, Response

from api.sip.messages import Message, header, number, parameter, tokens

SHORTEST = 90  # seconds, RFC 4028, section 5
LONGEST = 86_400
AGAIN_SECONDS = 10.0  # after a refresh that was not taken


@dataclass(frozen=True, slots=True)
class TimerPlan:
    """What we ask for: the `interval` of a session in seconds, and the least we take."""

    interval: int = 1800
    least: int = SHORTEST


@dataclass(slots=True)
class SessionTimer:
    """The timer of one call; without an `interval` it does not run."""

    interval: int = 0
    ours: bool = False  # whether we refresh
    refresh_at: float = math.inf
    expires_at: float = math.inf

    def start(self, interval: int, ours: bool, now: float) -> None:
        """Begin anew, with each answer that agrees on it (section 7.2, section 9, section 10)."""
        self.interval, self.ours = interval, ours
        self.refresh_at = now + interval / 2 if ours else math.inf
        # Who does not refresh ends the call a little before, section 10.
        self.expires_at = now + interval - min(32.0, interval / 3)

    def stop(self) -> None:
        self.interval, self.refresh_at, self.expires_at = 0, math.inf, math.inf

    def refreshing(self) -> None:
        """A refresh is under way."""
        self.refresh_at = math.inf

    def again(self, now: float, seconds: float = AGAIN_SECONDS) -> None:
        """A refresh was not taken: try another one."""
        if self.ours:
            self.refresh_at = now + seconds

    def due(self) -> float:
        return min(self.refresh_at, self.expires_at)


def wanted(request: Request, plan: TimerPlan, refresher: str = "") -> None:
    """Ask for a timer in an INVITE or UPDATE of ours (sections 7.1 and 7.4)."""
    chosen = f";refresher={refresher}" if refresher else ""
    request.headers.set("Supported", "timer")
    request.headers.set("Session-Expires", f"{max(plan.interval, plan.least)}{chosen}")
    request.headers.set("Min-SE", str(plan.least))


def too_short(request: Request, plan: TimerPlan) -> bool:
    """Return whether a request is to be answered 422, with our Min-SE (section 9)."""
    asked = number(request, "Session-Expires")
    return asked is not None and asked < plan.least and "timer" in tokens(request, "Supported")


def answered(request: Request, response: Response, plan: TimerPlan) -> tuple[int, bool]:
    """Agree in a 2xx of ours (section 9, table 2): returns the interval and whether we refresh."""
    asked, least = number(request, "Session-Expires"), number(request, "Min-SE") or 0
    supported = "timer" in tokens(request, "Supported") + tokens(request, "Require")
    interval = plan.interval if asked is None else max(plan.least, min(asked, plan.interval))
    interval = min(LONGEST, max(interval, least))
    chosen = _refresher(request)
    ours = not supported or chosen == "uas" or (chosen != "uac" and asked is None)
    if not ours:
        response.headers.set("Require", "timer")
    response.headers.set("Session-Expires", f"{interval};refresher={'uas' if ours else 'uac'}")
    return interval, ours


def agreed(response: Response) -> tuple[int, bool] | None:
    """Return what a 2xx to us agrees on: interval and whether we refresh; None: no timer (7.2)."""
    interval = number(response, "Session-Expires")
    if interval is None:
        return None
    ours = _refresher(response) != "uas"
    return min(LONGEST, max(SHORTEST, interval)), ours


def longer(response: Response, plan: TimerPlan) -> TimerPlan | None:
    """Return what to ask for after a 422; None if that helps nothing (section 7.3)."""
    least = number(response, "Min-SE") or 0
    if not plan.least < least <= LONGEST:
        return None
    return TimerPlan(max(plan.interval, least), least)


def _refresher(message: Message) -> str:
    return (parameter(header(message, "Session-Expires"), "refresher") or "").lower()
