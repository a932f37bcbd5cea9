"""What peers offer each other: as PeerJS writes it, and however else it may come."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from actors.device.line import LineFrame
from actors.device.messages import FromPeer
from actors.device.offers import (
    CONNECTION_BYTES,
    METADATA_BYTES,
    DataOffer,
    MediaOffer,
    TheirAnswer,
    connection_of,
    read_answer,
    read_candidate,
    read_offer,
    write_answer,
    write_data_offer,
    write_media_offer,
)
from actors.words.facts import Signalled
from media.contract.candidates import Candidate
from media.contract.datagrams import MessageFormat
from media.contract.plans import ChannelWanted
from media.webrtc.candidates import MAX_TEXT
from media.webrtc.descriptions import MAX_BYTES

OFFER = {"type": "offer", "sdp": "v=0"}
DATA = {
    "sdp": OFFER,
    "type": "data",
    "connectionId": "dc_1",
    "metadata": {"a": [1, None]},
    "label": "dc_1",
    "reliable": True,
    "serialization": "json",
}
MEDIA = {"sdp": OFFER, "type": "media", "connectionId": "mc_1", "metadata": "text"}
ICE = {"candidate": "candidate:1", "sdpMid": "0", "sdpMLineIndex": 1, "usernameFragment": "x"}

readers = pytest.mark.parametrize(
    "read", [read_offer, read_answer, read_candidate, connection_of], ids=lambda it: it.__name__
)


def payload(document: dict[str, Any], **changes: Any) -> bytes:
    return json.dumps({**document, **changes}).encode()


def test_an_offer_of_data_as_peerjs_writes_it() -> None:
    offer = read_offer(payload(DATA))
    assert offer == DataOffer("v=0", "dc_1", '{"a": [1, null]}', "dc_1", True, "json")
    assert isinstance(offer, DataOffer)
    assert offer.format is MessageFormat.JSON


def test_a_call_as_peerjs_writes_it() -> None:
    assert read_offer(payload(MEDIA)) == MediaOffer("v=0", "mc_1", '"text"')


def test_what_is_left_out_or_null_is_as_peerjs_takes_it() -> None:
    short = {"sdp": OFFER, "type": "data", "connectionId": "dc_1"}
    usual = DataOffer("v=0", "dc_1", "", "dc_1", False, "binary")
    assert read_offer(payload(short)) == usual
    null = dict.fromkeys(("metadata", "label", "reliable", "serialization", "dcInit"))
    assert read_offer(payload(short, **null, more={"x": 1})) == usual


def test_versions_before_1_5_take_json_as_text() -> None:
    old = payload(DATA, browser="chrome")
    for serialization, format_ in (("json", MessageFormat.JSON_TEXT), ("raw", MessageFormat.RAW)):
        offer = read_offer(payload(DATA, browser="chrome", serialization=serialization))
        assert isinstance(offer, DataOffer)
        assert offer.format is format_
    answer = read_answer(old)
    assert answer is not None
    assert answer.takes_text


@pytest.mark.parametrize(
    ("serialization", "format_"),
    [
        ("raw", MessageFormat.RAW),
        ("json", MessageFormat.JSON),
        ("binary", MessageFormat.BINARY),
        ("binary-utf8", MessageFormat.BINARY),
        ("default", MessageFormat.BINARY),
        ("MsgPack", MessageFormat.RAW),
    ],
)
def test_the_formats(serialization: str, format_: MessageFormat) -> None:
    offer = read_offer(payload(DATA, serialization=serialization))
    assert isinstance(offer, DataOffer)
    assert (offer.serialization, offer.format) == (serialization, format_)


@pytest.mark.parametrize(
    "changes",
    [
        {"sdp": None},
        {"sdp": "v=0"},
        {"sdp": {"type": "offer"}},
        {"sdp": {"type": "offer", "sdp": "x" * (MAX_BYTES + 1)}},
        {"type": "other"},
        {"type": None},
        {"connectionId": None},
        {"connectionId": ""},
        {"connectionId": 7},
        {"connectionId": "x" * (CONNECTION_BYTES + 1)},
        {"metadata": "x" * METADATA_BYTES},
        {"label": "x" * 1025},
        {"label": 1},
        {"serialization": "x" * 33},
        {"reliable": "yes"},
        {"dcInit": {"negotiated": True, "id": 1, "maxRetransmits": 1, "maxPacketLifeTime": 1}},
        {"dcInit": {"negotiated": True, "id": 1, "protocol": "\ud800"}},
    ],
)
def test_what_is_no_offer(changes: dict[str, Any]) -> None:
    assert read_offer(payload(DATA, **changes)) is None


def test_answers_and_candidates() -> None:
    answer = {"sdp": {"type": "answer", "sdp": "v=0"}, "type": "data", "connectionId": "dc_1"}
    assert read_answer(payload(answer)) == TheirAnswer("dc_1", "v=0")
    assert read_answer(write_answer("dc_1", "data", "v=0")) == TheirAnswer("dc_1", "v=0")
    assert json.loads(write_answer("dc_1", "data", "v=0")) == answer
    candidate = {"candidate": ICE, "type": "data", "connectionId": "dc_1"}
    assert read_candidate(payload(candidate)) == ("dc_1", Candidate("candidate:1", "0", 1))
    end = payload(candidate, candidate={"candidate": "", "sdpMid": None})
    assert read_candidate(end) == ("dc_1", Candidate(""))
    assert read_candidate(payload(candidate, candidate=None)) is None
    long = {"candidate": "candidate:1".ljust(MAX_TEXT, " ")}
    assert read_candidate(payload(candidate, candidate=long)) is not None
    long = {"candidate": "candidate:1".ljust(MAX_TEXT + 1, " ")}
    assert read_candidate(payload(candidate, candidate=long)) is None
    sdp = {"type": "answer", "sdp": "x" * MAX_BYTES}
    assert read_answer(payload(answer, sdp=sdp)) is not None
    assert read_answer(payload(answer, sdp={"sdp": "x" * (MAX_BYTES + 1)})) is None
    assert connection_of(payload(candidate)) == "dc_1"


@pytest.mark.parametrize("metadata", ["", '"x"', '{"a":[1,2.5,null]}', "7"])
def test_what_is_written_is_read(metadata: str) -> None:
    channel = ChannelWanted("camera", "p", False, 3, negotiated=True, id=7)
    data = DataOffer("v=0", "dc_1", metadata, "camera", True, "raw")
    for written in (data, DataOffer("v=0", "dc_1", metadata, "camera", negotiated=channel)):
        assert read_offer(write_data_offer(written)) == written
    media = MediaOffer("v=0", "mc_1", metadata)
    assert read_offer(write_media_offer(media)) == media


def test_an_offer_has_the_fields_of_peerjs_and_no_others() -> None:
    offer = DataOffer("v=0", "dc_1", '{"a":[1,null]}', "dc_1", True, "json")
    assert json.loads(write_data_offer(offer)) == DATA
    assert json.loads(write_media_offer(MediaOffer("v=0", "mc_1", '"text"'))) == MEDIA
    bare = json.loads(write_media_offer(MediaOffer("v=0", "mc_1", "no json")))
    assert set(bare) == {"sdp", "type", "connectionId"}


def test_what_is_between_peers_is_not_shown() -> None:
    data, media = read_offer(payload(DATA, metadata="secret")), read_offer(payload(MEDIA))
    frame = payload(DATA, metadata="secret")
    frames = repr(Signalled("ann", frame)), repr(LineFrame(frame)), repr(FromPeer("OFFER", frame))
    for text in (repr(data), repr(media), repr(TheirAnswer("a", "v=0")), *frames):
        assert "v=0" not in text
        assert "secret" not in text


@readers
@given(junk=st.binary(max_size=200))
def test_junk_is_nothing(read: Any, junk: bytes) -> None:
    assert read(junk) is None or read is connection_of


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=6,
)


@readers
@given(st.dictionaries(st.sampled_from([*DATA, "candidate", "dcInit"]), ANY_JSON))
def test_any_types_of_fields_raise_nothing(read: Any, document: dict[str, Any]) -> None:
    read(json.dumps({**DATA, **document}).encode())


@readers
def test_deep_documents_raise_nothing(read: Any) -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    assert read(b'{"connectionId":"x","metadata":' + deep + b"}") in (None, "x")
    assert read(deep) is None
