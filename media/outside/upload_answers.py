"""What the answer of an upload target means: taken, to be tried again, or the end."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from media.contract.streaming import OutsideTrouble

LONGEST_REST = 30.0  # seconds; a Retry-After that asks for more gets this

_PASSING = {408, 425, 429}  # and those from 500 on, but for these:
_NEVER = {501, 505}  # it knows no such method, or no such HTTP
_REASONS = {
    401: OutsideTrouble.UNAUTHORISED,
    403: OutsideTrouble.UNAUTHORISED,
    407: OutsideTrouble.UNAUTHORISED,
    404: OutsideTrouble.NOT_FOUND,
    410: OutsideTrouble.NOT_FOUND,
}
_SENTENCES = {
    400: "the target does not understand what it is sent",
    401: "the target wants other credentials",
    403: "the target does not let this be written",
    404: "the target has no such place",
    405: "the target does not take this method",
    409: "the target has no folder for it",
    410: "the target has no such place any more",
    413: "the target takes no files of this size",
    429: "the target is asked too often",
    501: "the target does not know this method",
    507: "the target has no space left",
}


class TargetTrouble(Exception):
    """A target has not taken a file. `detail` is a sentence for people, without addresses.

    With `over` there is no use in trying again. Else it may be tried again after `rest` seconds.
    """

    def __init__(
        self, reason: OutsideTrouble, detail: str, *, over: bool = False, rest: float = 0.0
    ) -> None:
        super().__init__(detail)
        self.reason = reason
        self.detail = detail
        self.over = over
        self.rest = rest


def trouble_in(status: int, retry_after: str = "", now: datetime | None = None) -> TargetTrouble:
    """Return what an HTTP status other than 2xx says; `retry_after` is that header, if any."""
    if 300 <= status < 400:
        sentence = f"the target leads elsewhere, where nothing is sent (HTTP {status})"
        return TargetTrouble(OutsideTrouble.NOT_ALLOWED, sentence, over=True)
    known = _SENTENCES.get(status)
    if status in _PASSING or (status >= 500 and status not in _NEVER):
        sentence = known or "the target cannot take it at present"
        rest = rest_asked_for(retry_after, now or datetime.now(UTC))
        return TargetTrouble(OutsideTrouble.REFUSED, f"{sentence} (HTTP {status})", rest=rest)
    reason = _REASONS.get(status, OutsideTrouble.REFUSED)
    sentence = known or "the target does not take it"
    return TargetTrouble(reason, f"{sentence} (HTTP {status})", over=True)


def rest_asked_for(retry_after: str, now: datetime) -> float:
    """Return the seconds of a Retry-After header (RFC 9110, section 10.2.3), up to LONGEST_REST.

    0 where it is not there or makes no sense.
    """
    text = retry_after.strip()
    if text.isascii() and text.isdigit():
        return LONGEST_REST if len(text) > 3 else min(float(text), LONGEST_REST)
    try:
        then = parsedate_to_datetime(text)
        if then.tzinfo is None:
            then = then.replace(tzinfo=UTC)
        return min(max((then - now).total_seconds(), 0.0), LONGEST_REST)
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0
