"""How rooms, peers and endpoints are named inside the house, and where they live (`tree.py`)."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote

ROOMS = "/conferencing/rooms"
PEERS = "/conferencing/peers"
ENDPOINTS = "/delivery/endpoints"


@dataclass(frozen=True, slots=True)
class RoomKey:
    """A room's identity: the realm of its dialect and the name that is unique there."""

    realm: str
    name: str

    @property
    def slug(self) -> str:
        """The room's actor name: printable ASCII without a slash, reversible."""
        return f"{self.realm}:{quote(self.name, safe='')}"

    @property
    def path(self) -> str:
        return f"{ROOMS}/{self.slug}"


@dataclass(frozen=True, slots=True)
class PeerKey:
    """A peer's identity: the realm of its dialect and the id its clients know."""

    realm: str
    id: str

    @property
    def slug(self) -> str:
        return f"{self.realm}:{quote(self.id, safe='')}"

    @property
    def path(self) -> str:
        return f"{PEERS}/{self.slug}"


@dataclass(frozen=True, slots=True)
class EndpointKey:
    """An endpoint's identity: the realm of its dialect and the id its clients know, exactly."""

    realm: str
    id: str

    @classmethod
    def from_slug(cls, slug: str) -> EndpointKey:
        """Read an actor's name back."""
        realm, _, name = slug.partition(":")
        return cls(realm, unquote(name, errors="surrogatepass"))

    @property
    def slug(self) -> str:
        """The endpoint's actor name: printable ASCII without a slash, reversible."""
        return f"{self.realm}:{quote(self.id, safe='', errors='surrogatepass')}"

    @property
    def path(self) -> str:
        return f"{ENDPOINTS}/{self.slug}"
