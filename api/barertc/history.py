"""Direct messages that were kept, as the web API asks for them; here: of a chat that keeps none."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, Protocol

PAGE = 20  # messages, fact sheet section 1
NAMES_PER_PAGE = 9

NameOrder = Literal["newest", "oldest", "a-z", "z-a"]


class HistoryUnavailable(Exception):
    """The history cannot answer; the text is shown to the client, with status 500."""


@dataclass(frozen=True, slots=True)
class KeptMessage:
    """A direct message; `at` in Unix seconds."""

    id: int
    sender: str
    html: str = field(repr=False)
    at: int


@dataclass(frozen=True, slots=True)
class HistoryPage:
    """Messages, the newest first, and how many older ones there are."""

    messages: tuple[KeptMessage, ...]
    remaining: int


@dataclass(frozen=True, slots=True)
class NamesPage:
    """Those with whom somebody has exchanged messages: a page of them, and how many in all."""

    names: tuple[str, ...]
    count: int


class History(Protocol):
    """Messages by the exact names of the two who exchanged them.

    Each method takes at most limits.ask_seconds and raises HistoryUnavailable.
    """

    @property
    def enabled(self) -> bool:
        """Whether messages are kept."""

    async def page(self, owner: str, other: str, before: int) -> HistoryPage:
        """Return the PAGE latest messages between two whose id is below `before` (0: of all)."""

    async def names(self, owner: str, order: NameOrder, page: int) -> NamesPage:
        """Return the page of NAMES_PER_PAGE names, counted from 1."""

    async def erase(self, owner: str) -> int:
        """Forget every message that this one has sent or got; return how many."""


class NoHistory:
    """The history of a chat that keeps none."""

    enabled = False

    async def page(self, owner: str, other: str, before: int) -> HistoryPage:
        """Refuse."""
        raise HistoryUnavailable("database is not initialized")

    async def names(self, owner: str, order: NameOrder, page: int) -> NamesPage:
        """Refuse."""
        raise HistoryUnavailable("database is not initialized")

    async def erase(self, owner: str) -> int:
        """Refuse."""
        raise HistoryUnavailable("database is not initialized")


__all__ = [
    "NAMES_PER_PAGE", "PAGE", "History", "HistoryPage", "HistoryUnavailable", "KeptMessage",
    "NameOrder", "NamesPage", "NoHistory",
]  # fmt: skip
