"""How much the other side may send: in our descriptions, and in what it is told in RTCP."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.contract.engine import MediaEngine
from media.contract.session import Direction, SessionWanted, State, TrackWanted
from media.local_engine import LocalEngine
from media.rtp.layers import LayerUpstream
from media.rtp.rtcp import BitrateLimit, parse_rtcp
from media.webrtc.bitrate_lines import with_bitrates
from media.webrtc.descriptions import MediaSection, split
from tests.support.sessions import Told, negotiate, open_pair

OFFERED = (Path(__file__).parent.parent / "offers" / "chromium.sdp").read_text()
OURS = """v=0
o=- 0 0 IN IP4 0.0.0.0
s=-
t=0 0
m={first}
{title}a=mid:0
a={direction}
m=audio 9 UDP/TLS/RTP/SAVPF 8
c=IN IP4 0.0.0.0
a=mid:1
a=sendrecv
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=mid:2
"""


def ours(direction: str, title: str = "c=IN IP4 0.0.0.0\n") -> str:
    text = OURS.format(first="video 9 UDP/TLS/RTP/SAVPF 96", direction=direction, title=title)
    return text.replace("\n", "\r\n")


def bandwidth(section: MediaSection) -> list[str]:
    return section.values("b=")


def of_kind(sdp: str, kind: str) -> MediaSection:
    (found,) = [section for section in split(sdp).sections if section.kind == kind]
    return found


@pytest.mark.parametrize(
    ("direction", "told"),
    [("sendrecv", True), ("recvonly", True), ("sendonly", False), ("inactive", False)],
)
def test_it_is_said_where_we_receive(direction: str, told: bool) -> None:
    sections = split(with_bitrates(ours(direction), {"0": 1500, "2": 7})).sections
    expected = ["AS:1500", "TIAS:1500000"] if told else []
    assert list(map(bandwidth, sections)) == [expected, [], []]


@pytest.mark.parametrize("title", ["", "c=IN IP4 0.0.0.0\n", "i=x\nc=IN IP4 0.0.0.0\n"])
def test_it_stands_between_the_connection_and_the_attributes(title: str) -> None:
    first = split(with_bitrates(ours("sendrecv", title), {"0": 64})).sections[0]
    kinds = "".join(line[0] for line in first.lines)
    assert re.fullmatch(r"mi?c?bba+", kinds)


@pytest.mark.parametrize("bitrates", [{}, {"0": 0, "1": 0}])
def test_without_a_limit_nothing_changes(bitrates: dict[str, int]) -> None:
    assert with_bitrates(ours("sendrecv"), bitrates) == ours("sendrecv")


@given(st.integers(1, 10_000_000))
def test_both_forms_say_the_same(limit: int) -> None:
    first = split(with_bitrates(ours("recvonly"), {"0": limit})).sections[0]
    (kilobits, bits) = (int(line.rpartition(":")[2]) for line in bandwidth(first))
    assert kilobits * 1000 == bits == limit * 1000


async def test_offers_and_answers_say_it(any_engine: MediaEngine) -> None:
    tracks = (
        TrackWanted("audio", Direction.BOTH, ("opus",), bitrate=64),
        TrackWanted("video", Direction.RECEIVE, ("vp8",), bitrate=1500),
    )
    session = await any_engine.open_session("one", SessionWanted(tracks), Told())
    offer = (await session.create_offer()).sdp
    other = await any_engine.open_session("two", SessionWanted(tracks, data=True), Told())
    answer = (await other.accept_offer(OFFERED)).sdp
    for sdp in (offer, answer):
        assert bandwidth(of_kind(sdp, "audio")) == ["AS:64", "TIAS:64000"]
        assert bandwidth(of_kind(sdp, "video")) == ["AS:1500", "TIAS:1500000"]


async def test_a_track_without_a_limit_says_nothing(any_engine: MediaEngine) -> None:
    tracks = (
        TrackWanted("audio", Direction.BOTH, ("opus",)),
        TrackWanted("video", Direction.SEND, ("vp8",), bitrate=1500),  # of us, nobody asks that
    )
    session = await any_engine.open_session("one", SessionWanted(tracks), Told())
    assert "b=" not in (await session.create_offer()).sdp
    other = await any_engine.open_session("two", SessionWanted(tracks), Told())
    assert "\r\nb=" not in (await other.accept_offer(OFFERED)).sdp


async def test_it_is_said_again_in_later_descriptions(any_engine: MediaEngine) -> None:
    sends = SessionWanted((TrackWanted("video", Direction.SEND, ("vp8",)),))
    takes = SessionWanted((TrackWanted("video", Direction.RECEIVE, bitrate=300),))
    pair = await open_pair(any_engine, first=sends, second=takes)
    await pair.connected()
    await pair.second.add_tracks((TrackWanted("video", Direction.RECEIVE, bitrate=200),))
    await negotiate(pair.second, pair.first)
    sections = split((await pair.second.create_offer()).sdp).sections
    assert [bandwidth(section) for section in sections if section.kind == "video"] == [
        ["AS:300", "TIAS:300000"],
        ["AS:200", "TIAS:200000"],
    ]


@pytest.mark.parametrize(("kind", "told"), [("video", {300_000}), ("audio", set())])
async def test_a_sender_hears_of_it_though_nobody_else_limits_it(
    kind: str, told: set[int], engine: LocalEngine
) -> None:
    """A sound's limit in RTCP would hold back the picture beside it."""
    sends = SessionWanted((TrackWanted(kind, Direction.SEND),))
    takes = SessionWanted((TrackWanted(kind, Direction.RECEIVE, bitrate=300),))
    pair = await open_pair(engine, first=sends, second=takes)
    await pair.first_told.state(State.CONNECTED)
    await pair.second_told.state(State.CONNECTED)
    (source,) = [it for it in engine.router._sources.values() if it.id.startswith("pair/second")]
    heard: list[bytes] = []
    source._upstream._send = heard.append  # type: ignore[attr-defined]
    source.ssrc = 9
    for second in range(1, 13):
        source.beat(1000.0 + second)
    said = [m for packet in heard for m in parse_rtcp(packet) or [] if isinstance(m, BitrateLimit)]
    assert {message.bits_per_second for message in said} == told
    assert len(said) >= (4 if told else 0)


def test_the_sender_of_layers_hears_of_no_more_than_that() -> None:
    heard: list[bytes] = []
    upstream = LayerUpstream(heard.append, 1, "x", lambda: 500_000, 300_000)
    for limit in (100_000, 300_000, 1_000_000_000):
        upstream.limit_bitrate(limit, 9)
    said = [m for packet in heard for m in parse_rtcp(packet) or [] if isinstance(m, BitrateLimit)]
    assert [message.bits_per_second for message in said] == [300_000] * 3
