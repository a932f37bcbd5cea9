"""The limits that actors obey, as plain values.

`api/process/composition.py` takes them from the configuration.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ActorLimits:
    """Counts of messages, rooms and peers; `ask_seconds` is the budget of one inner request.

    Of the rooms made from one address so many may be empty (0: any number) for it to make another.
    A room keeps so many messages of chat, and bytes of them, for members whose connection is away.
    So many rooms may be closed by the operator, and of so many members is known that he has put
    them out.
    """

    mailbox_messages: int = 1024
    rooms: int = 10_000
    peers: int = 20_000
    empty_rooms_per_address: int = 20
    ask_seconds: float = 5.0
    echo_messages: int = 100
    echo_bytes: int = 131_072
    echo_bytes_of_all: int = 67_108_864
    closed_rooms: int = 1000
    expelled_members: int = 10_000
