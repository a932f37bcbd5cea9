"""Datagrams as messages, and messages as datagrams, in each format."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.channels.binarypack import pack_bytes
from media.channels.chunks import LONGEST_MESSAGE, Chunks, Unsendable
from media.channels.formats import Aside, is_json, to_datagram, to_message
from media.contract.datagrams import LONGEST_DATAGRAM, MessageFormat
from tests.media.channels.test_chunks import cut

RAW, JSON, BINARY, JSON_TEXT = MessageFormat
CLOSE = b"\x81\xba__peerData\x81\xb4type\xb5close"


def taken(format: MessageFormat, message: str | bytes) -> bytes | Unsendable | Aside:
    return to_datagram(format, message, "one", Chunks())


@pytest.mark.parametrize(
    ("format", "datagram", "message"),
    [
        (RAW, b"", b""),
        (RAW, b"\xff\x00", b"\xff\x00"),
        (JSON, b' {"a": [1, 2.5e3, "\xc3\xbc", null]} ', b' {"a": [1, 2.5e3, "\xc3\xbc", null]} '),
        (JSON, b"7", b"7"),
        (JSON, b"", Unsendable.MALFORMED),
        (JSON, b"{", Unsendable.MALFORMED),
        (JSON, b"[1],", Unsendable.MALFORMED),
        (JSON, b'"\xff"', Unsendable.MALFORMED),
        (JSON, b"NaN", Unsendable.MALFORMED),
        (JSON, b"[-Infinity]", Unsendable.MALFORMED),
        (JSON, '{"a": 1}'.encode("utf-16"), Unsendable.MALFORMED),
        (JSON, "﻿{}".encode(), Unsendable.MALFORMED),
        (JSON, b"[" * 50_000, Unsendable.MALFORMED),
        (JSON, b"[" * 30_000 + b"]" * 30_000, Unsendable.MALFORMED),
        (JSON, b"9" * 60_000, b"9" * 60_000),
        (JSON_TEXT, b'{"a": "\xc3\xbc"}', '{"a": "ü"}'),
        (JSON_TEXT, b"{", Unsendable.MALFORMED),
        (JSON_TEXT, b'"\xff"', Unsendable.MALFORMED),
        (BINARY, b"", b"\xa0"),
        (BINARY, b"hello", b"\xa5hello"),
        (BINARY, bytes(LONGEST_DATAGRAM), b"\xda\xff\xe3" + bytes(LONGEST_DATAGRAM)),
    ],
)
def test_what_a_datagram_becomes(
    format: MessageFormat, datagram: bytes, message: bytes | str | Unsendable
):
    assert to_message(format, datagram) == message


@pytest.mark.parametrize(
    ("format", "message", "datagram"),
    [
        (RAW, b"", b""),
        (RAW, "", b""),
        (RAW, "grüße", "grüße".encode()),
        (RAW, CLOSE, CLOSE),
        (RAW, '{"__peerData":{"type":"close"}}', b'{"__peerData":{"type":"close"}}'),
        (RAW, bytes(LONGEST_DATAGRAM), bytes(LONGEST_DATAGRAM)),
        (RAW, bytes(LONGEST_DATAGRAM + 1), Unsendable.TOO_LARGE),
        (JSON, b'{"a":1}', b'{"a":1}'),
        (JSON, '{"ü":1}', '{"ü":1}'.encode()),
        (JSON, b"no json, but theirs", b"no json, but theirs"),
        (JSON, b'{"__peerData":{"type":"close"}}', Aside.CLOSE),
        (JSON, '{ "__peerData" : { "type" : "close" } }', Aside.CLOSE),
        (JSON, b'{"__peerData":{"type":"open"}}', b'{"__peerData":{"type":"open"}}'),
        (JSON, b'["__peerData"]', b'["__peerData"]'),
        (JSON, b'{"__peerData"', b'{"__peerData"'),
        (JSON, b"9" * (LONGEST_DATAGRAM + 1), Unsendable.TOO_LARGE),
        (BINARY, b"\xa5hello", b"hello"),
        (BINARY, "\x07", b"7"),
        (BINARY, b"\xb5hello", b"hello"),
        (BINARY, b"\xb2\xff\xfe", "��".encode()),
        (BINARY, b"\x81\xb1a\x92\x01\xc0", b'{"a":[1,null]}'),
        (BINARY, b"\x81\xb1a\xa2hi", b'{"a":"aGk="}'),
        (BINARY, b"\xcb\x7f\xf0" + bytes(6), b"null"),
        (BINARY, b"\xcf" + b"\xff" * 8, str(2**64 - 1).encode()),
        (BINARY, CLOSE, Aside.CLOSE),
        (BINARY, b"\x81\xba__peerData\x00", b'{"__peerData":0}'),
        (BINARY, b"\x81\xba__peerData\x01", Unsendable.MALFORMED),
        (BINARY, b"\x81\xba__peerData\x81\xb4type\xb4open", Unsendable.MALFORMED),
        (BINARY, b"hello", Unsendable.MALFORMED),
        (BINARY, b"", Unsendable.MALFORMED),
        (BINARY, pack_bytes(bytes(LONGEST_DATAGRAM)), bytes(LONGEST_DATAGRAM)),
        (BINARY, pack_bytes(bytes(LONGEST_DATAGRAM + 1)), Unsendable.TOO_LARGE),
        (BINARY, bytes(LONGEST_MESSAGE + 1), Unsendable.TOO_LARGE),
        (BINARY, b"\xdc\xff\xe0" + b"\xc0" * 0xFFE0, Unsendable.TOO_LARGE),  # as JSON
    ],
)
def test_what_a_message_becomes(
    format: MessageFormat, message: str | bytes, datagram: bytes | Unsendable | Aside
):
    assert taken(format, message) == datagram


def packed_chunk(number: int, place: int, total: int, data: bytes) -> bytes:
    return b"\x84\xba__peerData%c\xb1n%c\xb4data%b\xb5total%c" % (
        number, place, pack_bytes(data), total,
    )  # fmt: skip


def pieces(data: bytes, size: int = 16_300) -> list[bytes]:
    return [packed_chunk(1, it["n"], it["total"], it["data"]) for it in cut(data, size=size)]


@pytest.mark.parametrize(
    ("whole", "datagram"),
    [
        (pack_bytes(bytes(LONGEST_DATAGRAM)), bytes(LONGEST_DATAGRAM)),
        (b"\xd8\x00\x03abc", b"abc"),
        (CLOSE, Aside.CLOSE),
        (packed_chunk(1, 0, 1, b"\x07"), Unsendable.MALFORMED),
        (b"hello", Unsendable.MALFORMED),
    ],
)
def test_chunks_are_put_together(whole: bytes, datagram: bytes | Unsendable | Aside):
    chunks = Chunks()
    *first, last = pieces(whole, 16_300 if len(whole) > 16_300 else 4)
    assert {to_datagram(BINARY, it, "one", chunks) for it in first} <= {Aside.NOTHING_YET}
    assert to_datagram(BINARY, last, "one", chunks) == datagram


@given(st.sampled_from(MessageFormat), st.binary(max_size=200) | st.text(max_size=50))
def test_any_message_has_an_answer(format: MessageFormat, message: str | bytes):
    found = taken(format, message)
    assert isinstance(found, bytes | Unsendable | Aside)
    if format is RAW:
        assert found == (message if isinstance(message, bytes) else message.encode())


@given(st.binary(max_size=200))
def test_bytes_come_back_from_each_format_that_takes_them(data: bytes):
    assert taken(BINARY, to_message(BINARY, data)) == data
    assert taken(RAW, to_message(RAW, data)) == data
    if is_json(data):
        assert taken(JSON, to_message(JSON, data)) == data


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=12,
)  # fmt: skip


@given(values, st.booleans())
def test_what_is_json_is_taken(value: object, ascii: bool):
    text = json.dumps(value, ensure_ascii=ascii).encode(errors="surrogatepass")
    assert is_json(text)
