"""Values that npm `peerjs-js-binarypack` packs are read, and it reads what is packed here."""

from __future__ import annotations

import json
import math
import random
from base64 import b64decode, b64encode
from collections.abc import AsyncIterator
from typing import Any

import msgspec
import pytest

from media.channels.binarypack import pack_bytes, unpack
from media.channels.chunks import Chunks
from media.channels.formats import to_datagram
from media.contract.datagrams import MessageFormat
from tests.support.npm import node, npm_packages
from tests.support.talking import Talking

VERSIONS = ["1.0.1", "2.1.0"]  # of peerjs 1.3.2, and 1.5.5
SCRIPT = """
globalThis.File ??= require("buffer").File;
const { pack, unpack } = require("peerjs-js-binarypack");
const base64 = (data) => Buffer.from(data).toString("base64");
const bytesOf = async (it) => new Uint8Array(it instanceof Blob ? await it.arrayBuffer() : it);
const packed = async (value) => bytesOf(await pack(value));
function plain(value) {  // as JSON has it here: bytes are base64, a Date its text
    if (value instanceof ArrayBuffer) return base64(value);
    if (ArrayBuffer.isView(value)) return base64(value.buffer);
    if (value instanceof Date) return value.toString();
    if (Array.isArray(value)) return value.map((it) => plain(it) ?? null);
    if (value === undefined || value === null || typeof value !== "object") return value ?? null;
    return Object.fromEntries(Object.entries(value).map(([key, it]) => [key, plain(it)]));
}
async function chunks(value) {  // as peerjs cuts them
    const whole = await packed(value), total = Math.ceil(whole.length / 16300), made = [];
    for (let n = 0; n < total; n++) {
        const data = whole.slice(n * 16300, (n + 1) * 16300).buffer;
        made.push(base64(await packed({ __peerData: 1, n, data, total })));
    }
    return made;
}
const orders = {
    pack: async (value) => ({ packed: base64(await packed(value)), json: plain(value) }),
    evaluate: async (text) => orders.pack(eval(`(${text})`)),
    chunks: async (text) => chunks(eval(`(${text})`)),
    unpack: async (text) => {
        const data = Buffer.from(text, "base64");
        const value = unpack(data.buffer.slice(data.byteOffset, data.byteOffset + data.length));
        return { bytes: value instanceof ArrayBuffer, data: base64(value) };
    },
};
(async () => {
    for await (const line of require("readline").createInterface({ input: process.stdin })) {
        const [order, value] = JSON.parse(line);
        console.log(JSON.stringify(await orders[order](value)));
    }
})();
"""
WRITTEN = [
    "undefined",
    "null",
    "[undefined, null, true, false]",
    "{ nothing: undefined, inner: { list: [1, [2, [3]]] } }",
    "new Date(1582789414000)",
    "{ when: new Date(0) }",
    "new Uint8Array([1, 2, 255]).buffer",
    "new Uint16Array([1, 2, 65535])",
    "{ picture: new Uint8Array(20).buffer, name: 'ü' }",
    "[0, -0, 127, 128, 255, 256, 65535, 65536, 4294967295, 4294967296]",
    "[-1, -32, -33, -128, -129, -32768, -32769, -2147483648, -2147483649, -8589934593]",
    "[Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]",
    "[0.1, -0.1, 1.5, 1e-7, 123456.789, Math.PI, 1e-300]",
    "''",
    "'x'.repeat(15)",
    "'x'.repeat(16)",
    "'ü€'.repeat(500)",
    "'x'.repeat(70000)",
    "'😀'",
    "['😀', 1, 'a😀b😀', { '😀': '😀' }]",
    "'😀'.repeat(400)",
    "'\\ud800 alone'",
    "Array.from({ length: 20 }, (_, i) => i)",
    "Array.from({ length: 1000 }, () => 1)",
    "Object.fromEntries(Array.from({ length: 300 }, (_, i) => [`key ${i}`, i]))",
]


@pytest.fixture(params=VERSIONS)
async def binarypack(request: pytest.FixtureRequest) -> AsyncIterator[Talking]:
    modules = npm_packages(f"peerjs-js-binarypack@{request.param}")
    async with node(SCRIPT, modules=modules) as running:
        yield running


async def ask(running: Talking, order: str, value: object) -> Any:
    await running.say(json.dumps([order, value]))
    return json.loads(await running.line())


def read(packed: str) -> Any:
    return json.loads(msgspec.json.encode(unpack(b64decode(packed))))


def replaced(value: str) -> str:
    """Return what JavaScript makes of half a character when it is written as UTF-8."""
    return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


@pytest.mark.parametrize("text", WRITTEN)
async def test_what_it_packs_is_read(binarypack: Talking, text: str):
    answer = await ask(binarypack, "evaluate", text)
    expected = answer["json"]
    assert read(answer["packed"]) == (replaced(expected) if isinstance(expected, str) else expected)


def value(chance: random.Random, depth: int = 0) -> Any:
    """Return any value that JSON has."""
    kind = chance.randrange(5 if depth > 3 else 7)
    if kind == 0:
        return chance.choice([None, True, False, 0, "", -1])
    if kind == 1:
        return chance.randrange(-(2 ** chance.randrange(54)), 2 ** chance.randrange(54))
    if kind == 2:
        return chance.uniform(-1, 1) * 10.0 ** chance.randrange(-20, 12)
    if kind in (3, 4):
        letters = chance.choice(["abc", "äöü€", "a😀ü", "😀𐀀"])
        return "".join(chance.choices(letters, k=chance.randrange(40)))
    many = range(chance.randrange(20))
    if kind == 5:
        return [value(chance, depth + 1) for _ in many]
    return {f"key {chance.random()}": value(chance, depth + 1) for _ in many}


@pytest.mark.parametrize("seed", range(4))
async def test_whatever_it_packs_is_read(binarypack: Talking, seed: int):
    chance = random.Random(seed)
    for _ in range(100):
        wanted = value(chance)
        answer = await ask(binarypack, "pack", wanted)
        assert read(answer["packed"]) == wanted


@pytest.mark.parametrize("size", [0, 1, 15, 16, 300, 16_300, 65_507, 65_535, 65_536])
async def test_it_reads_bytes_that_are_packed_here(binarypack: Talking, size: int):
    data = random.Random(size).randbytes(size)
    answer = await ask(binarypack, "unpack", b64encode(pack_bytes(data)).decode())
    assert answer == {"bytes": True, "data": b64encode(data).decode()}


@pytest.mark.parametrize("size", [16_300, 40_000, 65_507])
async def test_its_chunks_are_put_together(binarypack: Talking, size: int):
    made = await ask(binarypack, "chunks", f"new Uint8Array({size}).fill(7).buffer")
    chunks, found = Chunks(), []
    for chunk in made:
        found.append(to_datagram(MessageFormat.BINARY, b64decode(chunk), "one", chunks))
    assert len(found) == math.ceil((size + 3) / 16_300)
    assert found[-1] == b"\x07" * size
