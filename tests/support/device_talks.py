"""Two devices in a call on the fake engine, with sound and picture both ways."""

from __future__ import annotations

from typing import Any

from actors.device.medium import MediumWanted
from actors.device.offers import write_answer
from tests.fakes.media import FakeEngine
from tests.support.actors import settle
from tests.support.device_calls import Calls

HERE = ("127.0.0.1", 20_000)
HERE_TOO = ("127.0.0.1", 20_010)
RTCP = ("127.0.0.1", 20_001)
AUDIO = MediumWanted("audio", "au-a", receives=True)
VIDEO = MediumWanted("video", "vi-a", receives=True, redirect=HERE)
BEN_AUDIO = MediumWanted("audio", "au-b", receives=True)
BEN_VIDEO = MediumWanted("video", "vi-b", receives=True, redirect=HERE_TOO)
SOCKETS = ("au-a", "vi-a", "au-b", "vi-b")


async def sockets(calls: Calls, *ids: str) -> None:
    for id_ in ids or SOCKETS:
        await calls.yard.socket(id_)


async def talk(calls: Calls) -> tuple[Any, Any]:
    """Have ann and ben in a call, with everything both ways."""
    await sockets(calls)
    ann, ben = await calls.call(AUDIO, VIDEO)
    await calls.answer(ben, BEN_AUDIO, BEN_VIDEO)
    await settle()
    return ann, ben


def engine_of(calls: Calls) -> FakeEngine:
    engine = calls.yard.engine
    assert isinstance(engine, FakeEngine)
    return engine


def said_answer(sdp: str) -> bytes:
    return write_answer("mc_wire", "media", sdp)
