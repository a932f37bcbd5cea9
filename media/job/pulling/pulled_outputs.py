"""What becomes of a source: one output of pictures and one of sound, each passed or encoded."""

from __future__ import annotations

from media.contract.jobs import AudioTarget, IngestWanted, VideoTarget
from media.contract.streaming import SourceFound
from media.job.pulling.packet_queue import PulledPacket
from media.job.pulling.pulled_pictures import DecodedPictures, PassedPictures
from media.job.pulling.pulled_sound import DecodedSound, PassedOpus, PassedTelephone
from media.job.pulling.pulled_streams import AUDIO_PASSED, OpenedStream
from media.job.pulling.pulled_time import PulledClock
from media.job.work import Outside, WorkFigures

Pictures = PassedPictures | DecodedPictures
PassedSound = PassedOpus | PassedTelephone
Sound = PassedSound | DecodedSound


class PulledOutputs:
    """Outputs go on where they are when their source is opened anew, or their target changes."""

    def __init__(self, clock: PulledClock, outside: Outside, figures: WorkFigures) -> None:
        self.pictures: Pictures | None = None
        self.sound: Sound | None = None
        self._clock, self._outside, self._figures = clock, outside, figures
        self._streams: dict[str, OpenedStream] = {}  # those that the outputs take from

    @property
    def unfit(self) -> bool:
        """Whether pictures that are passed turned out to be ones that cannot be."""
        return isinstance(self.pictures, PassedPictures) and self.pictures.unfit

    @property
    def due(self) -> float:
        """When `tick` is to be called."""
        return float("inf") if self.pictures is None else self.pictures.due

    def take(self, packet: PulledPacket, position: float, now: float) -> None:
        """Take a packet of the source and its position; it is dropped if its kind is held."""
        if packet.kind not in self._streams:
            return
        output = self.pictures if packet.kind == "video" else self.sound
        if output is not None:
            output.take(packet, position, now)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self.pictures is not None and self.pictures.due <= now:
            self.pictures.tick(now)

    def want_keyframe(self) -> None:
        """Have the picture begin anew soon, where that is in our hands."""
        if self.pictures is not None:
            self.pictures.want_keyframe()

    def arrange(
        self, wanted: IngestWanted, found: SourceFound, streams: dict[str, OpenedStream]
    ) -> None:
        """Do what is wanted of a source; a kind that does not fit that is held. CannotEncode."""
        before, self._streams = self._streams, {}
        video, audio = streams.get("video"), streams.get("audio")
        if wanted.video is not None and video is not None and fits("video", wanted, found):
            self._streams["video"] = video
            anew = before.get("video") is not video
            self._show(wanted.video, video, passed="video" in wanted.passes, anew=anew)
        if wanted.audio is not None and audio is not None and fits("audio", wanted, found):
            self._streams["audio"] = audio
            anew = before.get("audio") is not audio
            self._play(wanted.audio, audio, passed="audio" in wanted.passes, anew=anew)

    def hold(self) -> None:
        """Take nothing until the next `arrange`."""
        self._streams = {}

    def _show(self, target: VideoTarget, stream: OpenedStream, *, passed: bool, anew: bool) -> None:
        shown = self.pictures
        if passed:
            if not isinstance(shown, PassedPictures) or shown.codec != stream.codec:
                self.pictures = PassedPictures(stream, self._clock, self._outside, self._figures)
            elif anew:
                shown.change_stream(stream)
        elif not isinstance(shown, DecodedPictures):
            self.pictures = DecodedPictures(
                stream, target, self._clock, self._outside, self._figures
            )
        else:
            shown.aim_at(target)
            if anew:
                shown.change_stream(stream)

    def _play(self, target: AudioTarget, stream: OpenedStream, *, passed: bool, anew: bool) -> None:
        played = self.sound
        if passed:
            kind: type[PassedSound] = PassedOpus if stream.codec == "opus" else PassedTelephone
            if not isinstance(played, kind):
                self.sound = kind(self._clock, self._outside, self._figures)
        elif not isinstance(played, DecodedSound):
            self.sound = DecodedSound(stream, target, self._clock, self._outside, self._figures)
        else:
            played.aim_at(target)
            if anew:
                played.change_stream(stream)


def fits(kind: str, wanted: IngestWanted, found: SourceFound) -> bool:
    """Tell whether what a source has can become what is wanted: what passes must be the same."""
    if kind not in wanted.passes:
        return True
    if kind == "video":
        return (
            found.video is not None
            and wanted.video is not None
            and found.video.passes
            and found.video.codec == wanted.video.codec
        )
    return (
        found.audio is not None
        and wanted.audio is not None
        and found.audio.passes
        and AUDIO_PASSED.get(found.audio.codec) == wanted.audio.codec
    )
