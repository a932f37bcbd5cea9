"""Signalling of calls without a network: legs that note what is said, and tell what they are told.

A leg is as the contract says: LegEnded comes once, also of what our side ends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import trio

from actors.words.calls import (
    CallDescription,
    CallEnd,
    CallRefused,
    LegAnswered,
    LegConfirmed,
    LegEnded,
    LegEvent,
    LegRings,
    LegSink,
    MakeOffer,
)


@dataclass(eq=False)
class FakeLeg:
    """See actors.words.calls.CallLeg. `said` is what was called, in order, in a word each.

    `answers` are the descriptions that were given, `refused` why offers or the call were not taken.
    """

    address: str = "127.0.0.1"
    host: str = "127.0.0.9"
    offer: CallDescription | None = None  # ours, of a call out
    said: list[str] = field(default_factory=list)
    answers: list[CallDescription] = field(default_factory=list)
    refused: list[CallEnd] = field(default_factory=list)
    hung_up: CallEnd | None = None
    ended: LegEnded | None = None
    taken: bool = False  # answered by either side
    _events: LegSink | None = None
    _untold: list[LegEvent] = field(default_factory=list)

    def listen(self, events: LegSink) -> None:
        self._events = events
        untold, self._untold = self._untold, []
        for event in untold:
            events(event)

    def ring(self) -> None:
        self.said.append("ring")

    def answer(self, description: CallDescription) -> None:
        self.said.append("answer")
        if self.ended is None:
            self.taken = True
            self.answers.append(description)

    def refuse(self, why: CallEnd) -> None:
        self.said.append("refuse")
        if self.ended is None:
            self.refused.append(why)
            if not self.taken:
                self.end(why)

    def hang_up(self, why: CallEnd = CallEnd.HUNG_UP) -> None:
        self.said.append("hang_up")
        if self.ended is None:
            self.hung_up = why
            self.end(why)

    # What tests may do to it.

    @property
    def over(self) -> bool:
        return self.ended is not None

    def tell(self, event: LegEvent) -> None:
        """Have signalling tell something; nothing once it is over."""
        if self.ended is not None:
            return
        if isinstance(event, LegEnded):
            self.ended = event
        if self._events is None:
            self._untold.append(event)
        else:
            self._events(event)

    def end(self, why: CallEnd = CallEnd.HUNG_UP, detail: str = "") -> None:
        """Have the call end, by the other side too."""
        self.tell(LegEnded(why, detail))

    def pick_up(self, answer: CallDescription) -> None:
        """Have the other side take a call out."""
        self.taken = True
        self.tell(LegAnswered(answer))

    def ring_there(self, early: CallDescription | None = None) -> None:
        self.tell(LegRings(early))

    def confirm(self, answer: CallDescription | None = None) -> None:
        """Have our answer arrive, or the answer to our offer come."""
        self.tell(LegConfirmed(answer))


class FakeTelephone:
    """See actors.words.calls.Telephone. `dialled` are URI and room of each call, `legs` theirs.

    `refuses` is raised by all calls while it is set; each call takes `dial_seconds` to begin.
    """

    def __init__(self, address: str = "127.0.0.1") -> None:
        self.address = address
        self.dialled: list[tuple[str, str]] = []
        self.legs: list[FakeLeg] = []
        self.refuses: CallRefused | None = None
        self.dial_seconds = 0.0

    async def dial(self, uri: str, room: str, offer: MakeOffer) -> FakeLeg:
        await trio.lowlevel.checkpoint()
        if self.dial_seconds:
            await trio.sleep(self.dial_seconds)
        if self.refuses is not None:
            raise CallRefused(self.refuses.why, str(self.refuses))
        leg = FakeLeg(self.address)
        leg.offer = await offer(self.address)
        self.dialled.append((uri, room))
        self.legs.append(leg)
        return leg

    @property
    def leg(self) -> FakeLeg:
        """The only call there was."""
        (leg,) = self.legs
        return leg


def all_over(legs: Sequence[FakeLeg]) -> bool:
    """Tell whether nothing is left of any of these calls."""
    return all(leg.over for leg in legs)
