"""The job that mixes a view, and what it is to do: said as a whole, of how the view is now."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from fractions import Fraction

from actors.jobs.media_job import MediaJob
from actors.streams.alternatives import audio_target, video_target_of
from actors.streams.takers import Feed
from actors.streams.view_state import ViewState
from actors.words.streams import AudioFormat, Stream
from actors.words.views import Area, MixedStream, PlacedRegion
from media.contract.jobs import (
    COMMON,
    AudioTarget,
    Composition,
    JobInput,
    MixWanted,
    OtherSound,
    Place,
    SoundMix,
    own_mix,
    sound_name,
)

CLOCKS = {"opus": 48_000, "aac": 48_000}  # of RTP; the others have 8,000 (G.722, too: RFC 3551)
CHANNELS = {"opus": 2}
MOST_HEARD = 256  # inputs of sound: more than one process mixes in time, or can be told of

Parameters = Callable[[str, str], str]
"""Return the parameters of the codec of a stream's track of a kind."""


class Mix(MediaJob):
    kind = "mix"


def input_of(stream: str, kind: str) -> str:
    """Return the name of the input that takes this kind of a stream."""
    return f"{stream}-{kind}"


def stream_of(input: str) -> str:
    """Return the stream that an input takes from."""
    return input.rpartition("-")[0]


def audio_input(stream: str, format: AudioFormat) -> JobInput:
    """Return the input that takes the sound of a stream."""
    codec = format.codec
    return JobInput(
        input_of(stream, "audio"),
        "audio",
        codec,
        publisher=stream,
        channels=CHANNELS.get(codec, 1),
        clock_rate=CLOCKS.get(codec, 8000),
    )


def mix_wanted(
    view: ViewState,
    mixed: MixedStream,
    streams: Mapping[str, Stream],
    fmtp: Parameters,
    sounds: tuple[Feed, ...] = (),
    loudest: int = 3,
) -> MixWanted:
    """Return what a mix is to do. `sounds` are those that somebody hears.

    A picture that is held is not shown: its region has the background. One without a region is not
    taken at all, nor is the sound of who came when MOST_HEARD were there.
    """
    inputs: list[JobInput] = []
    heard: set[str] = set()
    shown = view.shown
    for id_ in view.inputs:
        stream = streams[id_]
        if mixed.audio is not None and stream.audio is not None and len(heard) < MOST_HEARD:
            inputs.append(audio_input(id_, stream.audio.format))
            heard.add(id_)
        if mixed.video is not None and stream.video is not None and id_ in shown:
            codec, name = stream.video.format.codec, input_of(id_, "video")
            inputs.append(JobInput(name, "video", codec, fmtp(id_, "video"), publisher=id_))
    return MixWanted(
        tuple(inputs),
        _composition(view, mixed, streams),
        None if mixed.audio is None else _sound(view, mixed.audio.format, heard, sounds, loudest),
    )


def _sound(
    view: ViewState, format: AudioFormat, heard: set[str], sounds: tuple[Feed, ...], loudest: int
) -> SoundMix:
    """Return what becomes of the sound.

    In each format in which somebody hears it, there is the mix of all, too: for who is about to be
    heard in it, or is not any more.
    """
    usual = [each for each in sounds if each.target is None]
    others = {OtherSound(it.target) for it in sounds if isinstance(it.target, AudioTarget)}
    others |= {
        OtherSound(each.target, input_of(each.without, "audio"))
        for each in sounds
        if isinstance(each.target, AudioTarget) and each.without in heard and each.without
    }
    without = (each.without for each in usual if each.without in heard)
    return SoundMix(
        audio_target(format),
        loudest,
        tuple(dict.fromkeys(input_of(id_, "audio") for id_ in without if id_ is not None)),
        view.rules.vad,
        tuple(sorted(others, key=sound_name)),
        common=bool(usual) or not others,
    )


def sound_for(running: MixWanted, feed: Feed) -> str | None:
    """Return the name of the sound that is this feed; None if there is none yet."""
    audio = running.audio
    if audio is None:
        return None
    without = None if feed.without is None else input_of(feed.without, "audio")
    if all(it.id != without for it in running.inputs):
        without = None
    if isinstance(feed.target, AudioTarget):
        other = OtherSound(feed.target, without)
        return sound_name(other) if other in audio.others else None
    name = COMMON if without is None else own_mix(without)
    return name if name in audio.sent else None


def _composition(
    view: ViewState, mixed: MixedStream, streams: Mapping[str, Stream]
) -> Composition | None:
    video = view.rules.video
    if video is None or mixed.video is None:
        return None
    places = (_place(each, streams) for each in view.layout)
    return Composition(
        video_target_of(mixed.video),
        tuple(place for place in places if place is not None),
        video.background,
        video.crop,
    )


def _place(placed: PlacedRegion, streams: Mapping[str, Stream]) -> Place | None:
    """Return where a picture goes, within the whole; None where nothing of it is seen."""
    area = _within(placed.region.area)
    if area is None:
        return None
    stream = streams.get(placed.stream or "")
    active = stream is not None and stream.video is not None and stream.video.active
    name = input_of(placed.stream, "video") if placed.stream is not None and active else None
    return Place(name, *map(float, area))


def _within(area: Area) -> tuple[Fraction, Fraction, Fraction, Fraction] | None:
    zero, one = Fraction(0), Fraction(1)
    left, top = max(zero, area.left), max(zero, area.top)
    right, bottom = min(one, area.left + area.width), min(one, area.top + area.height)
    if left >= right or top >= bottom:
        return None
    return left, top, right - left, bottom - top
