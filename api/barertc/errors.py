"""Refusals in the words of the chat server, as HTML: ONE table for the websocket and for polling.

The exact texts are those that published clients and bots know (fact sheet section 2); the others
are ours.
"""

from __future__ import annotations

import html
from datetime import UTC, datetime
from typing import Final

from actors.core import ActorError, Refused
from actors.words.closings import ClosedByOperator
from actors.words.refusals import NameBanned

BUSY: Final = "The chat server is busy right now. Please try again in a moment."
REFUSALS: Final = {
    "busy": BUSY,
    "room_full": "The chat room is full right now. Please try again later.",
    "too_many_peers": "The chat server has no place for anybody else right now.",
    "too_many_rooms": BUSY,
    "shutting_down": "The chat server is shutting down. Please come back in a minute.",
    "name_reserved": "You can not use that username. Please choose another one.",
    "channel_unknown": "That channel does not exist.",
    "not_allowed": "You are not allowed to do that.",
    "not_yours": "That is not your message to take back.",
    "person_unknown": "Nobody of that name is in the chat room.",
    "too_many_relations": "You have muted, booted, blocked and invited as many people as you may.",
    "not_in_room": "You must log in first.",
    "uploads_busy": "Too many pictures are being uploaded right now. Please try again in a moment.",
    "too_many_attempts": "Too many failed attempts, try later.",
    "already_logged_in": "You are logged in already.",
}

LOG_IN_FIRST: Final = "You must log in first."
EXPIRED: Final = "Your authentication has expired. Please go back and launch the chat room again."
LOG_IN_ELSEWHERE: Final = (
    "Server side authentication is required. Please go back and launch the chat room from your"
    " logged-in account."
)
NAME_REFUSED: Final = "You can not use that username. Please choose another one."
SHUTTING_DOWN: Final = REFUSALS["shutting_down"]
CLOSED_BY_OPERATOR: Final = "The operator of the server has closed this chat room."
PUT_OUT: Final = "The operator of the server has put you out of the chat."
CLOSED: Final = "The chat room was closed. Please try again in a moment."
CRASHED: Final = "Something went wrong on the server. Please log in again."
REPORTED: Final = "Your report has been delivered successfully."
REPORT_DISABLED: Final = (
    "Unfortunately, the report webhook is not enabled so your report could not be received!"
)
WRONG_IMAGE: Final = "Unsupported image type, should be a jpeg, GIF or png."
LEFT_OUT: Final = (
    "Something large was left out here: it came faster than your connection could take it."
)
UNREADABLE_IMAGE: Final = "That picture could not be read."

POLL_HALF: Final = "Authentication error: SessionID and Username both required."
POLL_EXPIRED: Final = "Your authentication has expired, please log back into the chat again."
POLL_NOT_LOGGED_IN: Final = "Not logged in."


class UploadsBusy(Refused):
    """As many files are being taken in as the settings allow."""

    code = "uploads_busy"


def because(words: str, text: str) -> str:
    """Return words of ours, and behind them what the operator says: as text, not as HTML."""
    return f"{words} {html.escape(text)}" if text else words


def words_for(error: ActorError) -> str:
    """Return what somebody is told of a refusal; whatever else went wrong inside is "busy"."""
    if isinstance(error, ClosedByOperator):
        return because(CLOSED_BY_OPERATOR, error.text)
    if isinstance(error, NameBanned):
        return banned(error.until)
    return REFUSALS.get(error.code, BUSY) if isinstance(error, Refused) else BUSY


def banned(until: float) -> str:
    """Return what somebody is told who is banned, `until` in Unix seconds."""
    try:
        end = f"{datetime.fromtimestamp(until, UTC):%A, %d %B %Y at %H:%M} UTC"
    except (ValueError, OverflowError, OSError):
        end = "a day far away"
    return (
        "You are currently banned from entering the chat room. Chat room bans are lifted by"
        f" themselves: yours ends on {end}."
    )


def unsupported(action: str) -> str:
    """Return what somebody is told whose message has an action that nobody knows."""
    return f"Unsupported message type: {html.escape(action[:64])}"


def report_failed(why: str) -> str:
    """Return what somebody is told whose report did not reach the site."""
    return f"Error sending the report to the website: {html.escape(why)}"
