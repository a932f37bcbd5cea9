"""What the operator orders of rooms and people: rooms that are closed, members that are put out."""

from __future__ import annotations

from dataclasses import dataclass, field

from actors.core.errors import Refused
from actors.core.message import Message, Request
from actors.words.keys import MemberKey, RoomKey


@dataclass(frozen=True, slots=True)
class Closing(Message):
    """A room that is closed, until a time in Unix seconds.

    `text` is shown to its people, and to whoever wants to come in; `by` is who has ordered it, as
    he calls himself. `dialect` is the room's, "" where none of that name lived.
    """

    key: RoomKey
    until: float
    text: str = field(default="", repr=False)
    by: str = ""
    dialect: str = ""


@dataclass(frozen=True, slots=True)
class Expulsion(Message):
    """Somebody who was put out; nobody goes on as him until a time in Unix seconds."""

    key: MemberKey
    until: float
    text: str = field(default="", repr=False)
    by: str = ""


@dataclass(frozen=True, slots=True)
class Expel(Request[None]):
    """End the member, for good; its client is shown Expelled. `address` is of who has ordered it,
    as far as the log may have it.
    """

    text: str = field(default="", repr=False)
    by: str = ""
    address: str = ""

    @property
    def orderer(self) -> dict[str, str]:
        """Who has ordered it, for the log: what is known of it."""
        return {name: it for name in ("by", "address") if (it := getattr(self, name))}


class ClosedByOperator(Refused):
    """The room is closed; `until` in Unix seconds, `text` is why, for people."""

    code = "closed_by_operator"

    def __init__(self, until: float, text: str) -> None:
        super().__init__(until)
        self.until = until
        self.text = text


class MemberExpelled(Refused):
    """Whoever has this id was put out; `text` is why, for people."""

    code = "put_out"

    def __init__(self, text: str) -> None:
        super().__init__()
        self.text = text


class TooManyClosings(Refused):
    """As many rooms as may be are closed already."""

    code = "too_many_closed"


class MemberUnknown(Refused):
    """No member of this key lives."""

    code = "member_unknown"
