"""What every media engine keeps to: the real one, and the fake that other tests rely on."""

from __future__ import annotations

from typing import Any

import pytest
import trio

from media.contract.candidates import Candidate
from media.contract.engine import MediaEngine
from media.contract.errors import (
    BadCandidate,
    BadDescription,
    IdTaken,
    NoCommonCodec,
    TooMuch,
    UnknownChannel,
    UnknownSource,
    WrongState,
)
from media.contract.paths import MediaPath, PathTrouble
from media.contract.plans import ChannelWanted
from media.contract.session import (
    ChannelClosed,
    ChannelOpened,
    Direction,
    MessageReceived,
    Reachable,
    SessionWanted,
    State,
    StateChanged,
    TracksChanged,
    TrackWanted,
)
from tests.support.paths import lead, trouble_with
from tests.support.sessions import SENDS, TAKES, Told, negotiate, open_pair

HOST = "candidate:1 1 udp 2130706431 127.0.0.1 40000 typ host"


def wants(*tracks: TrackWanted, data: bool = False) -> SessionWanted:
    return SessionWanted(tracks, data=data)


async def test_two_sessions_connect_and_tell_so_in_order(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    await pair.connected()
    assert pair.first_told.states == [State.CONNECTING, State.CONNECTED]
    assert pair.second_told.states == [State.CONNECTING, State.CONNECTED]
    for told in (pair.first_told, pair.second_told):
        kinds = [type(event) for event in told.events]
        assert kinds.index(Reachable) < kinds.index(StateChanged, kinds.index(Reachable))
        assert kinds.count(TracksChanged) == 1
        assert {event.session for event in told.events} <= {pair.first.id, pair.second.id}
    stats = await pair.first.stats()
    assert stats.state is State.CONNECTED


async def test_each_section_has_a_source_or_a_sink_as_it_was_agreed(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    (mine,) = pair.first_told.of(TracksChanged)
    (theirs,) = pair.second_told.of(TracksChanged)
    assert [(t.kind, t.codec) for t in mine.tracks] == [("audio", "opus"), ("video", "vp8")]
    assert [(t.kind, t.codec) for t in theirs.tracks] == [("audio", "opus"), ("video", "vp8")]
    assert all(track.sink and not track.source for track in mine.tracks)
    assert all(track.source and not track.sink for track in theirs.tracks)
    await pair.connected()


async def test_an_offered_section_nobody_wants_is_answered_inactive(any_engine: MediaEngine):
    pair = await open_pair(any_engine, second=wants(TAKES[0]))
    (mine,) = pair.first_told.of(TracksChanged)
    (theirs,) = pair.second_told.of(TracksChanged)
    assert [bool(track.sink) for track in mine.tracks] == [True, False]
    assert [bool(track.source) for track in theirs.tracks] == [True, False]
    await pair.connected()


async def test_the_rest_of_an_offer_is_rejected_where_that_is_asked_for(any_engine: MediaEngine):
    first = wants(TrackWanted("video", Direction.NONE), *SENDS, data=True)
    second = SessionWanted(TAKES, rejects_rest=True)
    pair = await open_pair(any_engine, first=first, second=second)
    (mine,) = pair.first_told.of(TracksChanged)
    (theirs,) = pair.second_told.of(TracksChanged)
    assert [(track.kind, bool(track.sink)) for track in mine.tracks] == [
        ("video", False),
        ("audio", True),
        ("video", True),
    ]
    assert [bool(track.source) for track in theirs.tracks] == [False, True, True]
    await pair.connected()
    with pytest.raises(WrongState):
        await pair.first.open_channel(ChannelWanted("refused"))
    await negotiate(pair.first, pair.second)  # what was rejected stays so
    again = pair.second_told.of(TracksChanged)[-1]
    assert [bool(track.source) for track in again.tracks] == [False, True, True]


async def test_an_offer_of_nothing_that_is_wanted_is_refused(any_engine: MediaEngine):
    one = await any_engine.open_session("one", wants(data=True), Told())
    two = await any_engine.open_session("two", SessionWanted(TAKES, rejects_rest=True), Told())
    with pytest.raises(BadDescription, match="nothing in it is wanted"):
        await two.accept_offer((await one.create_offer()).sdp)


async def test_sections_are_taken_in_the_order_of_the_offer(any_engine: MediaEngine):
    backwards = wants(TAKES[1], TAKES[0])
    pair = await open_pair(any_engine, second=backwards)
    (theirs,) = pair.second_told.of(TracksChanged)
    assert [t.kind for t in theirs.tracks] == ["audio", "video"]
    assert all(track.source for track in theirs.tracks)
    await pair.connected()


async def test_a_track_names_the_simulcast_layer_it_receives(any_engine: MediaEngine):
    first = await any_engine.open_session("first", wants(*SENDS), Told())
    told = Told()
    second = await any_engine.open_session("second", wants(*TAKES), told)
    offer = (await first.create_offer()).sdp
    layers = "a=rid:q send\r\na=rid:f send\r\na=simulcast:send q;f\r\n"
    audio, mark, video = offer.partition("m=video")
    lines = video.split("\r\n", 1)
    await second.accept_offer(audio + mark + lines[0] + "\r\n" + layers + lines[1])
    tracks = (await told.until(TracksChanged)).tracks
    assert [track.rid for track in tracks] == [None, "f"]


async def test_more_wanted_than_offered_is_no_harm(any_engine: MediaEngine):
    pair = await open_pair(any_engine, first=wants(SENDS[0]), second=wants(*TAKES))
    (theirs,) = pair.second_told.of(TracksChanged)
    assert [t.kind for t in theirs.tracks] == ["audio"]
    await pair.connected()


async def test_a_session_goes_both_ways_and_takes_the_codec_wanted_most(any_engine: MediaEngine):
    video = TrackWanted("video", Direction.BOTH, ("h264", "vp8"))
    pair = await open_pair(
        any_engine, first=wants(TrackWanted("video", Direction.BOTH)), second=wants(video)
    )
    for told in (pair.first_told, pair.second_told):
        (track,) = told.of(TracksChanged)[-1].tracks
        assert track.codec == "h264"
        assert track.source
        assert track.sink
    await pair.connected()


async def test_later_tracks_come_with_the_next_negotiation(any_engine: MediaEngine):
    pair = await open_pair(any_engine, first=wants(SENDS[0]), second=wants(*TAKES))
    await pair.connected()
    before = pair.first_told.sink("audio")
    await pair.first.add_tracks((SENDS[1],))
    await negotiate(pair.first, pair.second)
    tracks = await pair.first_told.until(TracksChanged, lambda event: len(event.tracks) == 2)
    assert tracks.tracks[0].sink == before
    assert tracks.tracks[1].sink
    assert pair.first_told.states == [State.CONNECTING, State.CONNECTED]


async def test_an_offer_without_a_wanted_codec_changes_nothing(any_engine: MediaEngine):
    told = Told()
    sender = await any_engine.open_session("sender", wants(SENDS[1]), Told())
    taker = await any_engine.open_session(
        "taker", wants(TrackWanted("video", Direction.RECEIVE, ("h264",))), told
    )
    offer = await sender.create_offer()
    with pytest.raises(NoCommonCodec):
        await taker.accept_offer(offer.sdp)
    assert told.events == []


async def test_a_codec_nobody_knows_cannot_be_wanted(any_engine: MediaEngine):
    with pytest.raises(NoCommonCodec):
        await any_engine.open_session(
            "one", wants(TrackWanted("video", Direction.SEND, ("theora",))), Told()
        )
    await any_engine.open_session("one", wants(), Told())  # the id is free still


@pytest.mark.parametrize(
    "unknown",
    [
        TrackWanted("text", Direction.SEND),
        TrackWanted("", Direction.SEND),
        TrackWanted("application", Direction.SEND),
        TrackWanted("video", Direction.SEND, ("theora",)),
    ],
)
async def test_tracks_are_wanted_all_or_none(any_engine: MediaEngine, unknown: TrackWanted):
    with pytest.raises(NoCommonCodec):
        await any_engine.open_session("one", wants(SENDS[0], unknown), Told())
    session = await any_engine.open_session("one", wants(SENDS[0]), Told())
    with pytest.raises(NoCommonCodec):
        await session.add_tracks((SENDS[1], unknown))
    assert (await session.create_offer()).sdp.count("m=") == 1


@pytest.mark.parametrize(
    "sdp", ["", "v=0", "v=0\r\nm=audio 9 X 0\r\n", "hello", "v=0\r\n" * 99_999]
)
async def test_what_is_no_description_is_refused(any_engine: MediaEngine, sdp: str):
    session = await any_engine.open_session("one", wants(*TAKES), Told())
    with pytest.raises(BadDescription):
        await session.accept_offer(sdp)


async def test_a_refused_description_leaves_the_session_usable(any_engine: MediaEngine):
    first = await any_engine.open_session("first", wants(*SENDS), told := Told())
    second = await any_engine.open_session("second", wants(*TAKES), Told())
    offer = await first.create_offer()
    with pytest.raises(BadDescription):
        await second.accept_offer(offer.sdp.replace("a=rtcp-mux\r\n", ""))
    answer = await second.accept_offer(offer.sdp)
    with pytest.raises(BadDescription):
        await first.accept_answer(answer.sdp.replace("a=ice-pwd:", "a=x:"))
    await first.accept_answer(answer.sdp)
    await told.state(State.CONNECTED)


async def test_an_answer_needs_an_offer(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    offer = await pair.first.create_offer()
    answer = await pair.second.accept_offer(offer.sdp)
    await pair.first.accept_answer(answer.sdp)
    with pytest.raises(WrongState):
        await pair.first.accept_answer(answer.sdp)


async def test_two_offers_that_cross_are_refused(any_engine: MediaEngine):
    one = await any_engine.open_session("one", wants(*SENDS), Told())
    other = await any_engine.open_session("other", wants(*TAKES), Told())
    offer = await other.create_offer()
    await one.create_offer()
    with pytest.raises(WrongState):
        await one.accept_offer(offer.sdp)


async def test_descriptions_come_with_their_candidates(any_engine: MediaEngine):
    session = await any_engine.open_session("one", wants(*SENDS), Told())
    description = await session.create_offer()
    assert description.candidates
    for candidate in description.candidates:
        assert candidate.text.startswith("candidate:")
        assert candidate.text in description.sdp
        assert candidate.mid == "0"


@pytest.mark.parametrize(
    "text",
    [
        HOST,
        "a=" + HOST,
        HOST.removeprefix("candidate:"),
        "",
        "candidate:1 1 tcp 2130706431 127.0.0.1 9 typ host tcptype active",
        "candidate:1 1 udp 2130706431 5f3c.local 40000 typ host",
        "candidate:1 2 udp 2130706430 127.0.0.1 40001 typ host",
    ],
)
async def test_candidates_in_all_their_forms_are_taken(any_engine: MediaEngine, text: str):
    pair = await open_pair(any_engine)
    await pair.second.add_candidate(Candidate(text, "0"))
    await pair.second.add_candidate(Candidate(text, index=0))
    early = await any_engine.open_session("early", wants(*TAKES), Told())
    await early.add_candidate(Candidate(text))
    await pair.connected()


@pytest.mark.parametrize("text", ["hello", "candidate:1 1 udp x 127.0.0.1 1 typ host", "a=" * 999])
async def test_what_is_no_candidate_is_refused(any_engine: MediaEngine, text: str):
    session = await any_engine.open_session("one", wants(*TAKES), Told())
    with pytest.raises(BadCandidate):
        await session.add_candidate(Candidate(text))


async def test_there_is_an_end_to_early_candidates(any_engine: MediaEngine):
    session = await any_engine.open_session("one", wants(*TAKES), Told())
    for port in range(64):
        await session.add_candidate(Candidate(HOST.replace("40000", str(1000 + port))))
    with pytest.raises(BadCandidate):
        await session.add_candidate(Candidate(HOST))


async def test_text_and_binary_messages_arrive_as_such(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    mine, theirs = await pair.channel(ChannelWanted("chat", protocol="x", ordered=False))
    opened = pair.second_told.of(ChannelOpened)[0]
    assert opened.theirs
    assert (opened.wanted.protocol, opened.wanted.ordered) == ("x", False)
    assert not pair.first_told.of(ChannelOpened)[0].theirs
    sent = ["text", b"\x00binary", "", b"", "ümläut"]
    for data in sent:
        await pair.first.send(mine, data)
    await pair.second_told.until(MessageReceived, lambda event: event.data == sent[-1])
    received = pair.second_told.of(MessageReceived)
    assert {event.channel for event in received} == {theirs}
    assert {repr(event.data) for event in received} == {repr(data) for data in sent}
    await pair.second.send(theirs, "back")
    assert (await pair.first_told.until(MessageReceived)).data == "back"


async def test_a_channel_wanted_before_the_offer_opens_with_the_connection(any_engine: MediaEngine):
    first = await any_engine.open_session("first", wants(data=True), told := Told())
    second = await any_engine.open_session("second", wants(), Told())
    channel = await first.open_channel(ChannelWanted("early"))
    with pytest.raises(UnknownChannel):
        await first.send(channel, "too early")
    await negotiate(first, second)
    assert (await told.until(ChannelOpened)).channel == channel


async def test_negotiated_channels_meet_by_their_id(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    await pair.connected()
    wanted = ChannelWanted("agreed", negotiated=True, id=7)
    mine = await pair.first.open_channel(wanted)
    theirs = await pair.second.open_channel(wanted)
    await pair.first_told.until(ChannelOpened, lambda event: event.channel == mine)
    opened = await pair.second_told.until(ChannelOpened, lambda event: event.channel == theirs)
    await pair.first.send(mine, "hello")
    assert (await pair.second_told.until(MessageReceived)).channel == opened.channel


async def test_closing_a_channel_closes_it_on_both_sides(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    mine, theirs = await pair.channel(ChannelWanted("short"))
    await pair.second.close_channel(theirs)
    await pair.first_told.until(ChannelClosed, lambda event: event.channel == mine)
    await pair.second_told.until(ChannelClosed, lambda event: event.channel == theirs)
    with pytest.raises(UnknownChannel):
        await pair.first.send(mine, "late")
    with pytest.raises(UnknownChannel):
        await pair.second.close_channel(theirs)


async def test_impossible_channels_are_refused(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    await pair.connected()
    await pair.first.open_channel(ChannelWanted(negotiated=True, id=100))
    for taken in (None, 100):
        with pytest.raises(ValueError):
            await pair.first.open_channel(ChannelWanted(negotiated=True, id=taken))
    mine, _ = await pair.channel(ChannelWanted("small"))
    with pytest.raises(TooMuch):
        await pair.first.send(mine, bytes(300_000))
    with pytest.raises(UnknownChannel):
        await pair.first.send("nonsense", "hello")


@pytest.mark.parametrize(
    "wishes",
    [
        {"max_retransmits": 1, "max_lifetime": 1},
        {"max_lifetime": -1},
        {"max_retransmits": 1 << 32},
        {"label": "é" * 40_000},
        {"protocol": "\ud800"},
    ],
    ids=lambda wishes: "-".join(wishes),
)
def test_what_cannot_be_said_of_a_channel_cannot_be_wanted(wishes: dict[str, Any]):
    with pytest.raises(ValueError):
        ChannelWanted(**wishes)


async def test_there_is_an_end_to_sections(any_engine: MediaEngine):
    session = await any_engine.open_session("one", wants(*SENDS * 15, data=True), Told())
    await session.add_tracks(SENDS * 16)
    with pytest.raises(TooMuch):
        await session.add_tracks(SENDS)
    assert (await session.create_offer()).sdp.count("m=") == 63


async def test_there_is_an_end_to_channels(any_engine: MediaEngine):
    session = await any_engine.open_session("one", wants(data=True), Told())
    for number in range(64):
        await session.open_channel(ChannelWanted(str(number)))
    with pytest.raises(TooMuch):
        await session.open_channel(ChannelWanted("one too many"))


async def test_sinks_attach_to_sources_of_their_codec_only(any_engine: MediaEngine):
    publisher = await open_pair(any_engine, "publisher")
    subscriber = await open_pair(any_engine, "subscriber")
    source, sink = publisher.second_told.source("video"), subscriber.first_told.sink("video")
    await lead(any_engine, source, sink)
    await lead(any_engine, source, sink, flows=False)
    await lead(any_engine, source, sink)
    await any_engine.request_keyframe(source)
    await lead(any_engine, None, sink)
    assert (
        await trouble_with(any_engine, publisher.second_told.source("audio"), sink)
        is PathTrouble.CODEC_MISMATCH
    )
    assert await trouble_with(any_engine, "nonsense", sink) is PathTrouble.SOURCE_GONE
    with pytest.raises(UnknownSource):
        await any_engine.request_keyframe(sink)
    for flows in (True, False):
        found = await trouble_with(any_engine, None, "nonsense", flows=flows)
        assert found is PathTrouble.SINK_GONE
    assert await trouble_with(any_engine, source, "nonsense") is PathTrouble.SINK_GONE


async def test_many_paths_are_led_in_one_call_and_one_that_fails_leaves_the_others_alone(
    any_engine: MediaEngine,
):
    publisher = await open_pair(any_engine, "publisher")
    subscriber = await open_pair(any_engine, "subscriber")
    sources = {kind: publisher.second_told.source(kind) for kind in ("audio", "video")}
    sinks = {kind: subscriber.first_told.sink(kind) for kind in ("audio", "video")}
    failures = await any_engine.wire(
        (
            MediaPath(sinks["audio"], sources["audio"]),
            MediaPath("nonsense", sources["audio"]),
            MediaPath(sinks["audio"], "nonsense"),
            MediaPath(sinks["video"], sources["audio"]),
            MediaPath(sinks["video"], sources["video"], flows=False),
        )
    )
    assert [(failure.sink, failure.why) for failure in failures] == [
        ("nonsense", PathTrouble.SINK_GONE),
        (sinks["audio"], PathTrouble.SOURCE_GONE),
        (sinks["video"], PathTrouble.CODEC_MISMATCH),
    ]
    assert await any_engine.wire(()) == ()


async def test_a_closed_session_takes_its_sources_and_sinks_with_it(any_engine: MediaEngine):
    publisher = await open_pair(any_engine, "publisher")
    subscriber = await open_pair(any_engine, "subscriber")
    source, sink = publisher.second_told.source("video"), subscriber.first_told.sink("video")
    await lead(any_engine, source, sink)
    await publisher.second.close()
    assert await trouble_with(any_engine, source, sink) is PathTrouble.SOURCE_GONE
    await subscriber.first.close()
    assert await trouble_with(any_engine, None, sink) is PathTrouble.SINK_GONE


async def test_closing_tells_the_reason_once_and_the_other_side(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    mine, _ = await pair.channel(ChannelWanted("chat"))
    await pair.first.close("enough")
    await pair.first.close("again")
    closed = await pair.first_told.state(State.CLOSED)
    assert closed.reason == "enough"
    assert pair.first_told.of(ChannelClosed)[0].channel == mine
    await pair.second_told.state(State.CLOSED)
    assert pair.first_told.states.count(State.CLOSED) == 1
    with pytest.raises(WrongState):
        await pair.first.create_offer()
    with pytest.raises(WrongState):
        await pair.first.send(mine, "late")
    with pytest.raises(WrongState):
        await pair.first.add_candidate(Candidate(""))


async def test_an_id_is_free_again_once_its_session_is_closed(any_engine: MediaEngine):
    first = await any_engine.open_session("one", wants(*SENDS), Told())
    with pytest.raises(IdTaken):
        await any_engine.open_session("one", wants(*SENDS), Told())
    await first.close()
    second = await any_engine.open_session("one", wants(*SENDS), Told())
    await second.create_offer()


async def test_an_engine_counts_its_open_sessions(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    assert (await any_engine.stats()).sessions == 2
    await pair.first.close()
    await pair.second.close()
    stats = await any_engine.stats()
    assert (stats.sessions, stats.stray_errors, stats.router.sinks) == (0, 0, ())


async def test_a_closing_engine_closes_all_and_opens_nothing(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    await pair.connected()
    with trio.fail_after(30):
        await any_engine.close()
    assert pair.first_told.states[-1] is State.CLOSED
    assert pair.second_told.states[-1] is State.CLOSED
    with pytest.raises(WrongState):
        await any_engine.open_session("late", wants(), Told())
