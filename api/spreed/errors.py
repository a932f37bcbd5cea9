"""Refusals in Spreed's words: ONE table for the websocket and REST."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil

from actors.core import ActorError, Refused
from actors.words.closings import ClosedByOperator
from api.spreed.wire import encode


@dataclass(frozen=True, slots=True)
class Words:
    """`code` and `message` of an error document, and the status where REST answers with it.

    `reason` is our own code, where `code` is one that existing clients know what to do about; of a
    room that is closed it is what the operator says, and `seconds` for how long.
    """

    code: str
    message: str
    status: int = 400
    reason: str = ""
    seconds: int | None = None


BUSY = Words("busy", "The server is busy, try again", 503)
REFUSALS: dict[str, Words] = {
    "room_locked": Words(
        "authorization_required", "Valid credentials are required to join this room"
    ),
    "wrong_pin": Words("invalid_credentials", "The provided credentials are incorrect"),
    "pin_not_needed": Words(
        "authorization_not_required", "No credentials may be provided for this room"
    ),
    "account_required_to_join": Words(
        "room_join_requires_account", "Room join requires a user account"
    ),
    "account_required_to_create": Words(
        "room_join_requires_account", "Room creation requires a user account"
    ),
    "default_room_disabled": Words("default_room_disabled", "The default room is not enabled"),
    "room_name_too_long": Words("invalid_room_name", "The room name is too long"),
    "pin_too_long": Words("invalid_pin", "The PIN is too long"),
    "status_too_large": Words("status_too_large", "The status is too large"),
    "room_full": Words("room_full", "The room is full", 503),
    "too_many_rooms": Words("too_many_rooms", "The server has no place for another room", 503),
    "too_many_empty_rooms": Words(
        "too_many_rooms", "Too many empty rooms were left behind from this address, try later", 503
    ),
    "closed_by_operator": Words("room_closed", "The operator has closed this room"),
    "too_many_peers": Words("busy", "The server has no place for another session", 503),
    "not_in_room": Words("not_in_room", "Cannot list users without a current room"),
    "not_that_room": Words("not_in_room", "Cannot update other rooms"),
    "already_identified": Words("already_authenticated", "session already authenticated"),
    "nonce_invalid": Words("invalid_session_token", "nonce validation failed"),
    "nonce_for_another_user": Words("invalid_session_token", "user id mismatch"),
    "bad_attestation": Words("bad_attestation", "bad attestation"),
    "no_such_session": Words("no_such_session", "cannot retrieve session"),
    "contacts_not_enabled": Words("contacts_not_enabled", "incoming contacts session request"),
    "unknown_sessions_type": Words("bad_request", "unknown sessions request type"),
    "too_many_attempts": Words("too_many_attempts", "Too many failed attempts, try later", 429),
    "shutting_down": Words("shutting_down", "The server is shutting down", 503),
    "receiver_too_slow": Words("busy", "The other side reads too slowly, try again", 503),
    "busy": BUSY,
}

JOIN_CODES = {"too_many_attempts": "invalid_credentials", "invalid_pin": "invalid_credentials"}
"""Codes of ours that leave the original client's person before an empty page, and the one after
which it asks for the PIN again. None of the codes it knows leads on from any other of ours."""

AUTH_TOO_LARGE = Words("auth_too_large", "Auth too large", 413)
INVALID_TOKEN = Words("invalid_token", "Invalid token", 403)
SESSION_PATCH_FAILED = Words("session_patch_failed", "Failed to patch session", 403)
USERS_UNREADABLE = Words("users_bad_request", "Failed to parse request", 400)
USERS_INCOMPLETE = Words("users_bad_request", "Incomplete request", 400)
USERS_WRONG_TYPE = Words("users_invalid_request", "Invalid request type", 400)
USERS_INVALID_SESSION = Words("users_invalid_session", "Invalid session", 403)
USERS_IN_HEADER_MODE = Words(
    "users_create_failed", 'Error: "create is not possible in httpheader mode"', 400
)


def users_request_failed(reason: str) -> Words:
    """Return the words for a session that cannot be given a user, the reason quoted."""
    return Words("users_request_failed", f'Error: "{reason}"', 400)


STATUSES: dict[int, Words] = {
    400: Words("bad_request", "Bad request", 400),
    403: Words("forbidden", "Forbidden", 403),
    404: Words("not_found", "Not found", 404),
    405: Words("method_not_allowed", "Method not allowed", 405),
    408: Words("request_timeout", "The request took too long", 408),
    413: Words("body_too_large", "The request body is too large", 413),
    429: Words("too_many_attempts", "Too many requests", 429),
    500: Words("internal_error", "Internal server error", 500),
    503: Words("busy", "The server is busy, try again", 503),
}


class DefaultRoomDisabled(Refused):
    code = "default_room_disabled"


class RoomNameTooLong(Refused):
    code = "room_name_too_long"


class PinTooLong(Refused):
    code = "pin_too_long"


class StatusTooLarge(Refused):
    code = "status_too_large"


class BadAttestation(Refused):
    code = "bad_attestation"


class NoSuchSession(Refused):
    code = "no_such_session"


class ContactsNotEnabled(Refused):
    code = "contacts_not_enabled"


class UnknownSessionsType(Refused):
    code = "unknown_sessions_type"


def words_for(error: ActorError) -> Words:
    """Return Spreed's words for a refusal; whatever else went wrong inside is "busy"."""
    return REFUSALS.get(error.code, BUSY) if isinstance(error, Refused) else BUSY


def words_of_closed(error: ClosedByOperator, now: float) -> Words:
    """Return the words for who wants to join a room that is closed; `now` in Unix seconds."""
    seconds = max(1, ceil(error.until - now))
    return replace(REFUSALS[error.code], reason=error.text, seconds=seconds)


def words_of_join(words: Words) -> Words:
    """Return the words for a Hello in which a client made for the original finds its way."""
    known = JOIN_CODES.get(words.code)
    return replace(words, code=known, reason=words.code) if known else words


def error_document(words: Words) -> bytes:
    """Return the channelling protocol's Error document; `Reason` only where it says more."""
    document: dict[str, object] = {"Type": "Error", "Code": words.code, "Message": words.message}
    if words.seconds is not None:
        document |= {"Reason": words.reason, "Seconds": words.seconds}
    elif words.reason:
        document |= {"Reason": words.reason}
    return encode(document)
