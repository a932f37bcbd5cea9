"""One floods the endpoints of a user: a slow subscriber stays, and gets what others send."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from tests.support.auvious_events import MqttClient
from tests.support.process import RunningProcess, launched
from tests.support.raw import talking
from tests.support.slow_listener import SLOWLY

SECRET = "of the test"
PEOPLE = ("owner", "flooder", "friend")
CONFIG = 'listeners = [{ bind = "127.0.0.1:0", dialects = ["auvious", "operator"] }]\n' + "".join(
    f'[[auvious.clients]]\nid = "{name}"\nsecret = "{SECRET}"\norganization = "acme"\n'
    'grants = ["client_credentials"]\n'
    for name in PEOPLE
)
EVENTS = "/rtc-api/users/endpoints"
SIZES = (60_000, 6_000, 600, 60)  # bytes; the small ones fill what the large ones leave
PACE = SLOWLY // 3
AT_LEAST = 10.0
MORE_THAN_FITS = 25_000_000  # bytes ahead of the slow one: more than outboxes and kernels hold
NOW = "2026-11-21T12:00:00Z"
PATIENCE = 60.0


@dataclass
class Sender:
    """Somebody who sends events to the owner's endpoints; `taken` by how many, in turn."""

    http: httpx.AsyncClient
    token: str
    taken: list[int] = field(default_factory=list)

    async def post(self, path: str, body: object) -> Any:
        headers = {"Authorization": f"Bearer {self.token}"}
        answer = await self.http.post(f"{EVENTS}{path}", json=body, headers=headers)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    async def send(self, qos: int, endpoint: str, text: str = "") -> None:
        event = {
            "type": "ChatSaidEvent",
            "timestamp": "2026-11-21T12:00:00Z",
            "by": len(self.taken),
        }
        body = {
            "userId": "owner", "organizationId": "acme", "userEndpointId": endpoint, "qos": qos,
            "event": event | {"text": text},
        }  # fmt: skip
        self.taken.append(int(await self.post("/sendEvent", body)))


@asynccontextmanager
async def signed_in(process: RunningProcess, name: str) -> AsyncIterator[Sender]:
    async with httpx.AsyncClient(base_url=process.url, timeout=PATIENCE) as http:
        form = {"grant_type": "client_credentials", "client_id": name, "client_secret": SECRET}
        answer = await http.post("/security/oauth/token", data=form)
        yield Sender(http, answer.json()["access_token"])


@dataclass
class Subscriber:
    """Reads so many bytes a second, or with 0 whatever there is, of one endpoint's events."""

    client: MqttClient
    pace: int = 0
    friendly: list[int] = field(default_factory=list)
    floods: int = 0

    async def listen(self) -> None:
        while True:
            said = await self.client.event()
            event = json.loads(said.payload)
            if event["text"]:
                self.floods += 1
            else:
                self.friendly.append(event["by"])
            if self.pace:
                await trio.sleep(len(said.payload) / self.pace)


@asynccontextmanager
async def subscribed(
    process: RunningProcess, owner: Sender, endpoint: str, pace: int = 0
) -> AsyncIterator[Subscriber]:
    body = {"userEndpointId": endpoint, "keepAliveSeconds": 600}
    assert await owner.post("", body) == endpoint
    async with talking(f"ws://{process.host}:{process.port}/ws", ["mqtt"]) as socket:
        client = MqttClient(socket)
        assert (await client.connect("owner", owner.token)).codes == (0,)
        await client.subscribe(f"user/owner/{endpoint}")
        yield Subscriber(client, pace)


@pytest.mark.parametrize("qos", [0, 1])
async def test_a_slow_subscriber_stays_and_gets_what_others_send(tmp_path: Path, qos: int) -> None:
    async with launched(tmp_path, CONFIG) as process, AsyncExitStack() as stack:
        enter = stack.enter_async_context
        owner, flooder, friend = [await enter(signed_in(process, name)) for name in PEOPLE]
        slow = await enter(subscribed(process, owner, "slow", PACE))
        prompt = await enter(subscribed(process, owner, "prompt"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(slow.listen)
            nursery.start_soon(prompt.listen)
            began, said = trio.current_time(), 0
            with trio.fail_after(2 * PATIENCE):
                while True:
                    took, number = trio.current_time() - began, len(flooder.taken)
                    if took > AT_LEAST and said > took * PACE + MORE_THAN_FITS:
                        break
                    size = SIZES[number % len(SIZES)] if number % 5 == 0 else SIZES[0]
                    await flooder.send(qos, "slow", "x" * size)
                    said += size
                    if number % 8 == 0:
                        await flooder.send(qos, "prompt", "x" * size)
                        await friend.send(1, "slow")
                        await friend.send(1, "prompt")
            slow.pace = 0
            with trio.fail_after(PATIENCE):
                while len(slow.friendly) + len(prompt.friendly) < len(friend.taken):
                    await trio.sleep(0.05)
            nursery.cancel_scope.cancel()
        sent = len(flooder.taken)
        print(f"qos {qos}: {sent} sent, {sum(flooder.taken)} taken, {slow.floods} heard slowly")
        assert set(friend.taken) == {1}
        assert len(slow.friendly) == len(prompt.friendly) == len(friend.taken) // 2
        assert 0 < slow.floods < sent
        told = [line for line in process.log if line.get("event") == "mqtt.ended"]
        assert told == []
