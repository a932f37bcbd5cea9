"""The rules of calls in a room: what they send and take, what turns them to the view, their end."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.core.errors import Refused
from actors.streams.conference_calls import CallTerms
from actors.streams.publishing import Publication
from actors.streams.rules import Conference
from actors.streams.tables import CallMedia
from actors.words.calls import CallUnknown
from actors.words.conference_refusals import AudioForbidden, TargetUnsatisfying, TooManyStreams
from actors.words.facts import StreamAdded, StreamChanged, StreamRemoved
from actors.words.streams import (
    AudioFormat,
    AudioWanted,
    SourceChange,
    StatusChange,
    Stream,
    VideoFormat,
    VideoWanted,
)
from actors.words.views import OutputRules
from media.contract.jobs import AudioTarget
from tests.support.conference import EVERYTHING
from tests.support.mixes import COMMON_MIX, MIXED, VIEW

SOUND = frozenset({"audio"})
KINDS = frozenset({"audio", "video"})
PCMU, VP8 = AudioFormat("pcmu"), VideoFormat("vp8")
TALKS = CallTerms(PCMU, None, SOUND, frozenset(), SOUND)
SHOWS = CallTerms(PCMU, VP8, KINDS, frozenset(), KINDS)
HELD = replace(TALKS, silent=SOUND)


def conference(**rules: Any) -> Conference:
    return Conference(replace(MIXED, **rules))


def call(it: Conference, id: str = "phone", terms: CallTerms | None = TALKS) -> CallMedia:
    """Have a call come, and agree on this."""
    hears, sees = AudioWanted(COMMON_MIX), VideoWanted(COMMON_MIX)
    media = CallMedia(id, f"{id}-in", f"{id}-out", hears, sees)
    it.begin_call(media)
    if terms is not None:
        it.agree(id, terms)
    return media


def published(it: Conference, owner: str = "ann") -> str:
    id_ = f"{owner}-stream"
    it.publish(Publication(id_, owner, "mic", "camera"), EVERYTHING)
    it.negotiated(id_, {"audio": "opus", "video": "vp8"}, None)
    it.ready(id_)
    return id_


def facts(outcome: Any) -> list[object]:
    return [notice.fact for notice in outcome.notices]


def test_a_call_counts_as_an_input_from_its_beginning() -> None:
    it = conference(input_limit=1)
    call(it, terms=None)
    assert it.busy
    with pytest.raises(TooManyStreams):
        call(it, "other", None)
    it.agree("phone", TALKS)
    assert it.inputs == 1
    it.end_call("phone")
    assert (it.inputs, it.busy) == (0, False)


def test_a_room_without_sound_takes_no_call() -> None:
    with pytest.raises(AudioForbidden):
        call(conference(audio_in=frozenset()))


def test_a_call_is_put_into_the_first_view_alone() -> None:
    views = (VIEW, replace(VIEW, label="stage", id="stage-mix"))
    it = conference(views=("common", "stage"), mixes=views)
    media = call(it)
    assert it.streams[media.stream].in_views == ("common",)


def test_sound_is_had_in_the_calls_format_whatever_is_offered() -> None:
    it = conference(outputs=OutputRules())
    media = call(it)
    output = it.subscriptions[media.output]
    assert output.audio_target == AudioTarget("pcmu", 8000, 1)
    feed = it.feed(media.output, "audio")
    assert feed is not None
    assert feed.without == media.stream
    assert it.known[COMMON_MIX].audio.alternatives == ()  # of others nothing is new


def test_the_views_own_format_goes_as_it_comes() -> None:
    it = conference()
    media = call(it, terms=replace(SHOWS, audio=AudioFormat("opus", 48_000, 2)))
    output = it.subscriptions[media.output]
    assert (output.audio_target, output.video_target) == (None, None)


def test_no_more_is_made_of_a_picture_than_is_taken() -> None:
    it = conference()
    h264 = VideoFormat("h264", "CB")
    media = call(it, terms=replace(SHOWS, video=h264))
    target = it.subscriptions[media.output].video_target
    assert target is not None
    it.agree("phone", replace(SHOWS, video=h264, bandwidth=100))
    narrow = it.subscriptions[media.output].video_target
    assert narrow is not None
    assert narrow.bitrate == 100 < target.bitrate


def test_what_is_agreed_on_anew_is_told_once() -> None:
    it = conference()
    media = call(it, terms=None)
    (added,) = facts(it.agree("phone", TALKS))
    assert added == StreamAdded(it.streams[media.stream])
    assert facts(it.agree("phone", TALKS)) == []
    held = it.agree("phone", HELD)
    assert facts(held) == [StreamChanged(it.streams[media.stream], "audio.status")]
    assert not it.active(media.stream, "audio")
    assert facts(it.agree("phone", SHOWS))[0] == StreamChanged(it.streams[media.stream], ".")
    assert it.active(media.stream, "audio")


def test_a_held_stream_waits_for_both_sides() -> None:
    it = conference()
    media = call(it, terms=HELD)
    it.change(media.stream, (StatusChange("audio", active=True),))
    assert not it.active(media.stream, "audio")
    it.change(media.stream, (StatusChange("audio", active=False),))
    it.agree("phone", TALKS)
    assert not it.active(media.stream, "audio")
    it.change(media.stream, (StatusChange("audio", active=True),))
    assert it.active(media.stream, "audio")


def test_who_hears_a_stream_that_goes_hears_the_view() -> None:
    it = conference()
    source, media = published(it), call(it, terms=SHOWS)
    changes = tuple(SourceChange(kind, source) for kind in ("audio", "video"))
    assert it.change_call("phone", changes).rewired == (media.output,)
    assert it.subscriptions[media.output].sources == {"audio": source, "video": source}
    outcome = it.leave("ann")
    assert media.output in outcome.rewired
    assert media.output not in outcome.ended
    assert it.subscriptions[media.output].sources == {"audio": COMMON_MIX, "video": COMMON_MIX}


def test_who_has_nothing_left_to_hear_ends() -> None:
    it = conference()
    media = call(it)
    outcome = it.follow(replace(it.rules, mixes=(), views=()))
    assert media.output in outcome.ended


def test_who_agrees_on_what_is_not_there_changes_nothing() -> None:
    it = conference()
    call(it)
    it.follow(replace(it.rules, mixes=(), views=()))
    before = dict(it.streams)
    with pytest.raises(TargetUnsatisfying):
        it.agree("phone", SHOWS)
    assert it.streams == before


def test_who_agrees_anew_on_what_is_gone_has_the_view() -> None:
    it = conference()
    media = call(it)
    media.hears, media.sees = AudioWanted("gone"), VideoWanted("gone")
    it.agree("phone", SHOWS)
    assert it.subscriptions[media.output].sources == {"audio": COMMON_MIX, "video": COMMON_MIX}


def test_an_end_takes_stream_and_output_along() -> None:
    it = conference()
    media = call(it)
    outcome = it.end_call("phone")
    assert set(outcome.ended) == {media.stream, media.output}
    assert StreamRemoved(media.stream) in facts(outcome)
    assert it.takers.feeds == {}
    assert it.end_call("phone").ended == ()
    with pytest.raises(CallUnknown):
        it.change_call("phone", ())


terms = st.builds(
    CallTerms,
    st.sampled_from([PCMU, AudioFormat("opus", 48_000, 2), AudioFormat("g722", 16_000, 1)]),
    st.sampled_from([VP8, VideoFormat("h264", "M")]),
    *(st.frozensets(st.sampled_from(["audio", "video"])) for _ in range(3)),
)
steps = st.one_of(
    st.tuples(st.just("agree"), st.sampled_from(["one", "two"]), terms),
    st.tuples(st.just("end"), st.sampled_from(["one", "two"]), st.none()),
    st.tuples(st.just("hold"), st.sampled_from(["one", "two"]), st.booleans()),
    st.tuples(
        st.just("turn"), st.sampled_from(["one", "two"]), st.sampled_from(["a", "ann-stream"])
    ),
    st.tuples(st.just("ann"), st.just(""), st.booleans()),
)


@given(st.lists(steps, max_size=25))
def test_tables_agree_whatever_happens(taken: list[tuple[str, str, Any]]) -> None:
    it = conference()
    for what, id_, value in taken:
        try:
            if what == "agree":
                if id_ not in it.calls:
                    call(it, id_, None)
                it.agree(id_, value)
            elif what == "end":
                it.end_call(id_)
            elif what == "hold":
                it.change(f"{id_}-in", (StatusChange("audio", value),))
            elif what == "turn":
                it.change_call(id_, (SourceChange("audio", value),))
            elif value and "ann-stream" not in it.publications:
                published(it)
            else:
                it.leave("ann")
        except Refused:
            pass
        check(it)
    for id_ in list(it.calls):
        it.end_call(id_)
    it.leave("ann")
    assert (it.publications, it.subscriptions, it.call_of, it.inputs) == ({}, {}, {}, 0)
    assert it.takers.by_stream == {}
    assert it._sessions == {}


def check(it: Conference) -> None:
    assert set(it.call_of.values()) == set(it.calls)
    for media in it.calls.values():
        stream = it.streams.get(media.stream)
        assert (stream is None) == (media.stream not in it.publications)
        if isinstance(stream, Stream):
            assert (stream.owner, stream.kind) == (media.id, "sip")
            assert not (it.active(media.stream, "audio") and "audio" in media.silent)
        output = it.subscriptions.get(media.output)
        if output is not None:
            assert output.owner == media.id
            feed = it.feed(media.output, "audio")
            if feed is not None and feed.stream == COMMON_MIX and stream is not None:
                heard = media.stream if stream.audio is not None else None
                assert feed.without == heard


def test_a_call_hears_another_one_of_its_own_codec_as_it_comes() -> None:
    it = conference()
    one, other = call(it, "one"), call(it, "other")
    it.change_call("one", (SourceChange("audio", other.stream),))
    output = it.subscriptions[one.output]
    assert output.audio is not None
    assert output.audio.source == other.stream
    assert output.audio_target is None
