"""Refusals in the words of the published API: ONE table.

Every error has the body `{command_type, params: {errors: [{field, message}]}}`: published clients
read the first of the errors whatever the status (fact sheet section 1).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from actors.core import ActorError, ActorStopped, Refused

Found = tuple[str, str]
"""A field, and what is wrong with it."""


class RestRefused(Exception):
    """A request is refused: the status, and every field with what is wrong with it."""

    def __init__(self, status: int, *problems: Found) -> None:
        super().__init__(", ".join(field for field, _ in problems))
        self.status = status
        self.problems = problems or (usual_problem(status),)


class Unheard(Exception):
    """What is asked for is not there, or not for who asks; he who polls is to be slowed down."""

    def __init__(self, status: int, field: str, message: str) -> None:
        super().__init__(field)
        self.refusal = RestRefused(status, (field, message))


@dataclass(frozen=True, slots=True)
class RefusalEntry:
    """`field` is "" where the refusal's own text names it, or else it is the operation's.

    `message` is "" where that text is the message.
    """

    status: int
    field: str
    message: str


BUSY = RefusalEntry(503, "", "the gateway is busy, try again")
GONE = RefusalEntry(404, "", "there is no such thing any more")
REFUSALS: dict[str, RefusalEntry] = {
    "peer_id_taken": RefusalEntry(403, "peer_id", "peer_id is already in use"),
    "put_out": RefusalEntry(403, "peer_id", "the operator has put this peer out"),
    "credential_wrong": RefusalEntry(403, "credential", ""),
    "too_many_connections": RefusalEntry(503, "peer_id", "the peer has as many as it may"),
    "too_many_peers": RefusalEntry(503, "peer_id", "there are as many peers as there may be"),
    "socket_unknown": RefusalEntry(404, "", "there is no such socket of that kind"),
    "socket_in_use": RefusalEntry(403, "", "illegal operation: it is in use"),
    "no_socket_free": RefusalEntry(503, "port", "no port is free"),
    "redirect_forbidden": RefusalEntry(403, "", "nothing may be sent to that address"),
    "not_a_call": RefusalEntry(403, "media_connection_id", "illegal operation: no call to answer"),
    "not_redirected": RefusalEntry(404, "port", "nothing is redirected to that address"),
    "shutting_down": RefusalEntry(503, "", "the gateway is shutting down"),
    "busy": BUSY,
}

_USUAL: dict[int, Found] = {
    403: ("origin", "pages of that origin are not welcome here"),
    404: ("path", "there is nothing here"),
    405: ("method", "this takes another method"),
    408: ("body", "nothing has come in time"),
    413: ("body", "the body is too large"),
    429: ("client", "too many requests"),
    500: ("server", "something went wrong"),
    503: ("server", "the gateway is busy, try again"),
}

FIELDS = frozenset(
    {"peer_id", "token", "data_id", "media_id", "rtcp_id", "ip_v4", "ip_v6", "port", "codec"}
    | {"payload_type", "target_id", "feed_params", "redirect_params", "video_params"}
    | {"audio_params", "constraints", "data_connection_id", "media_connection_id"}
)


def usual_problem(status: int) -> Found:
    """Return what is said of a status where there is nothing better to say."""
    return _USUAL.get(status, ("request", "it cannot be done"))


def refused(error: ActorError, field: str) -> RestRefused:
    """Return how an actor's refusal, or its silence, is answered; `field` is the operation's."""
    if isinstance(error, Refused):
        entry = REFUSALS.get(error.code, BUSY)
        named = str(error)
        field = entry.field or (named if named in FIELDS else field)
        return RestRefused(entry.status, (field, entry.message or named))
    entry = GONE if isinstance(error, ActorStopped) else BUSY
    return RestRefused(entry.status, (field, entry.message))


def unspecified(field: str) -> Found:
    """Return what is said of a field that is missing, in the words of the original."""
    return field, f"{field} field is not specified"


def out_of_range(field: str) -> Found:
    return field, f"{field} is out of range"


def refuse_if(problems: Iterable[Found], status: int = 400) -> None:
    """Raise RestRefused where something is wrong: everything at once."""
    found = tuple(dict.fromkeys(problems))
    if found:
        raise RestRefused(status, *found)
