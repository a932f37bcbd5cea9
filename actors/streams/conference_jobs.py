"""What is recorded, sent outside, watched and analysed: outputs that belong to no member. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from actors.streams.conference_views import ConferenceViews
from actors.streams.outcome import NOTHING, Outcome
from actors.streams.outputs import Output
from actors.streams.watched import watched_output
from actors.words.conference_refusals import BroadcastUnknown, RecordingUnknown
from actors.words.refusals import Busy
from actors.words.streams import AudioWanted, OutputChange, VideoWanted


@dataclass(slots=True)
class ConferenceJobs(ConferenceViews):
    """The rules of recordings, streams out, watched views and analytics; `rules.Conference` has all
    others."""

    # --- recordings

    def recording(self, id: str, audio: AudioWanted | None, video: VideoWanted | None) -> Output:
        """Return what a recording would be.

        Raises EmptySubscription, TargetUnsatisfying, Busy at the limit.
        """
        if len(self.recordings) >= self.recordings_limit:
            raise Busy("the room has too many recordings")
        return self._fitted(id, None, audio, video)

    def record(self, id: str, audio: AudioWanted | None, video: VideoWanted | None) -> Output:
        """Take a recording. Raises what `recording` raises."""
        output = self.recording(id, audio, video)
        self._take(self.recordings, output)
        return output

    def recording_after(self, recording: str, changes: Iterable[OutputChange]) -> Output:
        """Return what a recording would be after changes.

        Raises RecordingUnknown, TargetUnsatisfying.
        """
        if recording not in self.recordings:
            raise RecordingUnknown(recording)
        return self.recordings[recording].changed(changes, self.known)

    def change_recording(self, recording: str, changes: Iterable[OutputChange]) -> Outcome:
        """Raises RecordingUnknown, TargetUnsatisfying."""
        self._take(self.recordings, self.recording_after(recording, changes))
        return Outcome(rewired=(recording,))

    def end_recording(self, recording: str) -> Outcome:
        """Raises RecordingUnknown."""
        if recording not in self.recordings:
            raise RecordingUnknown(recording)
        return self.end_job(recording)

    # --- streams out

    def broadcast(
        self, id: str, audio: AudioWanted | None, video: VideoWanted | None, pace: float
    ) -> Output:
        """Return what a stream out would be, with a keyframe at least every `pace` seconds.

        Raises EmptySubscription, TargetUnsatisfying, Busy at the limit.
        """
        if len(self.broadcasts) >= self.broadcasts_limit:
            raise Busy("the room has too many streams out")
        return replace(self._fitted(id, None, audio, video), pace=pace)

    def send_out(self, output: Output) -> None:
        """Take what `broadcast` has returned."""
        self._take(self.broadcasts, output)

    def broadcast_after(self, broadcast: str, changes: Iterable[OutputChange]) -> Output:
        """Return what a stream out would be after changes.

        Raises BroadcastUnknown, TargetUnsatisfying.
        """
        if broadcast not in self.broadcasts:
            raise BroadcastUnknown(broadcast)
        return self.broadcasts[broadcast].changed(changes, self.known)

    def change_broadcast(self, broadcast: str, changes: Iterable[OutputChange]) -> Outcome:
        """Raises BroadcastUnknown, TargetUnsatisfying."""
        self._take(self.broadcasts, self.broadcast_after(broadcast, changes))
        return Outcome(rewired=(broadcast,))

    # --- views that are watched

    def watching(self, id: str, label: str, pace: float) -> Output:
        """Return what is taken of a view for who watches it: AAC and H.264.

        It is for the server to say who watches: what members may have made of streams does not
        count. With a keyframe at least every `pace` seconds. Raises ViewUnknown.
        """
        mix, _ = self.mixing.required(label)
        return watched_output(id, self.mixing.streams[mix], pace)

    def watch(self, output: Output) -> None:
        """Take what `watching` has returned."""
        self._take(self.watched, output)

    # --- analytics

    def analytic(self, id: str, audio: AudioWanted | None, video: VideoWanted | None) -> Output:
        """Return what an analytic would take.

        Raises EmptySubscription, TargetUnsatisfying, Busy at the limit.
        """
        if len(self.analytics) >= self.analytics_limit:
            raise Busy("the room has too many analytics")
        return self._fitted(id, None, audio, video)

    def analyse(self, output: Output) -> None:
        """Take what `analytic` has returned."""
        self._take(self.analytics, output)

    def analyse_only(self, analytic: str, kinds: Iterable[str]) -> Outcome:
        """Have an analytic take these of its kinds, and no others."""
        output = self.analytics[analytic]
        for kind in output.sources.keys() - set(kinds):
            output = output.without(kind)
        if output == self.analytics[analytic]:
            return NOTHING
        self._take(self.analytics, output)
        return Outcome(rewired=(analytic,))

    # --- any

    def end_job(self, job: str) -> Outcome:
        """End a recording, a stream out, a watched view or an analytic that there is."""
        self._drop(self._jobs_with(job), job)
        return Outcome(stopped=(job,))
