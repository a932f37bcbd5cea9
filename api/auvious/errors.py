"""Refusals in Auvious' words: ONE table.

Below /rtc-api only a 400 has a body, the map of fields: published clients take any JSON body for a
success, whatever the status, so "endpoint unknown" must come without one. Below /security errors
have the form of RFC 6749.
"""

from __future__ import annotations

from dataclasses import dataclass

from actors.core import ActorError, Refused


@dataclass(frozen=True, slots=True)
class RestRefusal:
    """The status, and for 400 the field with what is wrong with it."""

    status: int
    field: str = ""
    message: str = ""


BUSY = RestRefusal(503)
REFUSALS: dict[str, RestRefusal] = {
    "endpoint_unknown": RestRefusal(404),
    "endpoint_taken": RestRefusal(400, "userEndpointId", "already in use"),
    "too_many_endpoints": RestRefusal(429),
    "too_many_subscribers": RestRefusal(429),
    "shutting_down": RestRefusal(503),
    "busy": BUSY,
}


def refusal_for(error: ActorError) -> RestRefusal:
    """Return how an actor's refusal, or its silence, is answered."""
    return REFUSALS.get(error.code, BUSY) if isinstance(error, Refused) else BUSY


class TokenRefused(Exception):
    """No token is given; `error` is a code of RFC 6749, section 5.2."""

    def __init__(self, error: str, description: str, retry_after: float = 0.0) -> None:
        super().__init__(error)
        self.error = error
        self.description = description
        self.retry_after = retry_after

    @property
    def status(self) -> int:
        return TOKEN_STATUSES.get(self.error, 400)


TOKEN_STATUSES = {"invalid_client": 401, "temporarily_unavailable": 503, "slow_down": 429}
SECURITY_ERRORS: dict[int, tuple[str, str]] = {
    404: ("not_found", "there is nothing here"),
    405: ("method_not_allowed", "this takes another method"),
    413: ("invalid_request", "the request is too large"),
    429: ("slow_down", "too many requests"),
    500: ("server_error", "something went wrong"),
    503: ("temporarily_unavailable", "the server is busy, try again"),
}
