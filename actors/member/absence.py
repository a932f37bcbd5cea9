"""The rules of a member that is away: how long it is kept, and what waits for it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf

from actors.words.facts import Fact, PeerChanged, PeerJoined, PeerLeft
from actors.words.weights import weight_of


@dataclass(frozen=True, slots=True)
class AbsenceTerms:
    """How long a member outlives its client, and what is kept for it meanwhile.

    `resume_seconds` after the loss of its client it ends (0: at once), after `left_seconds` where
    that is less and the client has left on purpose. `queued_messages` and `queued_bytes` limit the
    facts that wait for it. For one that has ended without leaving, the room keeps what is said for
    `echo_seconds`.
    """

    resume_seconds: float = 0.0
    left_seconds: float = inf
    queued_messages: int = 1024
    queued_bytes: int = 1_048_576
    echo_seconds: float = 0.0

    def seconds(self, *, leaving: bool) -> float:
        """Return how long to wait for a client that is gone."""
        return min(self.resume_seconds, self.left_seconds) if leaving else self.resume_seconds


ENDS_AT_ONCE = AbsenceTerms()


class BacklogFull(Exception):
    """More has happened than may be kept for somebody who is away."""


class Backlog:
    """Facts in order for somebody who is away: so many, and so many bytes of them.

    Of how somebody shows himself only the latest is kept, in the place of the one before.
    """

    __slots__ = ("_changed", "_facts", "_terms", "_weight")

    def __init__(self, terms: AbsenceTerms) -> None:
        self._terms = terms
        self._facts: list[Fact] = []
        self._weight = 0
        self._changed: dict[str, int] = {}  # where the latest PeerChanged of a member is

    def __iter__(self) -> Iterator[Fact]:
        return iter(self._facts)

    def add(self, fact: Fact) -> None:
        """Keep a fact. Raises BacklogFull, and keeps it not."""
        weight, at = weight_of(fact), None
        if isinstance(fact, PeerChanged):
            at = self._changed.get(fact.presence.peer)
        if at is not None:
            weight -= weight_of(self._facts[at])
        elif len(self._facts) >= self._terms.queued_messages:
            raise BacklogFull
        if self._weight + weight > self._terms.queued_bytes:
            raise BacklogFull
        self._weight += weight
        if at is not None:
            self._facts[at] = fact
        else:
            self._note_changes(fact)
            self._facts.append(fact)

    def _note_changes(self, fact: Fact) -> None:
        match fact:
            case PeerChanged(presence):
                self._changed[presence.peer] = len(self._facts)
            case PeerJoined(presence):  # what comes later is another one's, and belongs after this
                self._changed.pop(presence.peer, None)
            case PeerLeft(peer):
                self._changed.pop(peer, None)
