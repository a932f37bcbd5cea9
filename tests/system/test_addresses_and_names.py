"""Whence people come is in the log as far as log.addresses says; how they are called, never.

One server of all dialects, whose policy is changed while it runs. Everybody comes from 127.0.0.1:
what the log says of that address, beside what the server itself listens on, it says of a client.
"""

from __future__ import annotations

import json
import signal
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import trio

from tests.support import mqtt
from tests.support.auvious import PASSWORDS, Caller, auvious_toml
from tests.support.auvious_events import MqttClient
from tests.support.barertc import BareTester, SocketLink
from tests.support.five_dialects import beat
from tests.support.levels import OPERATOR_TOKEN
from tests.support.owt import KEYS, SAMPLE
from tests.support.owt_portal import Elsewhere, connection, guest
from tests.support.peerjs import BrokerClient
from tests.support.process import RunningProcess, launched
from tests.support.raw import connected, talking, upgrade_request
from tests.support.skyway import StrictClient
from tests.support.spreed import PATIENCE, SpreedClient

CONFIG = f"""
listeners = [{{ bind = "127.0.0.1:0", root = "spreed", dialects = [
    "spreed", "owt", "auvious", "peerjs", "barertc", "skyway", "operator" ] }}]
operator.token = "{OPERATOR_TOKEN}"
ice.listen_ips = ["127.0.0.1"]
sip.bind = ["udp:127.0.0.1:0"]
sip.allow = ["127.0.0.0/8"]
limits.credential_failures = 0
limits.credential_failures_per_address = 0
[owt]
sample_service_id = "{SAMPLE}"
sample_service_key = "{KEYS[SAMPLE]}"
[skyway]
udp_ports = [22001, 22099]
[[skyway.api_keys]]
key = "KEY_FOO"
[barertc]
admin_api_key = "key of the back office"
[auvious]
{auvious_toml()}
"""
OURS = {"server.ready", "sip.listening"}  # they name what the server listens on
SHOWN = {"full": "127.0.0.1", "network": "127.0.0.0/24", "none": None}
STAYING = {"full": "stays", "none": "shy"}  # who comes then, and stays
NAMES = ("Zuleika 4410", "Marguerite7731", "Ottilie8852", "a secret chat 6021", "Anruferin5549")
WITH_ADDRESS = {
    "peer.connected", "peer.joined", "login.refused", "join.refused", "request.answered",
    "websocket.refused", "device.peer_opened", "mqtt.connected",
}  # fmt: skip
REFUSED = {
    "spreed", "owt", "auvious", "peerjs", "barertc", "skyway", "operator",
}  # fmt: skip
INVITE = """INVITE sip:room@127.0.0.1 SIP/2.0
Via: SIP/2.0/UDP 127.0.0.1:{port};branch=z9hG4bK{number};rport
Max-Forwards: 70
From: "Anruferin5549" <sip:Anruferin5549@127.0.0.1>;tag=a{number}
To: <sip:room@127.0.0.1>
Call-ID: call-{number}
CSeq: 1 INVITE
Contact: <sip:Anruferin5549@127.0.0.1:{port}>
Content-Length: 0

"""


class Visitors:
    """Who comes to the server, once for each policy."""

    def __init__(self, process: RunningProcess, http: httpx.AsyncClient) -> None:
        self.process = process
        self.http = http
        self.websocket = f"ws://127.0.0.1:{process.port}"

    async def come(self, number: int, policy: str) -> None:
        """Have somebody of each dialect come in, and somebody else be refused."""
        await self.meet(f"room {number}", policy)
        await self.chat(number)
        await self.confer(number)
        await self.find_each_other(number)
        await self.hear_events()
        await self.connect_devices(number)
        await self.telephone(number)
        answer = await self.http.get("/-/metrics", headers={"Authorization": "Bearer wrong"})
        assert answer.status_code == 401

    @asynccontextmanager
    async def spreed(self) -> AsyncIterator[SpreedClient]:
        async with talking(f"{self.websocket}/ws") as socket:
            client = SpreedClient(socket)
            client.me = await client.data("Self")
            yield client

    async def meet(self, room: str, policy: str) -> None:
        async with self.spreed() as ann, self.spreed() as bob:
            await ann.join(room, "1234")
            await bob.hello(room, "4321")
            assert (await bob.error())[0] == "invalid_credentials"
            await ann.send("Status", {"displayName": "Zuleika 4410"})
            await ann.send("Chat", {"Message": "a secret chat 6021", "NoEcho": True})
            await ann.send("Quality", {"loss": 0.2, "roundTrip": 0.05, "connections": 1})
            await ann.send("CallFailed", {"To": bob.id, "Reason": "no_route", "Local": ["host"]})
            await bob.send("Authentication", {"Userid": "Ottilie8852", "Nonce": "wrong"})
            assert (await bob.error())[0] == "invalid_session_token"
            await ann.silent()
            person = await self.person("spreed")
            assert person["name"] == "Zuleika 4410"
            assert person["quality"]["rating"] == "bad"
            assert person["address"] == (SHOWN[policy] or "")
        async with connected(self.process) as raw:  # type: ignore[arg-type]
            await raw.send(upgrade_request("/ws", origin="https://evil.example"))
            assert " 403 " in await raw.read_head()

    async def chat(self, number: int) -> None:
        async with talking(f"{self.websocket}/barertc/ws") as socket:
            ann = BareTester(SocketLink(socket))
            await ann.send("login", username="Marguerite7731", jwt="no token of ours")
            await ann.until("error")
            await ann.log_in("Marguerite7731")
            await ann.say("a secret chat 6021")
            await ann.send("quality", quality={"loss": 0.05, "connections": 1})
            await ann.send(
                "call_failed", call_failed={"username": "Ottilie8852", "reason": "timeout"}
            )
            await ann.until("message")
            person = await self.person("barertc")
            assert person["name"].startswith("Marguerite7731")
            await self.until_rated("barertc", "fair")

    async def confer(self, number: int) -> None:
        server = Elsewhere(self.process.url)
        room = (await server.manager().create_room(f"call {number}"))["_id"]
        async with guest(server, room, "Ottilie8852"):
            assert (await self.person("owt"))["name"] == "Ottilie8852"
        async with connection(server) as stranger:
            await stranger.client.call("login", {"token": "bm8gdG9rZW4=", "userAgent": {
                "sdk": {"type": "JavaScript", "version": "4.3.1"}}, "protocol": "1.1"})  # fmt: skip

    async def find_each_other(self, number: int) -> None:
        for key, first in (("peerjs", "OPEN"), ("wrong", "ERROR")):
            async with self.peer(f"page-{number}", key) as page:
                assert (await page.next())["type"] == first

    @asynccontextmanager
    async def peer(self, id_: str, key: str = "peerjs") -> AsyncIterator[BrokerClient]:
        query = f"key={key}&id={id_}&token=t"
        async with talking(f"{self.websocket}/peerjs/peerjs?{query}") as socket:
            yield BrokerClient(socket, id_)

    async def until_shown(self, peer: str, address: str) -> None:
        """Wait until the operator is shown so much of a peer's address, in list and tree."""
        with trio.fail_after(PATIENCE):  # consoles share a look for a moment
            while await self.addresses_of(peer) != {address}:
                await trio.sleep(0.05)

    async def addresses_of(self, peer: str) -> set[str]:
        token = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        query, kind = {"peer": peer}, {"kind": "peer"}
        people = (await self.http.get("/-/people", headers=token, params=query)).json()["people"]
        tree = (await self.http.get("/-/actors", headers=token, params=kind)).json()["actors"]
        in_tree = [it["facts"] for it in tree if it["path"].endswith(f":{peer}")]
        return {it["address"] or "" for it in people} | {it["address"] for it in in_tree}

    async def hear_events(self) -> None:
        who = {"grant_type": "password", "client_id": "customer", "username": "ann"}
        wrong = await self.http.post("/security/oauth/token", data=who | {"password": "wrong"})
        assert wrong.status_code == 400
        right = await self.http.post(
            "/security/oauth/token", data=who | {"password": PASSWORDS["ann"]}
        )
        ann = Caller(self.http, right.json()["access_token"])
        async with talking(f"{self.websocket}/auvious/ws", ["mqtt"]) as socket:
            assert (await MqttClient(socket).connect("ann", ann.token)).kind == mqtt.CONNACK
        async with talking(f"{self.websocket}/auvious/ws", ["mqtt"]) as socket:
            assert (await MqttClient(socket).connect("ann", "wrong")).codes != (0, 0)

    async def connect_devices(self, number: int) -> None:
        client = StrictClient(self.http)
        await client.delete_peer(await client.opened_peer(f"robot-{number}"))
        body = {"key": "wrong", "domain": "localhost", "turn": False, "peer_id": "robot"}
        assert (await self.http.post("/peers", json=body)).status_code == 403

    async def telephone(self, number: int) -> None:
        bind = (await self.process.wait_for("sip.listening"))["binds"][0]
        to = ("127.0.0.1", int(bind.rpartition(":")[2]))
        with trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as caller:
            await caller.bind(("127.0.0.1", 0))
            text = INVITE.format(port=caller.getsockname()[1], number=number)
            with trio.fail_after(PATIENCE):
                while True:  # it is UDP
                    await caller.sendto(text.replace("\n", "\r\n").encode(), to)
                    with trio.move_on_after(1):
                        while b"SIP/2.0 1" in await caller.recv(65_536):
                            pass
                        return

    async def people(self) -> list[dict[str, Any]]:
        """Return what members tell of themselves."""
        token = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
        tree = (await self.http.get("/-/actors", headers=token)).json()
        return [
            node["facts"]
            for node in _nodes(tree)
            if node["path"].startswith("/conferencing/members/")
            and node["kind"] in ("peer", "participant", "device_peer")
        ]

    async def person(self, dialect: str) -> dict[str, Any]:
        return next(
            it
            for it in await self.people()
            if it["dialect"] == dialect and (it["name"] or not it["room"])
        )

    async def until_rated(self, dialect: str, rating: str) -> None:
        with trio.fail_after(PATIENCE):
            while ((await self.person(dialect))["quality"] or {}).get("rating") != rating:
                await trio.sleep(0.05)


def _nodes(node: dict[str, Any]) -> list[dict[str, Any]]:
    return [node, *(below for child in node["children"] for below in _nodes(child))]


async def test_the_log_says_of_people_what_the_policy_allows(tmp_path: Path) -> None:
    lines: dict[str, list[dict[str, Any]]] = {}
    async with launched(tmp_path, CONFIG) as process:
        async with (
            httpx.AsyncClient(base_url=process.url, timeout=PATIENCE) as http,
            trio.open_nursery() as beats,
            AsyncExitStack() as stay,
        ):
            visitors, file = Visitors(process, http), trio.Path(tmp_path / "config.toml")
            for number, policy in enumerate(SHOWN):
                await change(process, file, policy)
                begun = len(process.log)
                if policy in STAYING:
                    socket = await stay.enter_async_context(visitors.peer(STAYING[policy]))
                    assert (await socket.next())["type"] == "OPEN"
                    beats.start_soon(beat, socket.socket)
                await visitors.until_shown("stays", SHOWN[policy] or "")
                await visitors.come(number, policy)
                await until_logged(process, begun, event="login.refused", dialect="operator")
                lines[policy] = process.log[begun:]
            await counted(http)
            await change(process, file, "full")
            await visitors.until_shown("stays", SHOWN["full"] or "")
            assert await visitors.addresses_of("shy") == {""}  # it came while nothing was kept
            beats.cancel_scope.cancel()
    for policy, said in lines.items():
        check(policy, said)


async def change(process: RunningProcess, file: trio.Path, policy: str) -> None:
    """Have the server take over another policy."""
    begun = len(process.log)
    config = (await file.read_text()).partition("\n[log]\n")[0]
    await file.write_text(f'{config}\n[log]\naddresses = "{policy}"\n')
    process.send(signal.SIGHUP)
    await until_logged(process, begun, event="config.reloaded")


async def until_logged(process: RunningProcess, begun: int, **entry: str) -> None:
    """Wait for a line that has these values."""
    with trio.fail_after(PATIENCE):
        while not any(entry.items() <= line.items() for line in process.log[begun:]):
            await trio.sleep(0.02)


def check(policy: str, said: list[dict[str, Any]]) -> None:
    told = {line["event"] for line in said}
    assert told >= WITH_ADDRESS | {"call.invited", "call.failed"}, policy
    for line in said:
        text = json.dumps(line, ensure_ascii=False)
        assert not [name for name in NAMES if name in text], line
        if policy != "full":
            assert "127.0.0.1" not in text, line
        if policy == "none":
            assert "127.0.0." not in text, line
        if line["event"] in WITH_ADDRESS:
            assert line.get("address") == SHOWN[policy], line
    hosts = {line.get("host") for line in said if line["event"] == "call.invited"}
    assert hosts == {SHOWN[policy]}
    assert {line["dialect"] for line in said if line["event"] == "login.refused"} == REFUSED


async def counted(http: httpx.AsyncClient) -> None:
    """Look at what the metrics say of the same."""
    token = {"Authorization": f"Bearer {OPERATOR_TOKEN}"}
    text = (await http.get("/-/metrics", headers=token)).text
    for sample in (
        'quintet_joins_refused_total{dialect="spreed",reason="wrong_pin"} 3.0',
        'quintet_logins_refused_total{dialect="peerjs",reason="wrong_key"} 3.0',
        'quintet_logins_refused_total{dialect="operator",reason="wrong_token"} 3.0',
        'quintet_calls_failed_total{dialect="spreed",reason="no_route"} 3.0',
        'quintet_calls_failed_total{dialect="barertc",reason="timeout"} 3.0',
        'quintet_rooms{dialect="barertc"} 1.0',
        'quintet_disk_free_bytes{folder="recordings"}',
        'quintet_store_seconds_count{what="writes"}',
    ):
        assert f"\n{sample}" in text, sample
    assert 'id="' not in text
