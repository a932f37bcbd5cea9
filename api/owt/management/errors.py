"""What REST answers when it refuses: every status, code and text in one table.

Status and code are those of the original's code (fact sheet, section 3), where its document differs
too; `README.md` tells the differences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from actors.core import ActorError, Refused


@dataclass(frozen=True, slots=True)
class Trouble:
    """An answer of `{"error": {code, message}}`."""

    status: int
    code: int
    message: str

    def saying(self, message: str) -> Trouble:
        return replace(self, message=message)


class RestError(Exception):
    """Raised by a view to answer with trouble."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


UNAUTHENTICATED = Trouble(401, 1101, 'WWW-Authenticate: MAuth realm="http://marte3.dit.upm.es"')
TOO_MANY_ATTEMPTS = Trouble(429, 1101, "Too many failed attempts, try later")
DENIED = Trouble(403, 1102, "Permission denied")
SERVICE_NOT_FOUND = Trouble(404, 1002, "Service not found")
ROOM_NOT_FOUND = Trouble(404, 1003, "Room not found")
STREAM_NOT_FOUND = Trouble(404, 1004, "Stream not found")
PARTICIPANT_NOT_FOUND = Trouble(404, 1005, "Participant not found")
RECORDING_NOT_FOUND = Trouble(404, 1001, "Recording not found")
BAD_REQUEST = Trouble(400, 1201, "Bad request")
UNREADABLE = BAD_REQUEST.saying("Failed to parse JSON body")
INVALID_BODY = BAD_REQUEST.saying("Invalid request body")
INVALID_OPTION = BAD_REQUEST.saying("Invalid room option")
BAD_SERVICE = BAD_REQUEST.saying("Service name and key do not have string type")
BAD_TOKEN_REQUEST = BAD_REQUEST.saying("Name or role not valid")
FAILED = Trouble(500, 1301, "Operation failed")
NO_PORTAL = FAILED.saying("Failed to get portal")
RECORDING_FAILED = FAILED.saying("RPC:addServerSideSubscription failed")
NOT_YET = Trouble(501, 1301, "Not available yet")
UNEXPECTED = Trouble(500, 2001, "Internal server error")
BUSY = Trouble(503, 2001, "The server is busy, try again")

STATUSES: dict[int, Trouble] = {
    400: BAD_REQUEST,
    401: UNAUTHENTICATED,
    403: DENIED,
    404: Trouble(404, 1001, "Resource not found"),
    405: Trouble(405, 1001, "Method not allowed"),
    408: Trouble(408, 1201, "The request took too long"),
    413: Trouble(413, 1201, "The request body is too large"),
    429: TOO_MANY_ATTEMPTS,
    500: UNEXPECTED,
    503: BUSY,
}

REFUSALS: dict[str, Trouble] = {
    "stream_unknown": STREAM_NOT_FOUND,
    "participant_unknown": PARTICIPANT_NOT_FOUND,
    "recording_unknown": RECORDING_NOT_FOUND,
    "track_unknown": FAILED.saying(
        f"{FAILED.message}: Stream does NOT contain valid track to mute/unmute"
    ),
    "view_unknown": FAILED,
    "target_unsatisfying": FAILED,
    "empty_subscription": FAILED,
    "not_available_yet": FAILED,
    "cannot_record": FAILED,
    "too_much_media": FAILED,
    "name_taken": Trouble(500, 2001, "MongoError E11000 duplicate key: the name is taken"),
    "store_full": Trouble(503, 1401, "The database holds as many as it may"),
    "store_unavailable": Trouble(500, 1401, "The database does not answer"),
    "unstorable": BAD_REQUEST.saying("Text that cannot be stored"),
    "unknown_owner": SERVICE_NOT_FOUND,
}


def trouble_of(error: ActorError) -> Trouble:
    """Return the answer to a refusal; whatever else went wrong inside is "busy"."""
    return REFUSALS.get(error.code, BUSY) if isinstance(error, Refused) else BUSY
