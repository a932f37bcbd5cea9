"""What bodies are taken and which are refused: every broken field, in the words of the original."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from actors.device.messages import MediumWanted
from api.skyway import bodies
from api.skyway.asked import Asked
from api.skyway.errors import RestRefused
from api.skyway.wire import LONGEST_METADATA, metadata_text, parse, shown_metadata
from media.contract.datagrams import MessageFormat
from tests.support.serving import CARRIERS
from tests.support.skyway import check_error, gateway

MEDIA_ID = "vi-4d053831-5dc2-461b-a358-d062d6115216"
VIDEO = {"band_width": 1500, "codec": "H264", "media_id": MEDIA_ID}
NOTHING = {"video": False, "audio": False}
CALL = {"peer_id": "a", "token": "t", "target_id": "b"}
CREDENTIAL = {"timestamp": 1_582_789_414, "ttl": 3600, "authToken": "jfdcSAe2kaj/i7/IO5MEvA=="}
PEER = {"key": "k", "domain": "d"}
PEERS = ("POST", "/peers", "PEERS_CREATE")
RENEW = ("PUT", "/peers/ID/credential?token={token}", "PEERS_CREDENTIAL_UPDATE")
CONNECT = ("POST", "/data/connections", "DATA_CONNECTION_CREATE")
CHANGE = ("PUT", "/data/connections/dc-x", "DATA_CONNECTION_PUT")
DATA = ("POST", "/data", "DATA_CREATE")
RTCP = ("POST", "/media/rtcp", "RTCP_CREATE")
MEDIA = ("POST", "/media", "MEDIA_CREATE")
CALLS = ("POST", "/media/connections", "MEDIA_CONNECTION_CREATE")
ANSWER = ("POST", "/media/connections/mc-x/answer", "MEDIA_CONNECTION_ANSWER")
PLI = ("POST", "/media/connections/mc-x/pli", "MEDIA_CONNECTION_PLI")
EVENTS = ("GET", "/peers/ID/events", "PEERS_EVENTS")
STATUS = ("GET", "/peers/ID/status", "PEERS_STATUS")
DELETE = ("DELETE", "/peers/ID", "PEERS_DELETE")


def missing(*fields: str) -> dict[str, str]:
    return {field: f"{field} field is not specified" for field in fields}


def connect(**options: object) -> dict[str, object]:
    return CALL | {"options": options}


def init(**dc_init: object) -> dict[str, object]:
    return connect(dcInit=dc_init)


def redirected(**target: object) -> dict[str, object]:
    return CALL | {"redirect_params": target}


def constrained(**constraints: object) -> dict[str, object]:
    return CALL | {"constraints": NOTHING | constraints}


NOT_JSON = {"body": "body is not JSON"}
NO_OBJECT = {"body": "body is non-object value"}
Row = tuple[tuple[str, str, str], object, dict[str, str]]
TABLE: list[Row] = [
    *((each, body, found)
      for each in (PEERS, CONNECT, CALLS, ANSWER, PLI, DATA, RTCP, MEDIA, CHANGE)
      for body, found in (
          (b"", missing("body")), (b" \n", missing("body")), (b"{", NOT_JSON),
          (b"\xff{}", NOT_JSON), (b"key=KEY&domain=d", NOT_JSON), (b"[]", NO_OBJECT),
          (b"null", NO_OBJECT),
          (b'"{}"', NO_OBJECT), (b"[" * 100_000, NOT_JSON), (b'{"a":' * 9_000, NOT_JSON),
      )),
    (PEERS, {}, missing("key", "domain")),
    (PEERS, {"key": None, "domain": None}, missing("key", "domain")),
    (PEERS, {"key": "", "domain": ""}, missing("key", "domain")),
    (PEERS, {"key": 1, "domain": []}, {"key": "key is non-string value",
                                       "domain": "domain is non-string value"}),
    (PEERS, PEER | {"turn": "yes"}, {"turn": "turn is non-boolean value"}),
    (PEERS, PEER | {"turn": 1, "peer_id": 1}, {"turn": "turn is non-boolean value",
                                               "peer_id": "peer_id is non-string value"}),
    (PEERS, PEER | {"key": "k" * 1025}, {"key": "key is too long"}),
    *((PEERS, PEER | {"peer_id": bad}, {"peer_id": "peer_id is invalid value"})
      for bad in (" a", "a ", "a\nb", "\x00", "a" * 257, "/a", "ü" * 129, "\u200b")),
    (PEERS, PEER | {"credential": "x"}, {"credential": "credential is non-object value"}),
    (PEERS, PEER | {"credential": {}}, {"credential": "authToken field is not specified"}),
    (PEERS, PEER | {"credential": CREDENTIAL | {"ttl": 599}},
     {"credential": "ttl is out of range"}),
    *((RENEW, CREDENTIAL | bad, {"credential": words}) for bad, words in (
        ({"timestamp": "1"}, "timestamp is non-integer value"),
        ({"timestamp": 1.5}, "timestamp is non-integer value"),
        ({"timestamp": None}, "timestamp field is not specified"),
        ({"timestamp": 2**63}, "timestamp is out of range"),
        ({"timestamp": 10**400}, "timestamp is out of range"),
        ({"timestamp": True}, "timestamp is non-integer value"),
        ({"ttl": 90_001}, "ttl is out of range"), ({"ttl": "600"}, "ttl is non-integer value"),
        ({"authToken": 1}, "authToken is non-string value"),
        ({"authToken": "?"}, "authToken is invalid value"),
        ({"authToken": ""}, "authToken is invalid value"),
    )),
    *((each, None, missing("token")) for each in (EVENTS, STATUS, DELETE)),
    (CONNECT, {}, missing("peer_id", "token", "target_id")),
    (CONNECT, CALL | {"target_id": "a\n"}, {"target_id": "target_id is invalid value"}),
    (CONNECT, CALL | {"params": []}, {"params": "params is non-object value"}),
    (CONNECT, CALL | {"params": {"data_id": 1}}, {"data_id": "data_id is non-string value"}),
    (CONNECT, connect(serialization="XML"), {"serialization": "serialization is invalid value"}),
    (CONNECT, connect(serialization=1), {"serialization": "serialization is non-string value"}),
    (CONNECT, connect(metadata=1), {"metadata": "metadata is neither a string nor an object"}),
    (CONNECT, connect(metadata="x" * LONGEST_METADATA), {"metadata": "metadata is invalid value"}),
    (CONNECT, connect(dcInit=1), {"dcInit": "dcInit is non-object value"}),
    (CONNECT, init(maxPacketLifeTime=1, maxRetransmits=0),
     {name: f"{name} cannot be used with the other limit"
      for name in ("maxPacketLifeTime", "maxRetransmits")}),
    (CONNECT, init(maxRetransmits=65_536), {"maxRetransmits": "maxRetransmits is out of range"}),
    (CONNECT, init(maxPacketLifeTime=-1),
     {"maxPacketLifeTime": "maxPacketLifeTime is out of range"}),
    (CONNECT, init(negotiated=True), missing("id")),
    (CONNECT, init(id=65_535), {"id": "id is out of range"}),
    (CONNECT, init(ordered="no", protocol=1), {"ordered": "ordered is non-boolean value",
                                               "protocol": "protocol is non-string value"}),
    (CONNECT, init(protocol="p" * 70_000), {"protocol": "protocol is invalid value"}),
    (CONNECT, redirected(ip_v4="127.0.0.1"), missing("port")),
    (CONNECT, redirected(port=1), missing("ip_v4")),
    (CONNECT, redirected(ip_v4="", ip_v6=None, port=1), missing("ip_v4")),
    (CONNECT, redirected(ip_v4="localhost", port=0), {"port": "port is out of range"}),
    (CONNECT, redirected(ip_v4="localhost", port=1), {"ip_v4": "ip_v4 is no IPv4 address"}),
    (CONNECT, redirected(ip_v4="::1", port=1), {"ip_v4": "ip_v4 is no IPv4 address"}),
    (CONNECT, redirected(ip_v6="127.0.0.1", port=1), {"ip_v6": "ip_v6 is no IPv6 address"}),
    (CONNECT, redirected(ip_v6="fe80::1%lo", port=1), {"ip_v6": "ip_v6 is no IPv6 address"}),
    (CONNECT, redirected(ip_v4="127.1", port=1), {"ip_v4": "ip_v4 is no IPv4 address"}),
    (CONNECT, redirected(ip_v4="127.0.0.1", port=65_536), {"port": "port is out of range"}),
    (CONNECT, redirected(ip_v4="127.0.0.1", port="1"), {"port": "port is non-integer value"}),
    (CONNECT, redirected(ip_v4="127.0.0.1", port=1.0), {"port": "port is non-integer value"}),
    (CHANGE, {"redirect_params": {}}, missing("port")),
    (CHANGE, {"feed_params": 1}, {"feed_params": "feed_params is non-object value"}),
    (MEDIA, {}, missing("is_video")),
    (MEDIA, {"is_video": "true"}, {"is_video": "is_video is non-boolean value"}),
    (MEDIA, {"is_video": 1}, {"is_video": "is_video is non-boolean value"}),
    (CALLS, {}, missing("peer_id", "token", "target_id", "constraints")),
    (CALLS, CALL | {"constraints": {}}, missing("video", "audio")),
    (CALLS, constrained(video=True, audio=True), missing("video_params", "audio_params")),
    (CALLS, constrained(video=True, video_params={}), missing("band_width", "codec", "media_id")),
    (CALLS, constrained(video_params={"codec": "AV1"}), {"codec": "codec is invalid value"}),
    (CALLS, constrained(audio_params={"codec": "VP8"}), {"codec": "codec is invalid value"}),
    (CALLS, constrained(video_params={"payload_type": 128}),
     {"payload_type": "payload_type is out of range"}),
    (CALLS, constrained(video_params={"band_width": "1"}),
     {"band_width": "band_width is non-integer value"}),
    (CALLS, constrained(metadata=[]), {"metadata": "metadata is neither a string nor an object"}),
    (CALLS, constrained() | {"redirect_params": {"video": {}}}, missing("port")),
    (ANSWER, {"constraints": 1}, {"constraints": "constraints is non-object value"}),
    (ANSWER, {}, missing("constraints")),
    (PLI, {}, missing("port")),
    (PLI, {"port": 1}, missing("ip_v4")),
]  # fmt: skip


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_every_400_names_all_broken_fields(tmp_path: Path, carrier: str) -> None:
    async with gateway(tmp_path, carrier) as served, served.strict() as client:
        peer = await client.new_peer("ID")
        for (method, path, command), body, found in TABLE:
            where = path.replace("{token}", peer.token)
            refused = await client.refused(400, command, method, where, body)
            assert refused == found, (command, body, refused)
        assert await client.peer_status(peer)
        assert len(served.state.book) == 1


async def test_several_faults_of_a_credential_are_all_told(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        peer = await client.new_peer("ID")
        response = await client.ask("PUT", f"{peer.path}/credential{peer.query}", {"ttl": 1})
        check_error(response, 400, "PEERS_CREDENTIAL_UPDATE")
        errors = response.json()["params"]["errors"]
        assert [(each["field"], each["message"]) for each in errors] == [
            ("credential", "timestamp field is not specified"),
            ("credential", "ttl is out of range"),
            ("credential", "authToken field is not specified"),
        ]


@pytest.mark.parametrize(
    "kind",
    ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x",
     "application/json; charset=shift_jis", "nonsense", ""],
)  # fmt: skip
@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_body_is_json_whatever_it_is_called(
    tmp_path: Path, carrier: str, kind: str
) -> None:
    async with gateway(tmp_path, carrier) as served, served.http() as http:
        for accept in ("*/*", "text/html", "image/png;q=0"):
            headers = {"Content-Type": kind, "Accept": accept}
            response = await http.post("/media", content=b'{"is_video":true}', headers=headers)
            assert response.status_code == 201
        headers = {"Content-Type": "application/json"}
        peer = (await http.post("/peers", json=PEER | {"peer_id": "a"})).json()["params"]
        query = f"?token={peer['token']}"
        assert (await http.get(f"/peers/a/events{query}", headers=headers)).status_code == 200
        assert (await http.get(f"/peers/a/status{query}", headers=headers)).status_code == 200


# --- rules


def asked_media(constraints: dict[str, Any], **redirects: Any) -> dict[str, MediumWanted]:
    checked = Asked()
    body = parse(
        bodies.MediaConnectionAnswerOptions,
        json.dumps({"constraints": constraints, "redirect_params": redirects}).encode(),
    )
    media = checked.media(body.constraints, body.redirect_params)
    checked.check()
    return {medium.kind: medium for medium in media}


@pytest.mark.parametrize(
    ("constraints", "redirects", "sends", "receives"),
    [
        ({"video": False}, {}, False, False),
        ({"video": True, "video_params": VIDEO}, {}, True, True),
        ({"video": True, "video_params": VIDEO, "videoReceiveEnabled": False}, {}, True, False),
        ({"video": False, "videoReceiveEnabled": True}, {}, False, True),
        ({"video": False, "video_params": VIDEO}, {}, False, False),
        ({"video": False}, {"video": {"ip_v4": "127.0.0.1", "port": 1}}, False, True),
        ({"video": False, "videoReceiveEnabled": False},
         {"video": {"ip_v4": "127.0.0.1", "port": 1}}, False, False),
        ({"video": False, "videoReceiveEnabled": None},
         {"video_rtcp": {"ip_v4": "127.0.0.1", "port": 1}}, False, False),
    ],
)  # fmt: skip
def test_sending_and_receiving_are_asked_for_apart(
    constraints: dict[str, Any], redirects: dict[str, Any], sends: bool, receives: bool
) -> None:
    medium = asked_media({"audio": False} | constraints, **redirects)["video"]
    assert (medium.socket is not None, medium.receives) == (sends, receives)


@pytest.mark.parametrize(
    ("kind", "codec", "payload_type", "names"),
    [
        ("video", "H264", 100, ("h264",)), ("video", "vp8", None, ("vp8",)),
        ("audio", "OPUS", 111, ("opus",)), ("audio", "opus", None, ("opus",)),
        ("audio", "G711", 8, ("pcma",)), ("audio", "G711", 0, ("pcmu",)),
        ("audio", "g711", None, ("pcmu",)), ("audio", "", None, ()), ("video", None, None, ()),
    ],
)  # fmt: skip
def test_codecs_go_by_name_whatever_the_case(
    kind: str, codec: str | None, payload_type: int | None, names: tuple[str, ...]
) -> None:
    params = {"codec": codec, "payload_type": payload_type, "band_width": 700}
    medium = asked_media(NOTHING | {f"{kind}_params": params})[kind]
    assert (medium.codecs, medium.payload_type, medium.bitrate) == (names, payload_type, 700)


def test_the_first_kind_of_address_is_taken_where_both_are() -> None:
    target = bodies.RedirectTarget(ip_v4="127.0.0.1", ip_v6="::1", port=5)
    assert Asked().address(target) == ("127.0.0.1", 5)
    assert Asked().address(bodies.RedirectTarget(ip_v6="0:0::1", port=5)) == ("::1", 5)


def test_an_address_of_ipv4_within_ipv6_counts_as_that() -> None:
    target = bodies.RedirectTarget(ip_v6="::ffff:10.0.0.1", port=5)
    checked = Asked(lambda to: to[0] != "10.0.0.1")
    assert checked.redirect(target) == ("10.0.0.1", 5)
    with pytest.raises(RestRefused) as refused:
        checked.check()
    assert refused.value.status == 403


@pytest.mark.parametrize(
    ("given", "packing", "name"),
    [
        (None, MessageFormat.BINARY, "binary"), ("BINARY", MessageFormat.BINARY, "binary"),
        ("BINARY_UTF8", MessageFormat.BINARY, "binary-utf8"), ("", MessageFormat.BINARY, "binary"),
        ("JSON", MessageFormat.JSON, "json"), ("NONE", MessageFormat.RAW, "raw"),
    ],
)  # fmt: skip
def test_serializations(given: str | None, packing: MessageFormat, name: str) -> None:
    assert Asked().serialization(given) == (packing, name)


@pytest.mark.parametrize(
    ("given", "text", "shown"),
    [
        (None, "", ""), ("", "", ""), ("hello", '"hello"', "hello"), ('"', '"\\""', '"'),
        ('{"a":1}', '"{\\"a\\":1}"', '{"a":1}'), ({"a": 1}, '{"a":1}', '{"a":1}'),
    ],
)  # fmt: skip
def test_metadata_goes_as_json_and_is_shown_as_text(given: Any, text: str, shown: str) -> None:
    assert metadata_text(given) == text
    assert shown_metadata(text) == shown


@pytest.mark.parametrize("text", ["null", "1", "[1]", "nonsense", "[" * 100_000])
def test_metadata_of_others_is_shown_whatever_it_is(text: str) -> None:
    assert shown_metadata(text) == ("" if text == "null" else text)


MODELS = [
    bodies.PeerOptions, bodies.PeerCredential, bodies.NoOptions, bodies.PeerConnectOptions,
    bodies.DataConnectionPutOptions, bodies.NewMediaOptions, bodies.PeerCallOptions,
    bodies.MediaConnectionAnswerOptions, bodies.MediaConnectionPliRequestOptions,
]  # fmt: skip


def names_of(model: Any) -> Iterator[str]:
    for name, info in model.model_fields.items():
        yield name
        for part in (info.annotation, *getattr(info.annotation, "__args__", ())):
            if isinstance(part, type) and issubclass(part, bodies.Body):
                yield from names_of(part)


NAMES = sorted({name for model in MODELS for name in names_of(model)})
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
    | st.sampled_from(["127.0.0.1", "::1", "VP8", "G711", "BINARY", MEDIA_ID, 1, 600, True])
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(NAMES) | st.text(max_size=4), inner, max_size=12)
    ),
    max_leaves=30,
)


@settings(max_examples=300, deadline=None)
@given(model=st.sampled_from(MODELS), value=VALUES)
def test_any_json_is_taken_or_refused_with_fields(model: Any, value: Any) -> None:
    refused = refusal_of(model, json.dumps(value).encode())
    if refused is not None:
        assert refused.status in {400, 403}
        assert all(field and message for field, message in refused.problems)


@settings(max_examples=200, deadline=None)
@given(model=st.sampled_from(MODELS), body=st.binary(max_size=200))
def test_any_bytes_are_taken_or_refused(model: Any, body: bytes) -> None:
    refused = refusal_of(model, body)
    assert refused is None or refused.status == 400


def refusal_of(model: Any, body: bytes) -> RestRefused | None:
    """Take a body apart as its operation does; return how it is refused, if it is."""
    checked = Asked()
    try:
        found = parse(model, body)
        if isinstance(found, bodies.DataConnectionPutOptions):
            checked.redirect(found.redirect_params)
        if isinstance(found, bodies.PeerCallOptions | bodies.MediaConnectionAnswerOptions):
            checked.media(found.constraints, found.redirect_params)
            checked.metadata(found.constraints.metadata)
        if isinstance(found, bodies.PeerConnectOptions):
            options = found.options or bodies.ConnectOptions()
            checked.channel(options.dcInit)
            checked.metadata(options.metadata)
            checked.serialization(options.serialization)
        checked.check()
    except RestRefused as refused:
        return refused
    return None
