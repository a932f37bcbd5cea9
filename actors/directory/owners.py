"""Who has what, and how much of it there may be. Pure: what is had is only told apart here."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Generic, Protocol, TypeVar

from actors.endpoint.rules import Owner, Quota
from actors.words.refusals import TooManyEndpoints


class Mortal(Protocol):
    """What can be had. It may have ended before the table hears of it."""

    @property
    def alive(self) -> bool: ...


O = TypeVar("O")  # noqa: E741 -- whoever has something
M = TypeVar("M", bound=Mortal)


class Owned(Generic[O, M]):
    """A table of what each owner has in a realm, the oldest first."""

    __slots__ = ("_of", "_owner_of")

    def __init__(self) -> None:
        self._of: dict[tuple[str, O], dict[M, None]] = {}
        self._owner_of: dict[M, tuple[str, O]] = {}

    def __len__(self) -> int:
        return len(self._owner_of)

    def __iter__(self) -> Iterator[M]:
        return iter(self._owner_of)

    def __contains__(self, it: M) -> bool:
        return it in self._owner_of

    @property
    def owners(self) -> int:
        """How many owners have something."""
        return len(self._of)

    def owners_in(self, realm: str) -> int:
        """Count the owners who have something in a realm."""
        return sum(1 for known, _ in self._of if known == realm)

    def of(self, realm: str, owner: O) -> tuple[M, ...]:
        """Return what an owner has."""
        return tuple(self._of.get((realm, owner), ()))

    def note(self, it: M, realm: str, owner: O) -> None:
        """Remember whose this is; it has one owner."""
        self.forget(it)
        self._of.setdefault((realm, owner), {})[it] = None
        self._owner_of[it] = (realm, owner)

    def forget(self, it: M) -> tuple[str, O] | None:
        """Forget what has ended, and return its realm and owner; unknown, it changes nothing."""
        place = self._owner_of.pop(it, None)
        if place is not None:
            had = self._of[place]
            del had[it]
            if not had:
                del self._of[place]
        return place


class OwnedEndpoints(Owned[Owner, M]):
    """The endpoints of all owners, and how many there are, for quotas."""

    __slots__ = ("_of_organization", "_of_realm")

    def __init__(self) -> None:
        super().__init__()
        self._of_organization: Counter[tuple[str, str]] = Counter()
        self._of_realm: Counter[str] = Counter()

    def check(self, realm: str, owner: Owner, quota: Quota) -> None:
        """Raise TooManyEndpoints where another one of this owner is one too many."""
        mine = sum(it.alive for it in self.of(realm, owner))
        if (
            mine >= quota.per_user
            or self._of_organization[realm, owner.organization] >= quota.per_organization
            or self._of_realm[realm] >= quota.total
        ):
            raise TooManyEndpoints

    def note(self, it: M, realm: str, owner: Owner) -> None:
        """Remember whose endpoint this is."""
        super().note(it, realm, owner)
        self._of_organization[realm, owner.organization] += 1
        self._of_realm[realm] += 1

    def forget(self, it: M) -> tuple[str, Owner] | None:
        """Forget an endpoint that has ended; an unknown one changes nothing."""
        place = super().forget(it)
        if place is not None:
            realm, owner = place
            count_down(self._of_organization, (realm, owner.organization))
            count_down(self._of_realm, realm)
        return place


K = TypeVar("K")


def count_down(counts: Counter[K], key: K) -> None:
    """Take one off, and keep no zeros: whose they are is up to strangers."""
    counts[key] -= 1
    if not counts[key]:
        del counts[key]
