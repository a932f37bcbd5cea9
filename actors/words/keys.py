"""How rooms, members and endpoints are named inside the server, and where they live (`tree.py`).

A realm is a space of names: a room of one realm is another than the room of that name in another
realm. Each dialect has one for what is its own, often called like the dialect; but nothing may be
concluded from it: several dialects can share a realm, and a room of one realm can have members of
another.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote, unquote

DIRECTORY = "/conferencing/directory"
ROOMS = "/conferencing/rooms"
MEMBERS = "/conferencing/members"
ENDPOINTS = "/endpoints"
DEVICES = "/devices"


@dataclass(frozen=True, slots=True)
class RoomKey:
    """A room's identity: a realm, and the name that is unique there."""

    realm: str
    name: str

    @property
    def slug(self) -> str:
        """The room's actor name: printable ASCII without a slash, reversible."""
        return _slug(self.realm, self.name)

    @property
    def path(self) -> str:
        return f"{ROOMS}/{self.slug}"

    @classmethod
    def from_slug(cls, slug: str) -> RoomKey:
        """Read an actor's name back."""
        return cls(*_parts(slug))


@dataclass(frozen=True, slots=True)
class MemberKey:
    """A member's identity: a realm, and the id its clients know."""

    realm: str
    id: str

    @property
    def slug(self) -> str:
        """The member's actor name: printable ASCII without a slash, reversible."""
        return _slug(self.realm, self.id)

    @property
    def path(self) -> str:
        return f"{MEMBERS}/{self.slug}"

    @classmethod
    def from_slug(cls, slug: str) -> MemberKey:
        """Read an actor's name back."""
        return cls(*_parts(slug))


@dataclass(frozen=True, slots=True)
class EndpointKey:
    """An endpoint's identity: a realm, and the id its clients know, exactly."""

    realm: str
    id: str

    @classmethod
    def from_slug(cls, slug: str) -> EndpointKey:
        """Read an actor's name back."""
        return cls(*_parts(slug))

    @property
    def slug(self) -> str:
        """The endpoint's actor name: printable ASCII without a slash, reversible."""
        return _slug(self.realm, self.id)

    @property
    def path(self) -> str:
        return f"{ENDPOINTS}/{self.slug}"


def in_realm(slug: str, realm: str) -> bool:
    """Tell whether the key with this slug is of this realm."""
    return slug.startswith(_slug(realm, ""))


def peers_realm(api_key: str) -> str:
    """Return the realm of those who signal to each other by one API key, browsers and devices."""
    return f"peers.{api_key}"


def api_key_of(realm: str) -> str:
    """Return the API key that a realm of peers is of; see `peers_realm`."""
    return realm.removeprefix(peers_realm(""))


def _parts(slug: str) -> tuple[str, str]:
    realm, _, name = slug.partition(":")
    return unquote(realm), unquote(name, errors="surrogatepass")


def _slug(realm: str, name: str) -> str:
    if not (name.isascii() and name.replace("-", "").isalnum()):  # as most names are
        name = quote(name, safe="", errors="surrogatepass")
    return f"{_quoted(realm)}:{name}"


@lru_cache(maxsize=256)
def _quoted(realm: str) -> str:
    return quote(realm, safe="")
