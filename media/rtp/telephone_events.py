"""Keys of a telephone that are pressed, as they come in RTP (RFC 4733). Pure.

A key is one event: packets with the time at which it began, and how long it has lasted by now, some
twenty or fifty milliseconds apart, and a last one that is sent three times. An event that lasts
longer than its field can say goes on in further segments (section 2.5.1.3).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from struct import Struct

KEYS = "0123456789*#ABCD"  # by their numbers (section 3.2); the other events are no keys
SILENCE_SECONDS = 0.5  # after which an event whose end got lost is over
OLD_SECONDS = 10.0  # that a late packet may be behind; what is further behind counts from elsewhere
MOST_TOLD, MOST_TOLD_SECONDS = 20, 1.0  # so many keys at most in that time: more means harm

_PAYLOAD = Struct("!BBH")
_END = 0x80
_SEGMENT = 0xFFFF  # units of time, of a segment that goes on in the next one
_TIMES = 1 << 32


@dataclass(frozen=True, slots=True)
class KeyPressed:
    """`key` is one of KEYS."""

    key: str
    milliseconds: int


@dataclass(slots=True)
class _Event:
    """The last event that came. `began` is the time of its latest segment."""

    ssrc: int
    code: int
    began: int
    heard: float
    earlier: int = 0  # units of the segments before
    duration: int = 0  # units of this one
    told: bool = False


class KeyReader:
    """Reads the events of one stream, whose times count `clock_rate` a second.

    Each is told once, when its end comes, the next one begins, or nothing more is heard of it.
    """

    def __init__(self, clock_rate: int) -> None:
        self._clock_rate = clock_rate
        self._event: _Event | None = None
        self._told: deque[float] = deque(maxlen=MOST_TOLD)

    @property
    def due(self) -> float:
        """When `tick` shall be called, `inf` while no event goes on."""
        event = self._event
        return float("inf") if event is None or event.told else event.heard + SILENCE_SECONDS

    def take(
        self, payload: bytes, timestamp: int, ssrc: int, arrival: float, *, begins: bool = False
    ) -> list[KeyPressed]:
        """Take the payload of a packet, in any order; return what has been pressed by now.

        `begins` is the marker, which the first packet of an event has. What is no key is left out.
        """
        if len(payload) < _PAYLOAD.size:
            return []
        code, flags, duration = _PAYLOAD.unpack_from(payload)
        if code >= len(KEYS):
            return []
        pressed: list[KeyPressed] = []
        event = self._event
        if event is None or event.ssrc != ssrc or self._is_other(event, code, timestamp, begins):
            pressed += self._end(arrival)
            event = self._event = _Event(ssrc, code, timestamp, arrival)
        elif (timestamp - event.began) % _TIMES == _SEGMENT:
            event.earlier += _SEGMENT
            event.began, event.duration = timestamp, 0
        elif timestamp != event.began or code != event.code:
            return pressed  # late, of an event that is over
        event.heard = arrival
        event.duration = max(event.duration, duration)
        if flags & _END:
            pressed += self._end(arrival)
        return pressed

    def tick(self, now: float) -> list[KeyPressed]:
        """Return what is taken to be over by now."""
        return self._end(now) if self.due <= now else []

    def _is_other(self, event: _Event, code: int, timestamp: int, begins: bool) -> bool:
        ahead = (timestamp - event.began) % _TIMES
        if ahead == _SEGMENT and code == event.code and not (begins and event.told):
            return False
        return 0 < ahead <= _TIMES - OLD_SECONDS * self._clock_rate

    def _end(self, now: float) -> list[KeyPressed]:
        event = self._event
        if event is None or event.told:
            return []
        event.told = True
        if len(self._told) == MOST_TOLD and now - self._told[0] < MOST_TOLD_SECONDS:
            return []
        self._told.append(now)
        units = event.earlier + event.duration
        return [KeyPressed(KEYS[event.code], units * 1000 // self._clock_rate)]
