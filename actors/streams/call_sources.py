"""The streams of a room as telephone calls can have them: also in what telephones take. Pure.

What members may have made of streams is for the room's rules to say; what a telephone takes is no
matter of choice, so the server converts to it whatever these say.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from actors.streams.alternatives import ENCODED_AUDIO
from actors.words.streams import AudioFormat, VideoFormat
from actors.words.views import AnyStream

SOUNDS = ("opus", "g722", "pcmu", "pcma")
CALL_AUDIO = tuple(AudioFormat(name, *ENCODED_AUDIO[name]) for name in SOUNDS)
CALL_VIDEO = (VideoFormat("vp8"), *(VideoFormat("h264", name) for name in ("CB", "M", "H")))


class CallSources(Mapping[str, AnyStream]):
    """Streams by id, each with the formats of telephones among its alternatives.

    A simulcast has none: it is had as it comes only.
    """

    __slots__ = ("_streams",)

    def __init__(self, streams: Mapping[str, AnyStream]) -> None:
        self._streams = streams

    def __getitem__(self, id: str) -> AnyStream:
        stream = self._streams[id]
        audio, video = stream.audio, stream.video
        if audio is not None:
            own = _in_full(audio.format)
            others = (*(it for it in CALL_AUDIO if it.codec != own.codec), *audio.alternatives)
            audio = replace(audio, format=own, alternatives=tuple(dict.fromkeys(others)))
        if video is not None and video.rid is None:
            offered = video.alternatives
            formats = (*offered.formats, *(it for it in CALL_VIDEO if it != video.format))
            offered = replace(offered, formats=tuple(dict.fromkeys(formats)))
            video = replace(video, alternatives=offered)
        return replace(stream, audio=audio, video=video)

    def __iter__(self) -> Iterator[str]:
        return iter(self._streams)

    def __len__(self) -> int:
        return len(self._streams)


def _in_full(own: AudioFormat) -> AudioFormat:
    """Return a format with the rate and channels that it leaves open, as telephones ask for it."""
    rate, channels = ENCODED_AUDIO.get(own.codec, (None, None))
    return replace(own, sample_rate=own.sample_rate or rate, channels=own.channels or channels)
