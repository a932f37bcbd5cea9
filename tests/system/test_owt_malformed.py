"""Whatever a client says to OWT's portal, before its login or after: it is answered with ok or with
words, nothing crashes, and the others in its room notice nothing but what it may do.
"""

from __future__ import annotations

import json
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from media.contract.engine import MediaEngine
from media.local_engine import open_local_engine
from media.webrtc.bridge import open_media_loop
from media.webrtc.peer_facts import IceConfig
from tests.media.webrtc.test_damaged_descriptions import OFFER as WITH_CHANNEL
from tests.media.webrtc.test_damaged_descriptions import damaged
from tests.support.owt import OwtServer, owt_server, owt_settings
from tests.support.owt_portal import AGENT, Guest, connection, guest, token
from tests.support.peace import CRASHES, library_troubles

SETTINGS = owt_settings(
    owt={"messages_per_second": 0, "resume_seconds": 0.2},
    streams={"connect_seconds": 2.0},
    limits={"credential_failures": 0},
)
FUZZ = settings(
    max_examples=20,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
SAYINGS = 25

OWN, THEIRS, TOKEN, TICKET, SOMEBODY = "«own»", "«theirs»", "«token»", "«ticket»", "«somebody»"
"""What a strategy cannot know, filled in when it is said."""

REQUESTS = (
    "login", "relogin", "refreshReconnectionTicket", "logout", "text", "publish", "unpublish",
    "subscribe", "unsubscribe", "soac", "stream-control", "subscription-control",
)  # fmt: skip
CANDIDATE = "candidate:1 1 udp 2130706431 127.0.0.1 9 typ host"
OFFER = WITH_CHANNEL[: WITH_CHANNEL.index("m=application")].replace("BUNDLE 0 1 2", "BUNDLE 0 1")
TRICKLED = {"type": "candidate", "candidate": {"candidate": CANDIDATE}}

WORDS = st.sampled_from([
    OWN, THEIRS, TOKEN, TICKET, SOMEBODY, "all", "mic", "camera", "screen-cast", "opus", "vp8",
    "h264", "audio", "video", "av", "pause", "play", "mix", "get-region", "set-region", "update",
    "offer", "answer", "candidate", "removed-candidates", "1.0", "1.1", "1.2", "x2.0", "", "é😀",
    "0", "\0", "__class__", "constructor", "common", OFFER, CANDIDATE,
])  # fmt: skip
KEYS = st.sampled_from([
    "id", "media", "audio", "video", "source", "from", "format", "codec", "parameters", "bitrate",
    "resolution", "width", "height", "framerate", "keyFrameInterval", "attributes", "signaling",
    "type", "sdp", "candidate", "sdpMid", "sdpMLineIndex", "operation", "data", "to", "message",
    "token", "userAgent", "sdk", "version", "protocol", "view", "region", "simulcastRid",
])  # fmt: skip
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | WORDS
)
ANYTHING = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(KEYS | st.text(max_size=8), inner, max_size=5)
    ),
    max_leaves=12,
)

MEDIA = {"audio": {"source": "mic"}, "video": {"source": "camera"}}
TAKEN = {"audio": {"from": THEIRS}, "video": {"from": THEIRS, "parameters": {"bitrate": "x1.0"}}}
RIGHT: list[tuple[str, Any]] = [
    ("login", {"token": TOKEN, "userAgent": AGENT, "protocol": "1.1"}),
    ("relogin", TICKET),
    ("refreshReconnectionTicket", None),
    ("text", {"to": "all", "message": "hm"}),
    ("text", {"to": SOMEBODY, "message": "hm"}),
    ("publish", {"media": MEDIA, "attributes": {"a": [1]}}),
    ("subscribe", {"media": TAKEN}),
    ("unpublish", {"id": OWN}),
    ("unsubscribe", {"id": THEIRS}),
    ("soac", {"id": OWN, "signaling": {"type": "offer", "sdp": OFFER}}),
    ("soac", {"id": OWN, "signaling": TRICKLED}),
    ("soac", {"id": OWN, "signaling": {"type": "removed-candidates", "candidates": [{}]}}),
    ("stream-control", {"id": OWN, "operation": "pause", "data": "av"}),
    ("stream-control", {"id": OWN, "operation": "mix", "data": "common"}),
    ("subscription-control", {"id": OWN, "operation": "update", "data": {"video": {"from": OWN}}}),
    ("logout", None),
]  # fmt: skip


@st.composite
def nearly_right(draw: st.DrawFn) -> tuple[str, list[Any]]:
    """A request as it should be, with one thing in it put wrong; or quite right."""
    name, data = draw(st.sampled_from(RIGHT))
    data = json.loads(json.dumps(data))
    within, key = [data], 0
    at: Any = within
    for _ in range(draw(st.integers(0, 4))):
        inner = at[key]
        if not isinstance(inner, dict) or not inner:
            break
        at, key = inner, draw(st.sampled_from(sorted(inner)))
    match draw(st.sampled_from(["as it is", "other", "other", "gone", "more"])):
        case "other":
            at[key] = draw(ANYTHING)
        case "gone" if isinstance(at, dict):
            del at[key]
        case "more" if isinstance(at, dict):
            at[draw(KEYS | st.text(max_size=8))] = draw(ANYTHING)
    return name, within


ODD = st.tuples(
    st.sampled_from(REQUESTS) | st.text(max_size=12), st.lists(ANYTHING, max_size=3)
)  # fmt: skip
SAID = st.lists(nearly_right() | nearly_right() | ODD, min_size=1, max_size=SAYINGS)


@dataclass
class Stranger:
    """Says what is drawn, over one connection after the other."""

    server: OwtServer
    room: str
    innocent: Guest
    stream: str
    own: list[str] = field(default_factory=list)

    async def say(self, said: list[tuple[str, list[Any]]], *, inside: bool) -> None:
        rest = list(said)
        while rest:
            unused = await token(self.server, self.room)
            async with connection(self.server) as it:
                if inside:
                    await it.login(unused)
                await self._say(it, unused, rest)
            await self.calm()

    async def _say(self, it: Guest, unused: str, rest: list[tuple[str, list[Any]]]) -> None:
        """Say what is left, up to the end of the connection, if it comes to that."""
        while rest and not it.client.ended:
            name, args = rest.pop(0)
            ticket = it.welcome.get("reconnectionTicket", "none yet")
            known = {
                OWN: self.own[-1] if self.own else "1",
                THEIRS: self.stream,
                TOKEN: unused,
                TICKET: ticket,
                SOMEBODY: self.innocent.id,
            }
            status, *answer = await it.client.call(name, *(filled(each, known) for each in args))
            assert status in ("ok", "error"), (status, answer)
            if status == "error":
                assert [type(each) for each in answer] == [str]
                assert answer[0]
                if name in ("login", "relogin") and answer[0] != "Illegal request":
                    assert await it.client.gone() == "disconnect"
            elif name in ("publish", "subscribe"):
                self.own.append(answer[0]["id"])
            elif name == "logout":
                assert await it.client.gone() == "disconnect"

    async def calm(self) -> None:
        """The innocent one is answered as ever, still in the room, still sending."""
        await self.innocent.ok("text", {"to": self.innocent.id, "message": "calm"})
        while (await self.innocent.told("text"))["message"] != "calm":
            pass
        path = f"/v1/rooms/{self.room}/participants/{self.innocent.id}"
        assert (await self.server.manager().ask("GET", path)).status_code == 200


def filled(value: Any, known: dict[str, str]) -> Any:
    if isinstance(value, str):
        return known.get(value, value)
    if isinstance(value, list):
        return [filled(each, known) for each in value]
    if isinstance(value, dict):
        return {key: filled(each, known) for key, each in value.items()}
    return value


@asynccontextmanager
async def beside_somebody(
    tmp_path: Path, engine: MediaEngine | None = None
) -> AsyncIterator[Stranger]:
    with capture_logs() as entries, library_troubles() as troubles:
        async with owt_server(tmp_path, settings=SETTINGS, engine=engine) as server:
            room = (await server.manager().create_room())["_id"]
            async with guest(server, room, "innocent") as innocent:
                stream = (await innocent.ok("publish", {"media": MEDIA}))["id"]
                yield Stranger(server, room, innocent, stream)
    assert server.system.counters.crashes == 0
    assert not (crashed := [entry for entry in entries if entry["event"] in CRASHES]), crashed
    assert troubles == []


@pytest.mark.parametrize("inside", [False, True], ids=["before login", "inside"])
@given(said=SAID)
@FUZZ
async def test_whatever_is_said_is_answered(
    tmp_path: Path, inside: bool, said: list[tuple[str, list[Any]]]
) -> None:
    async with beside_somebody(tmp_path) as stranger:
        await stranger.say(said, inside=inside)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(6))
async def test_damaged_offers_are_answered_or_ended_in_words(tmp_path: Path, seed: int) -> None:
    """With the real media layer; whoever's offer cannot be taken is told, and may try again."""
    dice, outcomes = random.Random(seed), set()
    async with open_media_loop() as loop:
        ice = IceConfig(listen_ips=("127.0.0.1",))
        async with open_local_engine(loop, ice) as engine:
            async with beside_somebody(tmp_path, engine) as stranger:
                async with guest(stranger.server, stranger.room, "stranger") as it:
                    for _ in range(20):
                        stream = (await it.ok("publish", {"media": MEDIA}))["id"]
                        offer = {"type": "offer", "sdp": damaged(OFFER, dice)}
                        status, *words = await it.client.call(
                            "soac", {"id": stream, "signaling": offer}
                        )
                        assert status == "ok", words
                        told = await it.told("progress", id=stream)
                        assert told["status"] in ("soac", "error")
                        outcomes.add(told["status"])
                        if told["status"] == "soac":
                            await it.ok("unpublish", {"id": stream})
                        else:
                            assert told["data"]
                    await stranger.calm()
            assert engine.sessions == 0
        assert loop.stray_errors == 0
    assert outcomes == {"soac", "error"}
