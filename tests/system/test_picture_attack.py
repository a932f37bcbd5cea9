"""Uploads that cost seconds to decode: one address delays its own pictures, not those of others."""

from __future__ import annotations

import base64
import io
import json
from itertools import count
from pathlib import Path
from statistics import median

import pytest
import trio
from PIL import Image

from tests.support.attack import (
    ELSEWHERE,
    MEGABYTE,
    OPERATOR_TOKEN,
    again_and_again,
    longest_hold,
    watched,
)
from tests.support.pictures import progressive_jpeg
from tests.support.process import RunningProcess, launched
from tests.support.raw import TEXT, RawClient, frame, upgrade_request

CONFIG = f"""
listeners = [{{ bind = "127.0.0.1:0", dialects = ["spreed", "operator"], root = "spreed" }}]
operator.token = "{OPERATOR_TOKEN}"
limits.messages_per_second = 0
"""
PATIENCE = 30.0
IN_TIME = 5.0
HOLD = 0.25  # seconds; a machine that is busy counts some of what others do


def data_url(kind: str, data: bytes) -> str:
    return f"data:image/{kind};base64,{base64.b64encode(data).decode()}"


def png(side: int, height: int = 0) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side, height or side), "red").save(out, "PNG")
    return out.getvalue()


class Uploader:
    """Somebody with a session, who sets his picture; calls from `address`."""

    def __init__(self, client: RawClient) -> None:
        self._client = client
        self._iids = count(1)

    async def set_picture(self, url: str) -> float:
        """Set it, and return how many seconds passed until the next message was answered."""
        began, iid = trio.current_time(), str(next(self._iids))
        status = {"Type": "Status", "Status": {"buddyPicture": url}}
        await self._say(status)
        await self._say({"Type": "Self", "Iid": iid})
        with trio.fail_after(PATIENCE):
            while True:
                found = await self._client.read_message()
                assert found is not None
                if found[0] == TEXT and json.loads(found[1]).get("Iid") == iid:
                    return trio.current_time() - began

    async def aclose(self) -> None:
        await self._client.stream.aclose()

    async def _say(self, message: dict[str, object]) -> None:
        await self._client.send(frame(TEXT, json.dumps(message).encode()))


async def uploader(process: RunningProcess, address: str) -> Uploader:
    stream = await trio.open_tcp_stream("127.0.0.1", process.port, local_address=address)
    client = RawClient(stream)
    await client.send(upgrade_request("/ws"))
    assert " 101 " in await client.read_head()
    return Uploader(client)


@pytest.mark.parametrize("kind", ["thousands of scans", "as large as they may be"])
async def test_one_address_delays_nobody_elses_pictures(tmp_path: Path, kind: str) -> None:
    if kind == "thousands of scans":
        heavy = [("jpeg", progressive_jpeg(4096, 20_000))]
    else:
        heavy = [
            ("png", png(4096)),
            ("jpeg", progressive_jpeg(2048, 90)),
            ("png", png(16_385, 1)),
        ]
    async with launched(tmp_path, CONFIG) as process:
        attackers = [await uploader(process, ELSEWHERE) for _ in range(8)]
        somebody = await uploader(process, "127.0.0.1")

        async def attack(number: int) -> None:
            kind_of_file, data = heavy[number % len(heavy)]
            picture = data_url(
                kind_of_file, data + bytes(number % 7)
            )  # the same is not decoded twice
            await attackers[number % len(attackers)].set_picture(picture)

        await somebody.set_picture(data_url("png", png(64)))
        waits = []
        async with watched(process) as others, again_and_again(attack, len(attackers)):
            await trio.sleep(0.5)
            for side in range(65, 71):
                waits.append(await somebody.set_picture(data_url("png", png(side))))
        assert median(waits) < IN_TIME, waits
        assert others.usual_wait < 0.5
        assert others.grown < 350 * MEGABYTE, others.grown
        assert await longest_hold(process) < HOLD
        for each in (*attackers, somebody):
            await each.aclose()
