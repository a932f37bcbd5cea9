"""Direct messages that are kept for the two who exchanged them: the messages that a store takes.

They are a log by id, which grows with time, in a table of its own. Everything is of one `site` (the
realm of its people); names are compared exactly, so that no name stands for another's messages.
What is raised is as `messages.py` says: text that no database holds is Unstorable in a write, and
finds nothing in a read.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from actors.core import Message
from actors.store.messages import StoreRead, StoreWrite
from actors.store.stored import check_text, is_storable
from actors.words.refusals import Unstorable

SITE_BYTES = 32
NAME_BYTES = 1024  # two and a site are one entry of PostgreSQL's index, which takes 2704 bytes
NEWEST_ID = 2**63 - 1

NameOrder = Literal["newest", "oldest", "a-z", "z-a"]


@dataclass(frozen=True, slots=True)
class KeptMessage(Message):
    """A direct message as it was shown; `at` in Unix seconds."""

    id: int
    sender: str
    recipient: str
    html: str = field(repr=False)
    at: int

    @property
    def pair(self) -> tuple[str, str]:
        """The two who exchanged it, in one order whoever wrote."""
        return pair_of(self.sender, self.recipient)


@dataclass(frozen=True, slots=True)
class HistoryPage(Message):
    """Messages, the newest first, and how many older ones there are."""

    messages: tuple[KeptMessage, ...]
    remaining: int


@dataclass(frozen=True, slots=True)
class NamesPage(Message):
    """Those with whom somebody has exchanged messages: a page of them, and how many in all."""

    names: tuple[str, ...]
    count: int


# --- writes


@dataclass(frozen=True, slots=True)
class KeepMessage(StoreWrite[None]):
    """Keep a message, unless one of that id is kept; of the same two at most `most_of_two` stay,
    the newest. Raises Unstorable for one of more than `message_bytes`."""

    site: str
    message: KeptMessage
    most_of_two: int
    message_bytes: int


@dataclass(frozen=True, slots=True)
class DropMessage(StoreWrite[bool]):
    """Delete a message; answered with whether it was there."""

    site: str
    id: int


@dataclass(frozen=True, slots=True)
class DropMessagesOf(StoreWrite[int]):
    """Delete up to `limit` messages that somebody has sent or got; answered with how many."""

    site: str
    name: str
    limit: int


@dataclass(frozen=True, slots=True)
class DropOldMessages(StoreWrite[int]):
    """Delete up to `limit` messages of before `before` (Unix seconds), or, where there are none,
    of the oldest that are more than `most`; answered with how many."""

    site: str
    before: int
    most: int
    limit: int


# --- reads


@dataclass(frozen=True, slots=True)
class GetMessage(StoreRead["KeptMessage | None"]):
    site: str
    id: int


@dataclass(frozen=True, slots=True)
class ListMessages(StoreRead[HistoryPage]):
    """Return the newest `limit` messages of two whose id is below `before` (0 or less: of all)."""

    site: str
    one: str
    other: str
    before: int
    limit: int


@dataclass(frozen=True, slots=True)
class ListPartners(StoreRead[NamesPage]):
    """Return the names of those with whom `name` has exchanged messages.

    By the latest message, or by name in the order of code points.
    """

    site: str
    name: str
    order: NameOrder
    offset: int
    limit: int


HistoryMessage = (
    KeepMessage | DropMessage | DropMessagesOf | DropOldMessages | GetMessage | ListMessages
    | ListPartners
)  # fmt: skip

# --- what may be kept, and asked for


def pair_of(one: str, other: str) -> tuple[str, str]:
    """Return two names in one order, whoever is asked for first."""
    return (one, other) if one <= other else (other, one)


def check_kept(order: KeepMessage) -> None:
    """Raise Unstorable for what is too large, or what not every database can hold."""
    message = order.message
    check_text(order.site, SITE_BYTES)
    check_text(message.sender, NAME_BYTES)
    check_text(message.recipient, NAME_BYTES)
    check_text(message.html, order.message_bytes)
    if not (is_id(message.id) and is_id(message.at)):
        raise Unstorable


def is_id(number: int) -> bool:
    """Say whether a number is one that a database can hold, and no less than 0."""
    return 0 <= number <= NEWEST_ID


def are_names(site: str, *names: str) -> bool:
    """Say whether there can be messages of these."""
    return is_storable(site, SITE_BYTES) and all(is_storable(name, NAME_BYTES) for name in names)
