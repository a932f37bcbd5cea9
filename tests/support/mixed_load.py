"""People of every dialect who come to one server process, do what they came for, and leave.

Each visit leaves nothing behind: what it opened it ends, or the server ends it within `RESTS`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import httpx
import trio

from media.webrtc.bridge import MediaLoop
from tests.support import mqtt
from tests.support.auvious import ENDPOINTS, PASSWORDS, SECRETS, Caller, auvious_toml
from tests.support.auvious_events import MqttClient
from tests.support.barertc import BareTester, PollLink, SocketLink
from tests.support.levels import OPERATOR_TOKEN
from tests.support.owt import KEYS, SAMPLE
from tests.support.owt_media import calling
from tests.support.owt_portal import Elsewhere, Guest, guest
from tests.support.peerjs import BrokerClient
from tests.support.process import RunningProcess
from tests.support.raw import connected, talking
from tests.support.skyway import StrictClient
from tests.support.spreed import PATIENCE, SpreedClient

RESTS = 17.0  # seconds after which nothing is left of who has gone: polls of chats end last
PAUSE = 0.1  # between two visits of one kind
ADMIN_KEY = "key of the back office"

CONFIG = f"""
listeners = [{{ bind = "127.0.0.1:0", root = "spreed", dialects = [
    "spreed", "owt", "auvious", "peerjs", "barertc", "skyway", "operator" ] }}]
operator.token = "{OPERATOR_TOKEN}"
ice.listen_ips = ["127.0.0.1"]
limits.credential_window = 2.0
limits.header_seconds = 6.0
limits.body_seconds = 6.0
[spreed]
room_expiry_seconds = 1
resume_seconds = 1
[owt]
resume_seconds = 1
left_seconds = 1
ping_seconds = 1
ping_timeout_seconds = 10
sample_service_id = "{SAMPLE}"
sample_service_key = "{KEYS[SAMPLE]}"
[peerjs]
expire_timeout = 1
[barertc]
admin_api_key = "{ADMIN_KEY}"
[skyway]
udp_ports = [21001, 21999]
silence_seconds = 15
[auvious]
reminder_event_type = "UserEndpointKeepAliveReminderEvent"
{auvious_toml()}
"""


@dataclass
class Site:
    """A server, and what the visitors need to know of it."""

    process: RunningProcess
    loop: MediaLoop
    http: httpx.AsyncClient

    @property
    def websocket(self) -> str:
        return f"ws://{self.process.host}:{self.process.port}"

    @property
    def portal(self) -> Elsewhere:
        return Elsewhere(self.process.url)


Visit = Callable[[Site, int], Awaitable[None]]


@asynccontextmanager
async def _spreed(site: Site) -> AsyncIterator[SpreedClient]:
    async with talking(f"{site.websocket}/ws") as socket:
        client = SpreedClient(socket)
        client.me = await client.data("Self")
        yield client


async def meeting(site: Site, number: int) -> None:
    """Three meet, chat and negotiate; one of them leaves without a word."""
    async with _spreed(site) as ann, _spreed(site) as bob, _spreed(site) as cat:
        room = f"meeting {number % 7}"
        for client in (ann, bob, cat):
            await client.join(room)
        for client in (ann, bob):
            await client.data("Joined")
        await ann.data("Joined")
        await ann.send("Chat", {"Message": f"hello {number}", "Time": ""}, To="")
        for client in (bob, cat):
            assert (await client.data("Chat"))["Chat"]["Message"] == f"hello {number}"
        for kind in ("Offer", "Answer", "Candidate"):
            await ann.send(kind, {"sdp": "v=0\r\n" * 100}, To=bob.id)
            await bob.data(kind)
        await trio.aclose_forcefully(cat.socket._stream)
        await ann.send("Leave", {})
        await ann.send("Bye", {"To": bob.id, "Type": "Bye", "Bye": {}})


WAYS = ("websocket", "upgrade", "polling")


async def call(site: Site, number: int) -> None:
    """A conference with media, whose members come over each way of Socket.IO in turn."""
    server = site.portal
    manager = server.manager()
    room = (await manager.create_room(f"call {number}"))["_id"]
    async with (
        guest(server, room, "ann", way=WAYS[number % 3]) as one,
        guest(server, room, "bob", way=WAYS[(number + 1) % 3]) as two,
        calling(one, site.loop) as ann,
        calling(two, site.loop) as bob,
    ):
        stream = await ann.publish(audio=number % 2 == 0)
        taken = await bob.subscribe(video=stream)
        await bob.frames(taken, more=3)
        await two.ok("unsubscribe", {"id": taken})
        await _leave(one, two, at_once=number % 4 == 0)
    answer = await manager.ask("DELETE", f"/v1/rooms/{room}")
    assert answer.status_code == 200, answer.text


async def _leave(*guests: Guest, at_once: bool) -> None:
    for each in guests:
        if not at_once:
            await each.ok("logout")


async def chat(site: Site, number: int) -> None:
    """Two talk over websockets, a third polls and is put out by the back office."""
    async with (
        talking(f"{site.websocket}/barertc/ws") as first,
        talking(f"{site.websocket}/barertc/ws") as second,
    ):
        ann, bob = BareTester(SocketLink(first)), BareTester(SocketLink(second))
        poller = BareTester(PollLink(site.http, "/barertc/poll"))
        names = [f"{name}{number % 50}" for name in ("ann", "bob", "eve")]
        for name, tester in zip(names, (ann, bob, poller), strict=True):
            await tester.log_in(name)
        await ann.say(f"hello *everybody* {number}")
        for tester in (bob, poller):
            while str(number) not in (await tester.until("message"))["message"]:
                pass
        await bob.send("message", channel=f"@{poller.name}", message="psst")
        await poller.until("message")
        body = {"APIKey": ADMIN_KEY, "Usernames": [poller.name], "Kick": True}
        answer = await site.http.post("/barertc/api/disconnect/now", json=body)
        assert answer.status_code == 200, answer.text
        await poller.until("disconnect")


@asynccontextmanager
async def _peer(site: Site, id_: str) -> AsyncIterator[BrokerClient]:
    query = f"key=peerjs&id={id_}&token=t&version=1.5.5"
    async with talking(f"{site.websocket}/peerjs/peerjs?{query}") as socket:
        client = BrokerClient(socket, id_)
        assert (await client.next())["type"] == "OPEN"
        yield client


async def pages(site: Site, number: int) -> None:
    """Two pages find each other at the broker, and call one that never comes."""
    ids = [f"page-{name}-{number}" for name in ("one", "two")]
    async with _peer(site, ids[0]) as one:
        async with _peer(site, ids[1]) as two:
            await one.send("OFFER", ids[1], payload={"sdp": "v=0"})
            assert (await two.next())["type"] == "OFFER"
            await two.send("ANSWER", ids[0], payload={"sdp": "v=0"})
            assert (await one.next())["type"] == "ANSWER"
            for _ in range(5):
                await two.send("CANDIDATE", ids[0], payload={"candidate": "x" * 200})
                assert (await one.next())["type"] == "CANDIDATE"
            await two.send("HEARTBEAT")
        await one.send("OFFER", "page-of-nobody", payload={"sdp": "v=0" * 1000})


@asynccontextmanager
async def _signed_in(site: Site, **form: str) -> AsyncIterator[Caller]:
    answer = await site.http.post("/security/oauth/token", data=form)
    assert answer.status_code == 200, answer.text
    yield Caller(site.http, answer.json()["access_token"])


async def events(site: Site, number: int) -> None:
    """A user hears by MQTT what a service says, and a second endpoint by server-sent events."""
    async with (
        _signed_in(
            site, grant_type="password", client_id="customer", username="ann",
            password=PASSWORDS["ann"],
        ) as ann,
        _signed_in(
            site, grant_type="client_credentials", client_id="backoffice",
            client_secret=SECRETS["backoffice"],
        ) as service,
    ):  # fmt: skip
        ids = [await ann.register(f"endpoint-{number}-{place}", 60) for place in range(2)]
        async with talking(f"{site.websocket}/auvious/ws", ["mqtt"]) as socket:
            client = MqttClient(socket)
            assert (await client.connect("ann", ann.token)).kind == mqtt.CONNACK
            assert await client.subscribe(f"users/endpoints/{ids[0]}") == (1,)
            path = f"{ENDPOINTS}/{ids[1]}/events"
            async with connected(site.process) as reader:
                await reader.send(
                    f"GET {path} HTTP/1.1\r\nHost: localhost\r\n"
                    f"Authorization: Bearer {ann.token}\r\n\r\n".encode()
                )
                assert (await reader.read_head()).startswith("HTTP/1.1 200")
                for _ in range(3):
                    assert await service.send("ann", qos=1, organizationId="acme") >= 2
                    await client.event()
                with trio.fail_after(PATIENCE):
                    read = b""
                    while b"data:" not in read:
                        read += await reader.read(1)
            await client.send(mqtt.GOODBYE)
        for id_ in ids:
            answer = await ann.post("/unregister", {"userEndpointId": id_})
            assert answer.status_code in (200, 204), answer.text


async def devices(site: Site, number: int) -> None:
    """Two programs connect, send datagrams to each other through it, and hang up."""
    client = StrictClient(site.http)
    caller = await client.opened_peer(f"robot-{number}")
    callee = await client.opened_peer(f"camera-{number}")
    with (
        trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as mine,
        trio.socket.socket(trio.socket.AF_INET, trio.socket.SOCK_DGRAM) as theirs,
    ):
        for each in (mine, theirs):
            await each.bind(("127.0.0.1", 0))
        feed, port = await client.data()
        to = {"ip_v4": "127.0.0.1", "port": mine.getsockname()[1]}
        options = {"serialization": "NONE"}
        ours, _ = await client.connect(
            caller, callee.id, params={"data_id": feed}, redirect_params=to, options=options
        )
        other = await client.next_connection(callee)
        await client.data_event(ours, "OPEN")
        await client.data_event(other, "OPEN")
        their_feed, their_port = await client.data()
        await client.change(other, their_feed, to | {"port": theirs.getsockname()[1]})
        for size in (1, 1200, 20_000):
            await _arrives(mine, theirs, port, size)
            await _arrives(theirs, mine, their_port, size)
    await client.disconnect(ours)
    await client.data_event(other, "CLOSE")
    for peer in (caller, callee):
        await client.delete_peer(peer)


async def _arrives(
    sender: trio.socket.SocketType, taker: trio.socket.SocketType, port: int, size: int
) -> None:
    with trio.fail_after(PATIENCE):
        await sender.sendto(bytes(size), ("127.0.0.1", port))
        while await taker.recv(65_536) != bytes(size):
            pass  # of a stranger: UDP does not say who sends


VISITS: dict[str, Visit] = {
    "meeting": meeting,
    "call": call,
    "chat": chat,
    "pages": pages,
    "events": events,
    "devices": devices,
}


@dataclass
class MixedLoad:
    """Visits of every kind at once, each kind one after the other; `done` counts them."""

    site: Site
    visits: dict[str, Visit]
    done: Counter[str] = field(default_factory=Counter)

    async def go_on(self, seconds: float) -> None:
        """Let visitors come for so long, and wait until the last of them has gone."""
        end = trio.current_time() + seconds
        async with trio.open_nursery() as nursery:
            for name in self.visits:
                nursery.start_soon(self._again_and_again, name, end)

    async def _again_and_again(self, name: str, end: float) -> None:
        while trio.current_time() < end:
            await self.visits[name](self.site, self.done[name])
            self.done[name] += 1
            await trio.sleep(PAUSE)
