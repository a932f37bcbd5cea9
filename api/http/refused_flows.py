"""Who sends more to whom than that one reads. Pure.

A receiver's client notes the sender whose message it had to leave out; the sender's conversation
asks before it passes on the next one, and tells its client. What a whole room must be told, since
nobody may miss who is there, is not left out: its sender is then read more slowly.
"""

from __future__ import annotations

PAUSE_SECONDS = 1.0  # in which a sender is refused that was left out
ROOM = ""  # a receiver that stands for all
PAIRS = 10_000  # that are remembered; the eldest is forgotten first


class RefusedFlows:
    """Pairs of sender and receiver, each for PAUSE_SECONDS; ids are of one dialect."""

    __slots__ = ("_until",)

    def __init__(self) -> None:
        self._until: dict[tuple[str, str], float] = {}

    def note(self, sender: str, receiver: str, now: float) -> None:
        """Note that a message was left out."""
        pair = (sender, receiver)
        self._until.pop(pair, None)
        if len(self._until) >= PAIRS:
            del self._until[next(iter(self._until))]
        self._until[pair] = now + PAUSE_SECONDS

    def refuses(self, sender: str, receiver: str, now: float) -> bool:
        """Tell whether this sender is to wait; costs next to nothing while nobody is."""
        if not self._until:
            return False
        until = self._until.get((sender, receiver))
        if until is None:
            return False
        if now >= until:
            del self._until[sender, receiver]
            return False
        return True

    def note_room(self, sender: str, now: float) -> None:
        """Note that a slow reader had to be told more of this sender than his part."""
        self.note(sender, ROOM, now)

    def pause(self, sender: str, now: float) -> float:
        """Return the seconds this sender is to wait before a room is told more of him."""
        if not self.refuses(sender, ROOM, now):
            return 0.0
        return self._until[sender, ROOM] - now

    def __len__(self) -> int:
        return len(self._until)
