"""What a playlist of HLS and a manifest of DASH have in common: a listing of segments by name."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import Protocol, TypeVar

MAX_LISTING_BYTES = 262_144
MAX_SEGMENTS = 2000  # that one listing names

Read = TypeVar("Read")

_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", re.ASCII)


class BadListing(Exception):
    """A listing that cannot be read; the text says why, for people who maintain the muxer."""


class Listing(Protocol):
    """One that has been read: the names in it, in the order of playing.

    `segments` are what it plays, in `seconds` altogether. `headers` have to be there before any of
    them (EXT-X-MAP, initialisation segments). With `ended` no segment will follow.
    """

    @property
    def segments(self) -> tuple[str, ...]: ...
    @property
    def headers(self) -> tuple[str, ...]: ...
    @property
    def seconds(self) -> float: ...
    @property
    def ended(self) -> bool: ...


@dataclass(frozen=True, slots=True)
class ShownListing:
    """A listing as it may be shown to players: its bytes, and all the names in it.

    It is `complete` if it goes as far as the one it was made of.
    """

    data: bytes
    names: frozenset[str]
    complete: bool


class Listings(Protocol[Read]):
    """Reads the listings that a muxer writes one after another, and says what of them is shown."""

    def read(self, data: bytes) -> Read:
        """Read the next one. Raises BadListing; those before and after it are not concerned."""

    def shown(
        self, listing: Read, taken: Set[str], dropped: Set[str], *, ended: bool
    ) -> ShownListing | None:
        """Return a listing without what players could not get; None where nothing is left of it.

        It ends before the first name that is neither `taken` nor `dropped`: that may still come.
        With `ended` nothing will be listed after it: it says so, if it is complete.
        """


def plain_name(name: str) -> str:
    """Return the name of a file beside the listing. Raises BadListing for anything else."""
    if _NAME.fullmatch(name) is None:
        raise BadListing("it names something that is no file beside it")
    return name
