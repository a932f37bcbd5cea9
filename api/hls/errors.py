"""What a viewer is refused, with its status and a sentence for people: ONE table."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus


@dataclass(frozen=True, slots=True)
class HlsTrouble:
    """`retry_after` are the seconds after which it may be otherwise, None for never by itself."""

    status: int
    words: str
    retry_after: int | None = None


class HlsRefused(Exception):
    def __init__(self, trouble: HlsTrouble) -> None:
        super().__init__(trouble.words)
        self.trouble = trouble


NOT_FOUND = HlsTrouble(404, "There is no such room or view, or it has ended.")
NO_PASS = HlsTrouble(
    401, "Without a token of this room, there is nothing to watch here; it may also have ended."
)
TOKEN_USED = HlsTrouble(
    403, "This token is good no more: each is good once, for a few minutes. Ask for another one."
)
OTHER_ROOM = HlsTrouble(403, "This token is for another room.")
NOT_THIS_ROLE = HlsTrouble(403, "You may come into this room, but not watch this view.")
TOO_MANY = HlsTrouble(429, "Too many failed attempts: try later.", 60)
NOT_BEGUN = HlsTrouble(503, "Nobody is in this room yet.", 5)
STARTING = HlsTrouble(503, "The picture is being started.", 1)
NO_CAPACITY = HlsTrouble(503, "The server has no processing power left for this view.", 10)
BUSY = HlsTrouble(503, "The server is busy: try again.", 5)


def trouble_of_status(status: int) -> HlsTrouble:
    """Return what is said for a status that no view chose."""
    if status == NOT_FOUND.status:
        return NOT_FOUND
    return HlsTrouble(status, f"{HTTPStatus(status).phrase}.")
