"""From coded units to a target that is opened, lost, and opened again. It blocks; no thread here.

An output is opened once each wanted kind has come, or one of them for long enough without the
other; it begins with a keyframe where it has pictures. It is opened anew where a format changes, or
a kind appears that it does not have.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterable
from contextlib import suppress

from media.contract.streaming import TargetFlows, TargetLost
from media.job.back_off import BackOff
from media.job.sending.broadcast_output import ERRORS, BroadcastOutput, MakeOutput
from media.job.sending.broadcast_trouble import lost, silent
from media.job.sending.coded_unit import CodedUnit, formats_in, in_order
from media.outside.errors import NotReachable

MISSING_SECONDS = 3.0  # that one kind waits for the other one to come
KEPT_SECONDS = 1.0  # of sound without pictures, while nothing is open
MOST_KEPT = 1024  # units, while nothing is open
STEADY_SECONDS = 10.0  # that a target flows, after which its next trouble is a first one
NEVER = float("inf")

Tell = Callable[[TargetFlows | TargetLost], None]


class BroadcastSender:
    """`step` and `finish` are for one thread, `stalled` and `busy_since` for any.

    `kinds` are those that are wanted. `wants_keyframe` while nothing can be sent before one.
    """

    def __init__(
        self,
        make_output: MakeOutput,
        tell: Tell,
        kinds: frozenset[str],
        *,
        reconnect_seconds: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.kinds = kinds
        self.wants_keyframe = "video" in kinds
        self.busy_since: float | None = None  # in a call of the output
        self.sent = 0
        self.left_out = 0
        self._make_output = make_output
        self._tell = tell
        self._clock = clock
        self._back_off = BackOff(reconnect_seconds)
        self._output: BroadcastOutput | None = None
        self._open = False
        self._kept: list[CodedUnit] = []  # with what the next output begins
        self._waits_since: float | None = None  # for kinds
        self._not_before = 0.0
        self._flowing_since: float | None = None
        self._told: TargetFlows | TargetLost | None = None
        self._renew = False  # at the next keyframe
        self._reorders = False
        self._stalled = False
        self._over = False

    @property
    def due(self) -> float:
        """When `step` has something to do, even without units; infinite for never."""
        if self._open or self._over or not self._kept or self._waits_since is None:
            return NEVER
        missing = self.kinds - {unit.kind for unit in self._kept}
        waits = self._waits_since + MISSING_SECONDS if missing else 0.0
        return max(self._not_before, waits)

    def step(self, units: list[CodedUnit]) -> None:
        """Send units, as far as that is possible now."""
        rest = deque(units)
        while rest or self._is_due():
            if rest:
                self._take(rest.popleft())
            if self._is_due():
                rest = deque(self._begin(rest))

    def finish(self) -> None:
        """End in order; nothing may be told after that."""
        self._over = True
        self._close(last=True)

    def stalled(self) -> None:
        """Give up what the output does now: it takes too long."""
        self._stalled = True
        output = self._output
        if output is not None:
            output.abort()

    def _take(self, unit: CodedUnit) -> None:
        output = self._output
        if self._over:
            self.left_out += 1
        elif not self._open or output is None:
            self._keep(unit)
        elif self._renews(unit, output):
            self._close(last=False)
            self._keep(unit)
        elif unit.format is not None and unit.format != output.formats.get(unit.kind):
            self._renew = self.wants_keyframe = True  # sound that began, or changed
            self.left_out += 1
        elif unit.kind not in output.formats:
            self.wants_keyframe = True
            self.left_out += 1
        else:
            self._write(unit, output)

    def _renews(self, unit: CodedUnit, output: BroadcastOutput) -> bool:
        """Tell whether another output has to begin with this unit."""
        if unit.backward and not self._reorders:
            self._reorders = self._renew = self.wants_keyframe = True
        changed = unit.format is not None and unit.format != output.formats.get(unit.kind)
        if unit.kind == "video":
            return unit.keyframe and (changed or self._renew)
        return changed and "video" not in output.formats

    def _keep(self, unit: CodedUnit) -> None:
        if self._waits_since is None:
            self._waits_since = self._clock()
        pictures = any(each.kind == "video" for each in self._kept)
        if unit.kind == "video":
            if unit.keyframe:
                self._leave_out_before(unit.moment, "video")
                self.wants_keyframe = False
            elif not pictures:
                self.left_out += 1
                return
        elif not pictures:
            self._leave_out_before(unit.moment - KEPT_SECONDS)
        self._kept.append(unit)
        if len(self._kept) > MOST_KEPT:
            self.left_out += len(self._kept)
            self._kept = []
            self.wants_keyframe = "video" in self.kinds

    def _leave_out_before(self, moment: float, whole_kind: str = "") -> None:
        kept = [it for it in self._kept if it.moment >= moment and it.kind != whole_kind]
        self.left_out += len(self._kept) - len(kept)
        self._kept = kept

    def _is_due(self) -> bool:
        return not self._open and self._clock() >= self.due

    def _begin(self, rest: Iterable[CodedUnit]) -> Iterable[CodedUnit]:
        """Open the target for what is kept; return what to send now, with the rest that came."""
        kept, self._kept = self._kept, []
        origin = min(unit.moment for unit in kept)
        output = self._make_output(formats_in(kept), origin, self._reorders)
        self._output, self._renew = output, False
        if self._try(output.open):
            self._open, self._waits_since = True, None
            return in_order([*kept, *rest])
        self.left_out += len(kept)
        return rest

    def _write(self, unit: CodedUnit, output: BroadcastOutput) -> None:
        if unit.kind == "video" and unit.keyframe:
            self.wants_keyframe = False
        if not self._try(lambda: output.write(unit)):
            self.left_out += 1
            return
        self.sent += 1
        if output.flows and not isinstance(self._told, TargetFlows):
            self._flowing_since = self._clock()
            self._say(TargetFlows())

    def _try(self, call: Callable[[], None]) -> bool:
        self.busy_since = self._clock()
        try:
            call()
        except (NotReachable, *ERRORS) as error:
            self._fail(error)
            return False
        finally:
            self.busy_since = None
        if self._stalled:  # it was given up while it came to an end
            self._fail(None)
            return False
        return True

    def _fail(self, error: Exception | None) -> None:
        since, now = self._flowing_since, self._clock()
        flowed = since is not None
        told = silent() if error is None or self._stalled else lost(error, flowed=flowed)
        if since is not None and now - since >= STEADY_SECONDS:
            self._back_off.settled()
        self._close(last=False)
        self._stalled = False
        self._over |= told.over
        self._flowing_since = None
        self.wants_keyframe = "video" in self.kinds
        self._not_before = now + self._back_off.pause(told.reason)
        self._say(told)

    def _close(self, *, last: bool) -> None:
        output, self._output, self._open = self._output, None, False
        self._waits_since = None
        if output is not None:
            with suppress(NotReachable, *ERRORS):
                output.close(last=last)

    def _say(self, event: TargetFlows | TargetLost) -> None:
        if event != self._told:
            self._told = event
            self._tell(event)
