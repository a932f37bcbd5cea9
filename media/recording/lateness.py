"""How late packets are by their timestamps, and what it means when they are late all at once.

A network that stalls delivers what it held back in a burst, and packets are as late as before. A
sender that paused without its RTP clock going on (a microphone that was released) sends no burst:
its packets stay late, by as long as the pause. Only time tells the two apart, about a second.
"""

from __future__ import annotations

from dataclasses import dataclass

_JUMP = 0.5  # seconds later than the packet before, by timestamps, that raise the question
_REMAINS = 0.25  # that must be left for it to have been a pause
_FALLS = 0.05  # less late by this: what was held back is still coming
_STEADY = 1.0  # without any such fall, what is left was a pause
_LONGEST = 5.0  # that the question stays open; what still falls then was a stall
_FORGETS = 0.1  # of the time: how fast the least lateness of before is forgotten


@dataclass(slots=True)
class _Question:
    """Since packets jumped to be late: the least they were, and when that fell last."""

    since: float
    first: float
    least: float
    fell_to: float
    fell_at: float


class Lateness:
    """Takes by how many seconds packets arrived after where their timestamps would place them.

    The owner asks `settle` before it lets another packet be noted while `in_question`.
    """

    __slots__ = ("_arrived", "_late", "_question", "usual")

    def __init__(self) -> None:
        self.begin(0.0, 0.0)

    def begin(self, late: float, arrival: float) -> None:
        """Begin with a first packet; its lateness is the usual one."""
        self.usual = self._late = late
        self._arrived = arrival
        self._question: _Question | None = None

    @property
    def in_question(self) -> bool:
        """Whether it is still open what made packets late."""
        return self._question is not None

    def silent(self, now: float, seconds: float) -> bool:
        """Tell whether nothing has come for so long."""
        return now - self._arrived > seconds

    def note(self, late: float, arrival: float) -> None:
        """Take a packet."""
        question = self._question
        if question is not None:
            self._note_in_question(question, late, arrival)
        elif late - self._late > _JUMP:
            self._question = _Question(arrival, late, late, late, arrival)
        passed = arrival - self._arrived
        if self._question is None:
            usual = self.usual + _FORGETS * passed if passed > 0.0 else self.usual
            self.usual = late if late < usual else usual  # faster than min()
        if passed > 0.0:
            self._arrived = arrival
        self._late = late

    def settle(self, now: float, *, at_once: bool = False) -> float | None:
        """Return how long the pause was, once that can be told; None while it is open.

        0.0 stands for a stall of the network, or for nothing in question. `at_once` answers by what
        came until now. The lateness is the usual one again afterwards.
        """
        question = self._question
        if question is None:
            return 0.0
        steady = now - question.fell_at >= _STEADY
        if not (steady or at_once or now - question.since >= _LONGEST):
            return None
        self._question = None
        pause = question.least - self.usual
        falling = not steady and question.first - question.least > _REMAINS
        if falling or pause < _REMAINS:
            return 0.0
        self._late -= pause
        return pause

    def _note_in_question(self, question: _Question, late: float, arrival: float) -> None:
        if late - self.usual < _REMAINS:
            self._question = None  # all of it came after all
            return
        question.least = min(question.least, late)
        if late <= question.fell_to - _FALLS:
            question.fell_to, question.fell_at = late, arrival
