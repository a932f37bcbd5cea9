"""The far side of a member: what a dialect's connection must offer to it."""

from __future__ import annotations

from typing import Protocol

from actors.words.close_reasons import CloseReason
from actors.words.facts import Fact


class TooSlow(Exception):
    """Raised by `Client.show`: what is unsent has reached its limit."""


class Client(Protocol):
    """How a dialect shows facts to whoever is connected."""

    def show(self, fact: Fact) -> None:
        """Render and send; never blocks. A fact without words in this dialect is nothing to it.

        Raises TooSlow.
        """

    @property
    def gone(self) -> bool:
        """Whether nobody is at the other end any more, perhaps even before the member was made."""

    def close(self, reason: CloseReason) -> None:
        """Say goodbye in the dialect's way."""
