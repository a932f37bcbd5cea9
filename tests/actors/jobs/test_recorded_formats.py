"""Which kind of file a recording is, and what sound it asks for by itself."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.jobs.recorded_formats import container_of, usual_audio
from actors.words.media_refusals import CannotRecord
from actors.words.streams import AudioFormat, AudioWanted, VideoFormat
from media.contract.recordings import Container
from tests.support.examples import examples

OPUS, AAC = AudioFormat("opus", 48_000, 2), AudioFormat("aac", 48_000, 2)
AS_IT_COMES = AudioWanted("ann")
FORMATS = st.sampled_from([OPUS, AAC, AudioFormat("aac"), AudioFormat("aac", 44_100, 2)])
WORDS = st.sampled_from(["auto", *(container.value for container in Container)])


@pytest.mark.parametrize(
    ("audio", "video", "container"),
    [
        ("aac", None, Container.MP4),
        ("aac", "h264", Container.MP4),
        ("aac", "h265", Container.MP4),
        ("aac", "vp8", Container.MKV),
        ("opus", "h264", Container.MKV),
        ("opus", None, Container.MKV),
        ("pcmu", "vp8", Container.MKV),
        (None, "h264", Container.MKV),
        (None, "vp8", Container.MKV),
    ],
)
def test_the_file_follows_from_the_codecs(
    audio: str | None, video: str | None, container: Container
) -> None:
    formats = (AudioFormat(audio) if audio else None, VideoFormat(video) if video else None)
    assert container_of("auto", *formats) is container
    for named in Container:
        assert container_of(named.value, *formats) is named


@pytest.mark.parametrize("word", ["", "avi", "MP4", "mp4 "])
def test_other_words_name_no_file(word: str) -> None:
    with pytest.raises(CannotRecord, match="no such kind of file"):
        container_of(word, AAC, None)


@pytest.mark.parametrize(
    ("word", "own", "others", "taken", "asked"),
    [
        ("mp4", OPUS, (AAC,), {"aac"}, AAC),
        ("mp4", OPUS, (AudioFormat("pcmu"), AudioFormat("aac"), AAC), {"aac"}, AAC),
        ("mp4", OPUS, (AudioFormat("aac"),), {"aac"}, AudioFormat("aac")),
        ("mp4", OPUS, (AudioFormat("aac", 44_100, 2),), {"aac"}, None),
        ("mp4", OPUS, (), {"aac"}, None),  # refused, in words that say what it takes
        ("mp4", AAC, (AudioFormat("aac"),), {"aac"}, None),
        ("mp4", OPUS, (AAC,), {"opus"}, None),
        ("mp4", AudioFormat("pcmu"), (AAC,), {"opus"}, None),
        ("mp4", OPUS, (AAC,), None, None),
        ("mkv", OPUS, (AAC,), {"aac"}, None),
        ("auto", OPUS, (AAC,), {"aac"}, None),
    ],
)
def test_an_mp4_file_asks_for_aac_where_the_room_has_it(
    word: str,
    own: AudioFormat,
    others: tuple[AudioFormat, ...],
    taken: set[str] | None,
    asked: AudioFormat | None,
) -> None:
    assert usual_audio(word, AS_IT_COMES, own, others, taken) == AudioWanted("ann", asked)


@settings(max_examples=examples(100))
@given(WORDS, FORMATS, FORMATS, st.lists(FORMATS), st.none() | st.sets(st.just("aac")))
def test_what_is_said_is_never_changed(
    word: str,
    said: AudioFormat,
    own: AudioFormat,
    others: list[AudioFormat],
    taken: set[str] | None,
) -> None:
    wanted = AudioWanted("ann", said)
    assert usual_audio(word, wanted, own, others, taken) == wanted
    assert usual_audio(word, None, own, others, taken) is None
    found = usual_audio(word, AS_IT_COMES, own, others, taken)
    assert found is not None
    assert found.source == "ann"
    assert found.format is None or found.format in others
