"""Messages that carry a file: found in any JSON, read in slices, else refused."""

from __future__ import annotations

import base64
import json
import random
import time
import tracemalloc
from typing import Any

import msgspec
import pytest
import trio
from hypothesis import given, settings
from hypothesis import strategies as st

from api.barertc.text import file_messages
from api.barertc.text.file_messages import (
    MalformedFile,
    file_content,
    small_file,
    split_file_message,
)
from tests.support.examples import examples

MEBIBYTE = 1024 * 1024
KEYS = st.sampled_from(["action", "channel", "message", "msgID", 'by"tes', "bytes\\", "Bytes", "é"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-999, 999) | st.floats(-9, 9) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=6,
)


@pytest.fixture
def _small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_messages, "SLICE", 16)


async def read(raw: str | bytes, **limits: Any) -> tuple[Any, bytes | None]:
    raw = raw.encode() if isinstance(raw, str) else raw
    found = split_file_message(raw, **limits)
    if found is None:
        return msgspec.json.decode(raw), None
    content = await file_content(found)
    assert len(content) <= found.most_bytes
    return msgspec.json.decode(found.rest), bytes(content)


@pytest.mark.usefixtures("_small_slices")
@pytest.mark.parametrize(
    ("raw", "content"),
    [
        ('{"bytes":[1,2,255]}', b"\x01\x02\xff"),
        ('{"bytes":[]}', b""),
        ('{"bytes":[ \n]}', b""),
        ('{"bytes":""}', b""),
        (' { "bytes" : [ 1 , 2 ,\n 3 ] } ', b"\1\2\3"),
        ('{"b\\u0079tes":[7]}', b"\x07"),
        ('{"action":"file","bytes":"AQID","message":"a.png"}', b"\1\2\3"),
        ('{"bytes":"\\/\\u002b\\u002B\\/"}', base64.b64decode("/++/")),
        ('{"bytes":"' + "\\u002f" * 40 + '"}', b"\xff" * 30),
        ('{"bytes":"' + "\\/" * 40 + '"}', b"\xff" * 30),
        ('{"bytes":"AQ\\nID\\r\\n"}', b"\1\2\3"),
        ('{"message":"\\"bytes\\":[1]","bytes":[2]}', b"\2"),
        ('{"message":{"bytes":[1]},"bytes":[2]}', b"\2"),
        ('{"message":["]}",{"a":"}"}],"bytes":[2]}', b"\2"),
        ('{"bytes":null}', None),
        ("{}", None),
        ('{"Bytes":[1]}', None),
        ('{"bytes":7,"action":"x"}', None),
        ('{"bytes":[' + ",".join(["200"] * 500) + "]}", bytes([200] * 500)),
    ],
)
async def test_a_file_is_found_and_read(raw: str, content: bytes | None) -> None:
    _, got = await read(raw)
    assert got == content


@pytest.mark.usefixtures("_small_slices")
@pytest.mark.parametrize(
    "raw",
    [
        "", "[]", "7", "{", '{"bytes', '{"bytes":[1', '{"bytes":"AQID', '{"bytes":[1]',
        '{"bytes":[1]}}', '{"bytes":[1]}x', '{"bytes":[1],"bytes":[1]}',
        '{"bytes":"AQID","bytes":[1]}',
        '{"bytes":[256]}', '{"bytes":[-1]}', '{"bytes":[1.0]}', '{"bytes":[1e1]}', '{"bytes":[01]}',
        '{"bytes":[true]}', '{"bytes":[null]}', '{"bytes":["1"]}', '{"bytes":[[1]]}',
        '{"bytes":[1_0]}',
        '{"bytes":[1 2]}', '{"bytes":[1,]}', '{"bytes":[,1]}', '{"bytes":[,]}', '{"bytes":[1,,2]}',
        '{"bytes":[99999999999999999999]}', '{"bytes":[{"a":1}]}', '{"bytes":[١]}',
        '{"bytes":[1' + " " * 40 + ",2]}", '{"bytes":[' + "1" * 99 + "]}",
        '{"bytes":[' + "7," * 99 + "]}",
        '{"bytes":"AQI"}', '{"bytes":"AQ=D"}', '{"bytes":"AQ==AQID"}', '{"bytes":"A-_D"}',
        '{"bytes":"é"}',
        '{"bytes":"AQ\\"D"}', '{"bytes":"AQID\\\\"}', '{"bytes":"\\x"}', '{"bytes":"AQID" "AQID"}',
        '{"bytes":"' + "AQID" * 9 + "AQ==" + "AQID" * 9 + '"}', '{"bytes":"' + "AQ==" * 20 + '"}',
        '{"bytes":"====' + "AAAA" * 20 + '"}',
        '{"bytes":[1] "a":2}', '{bytes:[1]}', '{"bytes" [1]}',
    ],
)  # fmt: skip
async def test_what_no_client_writes_is_no_message(raw: str) -> None:
    with pytest.raises((MalformedFile, msgspec.DecodeError)):
        await read(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b'{"a":1' + b',"a":1' * 2_000_000 + b"}",
        b'{"a":"' + b'\\"' * 4_000_000 + b'"}',
        b'{"bytes":"' + b'\\"' * 4_000_000 + b'"}',
        b'{"bytes":"' + b"\\" * 8_000_000 + b'"}',
        b'{"a":' + b"[" * 8_000_000,
        b'{"a":' + b"7" * 8_000_000 + b"}",
        b" " * 8_000_000 + b'{"bytes":[1]}',
        b'{"bytes":[1]}' + b" " * 8_000_000,
        b'{"bytes":' + b" " * 8_000_000 + b"[1]}",
        b'{"' + b"a" * 8_000_000 + b'":1}',
        b'{"message":"' + b"a" * 8_000_000 + b'","bytes":[1]}',
        b'{"bytes":[1],"message":"' + b"a" * 8_000_000 + b'"}',
        b"{" * 8_000_000,
        b"a" * 8_000_000,
        b'{"a":["' + b'","' * 2_000_000 + b'"]}',
    ],
    ids=lambda raw: repr(raw[:14]),
)
def test_what_is_large_and_no_file_is_refused_at_once(raw: bytes) -> None:
    taken = []
    for _ in range(3):  # the best counts: others may have the caches meanwhile
        began = time.thread_time()
        with pytest.raises(MalformedFile):
            split_file_message(raw)
        taken.append(time.thread_time() - began)
    assert min(taken) < 0.3  # 0.033 at most when it was measured


async def test_a_file_within_the_message_of_a_poll() -> None:
    raw = '{"username":"a","msg":{"action":"file","bytes":[1,2]},"session_id":"s"}'
    rest, content = await read(raw, within="msg")
    assert rest == {
        "username": "a",
        "msg": {"action": "file", "bytes": None},
        "session_id": "s",
    }
    assert content == b"\1\2"
    assert await read(raw) == (json.loads(raw), None)  # not where a websocket has it
    assert (await read('{"bytes":[1],"msg":{"bytes":"AQID"}}', within="msg"))[1] == b"\1\2\3"
    with pytest.raises(MalformedFile):
        await read('{"msg":{"bytes":[1]},"msg":{"bytes":[1]}}', within="msg")


async def test_the_rest_has_a_bound_of_its_own() -> None:
    raw = '{"message":"' + "a" * 80 + '","bytes":[' + "1," * 500 + "1]}"
    assert (await read(raw, rest_bytes=110))[1] == b"\1" * 501
    with pytest.raises(MalformedFile):
        await read(raw, rest_bytes=90)
    with pytest.raises(MalformedFile):
        await read('{"message":"' + "a" * 80 + '"}', rest_bytes=50)


@settings(max_examples=examples(300))
@given(
    st.dictionaries(KEYS, VALUES, max_size=5),
    st.dictionaries(KEYS, VALUES, max_size=5),
    st.binary(max_size=200),
    st.booleans(),
    st.sampled_from([None, 1]),
    st.booleans(),
    st.sampled_from([16, 17, 20, 65536]),
)
def test_any_json_around_a_file_comes_out_as_it_was(
    before: dict[str, Any], after: dict[str, Any], content: bytes, is_text: bool,
    indent: int | None, ascii_only: bool, size: int,
) -> None:  # fmt: skip
    file = base64.b64encode(content).decode() if is_text else list(content)
    whole = {key: value for key, value in before.items() if key not in after}
    whole = whole | {"bytes": file} | after
    raw = json.dumps(whole, indent=indent, ensure_ascii=ascii_only).encode()
    found = split_file_message(raw)
    assert found is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(file_messages, "SLICE", size)
        assert b"".join(file_messages.slices(found)) == content
    assert msgspec.json.decode(found.rest) == whole | {"bytes": None}
    assert small_file(file) == content


@settings(max_examples=examples(500))
@given(
    st.lists(
        st.sampled_from(['{', '}', '"bytes"', ":", "[", "]", '"', "\\", ",", "1", "256", " ",
                         "null", '"a"', "AQID", "=", "-", ".", "é"]),
        max_size=20,
    ).map("".join).map(str.encode) | st.binary(max_size=60)
)  # fmt: skip
def test_whatever_comes_is_read_as_json_would_or_refused(raw: bytes) -> None:
    try:
        found = split_file_message(raw)
        content = found and b"".join(file_messages.slices(found))
        rest = msgspec.json.decode(found.rest if found else raw)
    except (MalformedFile, msgspec.MsgspecError, UnicodeError):
        return
    whole = msgspec.json.decode(raw)
    assert found is None or small_file(whole["bytes"]) == content
    assert found is None or {**whole, "bytes": None} == rest


@pytest.mark.parametrize(
    "value", ["AQI", "A-_D", "é", [256], [-1], [1.0], [True], {}, 7, None, [[1]]]
)
def test_a_small_file_is_refused_as_a_large_one(value: Any) -> None:
    with pytest.raises(MalformedFile):
        small_file(value)


class Turns(trio.abc.Instrument):
    """The longest time that one task kept the loop, in seconds of its thread's own clock."""

    def __init__(self) -> None:
        self.longest = 0.0
        self.began = time.thread_time()

    def before_task_step(self, task: trio.lowlevel.Task) -> None:
        self.began = time.thread_time()

    def after_task_step(self, task: trio.lowlevel.Task) -> None:
        self.longest = max(self.longest, time.thread_time() - self.began)


def large(kind: str) -> tuple[bytes, bytes]:
    content = random.Random(1).randbytes(11 * MEBIBYTE)
    if kind == "numbers":
        file = ("[" + ",".join(map(str, content)) + "]").encode()
    else:
        content *= 2
        file = b'"' + base64.b64encode(content) + b'"'
        if kind == "escaped":
            file = file.replace(b"/", b"\\/").replace(b"+", b"\\u002b")
    return b'{"action":"file","message":"a.gif","bytes":' + file + b"}", content


@pytest.mark.parametrize("kind", ["numbers", "base64", "escaped"])
async def test_a_message_of_39_mebibytes_lets_others_work_meanwhile(kind: str) -> None:
    raw, content = large(kind)
    assert len(raw) > 28 * MEBIBYTE
    longest = list[float]()
    while not longest or (min(longest) >= 0.025 and len(longest) < 3):  # others may have the caches
        turns = Turns()
        trio.lowlevel.add_instrument(turns)
        found = split_file_message(raw)
        assert found is not None
        got = await file_content(found)
        await trio.lowlevel.checkpoint()
        trio.lowlevel.remove_instrument(turns)
        assert got == content
        longest.append(turns.longest)
    assert 0 < min(longest) < 0.025  # 0.004 when it was measured


@pytest.mark.parametrize("kind", ["numbers", "base64"])
async def test_a_large_file_takes_little_memory_beside_the_message(kind: str) -> None:
    raw, _ = large(kind)
    tracemalloc.start()
    try:
        found = split_file_message(raw)
        assert found is not None
        await file_content(found)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 1.5 * len(raw)
