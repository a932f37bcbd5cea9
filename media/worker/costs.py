"""What a job costs, in cores: CPU seconds for each second of media. Pure.

The costs by codec are those that a process measures (media.job.measure): of pictures of 640×360 at
24 a second, and of sound. A picture costs by its number of points.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from media.contract.jobs import (
    AnalysisWanted,
    AudioTarget,
    BroadcastWanted,
    Composition,
    IngestWanted,
    JobInput,
    JobWanted,
    MixWanted,
    SoundMix,
    TranscodeWanted,
    VideoTarget,
)

MEASURED_POINTS = 640 * 360 * 24  # a second
UNKNOWN_SIZE = (640, 360)  # of an input that has shown no picture yet
USUAL_RATE = 24.0  # pictures a second of an input; nobody says how many come
OVERHEAD = 0.01  # of a process: packets, reports, figures
RESAMPLED = 0.003  # to or from the rate of a telephone, beside its codec
MIXED_INPUT = 0.002  # of sound: loudness, sum, a buffer
PULLED = 0.04  # of a source outside: demuxed, and cut into packets
MUXED = 0.01  # of what is sent outside
ANALYSED = 0.05  # of what a plug-in does with it, until it is seen what that takes
COMPOSED = 0.0006  # to put points in their places, for each MEASURED_POINTS of the whole
SOUNDS_ENCODED = 4  # of a mix, in one format: the loudest have their own, all others share one
TELEPHONES = ("pcmu", "pcma", "g722")
DEAREST_VIDEO, DEAREST_AUDIO = "h264", "aac"  # stand for what was not measured

# Of a machine of 2023, for as long as nothing was measured.
USUAL_COSTS: Mapping[str, float] = {
    "scale": 0.015,
    "encode.vp8": 0.08,
    "decode.vp8": 0.02,
    "encode.h264": 0.08,
    "decode.h264": 0.025,
    "encode.opus": 0.015,
    "decode.opus": 0.003,
    "encode.aac": 0.045,
    "decode.aac": 0.003,
    "encode.g722": 0.002,
    "decode.g722": 0.001,
    "encode.pcmu": 0.001,
    "decode.pcmu": 0.001,
    "encode.pcma": 0.001,
    "decode.pcma": 0.001,
}


@dataclass(frozen=True)
class Costs:
    """Costs by codec, some of them measured here. `sizes` that inputs have shown are by id."""

    measured: Mapping[str, float] = field(default_factory=dict)

    def of(self, wanted: JobWanted, sizes: Mapping[str, tuple[int, int]]) -> float:
        """Return how many cores a job needs."""
        match wanted:
            case MixWanted(inputs, video, audio):
                placed = {it.input for it in video.places} if video else set()  # the rest rests
                pictures = [it for it in inputs if it.kind == "video" and it.id in placed]
                sounds = [it for it in inputs if it.kind == "audio"] if audio else []
                cost = sum(self._shown(it, sizes) for it in pictures)
                cost += sum(self._heard(it) for it in sounds)
                cost += self._composed(video) if video else 0.0
                cost += self._mixed(audio) if audio else 0.0
            case TranscodeWanted(input, VideoTarget() as target):
                size = sizes.get(input.id, UNKNOWN_SIZE)
                cost = self._shown(input, sizes) + self._picture(target, size)
            case TranscodeWanted(input, target):
                cost = self._heard(input) + self._cost("encode", target.codec, DEAREST_AUDIO)
            case IngestWanted():
                cost = self._pulled(wanted)
            case BroadcastWanted():
                cost = MUXED
            case AnalysisWanted(_, inputs):
                cost = ANALYSED
                cost += sum(self._shown(it, sizes) for it in inputs if it.kind == "video")
                cost += sum(self._heard(it) for it in inputs if it.kind == "audio")
        return OVERHEAD + cost

    def _pulled(self, wanted: IngestWanted) -> float:
        cost = PULLED
        if wanted.audio is not None and "audio" not in wanted.passes:
            cost += self._cost("decode", DEAREST_AUDIO, DEAREST_AUDIO)
            cost += self._cost("encode", wanted.audio.codec, DEAREST_AUDIO)
        if wanted.video is not None and "video" not in wanted.passes:
            size = (wanted.video.width, wanted.video.height)
            share = size[0] * size[1] * (wanted.video.framerate or USUAL_RATE) / MEASURED_POINTS
            cost += share * (self._cost("decode", DEAREST_VIDEO, DEAREST_VIDEO))
            cost += self._picture(wanted.video, size)
        return cost

    def _shown(self, taken: JobInput, sizes: Mapping[str, tuple[int, int]]) -> float:
        """Return what it costs to decode the pictures of an input, and to bring them to a size."""
        width, height = sizes.get(taken.id, UNKNOWN_SIZE)
        share = width * height * USUAL_RATE / MEASURED_POINTS
        decoded = self._cost("decode", taken.codec, DEAREST_VIDEO)
        return share * (decoded + self._known("scale"))

    def _heard(self, taken: JobInput) -> float:
        return MIXED_INPUT + self._cost("decode", taken.codec, DEAREST_AUDIO)

    def _composed(self, video: Composition) -> float:
        target = video.target
        share = target.width * target.height * target.framerate / MEASURED_POINTS
        return share * COMPOSED + self._picture(target)

    def _mixed(self, audio: SoundMix) -> float:
        sent = audio.sent.values()
        return sum(
            self._encoded(target, [it.without for it in sent if it.target == target], audio.loudest)
            for target in dict.fromkeys(it.target for it in sent)
        )

    def _encoded(self, target: AudioTarget, without: Sequence[str | None], loudest: int) -> float:
        encoders = min(1 + sum(it is not None for it in without), 1 + loudest, SOUNDS_ENCODED)
        return encoders * self._cost("encode", target.codec, DEAREST_AUDIO)

    def _picture(self, target: VideoTarget, size: tuple[int, int] = UNKNOWN_SIZE) -> float:
        width, height = (target.width, target.height) if target.width else size
        share = width * height * (target.framerate or USUAL_RATE) / MEASURED_POINTS
        return share * self._cost("encode", target.codec, DEAREST_VIDEO)

    def _cost(self, step: str, codec: str, otherwise: str) -> float:
        named = f"{step}.{codec.lower()}"
        known = named in self.measured or named in USUAL_COSTS
        cost = self._known(named if known else f"{step}.{otherwise}")
        return cost + RESAMPLED if codec.lower() in TELEPHONES else cost

    def _known(self, name: str) -> float:
        return self.measured.get(name, USUAL_COSTS.get(name, 0.0))


def plausible(measured: Mapping[str, float]) -> bool:
    """Tell whether measured costs make sense: none below nothing, or beyond all reason."""
    return bool(measured) and all(0.0 <= cost < 100.0 for cost in measured.values())
