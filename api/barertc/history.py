"""Direct messages that were kept: what is asked of them; here of a chat that keeps none."""

from __future__ import annotations

from typing import Protocol

from actors.store.history import HistoryPage, KeptMessage, NameOrder, NamesPage

PAGE = 20  # messages, fact sheet section 1
NAMES_PER_PAGE = 9


class HistoryUnavailable(Exception):
    """The history cannot answer; the text is shown to the client, with status 500."""


class History(Protocol):
    """Messages by the exact names of the two who exchanged them.

    Each method that waits takes at most limits.ask_seconds and raises HistoryUnavailable.
    """

    @property
    def enabled(self) -> bool:
        """Whether messages are kept."""

    def keep(self, message: KeptMessage) -> None:
        """Have a message kept, soon; never waits, and a failure is logged."""

    def drop(self, id: int) -> None:
        """Have a message forgotten that was taken back; never waits, and a failure is logged."""

    async def find(self, id: int) -> KeptMessage | None:
        """Return the message of this id."""

    async def page(self, owner: str, other: str, before: int, limit: int = PAGE) -> HistoryPage:
        """Return the latest messages between two whose id is below `before` (0: of all)."""

    async def names(self, owner: str, order: NameOrder, page: int) -> NamesPage:
        """Return the page of NAMES_PER_PAGE names, counted from 1."""

    async def erase(self, owner: str) -> int:
        """Forget every message that this one has sent or got; return how many."""


class NoHistory:
    """The history of a chat that keeps none."""

    enabled = False

    def keep(self, message: KeptMessage) -> None:
        """Forget it."""

    def drop(self, id: int) -> None:
        """Have nothing to forget."""

    async def find(self, id: int) -> KeptMessage | None:
        """Find nothing."""

    async def page(self, owner: str, other: str, before: int, limit: int = PAGE) -> HistoryPage:
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
