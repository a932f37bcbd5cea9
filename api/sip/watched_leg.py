"""A leg as the telephone hands it out: it is counted and logged, and outlives no crash.

Whoever carries a call has this one, so that he hears of the end whatever became of the signalling
behind it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, replace

from actors.core import ActorStopped, MailboxFull
from actors.words.calls import (
    CallDescription,
    CallEnd,
    CallLeg,
    LegAnswered,
    LegEnded,
    LegEvent,
    LegOffered,
    LegSink,
)

RtpAddress = tuple[str, int]
UNTOLD = 32  # events that are kept until somebody listens


@dataclass(frozen=True, slots=True)
class LegFacts:
    """What is logged and counted of a call: the other side's host, and the room if it is ours.

    `local` is our address towards it, and `announced` what it is told in place of that.
    """

    incoming: bool
    host: str
    local: str
    announced: str
    room: str = ""

    def told(self, description: CallDescription) -> CallDescription:
        """Return what the other side is told of our ports."""
        return announced_as(description, self.local, self.announced)

    @property
    def direction(self) -> str:
        return "in" if self.incoming else "out"

    @property
    def of_room(self) -> dict[str, str]:
        """The room, for a log line, where it is known."""
        return {"room": self.room} if self.room else {}


def announced_as(description: CallDescription, local: str, told: str) -> CallDescription:
    """Return a description whose ports at `local` are said to be at `told`."""
    if local == told:
        return description

    def at(address: RtpAddress) -> RtpAddress:
        return (told, address[1]) if address[0] == local else address

    return CallDescription(
        tuple(
            section
            if section.remote is None
            else replace(
                section,
                remote=replace(
                    section.remote,
                    rtp=at(section.remote.rtp),
                    rtcp=section.remote.rtcp and at(section.remote.rtcp),
                ),
            )
            for section in description.sections
        )
    )


class WatchedLeg:
    """One leg. `ended` is called once, at its end; `changed` whenever there may be more to send."""

    def __init__(
        self,
        leg: CallLeg,
        facts: LegFacts,
        ended: Callable[[WatchedLeg, CallEnd], None],
        changed: Callable[[], None],
    ) -> None:
        self._leg = leg
        self.facts = facts
        self._ended = ended
        self._changed = changed
        self._sink: LegSink | None = None
        self._untold: deque[LegEvent] = deque()
        self.taken = False  # answered, by either side
        self._reoffered = False
        self.over = False
        leg.listen(self._told)

    @property
    def address(self) -> str:
        """Our numeric address towards the other side."""
        return self.facts.local

    @property
    def host(self) -> str:
        """The numeric host that signals for the other side."""
        return self._leg.host

    def listen(self, events: LegSink) -> None:
        """Tell everything to this from now on, and what was not told yet, first."""
        self._sink = events
        while self._untold:
            self._tell(self._untold.popleft())

    def ring(self) -> None:
        """Say that the call is being looked at."""
        if not self.over:
            self._leg.ring()
            self._changed()

    def answer(self, description: CallDescription) -> None:
        """Take the call, or the last offer."""
        if not self.over:
            self.taken, self._reoffered = True, False
            self._leg.answer(self.facts.told(description))
            self._changed()

    def refuse(self, why: CallEnd) -> None:
        """Do not take the call, or the offer that was made last."""
        if self.over:
            return
        of_call = not self.taken and not self._reoffered
        self._reoffered = False
        self._leg.refuse(why)
        self._changed()
        if of_call:
            self._told(LegEnded(why))  # unless the leg has told it itself, just now

    def hang_up(self, why: CallEnd = CallEnd.HUNG_UP) -> None:
        """End it, whatever its state."""
        if self.over:
            return
        self._leg.hang_up(why)
        self._changed()
        self._told(LegEnded(why))

    def lose(self, why: CallEnd) -> None:
        """Tell its end, where nobody else can any more."""
        self._told(LegEnded(why))

    def _told(self, event: LegEvent) -> None:
        if self.over:
            return
        match event:
            case LegAnswered():
                self.taken = True
            case LegOffered():
                self._reoffered = True
            case LegEnded(why):
                self._finish(why)
        if self._sink is not None:
            self._tell(event)
        elif len(self._untold) < UNTOLD or self.over:
            self._untold.append(event)
        else:
            self.hang_up(CallEnd.FAILED)

    def _finish(self, why: CallEnd) -> None:
        if not self.over:
            self.over = True
            self._ended(self, why)

    def _tell(self, event: LegEvent) -> None:
        assert self._sink is not None  # noqa: S101  it is what was checked
        try:
            self._sink(event)
        except (ActorStopped, MailboxFull):  # nobody carries it any more, or too slowly
            self.hang_up(CallEnd.FAILED)
