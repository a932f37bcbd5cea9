"""What the receivers of one source can take (REMB), and what its sender is told about it."""

from __future__ import annotations

from statistics import median_low

FLOOR = 100_000  # bits per second: one bad receiver must not spoil the picture for all
FORGOTTEN_SECONDS = 10.0  # receivers repeat theirs every second or so
REPEAT_SECONDS = 1.0
REMIND_SECONDS = 3.0  # of the most that may be sent: a sender forgets
TIMES_TOLD = 3  # a limit that nobody repeats: what is told may get lost on the way
NOTABLE_DROP = 0.97
NOTABLE_GROWTH = 1.01
GUESSING = 1.35  # times what flows: from there on a limit says what was sent, not what can be
FIRST_WORD = 0.9  # of what flows: who begins below has seen the path fill up
PATIENCE_SECONDS = 2.0  # for a limit below what flows to grow
UNLIMITED = 1_000_000_000
ENOUGH_TO_COMPARE = 3  # receivers
KEYFRAME_SECONDS = 3.0  # between keyframes for a receiver that is left out


class ReceiverLimit:
    """Tells when the limits of one receiver say what its path takes.

    Browsers never say more than one and a half times what arrives, and raise it by 8 % a second
    only: where a quiet picture becomes a busy one, what they say lags behind for half a minute,
    though the path could take it. A sender that was held to that would never find out. So a limit
    binds from when the receiver lowers it, or raises it no more though it is below what flows,
    until it is well above that. In the first second or two it is no more than a guess at what a few
    packets tell: Chromium as a sender that was held to 100 kbit/s then made its picture so small
    that it could not make it larger again for as long as half a minute.
    """

    __slots__ = ("_binds", "_level", "_since")

    def __init__(self) -> None:
        self._binds = False
        self._level = 0
        self._since = 0.0

    def binding(self, bits_per_second: int, flowing: float, now: float) -> int:
        """Return what a receiver can take that gets `flowing` bits a second (0: not known).

        UNLIMITED if its latest limit does not tell that: none does before it is known what flows.
        """
        if not flowing:
            return UNLIMITED
        grown = bits_per_second > self._level * NOTABLE_GROWTH
        fallen = bits_per_second < self._level * NOTABLE_DROP
        if bits_per_second >= flowing * GUESSING:
            self._binds, grown = False, True
        elif not self._level:
            self._binds = bits_per_second < flowing * FIRST_WORD
        elif fallen or (not grown and now - self._since >= PATIENCE_SECONDS):
            self._binds = True
        if grown or fallen:
            self._level, self._since = bits_per_second, now
        return bits_per_second if self._binds else UNLIMITED


class BitrateLimits:
    """Keeps the latest limit of each leg by its id, and finds the lowest that counts.

    Where there is none any more, that is UNLIMITED.

    Of three or more, one below half of their median is left out: better one bad picture than three.
    More than `most` is never told, and it is told every few seconds, whatever receivers say.
    """

    def __init__(self, most: int = UNLIMITED) -> None:
        self._most = most
        self._limits: dict[str, tuple[float, int]] = {}
        self._keyframes: dict[str, float] = {}  # when one was asked for, of those left out
        self._told = 0
        self._told_at = self._last_told_at = float("-inf")
        self._tell_again = 0  # times

    def set(self, leg: str, bits_per_second: int, now: float) -> int | None:
        """Note what a leg can take; return the limit to tell the sender, None for not now.

        A lower limit is told at once, the rest at most once a second.
        """
        self._limits[leg] = (now, bits_per_second)
        lowest = self._lowest(now)
        if lowest >= self._told * NOTABLE_DROP and now - self._told_at < REPEAT_SECONDS:
            return None
        self._told, self._told_at, self._tell_again = lowest, now, 0
        self._last_told_at = now
        return lowest

    def due(self, now: float) -> int | None:
        """Return the limit to tell because receivers left or fell silent; None for nothing new.

        To be asked once a second: the sender would else keep the last limit it heard of for ever.
        """
        if not self._told and self._most == UNLIMITED:
            return None
        lowest = self._lowest(now)
        if lowest != self._told:
            self._told, self._told_at, self._tell_again = lowest, now, TIMES_TOLD
        remind = self._most < UNLIMITED and now - self._last_told_at >= REMIND_SECONDS
        if not self._tell_again and not remind:
            return None
        self._tell_again = max(0, self._tell_again - 1)
        self._last_told_at = now
        return lowest

    def forget(self, leg: str) -> None:
        """Leave out a leg that takes no more packets."""
        self._limits.pop(leg, None)
        self._keyframes.pop(leg, None)

    def may_ask(self, leg: str, now: float) -> bool:
        """Tell whether a keyframe may be asked for on behalf of a leg.

        One that is left out loses packets all the time: keyframes for it would cost the others.
        """
        _, limit = self._limits.get(leg, (now, UNLIMITED))
        if limit >= self._least_that_counts():
            return True
        if now - self._keyframes.get(leg, float("-inf")) < KEYFRAME_SECONDS:
            return False
        self._keyframes[leg] = now
        return True

    def _lowest(self, now: float) -> int:
        old = [leg for leg, (at, _) in self._limits.items() if now - at > FORGOTTEN_SECONDS]
        for leg in old:
            del self._limits[leg]
        least = self._least_that_counts()
        counting = (limit for _, limit in self._limits.values() if limit >= least)
        return min(self._most, max(FLOOR, min(counting, default=UNLIMITED)))

    def _least_that_counts(self) -> float:
        if len(self._limits) < ENOUGH_TO_COMPARE:
            return 0.0
        return median_low(limit for _, limit in self._limits.values()) / 2
