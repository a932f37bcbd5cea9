"""Sections with port 0, in offers and answers: nothing goes there, and all else goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.contract.engine import MediaEngine
from media.contract.errors import BadDescription, WrongState
from media.contract.plans import ChannelWanted
from media.contract.session import (
    ChannelClosed,
    Direction,
    SessionWanted,
    State,
    Track,
    TracksChanged,
    TrackWanted,
)
from media.local_engine import LocalEngine
from media.webrtc.descriptions import read, split
from media.webrtc.rejected_sections import reject
from tests.support.sessions import SENDS, TAKES, Told, negotiate, open_pair

# As Chromium 156 wrote it after `transceiver.stop()` for video.
STOPPED = Path(__file__).parents[1] / "offers" / "chromium_stopped.sdp"
BOTH = SessionWanted((TrackWanted("audio", Direction.BOTH), TrackWanted("video", Direction.BOTH)))


def mids(sdp: str, kind: str) -> set[str]:
    return {section.mid for section in split(sdp).sections if section.kind == kind}


def tracks(told: Told) -> tuple[Track, ...]:
    return told.of(TracksChanged)[-1].tracks


async def open_without(engine: MediaEngine, kind: str):
    """Open a pair, of which the second finds the sections of a kind rejected."""
    told = Told(), Told()
    first = await engine.open_session("first", SessionWanted(SENDS, data=True), told[0])
    takes = tuple(track for track in TAKES if track.kind != kind)
    second = await engine.open_session("second", SessionWanted(takes), told[1])
    offer = (await first.create_offer()).sdp
    answer = await second.accept_offer(reject(offer, mids(offer, kind)))
    await first.accept_answer(answer.sdp)
    return first, second, told, answer


@pytest.mark.parametrize("kind", ["audio", "video"])
async def test_nothing_goes_by_a_rejected_section_and_the_other_one_works(
    any_engine: MediaEngine, kind: str
):
    _, _, told, answer = await open_without(any_engine, kind)
    assert read(answer.sdp).rejected == mids(answer.sdp, kind)
    assert {track.kind for track in tracks(told[0]) if track.sink} == {"audio", "video"} - {kind}
    assert {track.kind for track in tracks(told[1]) if track.source} == {"audio", "video"} - {kind}
    assert not any(track.source for track in tracks(told[0]))
    await told[0].state(State.CONNECTED)
    await told[1].state(State.CONNECTED)


async def test_a_rejected_section_stays_so_in_later_negotiations(any_engine: MediaEngine):
    first, second, told, _ = await open_without(any_engine, "audio")
    await told[0].state(State.CONNECTED)
    for offerer, answerer in ((first, second), (second, first)):
        offer = await offerer.create_offer()
        assert read(offer.sdp).rejected == mids(offer.sdp, "audio")
        assert offer.candidates
        answer = await answerer.accept_offer(offer.sdp)
        assert read(answer.sdp).rejected == mids(offer.sdp, "audio")
        await offerer.accept_answer(answer.sdp)
    assert [bool(track.sink) for track in tracks(told[0])] == [False, True]
    assert told[0].states == [State.CONNECTING, State.CONNECTED]


async def test_an_answer_cannot_take_what_was_offered_rejected(any_engine: MediaEngine):
    first, second, told, _ = await open_without(any_engine, "audio")
    await told[0].state(State.CONNECTED)
    offer = await first.create_offer()
    answer = await second.accept_offer(offer.sdp)
    taken = answer.sdp.replace("m=audio 0", "m=audio 9").replace(
        "a=mid:0\r\n", "a=mid:0\r\na=rtcp-mux\r\n"
    )
    with pytest.raises(BadDescription):
        await first.accept_answer(taken.replace("BUNDLE ", "BUNDLE 0 "))
    await first.accept_answer(answer.sdp)


async def test_a_rejected_section_takes_no_wanted_track(any_engine: MediaEngine):
    told = Told()
    twice = SessionWanted((SENDS[1], SENDS[1]))
    first = await any_engine.open_session("first", twice, Told())
    second = await any_engine.open_session("second", SessionWanted((TAKES[1],)), told)
    offer = (await first.create_offer()).sdp
    await second.accept_offer(reject(offer, {split(offer).sections[0].mid}))
    assert [bool(track.source) for track in tracks(told)] == [False, True]


async def test_a_section_that_is_rejected_later_loses_its_ends(any_engine: MediaEngine):
    pair = await open_pair(any_engine)
    await pair.connected()
    sink = pair.first_told.sink("audio")
    offer = (await pair.second.create_offer()).sdp
    answer = await pair.first.accept_offer(reject(offer, mids(offer, "video")))
    await pair.second.accept_answer(answer.sdp)
    assert [bool(track.sink) for track in tracks(pair.first_told)] == [True, False]
    assert [bool(track.source) for track in tracks(pair.second_told)] == [True, False]
    assert pair.first_told.sink("audio") == sink
    assert pair.first_told.states == [State.CONNECTING, State.CONNECTED]


async def test_the_connection_outlives_its_last_section(any_engine: MediaEngine):
    wanted = SessionWanted((SENDS[0],))
    pair = await open_pair(any_engine, first=wanted, second=SessionWanted((TAKES[0],)))
    await pair.connected()
    offer = (await pair.first.create_offer()).sdp
    answer = await pair.second.accept_offer(reject(offer, mids(offer, "audio")))
    assert read(answer.sdp, read(offer)).rejected == mids(offer, "audio")
    await pair.first.accept_answer(answer.sdp)
    assert [(t.source, t.sink) for t in tracks(pair.first_told)] == [(None, None)]
    await pair.first.add_tracks((SENDS[0],))
    await pair.second.add_tracks((TAKES[0],))
    await negotiate(pair.first, pair.second)
    assert [bool(track.sink) for track in tracks(pair.first_told)] == [False, True]
    assert [bool(track.source) for track in tracks(pair.second_told)] == [False, True]
    assert pair.first_told.states == [State.CONNECTING, State.CONNECTED]


async def test_with_nothing_but_rejected_sections_there_is_no_beginning(any_engine: MediaEngine):
    first = await any_engine.open_session("first", SessionWanted(SENDS), Told())
    second = await any_engine.open_session("second", SessionWanted(TAKES), Told())
    offer = (await first.create_offer()).sdp
    with pytest.raises(BadDescription):
        await second.accept_offer(reject(offer, {"0", "1"}))
    answer = (await second.accept_offer(offer)).sdp
    with pytest.raises(BadDescription):
        await first.accept_answer(reject(answer, {"0", "1"}))
    await first.accept_answer(answer)


async def test_rejected_data_channels_are_closed_and_cannot_be_opened(any_engine: MediaEngine):
    told = Told()
    first = await any_engine.open_session("first", SessionWanted(SENDS, data=True), told)
    second = await any_engine.open_session("second", SessionWanted(TAKES), other := Told())
    channel = await first.open_channel(ChannelWanted("chat"))
    offer = (await first.create_offer()).sdp
    answer = await second.accept_offer(reject(offer, mids(offer, "application")))
    assert read(answer.sdp).rejected == mids(offer, "application")
    await first.accept_answer(answer.sdp)
    assert (await told.until(ChannelClosed)).channel == channel
    for session in (first, second):
        with pytest.raises(WrongState):
            await session.open_channel(ChannelWanted("again"))
    await told.state(State.CONNECTED)
    await other.state(State.CONNECTED)
    await negotiate(first, second)


async def test_a_browser_that_stopped_a_transceiver_is_answered(engine: LocalEngine):
    session = await engine.open_session("one", BOTH, told := Told())
    answer = await session.accept_offer(STOPPED.read_text())
    audio, video = split(answer.sdp).sections
    assert video.lines[0].startswith("m=video 0 UDP/TLS/RTP/SAVPF ")
    assert video.lines[1:] == ("c=IN IP4 0.0.0.0", "a=mid:1", "a=inactive")
    assert "a=group:BUNDLE 0" in split(answer.sdp).head
    assert audio.values("a=candidate:")
    assert [bool(track.source) for track in tracks(told)] == [True, False]


async def test_a_place_that_became_free_is_used_again(engine: LocalEngine):
    """Chromium puts the next transceiver there, under another mid, of any kind."""
    stopped = STOPPED.read_text()
    live = stopped.replace("m=video 0", "m=video 9").replace("BUNDLE 0", "BUNDLE 0 1")
    session = await engine.open_session("one", BOTH, told := Told())
    await session.accept_offer(live)
    before = tracks(told)
    await session.accept_offer(stopped)
    assert [bool(track.sink) for track in tracks(told)] == [True, False]
    for number in range(2, 6):
        await session.add_tracks((TAKES[1],))
        again = live.replace("a=mid:1", f"a=mid:{number}").replace(
            "BUNDLE 0 1", f"BUNDLE 0 {number}"
        )
        sendonly = again[: again.rindex("a=inactive")] + "a=sendonly\n"
        sendonly += again[again.rindex("a=inactive") + len("a=inactive\n") :]
        answer = await session.accept_offer(sendonly)
        assert [section.mid for section in split(answer.sdp).sections] == ["0", str(number)]
        assert tracks(told)[0] == before[0]
        assert tracks(told)[1].source == f"one/in/{number}"
    offer = await session.create_offer()
    assert [section.mid for section in split(offer.sdp).sections] == ["0", "5"]
