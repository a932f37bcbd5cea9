"""What follows from a change in a room's streams, for the actor to do."""

from __future__ import annotations

from dataclasses import dataclass

from actors.words.rooms import Notice


@dataclass(frozen=True, slots=True)
class Outcome:
    """`ended` are sessions whose connections go, `stopped` recordings to finalise.

    `rewired` are the outputs that take from elsewhere now, or flow or not.
    """

    notices: tuple[Notice, ...] = ()
    ended: tuple[str, ...] = ()
    stopped: tuple[str, ...] = ()
    rewired: tuple[str, ...] = ()

    def __add__(self, other: Outcome) -> Outcome:
        return Outcome(
            self.notices + other.notices,
            self.ended + other.ended,
            self.stopped + other.stopped,
            self.rewired + other.rewired,
        )


NOTHING = Outcome()
