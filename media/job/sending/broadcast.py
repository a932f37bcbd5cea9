"""Sound and pictures that are sent outside as they come: RTMP, RTSP, HLS or DASH."""

from __future__ import annotations

from functools import partial

import msgspec

from media.contract.jobs import BroadcastWanted, JobInput, JobWanted
from media.job.sending.broadcast_dash import DashOutput
from media.job.sending.broadcast_hls import HlsFolder, HlsOutput
from media.job.sending.broadcast_output import MakeOutput
from media.job.sending.broadcast_pace import KeyframePace
from media.job.sending.broadcast_stream import StreamOutput
from media.job.sending.broadcast_thread import BroadcastThread
from media.job.sending.coded_input import CodedInput
from media.job.sending.coded_unit import CodedUnit
from media.job.work import Outside, WorkFigures

BEAT_SECONDS = 0.25  # between looks at the target
ASKED_AGAIN_SECONDS = 0.5  # for a keyframe, while none comes
KEYFRAME_SECONDS = 4.0  # between two for a stream: platforms want one every two to four seconds
CLOSE_SECONDS = 1.0
NEVER = float("inf")


class BroadcastWork:
    """See media.job.work.Work; `figures.late_frames` are units that the target had no time for."""

    def __init__(self, outside: Outside) -> None:
        self._outside = outside
        self._wanted: BroadcastWanted | None = None
        self._inputs: dict[str, CodedInput] = {}
        self._thread: BroadcastThread | None = None
        self._pace = KeyframePace(NEVER)
        self._beat = NEVER
        self._asked_at = float("-inf")
        self._units = self._lost_before = self._sent_before = self._left_out_before = 0

    @property
    def figures(self) -> WorkFigures:
        thread = self._thread
        return WorkFigures(
            frames_in=self._units,
            frames_out=self._sent_before + (thread.sent if thread else 0),
            late_frames=self._left_out_before + (thread.left_out if thread else 0),
            decode_errors=self._lost_before + sum(each.lost for each in self._inputs.values()),
        )

    def change(self, wanted: JobWanted) -> None:
        if not isinstance(wanted, BroadcastWanted):
            raise TypeError("no broadcast")
        before, self._wanted = self._wanted, wanted
        self._take_inputs(wanted.inputs)
        kinds = frozenset(each.kind for each in wanted.inputs)
        if self._thread is not None and before is not None and _same_output(before, wanted):
            self._thread.want(kinds)
            return
        self.close()
        self._pace = KeyframePace(_keyframe_seconds(wanted))
        self._thread = BroadcastThread(
            output_of(wanted),
            self._outside.wake,
            kinds,
            stalled_seconds=wanted.stalled_seconds,
            reconnect_seconds=wanted.reconnect_seconds,
        )
        self._beat = 0.0

    def take(self, input: str, packet: bytes, arrival: float) -> None:
        taken = self._inputs.get(input)
        if taken is not None:
            self._pass_on(taken.take(packet, arrival), arrival)

    def take_report(self, input: str, timestamp: int, moment: float) -> None:
        taken = self._inputs.get(input)
        if taken is not None:
            taken.take_report(timestamp, moment)

    def keyframe_wanted(self, name: str) -> None:
        """Do nothing: there is no output that could be asked for one."""

    def due(self) -> float:
        return min(self._beat, *(each.due for each in self._inputs.values()), NEVER)

    def tick(self, now: float) -> None:
        for each in self._inputs.values():
            if each.due <= now:
                self._pass_on(each.release(now), now)
        if self._thread is None:
            return
        self._tell_news(self._thread)
        if self._beat <= now:
            self._beat = now + BEAT_SECONDS
            self._thread.watch(now)
            self._ask_for_keyframes(now)

    def close(self) -> None:
        """End in order what is sent: it takes a second at most."""
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.close(CLOSE_SECONDS)
            self._tell_news(thread)
            self._sent_before += thread.sent
            self._left_out_before += thread.left_out

    def _tell_news(self, thread: BroadcastThread) -> None:
        for event in thread.news():
            self._outside.tell(event)

    def _take_inputs(self, wanted: tuple[JobInput, ...]) -> None:
        before = self._inputs
        self._inputs = {}
        for told in wanted:
            known = before.pop(told.id, None)
            same = known is not None and known.told == told
            self._inputs[told.id] = known if known is not None and same else CodedInput(told)
            if not same:
                before |= {told.id: known} if known is not None else {}
                if told.kind == "video":
                    self._outside.request_keyframe(told.id)
        self._lost_before += sum(each.lost for each in before.values())

    def _pass_on(self, units: list[CodedUnit], now: float) -> None:
        self._units += len(units)
        if any(unit.keyframe and unit.kind == "video" for unit in units):
            self._pace.note(now)
        if self._thread is not None:
            self._thread.put(units)

    def _ask_for_keyframes(self, now: float) -> None:
        if now - self._asked_at < ASKED_AGAIN_SECONDS or self._thread is None:
            return
        wanted = self._thread.wants_keyframe or self._pace.due(now)
        for id, each in self._inputs.items():
            if each.told.kind == "video" and (wanted or each.waiting):
                self._asked_at = now
                self._outside.request_keyframe(id)


def output_of(wanted: BroadcastWanted) -> MakeOutput:
    """Return what makes the outputs for a protocol. Raises ValueError for one nobody knows."""
    match wanted.protocol:
        case "rtmp" | "rtsp":
            return partial(StreamOutput, wanted)
        case "hls":
            return partial(HlsOutput, HlsFolder(wanted), wanted.segment_seconds)
        case "dash":
            return partial(DashOutput, wanted)
    raise ValueError("no such protocol")


def _same_output(before: BroadcastWanted, after: BroadcastWanted) -> bool:
    return msgspec.structs.replace(before, inputs=()) == msgspec.structs.replace(after, inputs=())


def _keyframe_seconds(wanted: BroadcastWanted) -> float:
    return wanted.segment_seconds if wanted.protocol in ("hls", "dash") else KEYFRAME_SECONDS
