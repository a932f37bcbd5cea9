"""Whether there is room for a document, by number or by bytes. Pure.

One owner has a bound, and all owners together have one. They could fill a store between them, so
whoever has less than an equal share of it is served all the same. That takes at most as much again:
those above their shares grow only while all is within the bound, and equal shares add up to it.
"""

from __future__ import annotations

from dataclasses import dataclass

OVERFLOW = 2
"""How many times the bound of a kind there is at most, with what equal shares add to it."""


@dataclass(frozen=True, slots=True)
class SpaceTaken:
    """How much of a kind is kept, and how much of that is the owner's.

    What is replaced is not among it: that is `before`, None where nothing of the owner's is.
    """

    of_kind: int
    of_owner: int
    before: int | None = None

    @classmethod
    def counted(cls, of_kind: int, of_owner: int, replaced: int | None, *, own: bool) -> SpaceTaken:
        """Return this from sums with what is replaced, which is the owner's if it is its `own`."""
        if replaced is None:
            return cls(of_kind, of_owner)
        if own:
            return cls(of_kind - replaced, of_owner - replaced, replaced)
        return cls(of_kind - replaced, of_owner)


def has_room(size: int, kept: SpaceTaken, most: int, most_of_one_owner: int, owners: int) -> bool:
    """Tell whether a document of a size (1: it is counted) can be added.

    What does not grow has its room. `owners` is how many there are to share equally; 0: they do
    not.
    """
    if kept.before is not None and size <= kept.before:
        return True
    of_kind, of_owner = kept.of_kind + size, kept.of_owner + size
    if of_owner > most_of_one_owner:
        return False
    if of_kind <= most:
        return True
    share = max(1, most // owners) if owners else 0
    return of_owner <= share and of_kind <= OVERFLOW * most
