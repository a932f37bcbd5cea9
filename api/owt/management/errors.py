"""What REST answers when it refuses: every status, code and text in one table.

Status and code are those of the original's code (fact sheet, section 3), where its document differs
too; `README.md` tells the differences.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from actors.core import ActorError, Refused


@dataclass(frozen=True, slots=True)
class RestTrouble:
    """An answer of `{"error": {code, message}}`."""

    status: int
    code: int
    message: str

    def saying(self, message: str) -> RestTrouble:
        return replace(self, message=message)


class RestError(Exception):
    """Raised by a view to answer with trouble."""

    def __init__(self, trouble: RestTrouble) -> None:
        super().__init__(trouble.message)
        self.trouble = trouble


UNAUTHENTICATED = RestTrouble(401, 1101, 'WWW-Authenticate: MAuth realm="http://marte3.dit.upm.es"')
TOO_MANY_ATTEMPTS = RestTrouble(429, 1101, "Too many failed attempts, try later")
DENIED = RestTrouble(403, 1102, "Permission denied")
SERVICE_NOT_FOUND = RestTrouble(404, 1002, "Service not found")
ROOM_NOT_FOUND = RestTrouble(404, 1003, "Room not found")
STREAM_NOT_FOUND = RestTrouble(404, 1004, "Stream not found")
PARTICIPANT_NOT_FOUND = RestTrouble(404, 1005, "Participant not found")
RECORDING_NOT_FOUND = RestTrouble(404, 1001, "Recording not found")
BAD_REQUEST = RestTrouble(400, 1201, "Bad request")
UNREADABLE = BAD_REQUEST.saying("Failed to parse JSON body")
TOO_MANY_VALUES = RestTrouble(413, 1201, "The request body has too many values")
INVALID_BODY = BAD_REQUEST.saying("Invalid request body")
INVALID_OPTION = BAD_REQUEST.saying("Invalid room option")
BAD_SERVICE = BAD_REQUEST.saying("Service name and key do not have string type")
BAD_TOKEN_REQUEST = BAD_REQUEST.saying("Name or role not valid")
FAILED = RestTrouble(500, 1301, "Operation failed")
NO_PORTAL = FAILED.saying("Failed to get portal")
RECORDING_FAILED = FAILED.saying("RPC:addServerSideSubscription failed")
NOBODY_TO_RECORD = FAILED.saying(f"{RECORDING_FAILED.message}: nobody is in the room")
NO_SUCH_INPUT = FAILED.saying(f"{FAILED.message}: no such stream is pulled")
ROOM_ENDED = FAILED.saying(f"{FAILED.message}: the room has ended")
OUTPUT_FAILED = RECORDING_FAILED
NO_SUCH_OUTPUT = FAILED.saying(f"{FAILED.message}: there is no such stream out")
CALL_FAILED = FAILED.saying("RPC:makeSipCall failed")
NO_SUCH_CALL = FAILED.saying(f"{FAILED.message}: there is no such call")
NO_SUCH_ANALYTIC = FAILED.saying(f"{FAILED.message}: there is no such analytic")
NOBODY_TO_ANALYSE = NOBODY_TO_RECORD
UNEXPECTED = RestTrouble(500, 2001, "Internal server error")
BUSY = RestTrouble(503, 2001, "The server is busy, try again")

STATUSES: dict[int, RestTrouble] = {
    400: BAD_REQUEST,
    401: UNAUTHENTICATED,
    403: DENIED,
    404: RestTrouble(404, 1001, "Resource not found"),
    405: RestTrouble(405, 1001, "Method not allowed"),
    408: RestTrouble(408, 1201, "The request took too long"),
    413: RestTrouble(413, 1201, "The request body is too large"),
    429: TOO_MANY_ATTEMPTS,
    500: UNEXPECTED,
    503: BUSY,
}

REFUSALS: dict[str, RestTrouble] = {
    "stream_unknown": STREAM_NOT_FOUND,
    "participant_unknown": PARTICIPANT_NOT_FOUND,
    "recording_unknown": RECORDING_NOT_FOUND,
    "track_unknown": FAILED.saying(
        f"{FAILED.message}: Stream does NOT contain valid track to mute/unmute"
    ),
    "view_unknown": FAILED.saying(f"{FAILED.message}: there is no such view"),
    "stream_not_in_view": FAILED.saying(f"{FAILED.message}: the stream is not in that view"),
    "region_unknown": FAILED.saying(f"{FAILED.message}: the layout has no such region"),
    "not_allowed": FAILED,
    "target_unsatisfying": FAILED,
    "empty_subscription": FAILED,
    "cannot_record": FAILED,
    "too_many_streams": FAILED.saying(f"{FAILED.message}: Too many inputs"),
    "audio_forbidden": FAILED.saying(f"{FAILED.message}: Audio is forbiden"),
    "video_forbidden": FAILED.saying(f"{FAILED.message}: Video is forbiden"),
    "closed_by_operator": FAILED.saying(f"{FAILED.message}: the operator has closed the room"),
    "broadcast_unknown": NO_SUCH_OUTPUT,
    "call_unknown": NO_SUCH_CALL,
    "analytic_unknown": NO_SUCH_ANALYTIC,
    "too_much_media": FAILED,
    "name_taken": RestTrouble(500, 2001, "MongoError E11000 duplicate key: the name is taken"),
    "store_full": RestTrouble(503, 1401, "The database holds as many as it may"),
    "store_unavailable": RestTrouble(500, 1401, "The database does not answer"),
    "unstorable": BAD_REQUEST.saying("Text that cannot be stored"),
    "unknown_owner": SERVICE_NOT_FOUND,
}


REASONED: dict[str, RestTrouble] = {
    "layout_impossible": FAILED,
    "no_capacity": RestTrouble(503, 2001, "Server is busy"),
    "job_failed": FAILED,
    "source_refused": FAILED,
    "address_unfit": BAD_REQUEST,
    "cannot_broadcast": FAILED,
    "call_refused": FAILED,
    "cannot_analyse": FAILED,
}
"""Refusals whose own text follows: it is ours, and tells what to change."""


def trouble_of(error: ActorError) -> RestTrouble:
    """Return the answer to a refusal; whatever else went wrong inside is "busy"."""
    if not isinstance(error, Refused):
        return BUSY
    found = REASONED.get(error.code)
    if found is not None:
        return found.saying(f"{found.message}: {error}")
    return REFUSALS.get(error.code, BUSY)
