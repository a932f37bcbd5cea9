"""Whatever a client says on BareRTC's websocket or in a poll, before its login or after: it is
answered with words or with silence, nothing crashes, and the others go on talking.
"""

from __future__ import annotations

import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import trio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs
from structlog.typing import EventDict

from api.barertc.conversation import HANDLERS
from api.barertc.wire import BareMessage
from tests.support.barertc import WAYS, BareServer, BareTester, Said, barertc_server
from tests.support.peace import CRASHES, IN_TIME, PROMPT, library_troubles

pytestmark = pytest.mark.slow
FUZZ = settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@dataclass
class ChatSiege:
    server: BareServer
    entries: list[EventDict] = field(default_factory=list)
    worst: float = 0.0
    worst_work: float = 0.0  # of the processor, during one wait
    answers: int = 0

    async def witness(self, innocent: BareTester) -> None:
        """Write to oneself and hear it, again and again."""
        while True:
            asked, worked = time.monotonic(), time.thread_time()
            await innocent.say(f"number {self.answers}", "@innocent")
            text = f"<p>number {self.answers}</p>"
            await innocent.until("message", username="innocent", message=text)
            self.worst = max(self.worst, time.monotonic() - asked)
            self.worst_work = max(self.worst_work, time.thread_time() - worked)
            self.answers += 1
            innocent.heard.clear()
            await trio.sleep(0.02)


@asynccontextmanager
async def at_peace(tmp_path: Path, way: str) -> AsyncIterator[ChatSiege]:
    """Serve with an innocent person connected; when the block ends, nothing has crashed and he
    never waited long."""
    with capture_logs() as entries, library_troubles() as troubles:
        async with barertc_server(tmp_path, way) as server:
            async with server.person("innocent") as innocent, trio.open_nursery() as nursery:
                siege = ChatSiege(server, entries)
                nursery.start_soon(siege.witness, innocent)
                yield siege
                wanted = siege.answers + 3
                with trio.fail_after(15):
                    while siege.answers < wanted:
                        await trio.sleep(0.02)
                nursery.cancel_scope.cancel()
    assert server.system.counters.crashes == 0
    assert not (crashed := [entry for entry in entries if entry["event"] in CRASHES]), crashed
    assert troubles == []
    assert siege.worst_work < PROMPT
    assert siege.worst < IN_TIME


IGNORED = (
    "", "{", "null", "42", "[]", '"login"', '{"action":7}', '{"action":["login"]}',
    '{"action":"me","video":"1"}', '{"action":"message","message":7}',
    '{"action":"message","message":"\\ud800"}', '{"action":"blocklist","usernames":"x"}',
    '{"action":"takeback","msgID":99999999999999999999}', '{"action":"ping","dnd":1}',
    '{"action":"ping","deep":' + "[" * 100_000 + "]" * 100_000 + "}", "[" * 200_000,
    '{"action":"message","message":' + '{"a":' * 30_000 + "1" + "}" * 30_000 + "}",
    '{"action":"typing"}x', "\ufeff" + '{"action":"typing"}', '{"action":"typing"}\0',
    "{'action':'typing'}", '{"action":"file","message":"a.png","bytes":[' + "1," * 60_000,
    '{"action":"file","message":"a.png","bytes":[' + "1," * 60_000 + "1]", "x" * 100_000,
    '{"action":"message","channel":"lobby","message":null}',
)  # fmt: skip


@pytest.mark.parametrize("carrier", ["lane", "quart"])
@pytest.mark.parametrize("logged_in", [True, False])
async def test_messages_that_make_no_sense_are_ignored(
    tmp_path: Path, carrier: str, logged_in: bool
) -> None:
    async with at_peace(tmp_path, carrier) as siege, siege.server.connected() as ann:
        if logged_in:
            await ann.log_in("ann")
        for message in IGNORED[:-1] if not logged_in else IGNORED:
            await ann.raw(message)
            assert await ann.rest() == [], message[:100]
        for binary in (b"", b"\x00\xff", b'{"action":"typing"}', b"\x00" * 100_000):
            await ann.raw(binary)
            assert await ann.rest() == []


STRANGE = (
    "\0", "a\0b", "\x1b[2J", "\u202etxt.exe", "\ufeff", "\U0010ffff", "é\u0301" * 20, "🎥" * 30,
    "/", "..", "%00", "<script>", "'; DROP TABLE", "{}", "İ", "ǅ", "ß", "\u2028\u2029", " ",
    "\t\r\n", "@", "@@", "@innocent", "x" * 5000, "\ud83d\ude00", "_", "%",
)  # fmt: skip


@pytest.mark.parametrize("way", WAYS)
async def test_strange_texts_do_no_harm_wherever_they_stand(tmp_path: Path, way: str) -> None:
    async with at_peace(tmp_path, way) as siege:
        for number, odd in enumerate(STRANGE):
            text = odd.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
            async with siege.server.connected(way) as ann:
                await ann.send("login", username=text, jwt="")
                await ann.send("login", username=f"ann {number}", jwt=text)
                await ann.send("login", username="ann")
                for action in HANDLERS:
                    await ann.send(
                        action, username=text, channel=text, message=text, status=text,
                        usernames=[text], description=text, candidate=text, reason=text,
                        comment=text, timestamp=text,
                    )  # fmt: skip
                await ann.send("file", channel=text, message=f"{text}.png", bytes=[1])


TEXTS = st.text(max_size=20) | st.sampled_from(
    ("ann", "innocent", "lobby", "@ann", "@innocent", "/kick ann", "/nsfw", "/ban", "a.png")
)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)
ACTIONS = st.sampled_from(
    [*HANDLERS, "login", "file", "ping", "typing", "who", "error", "disconnect", ""]
)
FITTING = {
    "username": TEXTS, "channel": TEXTS, "message": TEXTS, "status": TEXTS, "description": TEXTS,
    "candidate": TEXTS, "video": st.integers(-2, 1025), "dnd": st.booleans(),
    "usernames": st.lists(TEXTS, max_size=3), "msgID": st.integers(-1000, 2**40),
    "bytes": st.lists(st.integers(0, 255), max_size=5),
}  # fmt: skip
FIELDS = st.sampled_from(BareMessage.__struct_fields__)


@st.composite
def sayings(draw: st.DrawFn) -> str:
    """Draw a message whose fields may or may not fit, whole or cut."""
    said = {"action": draw(ACTIONS)} | draw(st.fixed_dictionaries({}, optional=FITTING))
    if draw(st.booleans()):
        said |= draw(st.dictionaries(FIELDS, VALUES, max_size=2))
    text = json.dumps(said)
    return text[: draw(st.integers(1, 3 * len(text)))]


@pytest.mark.parametrize("carrier", ["lane", "quart"])
@given(said=st.lists(sayings(), min_size=1, max_size=25), operator=st.booleans())
@FUZZ
async def test_whatever_is_said_the_answer_is_a_message_or_silence(
    tmp_path: Path, carrier: str, said: list[str], operator: bool
) -> None:
    async with at_peace(tmp_path, carrier) as siege, siege.server.connected() as ann:
        await ann.send("login", jwt=siege.server.token("ann", op=operator))
        for text in said:
            if "innocent" in text and operator:
                continue  # an operator may well put him out
            if "/kickall" not in text and "/shutdown" not in text:
                await ann.raw(text)
        await ann.send("login", username="ann")
        for heard in await ann.rest():
            check(heard)


@given(said=st.lists(sayings(), min_size=1, max_size=15))
@FUZZ
async def test_whatever_is_polled_the_answer_is_an_answer(tmp_path: Path, said: list[str]) -> None:
    async with at_peace(tmp_path, "poll") as siege, siege.server.http() as http:
        session: Said = {}
        for text in said:
            head = json.dumps(session)[:-1] + (", " if session else "")
            answer = await http.post("/poll", content=f'{head}"msg":{text}}}'.encode())
            assert answer.status_code in (200, 400)
            document = answer.json()
            assert set(document) == {"username", "session_id", "messages"}
            for heard in document["messages"]:
                check(heard)
            if document["session_id"]:
                session = {name: document[name] for name in ("username", "session_id")}


def check(heard: Said) -> None:
    """Hold a message of the server to what clients can read."""
    assert isinstance(heard["action"], str)
    if heard["action"] == "message":
        assert heard["channel"]
        assert heard["msgID"]
    if heard["action"] == "me":
        assert heard["username"]
