"""Records what one or two sources send, as it comes: nothing is decoded, nothing encoded.

The recorder is fed by taps on a router. They hand packets to a thread, which the owner provides and
in which tracks put them together to frames and a writer puts those into the file.
"""

from __future__ import annotations

from functools import partial

from media.contract.codec import Codec
from media.contract.errors import CannotRecord
from media.contract.recordings import Container, RecordingPlan, RecordingState, RecordingStatus
from media.recording.container import CODECS, ContainerFile, Sample, Writer, require
from media.recording.matroska import MatroskaWriter
from media.recording.mp4 import Mp4Writer
from media.recording.muxing import Muxing, MuxingOutcome
from media.recording.recorded_track import RecordedTrack
from media.recording.recorder_tap import LEAST_KEYFRAME_SECONDS, RecorderTap
from media.recording.recording_clock import RecordingClock
from media.recording.recordings_folder import is_plain_name
from media.rtp.depayload import Frame

REORDERING = frozenset({"h264"})  # pictures may be decoded in another order than they are shown


def check(plan: RecordingPlan) -> None:
    """Raise CannotRecord for tracks that do not go into the container, an odd id or pace."""
    require(plan.container, [(track.kind, track.codec) for track in plan.tracks])
    if not is_plain_name(plan.id):
        raise CannotRecord("this id cannot stand in the name of a file")
    check_keyframe_seconds(plan.keyframe_seconds)


def check_keyframe_seconds(seconds: float) -> None:
    """Raise CannotRecord if keyframes cannot be asked for that often."""
    if seconds and not seconds >= LEAST_KEYFRAME_SECONDS:
        raise CannotRecord(f"keyframes cannot be less than {LEAST_KEYFRAME_SECONDS:g} s apart")


class Recorder:
    """One recording. Raises what `check` raises.

    `run` belongs to a thread of its own; `wait_ended` is for any, all else for that of the router.
    The owner calls `tick` about twice a second, until `status` is final. What was taken shows in
    `status` about half a second later.
    """

    def __init__(self, plan: RecordingPlan) -> None:
        check(plan)
        self._plan = plan
        path = plan.folder / f"{plan.id}.{plan.container.value}"
        make_writer = partial(
            _writer, plan.container, [CODECS[track.codec] for track in plan.tracks]
        )
        self._muxing = Muxing(path, make_writer, min_free_bytes=plan.min_free_bytes)
        self._origin: float | None = None  # when the recording's time begins, in time of arrivals
        self._waiting_since: float | None = None  # for that
        self._seconds = 0.0
        self.taps = self._make_taps()
        self.pace_keyframes(plan.keyframe_seconds)

    def run(self) -> None:
        """Write the file until the recording ends. Waits for the disk all the time."""
        self._muxing.run()

    def stop(self, reason: str = "stopped") -> None:
        """End the recording and have its file finalised, with what came until now."""
        for tap in self.taps:
            tap.finish()
        self._muxing.end(reason)

    def crash(self) -> None:
        """End the recording because of a bug: what it wrote is kept, as a part."""
        self._muxing.end("crashed", whole=False)

    def wait_ended(self, seconds: float) -> bool:
        """Wait until `run` is through; False if that took longer."""
        return self._muxing.wait_ended(seconds)

    def pace_keyframes(self, seconds: float) -> None:
        """Ask for a keyframe when none came for so long, or leave them to the publisher (0).

        Raises CannotRecord.
        """
        check_keyframe_seconds(seconds)
        for tap in self.taps:
            if tap.kind == "video":
                tap.keyframe_seconds = seconds

    def tick(self, now: float) -> None:
        """Give up on packets that are too late, ask for keyframes, mind the time limit."""
        for tap in self.taps:
            tap.tick(now)
        if self._waiting_since is None:
            self._waiting_since = now
        since = self._waiting_since if self._origin is None else self._origin
        if self._plan.max_seconds and now - since >= self._plan.max_seconds:
            self.stop("max_seconds")

    def status(self) -> RecordingStatus:
        """Return where the recording stands."""
        running = RecordingState.STARTING if self._origin is None else RecordingState.RUNNING
        outcome = self._muxing.outcome or MuxingOutcome(running, "")
        return RecordingStatus(
            outcome.state,
            self._seconds,
            self._muxing.bytes_written,
            outcome.reason,
            outcome.path,
            sum(tap.track.lost_packets for tap in self.taps),
            sum(tap.track.dropped_frames for tap in self.taps),
        )

    def _take(self, track: int, time: float, frame: Frame) -> None:
        """Record a frame that happened at `time`; in the thread."""
        if self._origin is None:
            self._origin = time
        if time < self._origin and self._plan.tracks[track].kind == "audio":
            return  # it was read later, but happened before; sounds at one time cannot be played
        seconds = max(0.0, time - self._origin)
        limit = self._plan.max_seconds
        if limit and seconds > limit:
            return
        self._seconds = max(self._seconds, seconds)
        self._muxing.write(Sample(track, seconds, frame.data, frame.keyframe, frame.format))

    def _make_taps(self) -> tuple[RecorderTap, ...]:
        taps: list[RecorderTap] = []
        publishers = {track.publisher for track in self._plan.tracks}
        leader: RecordingClock | None = None
        in_order = sorted(enumerate(self._plan.tracks), key=lambda pair: pair[1].kind != "audio")
        for index, track in in_order:
            codec = CODECS[track.codec]
            clock = RecordingClock(codec.clock_rate, leader, reorders=track.codec in REORDERING)
            if track.kind == "audio" and "" not in publishers:
                leader = clock
            recorded = RecordedTrack(codec, clock, partial(self._take, index))
            tap_id = f"{self._plan.id}.{track.kind}"
            taps.append(
                RecorderTap(
                    tap_id,
                    track.kind,
                    recorded,
                    self._muxing,
                    self.stop,
                    in_our_time=len(publishers) > 1,
                )
            )
        return tuple(taps)


def _writer(container: Container, codecs: list[Codec], output: ContainerFile) -> Writer:
    if container is Container.MP4:
        return Mp4Writer(output, codecs)
    return MatroskaWriter(output, container, codecs)
