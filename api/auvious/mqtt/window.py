"""The messages that a client has been sent at QoS 1 and has not acknowledged yet. Pure."""

from __future__ import annotations

from typing import Generic, TypeVar

MOST_PACKET_IDS = 65_535

T = TypeVar("T")


class Window(Generic[T]):
    """At most `size` messages on their way, each under a packet identifier of its own."""

    __slots__ = ("_last_id", "_on_the_way", "_size")

    def __init__(self, size: int) -> None:
        self._size = min(size, MOST_PACKET_IDS)
        self._on_the_way: dict[int, T] = {}
        self._last_id = 0

    def __len__(self) -> int:
        return len(self._on_the_way)

    @property
    def is_full(self) -> bool:
        return len(self._on_the_way) >= self._size

    def send(self, message: T) -> int:
        """Put a message on its way; return its packet identifier. The window must not be full."""
        packet_id = self._last_id % MOST_PACKET_IDS + 1
        while packet_id in self._on_the_way:
            packet_id = packet_id % MOST_PACKET_IDS + 1
        self._last_id = packet_id
        self._on_the_way[packet_id] = message
        return packet_id

    def acknowledge(self, packet_id: int) -> T | None:
        """Take a PUBACK; None for one of nothing that is on its way."""
        return self._on_the_way.pop(packet_id, None)
