"""What a room tells those who are in it: members, and what is carried as a member."""

from __future__ import annotations

from dataclasses import dataclass

from actors.core import Message, Ref
from actors.words.facts import Fact


@dataclass(frozen=True, slots=True)
class FromRoom(Message):
    """What a room tells a peer. The peer may have left since: `room` is for it to check."""

    room: Ref[Message]
    fact: Fact
