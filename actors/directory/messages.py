"""What the directory is asked and told. Whoever is outside an actor uses `directory.py` instead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from actors.core import Actor, Message, Ref, Request
from actors.endpoint.endpoint import EndpointSpec
from actors.endpoint.rules import Owner, Quota
from actors.words.closings import Closing, Expel
from actors.words.keys import MemberKey, RoomKey
from actors.words.rooms import Admission, RoomSpec


@dataclass(frozen=True, slots=True)
class Admit(Message):
    """Bring a peer's Join to the room it names; the room answers, or else the directory does."""

    peer: Ref[Message]
    spec: RoomSpec
    admission: Admission
    tag: str


@dataclass(frozen=True, slots=True)
class OpenRoom(Request[Ref[Message]]):
    """Return the live room of this key, or a new one, in which nobody is yet.

    Raises TooManyRooms, Busy.
    """

    spec: RoomSpec


@dataclass(frozen=True, slots=True)
class OpenMember(Request[Ref[Message]]):
    """Return the member of this key: the live one, once it has taken `takeover`, or a new one.

    Raises TooManyPeers, Busy, and what the takeover is refused with.
    """

    key: MemberKey
    factory: Callable[[], Actor[Message]]
    takeover: Request[None]


@dataclass(frozen=True, slots=True)
class Identified(Message):
    """This member is this user's."""

    peer: Ref[Message]
    realm: str
    user: str


@dataclass(frozen=True, slots=True)
class FindMembers(Request[tuple[Ref[Message], ...]]):
    """Return the live members of a user, the first identified first."""

    realm: str
    user: str


@dataclass(frozen=True, slots=True)
class CountUsers(Request[int]):
    """Return how many users have a live member in this realm."""

    realm: str


@dataclass(frozen=True, slots=True)
class CloseByOperator(Request[Closing]):
    """Close a room by its name for so many seconds, and end it if it lives. `text` and `by` as in
    Closing. Raises TooManyClosings.
    """

    key: RoomKey
    seconds: float
    text: str = field(default="", repr=False)
    by: str = ""


@dataclass(frozen=True, slots=True)
class ListClosings(Request[tuple[Closing, ...]]):
    """Return the rooms that are closed, the first closed first."""


@dataclass(frozen=True, slots=True)
class OpenAgain(Request[bool]):
    """Let a closed room be opened; answered with whether it was closed."""

    key: RoomKey


@dataclass(frozen=True, slots=True)
class ExpelMember(Request[None]):
    """Put a member out; for so many seconds nobody goes on as this one. Raises MemberUnknown."""

    key: MemberKey
    seconds: float
    order: Expel


@dataclass(frozen=True, slots=True)
class LetBack(Request[bool]):
    """Let somebody go on who was put out; answered with whether he was."""

    key: MemberKey


@dataclass(frozen=True, slots=True)
class RoomOf(Request[RoomSpec | None]):
    """Return what a live room was made from, or that which somebody is in.

    None where there is none.
    """

    key: RoomKey | MemberKey


@dataclass(frozen=True, slots=True)
class OpenEndpoint(Request[Ref[Message]]):
    """Return the endpoint of this id: a new one, or the same owner's live one under new terms.

    Raises EndpointTaken, TooManyEndpoints, Busy.
    """

    spec: EndpointSpec
    quota: Quota


@dataclass(frozen=True, slots=True)
class FindEndpoints(Request[tuple[Ref[Message], ...]]):
    """Return the live endpoints of an owner, the oldest first."""

    realm: str
    owner: Owner
