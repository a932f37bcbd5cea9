"""One stream of pictures in another codec, size, rate or bitrate."""

from __future__ import annotations

from media.contract.jobs import PICTURE, JobInput, JobWanted, TranscodeWanted, VideoTarget
from media.job.picture_decoder import OpenDecoder, open_decoder
from media.job.picture_input import PictureInput
from media.job.transcoded_picture import TranscodedPicture
from media.job.work import Outside, WorkFigures


class PictureTranscode:
    """TranscodeWanted with a VideoTarget. A picture keeps its shape: where the target has another
    one, it stands between black bars.
    """

    def __init__(self, outside: Outside, open_decoder: OpenDecoder = open_decoder) -> None:
        self.figures = WorkFigures()
        self._outside = outside
        self._open_decoder = open_decoder
        self._input: PictureInput | None = None
        self._shown: TranscodedPicture | None = None

    def change(self, wanted: JobWanted) -> None:
        """Transcode this from now on."""
        match wanted:
            case TranscodeWanted(input, VideoTarget() as target):
                self._take_from(input)
                self._show_as(target)
            case _:
                raise TypeError("no transcoding of pictures")

    def take(self, input: str, packet: bytes, arrival: float) -> None:
        """Take a packet of the input."""
        if self._input is not None and self._shown is not None and input == self._input.told.id:
            self._shown.show(self._input.take(packet, arrival), arrival)

    def take_report(self, input: str, timestamp: int, moment: float) -> None:
        """Take when this RTP time of the input was captured."""
        if self._input is not None and input == self._input.told.id:
            self._input.take_report(timestamp, moment)

    def keyframe_wanted(self, name: str) -> None:
        """Have the picture begin anew soon."""
        if name == PICTURE and self._shown is not None:
            self._shown.want_keyframe()

    def due(self) -> float:
        """Return when a missing packet is given up, or a picture that stands is sent again."""
        if self._input is None or self._shown is None:
            return float("inf")
        return min(self._input.due, self._shown.repeat_due)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self._input is None or self._shown is None:
            return
        if self._input.due <= now:
            self._shown.show(self._input.release(now), now)
        if self._shown.repeat_due <= now:
            self._shown.repeat(now)

    def _take_from(self, told: JobInput) -> None:
        if self._input is None or self._input.told != told:
            if self._shown is not None:
                self._shown.change_source()
            self._input = PictureInput(told, self._outside, self.figures, self._open_decoder)

    def _show_as(self, target: VideoTarget) -> None:
        if self._shown is None:
            self._shown = TranscodedPicture(target, self._outside, self.figures)
        else:
            self._shown.aim_at(target)
