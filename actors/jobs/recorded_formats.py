"""Which kind of file a recording is, and in which format it takes sound where nobody says. Pure."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from actors.words.media_refusals import CannotRecord
from actors.words.streams import AudioFormat, AudioWanted, VideoFormat
from media.contract.recordings import Container

AUTOMATIC = "auto"
SOUND_OF_MP4 = (AudioFormat("aac", 48_000, 2), AudioFormat("aac"))  # as rooms write it; best first
PICTURES_OF_MP4 = frozenset({"h264", "h265"})


def container_of(word: str, audio: AudioFormat | None, video: VideoFormat | None) -> Container:
    """Return the kind of file that a word names, for tracks of these formats.

    "auto" is mp4 for AAC with H.264 or without picture, else mkv, which takes everything (OWT's
    management API, ContainerType). Raises CannotRecord for a word that names none.
    """
    if word == AUTOMATIC:
        sound = audio is not None and audio.codec == "aac"
        picture = video is None or video.codec in PICTURES_OF_MP4
        return Container.MP4 if sound and picture else Container.MKV
    for container in Container:
        if container.value == word:
            return container
    raise CannotRecord("no such kind of file")


def usual_audio(
    word: str,
    wanted: AudioWanted | None,
    own: AudioFormat,
    others: Collection[AudioFormat],
    taken: Collection[str] | None,
) -> AudioWanted | None:
    """Return what sound a recording asks for: as wanted, and AAC for an mp4 that takes no other.

    `word` names the container, `own` is the stream's format, `others` those that it can be had in
    by transcoding. `taken` are the codecs that the room has in mp4, None: all that can be.
    """
    if word != Container.MP4.value or wanted is None or wanted.format is not None:
        return wanted
    if taken is None or own.codec in taken:
        return wanted
    for each in SOUND_OF_MP4:
        if each.codec in taken and each in others:
            return replace(wanted, format=each)
    return wanted
