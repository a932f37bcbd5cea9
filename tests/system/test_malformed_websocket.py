"""Malformed messages on the channelling websocket, over both carriers.

A message that makes no sense is answered with a documented error or with silence; nothing crashes,
and nobody else notices. Broken frames: `test_malformed_frames.py`.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.spreed.wire import TYPES
from tests.support.peace import Siege, answers, peaceful
from tests.support.serving import CARRIERS
from tests.support.spreed import spreed_settings

LIMITS = {
    "credential_failures": 0, "empty_rooms_per_address": 0, "status_bytes": 4096,
    "room_name_bytes": 128,
}  # fmt: skip
SPREED = {"users": {"enabled": True}}


@pytest.fixture(params=CARRIERS)
async def siege(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Siege]:
    chosen = spreed_settings(limits=LIMITS, spreed=SPREED)
    async with peaceful(tmp_path, request.param, chosen) as running:
        yield running


DEEP = "[" * 300 + "]" * 300
IGNORED = (
    "",
    "{",
    "null",
    "42",
    "[]",
    '"Hello"',
    "{}",
    '{"Type": null}',
    '{"Type": 7}',
    '{"Type": ["Alive"]}',
    '{"Type": "Nonsense", "Nonsense": {}}',
    '{"Type": "Talking", "Talking": true}',
    '{"Type": "Screenshare", "Screenshare": {"id": "x"}}',
    '{"Type": "__class__"}',
    '{"Type": "Type"}',
    '{"Type": "Error", "Error": {}}',
    '{"Type": "Welcome", "Welcome": {}}',
    '{"Type": "Alive", "Alive": "x"}',
    '{"Type": "Alive", "Alive": -1}',
    '{"Type": "Alive", "Alive": 1e999}',
    '{"Type": "Alive", "Alive": NaN}',
    '{"Type": "Hello", "Hello": 7}',
    '{"Type": "Hello", "Hello": {"Name": 7}}',
    '{"Type": "Hello", "Hello": {"Name": "\\ud800"}}',
    '{"Type": "Hello", "Hello": {"Name": "x", "Credentials": {"PIN": "\\udfff"}}}',
    '{"Type": "Hello", "Hello": {"Name": "x", "Credentials": {"PIN": 1234}}}',
    '{"Type": "Hello", "Hello": {"Name": "x", "Credentials": []}}',
    '{"Type": "Room", "Room": []}',
    '{"Type": "Authentication", "Authentication": {"Userid": "\\ud800", "Nonce": "\\ud800"}}',
    '{"Type": "Sessions", "Sessions": {"Type": "session", "Token": "\\ud800"}}',
    '{"Type": "Offer", "Offer": "v=0"}',
    '{"Type": "Answer", "Answer": [1]}',
    '{"Type": "Candidate"}',
    '{"Type": "Conference", "Conference": {"a": 1}}',
    '{"Type": "Conference", "Conference": [1, 2]}',
    '{"Type": "Chat", "Chat": {"Message": 7}}',
    '{"Type": "Chat", "Chat": {"Message": "\\ud800"}}',
    '{"Type": "Chat", "Chat": {"Message": "x", "Status": {"Geolocation": {"latitude": 1e999}}}}',
    '{"Type": "Alive", "Alive": 1, "Iid": 7}',
    '{"Type": "Alive", "Alive": 1, "Iid": "\\ud800"}',
    '{"Type": "Bye", "To": 7}',
    '{"Type": "Bye", "To": "\\ud800"}',
    '{"Type": "Alive", "Alive": ' + "9" * 400 + ".5}",
    '{"type": "alive", "deep": ' + "[" * 100_000 + "]" * 100_000 + "}",
    '{"Type": "Status", "Status": ' + "[" * 100_000,
    '{"Type": "Status", "Status": ' + '{"a":' * 30_000 + "1" + "}" * 30_000 + "}",
    "[" * 200_000,
    '{"Type": "Alive", "Alive": 1}x',
    "\ufeff" + '{"Type": "Alive", "Alive": 1}',
    '{"Type": "Alive", "Alive": 1}\0',
    "{'Type': 'Alive'}",
)


async def test_messages_that_make_no_sense_are_ignored(siege: Siege) -> None:
    async with siege.server.client() as ann:
        for message in IGNORED:
            await ann.raw(message)
            assert await answers(ann) == [], message[:100]


async def test_binary_messages_are_ignored(siege: Siege) -> None:
    async with siege.server.client() as ann:
        for message in (b"", b"\x00\xff\xfe", b'{"Type":"Alive","Alive":1}', b"\x00" * 100_000):
            await ann.raw(message)
            assert await answers(ann) == []


STRANGE = (
    "\0", "a\0b", "\x1b[2J", "\u202etxt.exe", "\ufeff", "\U0010ffff", "é\u0301" * 20, "🎥" * 30,
    "/", "//", "..", "../../etc/passwd", "%2e%2e%2f", "%00", "<script>", "'; DROP TABLE", "{}",
    "İ", "ǅ", "ß", "\u2028\u2029", " ", "\t\r\n", "Room:x", ":", "x" * 128, "\ud83d\ude00",
)  # fmt: skip


async def test_strange_names_work_as_names(siege: Siege) -> None:
    async with siege.server.client() as ann, siege.server.client() as bob:
        for name in STRANGE:
            text = name.encode("utf-16", "surrogatepass").decode("utf-16")
            for client in (ann, bob):
                body = {"Version": text, "Ua": text, "Name": text, "Type": text}
                await client.raw(json.dumps({"Type": "Hello", "Hello": body, "Iid": text}))
            await ann.send("Status", {text: text}, Iid=text)
            await bob.send("Chat", {"Message": text, "Mid": text, "NoEcho": True}, To="")
            await bob.send("Chat", {"Message": text, "Mid": text}, To=text)
            await bob.send("Offer", {"sdp": text}, To=ann.id)
            await bob.send("Conference", [text, ann.id], Id=text)
            await bob.send("Authentication", {"Userid": text, "Nonce": text})
            await bob.send("Sessions", {"Type": "session", "Token": text})
            await ann.send("Room", {"Name": text, "Type": text, "Credentials": {"PIN": text}})
            told = [
                answer["Data"]["Type"] for client in (ann, bob) for answer in await answers(client)
            ]
            assert "Welcome" in told, name
        for client in (ann, bob):
            await client.send("Leave")
            await answers(client)


async def test_odd_values_in_what_is_only_relayed_arrive_as_they_were(siege: Siege) -> None:
    async with siege.server.client() as ann, siege.server.client() as bob:
        await ann.join("blue")
        await bob.join("blue")
        await ann.data("Joined")
        odd = {"huge": 10**400, "nul": "\0", "": {"": [[], {}, None]}, "deep": json.loads(DEEP)}
        await bob.send("Status", odd)
        assert (await ann.data("Status"))["Status"] == odd
        await bob.send("Offer", odd, To=ann.id)
        assert (await ann.data("Offer"))["Offer"] == odd
        await bob.raw('{"Type":"Status","Status":{"half of a pair":"\\ud800"}}')
        await ann.send("Users")
        users = (await ann.data("Users"))["Users"]
        assert [user.get("Status") for user in users] == [None, odd]


async def test_what_is_too_long_is_refused_and_what_is_not_is_kept_small(siege: Siege) -> None:
    async with siege.server.client() as ann:
        await ann.hello("x" * 129)
        assert (await ann.error())[0] == "invalid_room_name"
        await ann.hello("x", Type="y" * 129)
        assert (await ann.error())[0] == "invalid_room_name"
        await ann.send("Status", "z" * 5000)
        assert (await ann.error())[0] == "status_too_large"
        welcome = await ann.join("blue", Ua="u" * 100_000)
        assert len(json.dumps(welcome)) < 10_000  # everyone in the room is shown the Ua


TEXTS = st.text(max_size=20) | st.sampled_from(("x", "Room", "session", "contact", "", "\0"))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
KEYS = st.sampled_from(
    ("Type", "Name", "Id", "To", "Iid", "Credentials", "PIN", "Ua", "Message", "Mid", "Status",
     "NoEcho", "Token", "Userid", "Nonce", "buddyPicture", "FileInfo", "ContactRequest", "type",
     "ALIVE")
)  # fmt: skip
DOCUMENTS = st.dictionaries(KEYS | st.sampled_from(TYPES), VALUES, max_size=5) | VALUES


@st.composite
def messages(draw: st.DrawFn) -> str:
    """Draw a message of a known type with a body that may or may not fit, nested or not."""
    kind = draw(st.sampled_from(TYPES))
    body = draw(DOCUMENTS)
    if draw(st.booleans()):
        body = {"Type": kind, kind: body}
    name = draw(st.sampled_from((kind, kind, kind.lower(), kind.upper())))
    text = json.dumps({"Type": kind, name: body} | draw(st.dictionaries(KEYS, TEXTS, max_size=2)))
    cut = draw(st.integers(0, 3 * len(text)))
    return text[:cut] or text


@pytest.mark.parametrize("carrier", CARRIERS)
@given(said=st.lists(messages(), min_size=1, max_size=25))
@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
async def test_whatever_is_said_the_answer_is_documented_or_silence(
    tmp_path: Path, carrier: str, said: list[str]
) -> None:
    limits = {"credential_failures": 0, "empty_rooms_per_address": 0}
    async with peaceful(tmp_path, carrier, spreed_settings(limits=limits)) as siege:
        async with siege.server.client() as ann, siege.server.client() as bob:
            await bob.join("x")
            await ann.join("x")
            for message in said:
                await ann.raw(message)
                await answers(ann)
            await answers(bob)
