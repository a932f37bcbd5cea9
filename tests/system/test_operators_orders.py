"""What the operator orders of rooms and people, on a server of all dialects, as clients see it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import httpx
import pytest

from actors.words.keys import MemberKey, RoomKey
from api.operator.ids import person_id, room_id
from media.webrtc.bridge import open_media_loop
from tests.support.barertc import BareTester, PollLink, SocketLink
from tests.support.ordering import CONFIG, PATIENCE, Operator, ordering, websocket
from tests.support.owt_media import calling
from tests.support.owt_portal import AGENT, Elsewhere, connection, guest, token
from tests.support.peerjs import BrokerClient
from tests.support.server_process import ServerProcess
from tests.support.skyway import StrictClient
from tests.support.spreed import connect

TEA = RoomKey("spreed", "Room:tea")
SITE = RoomKey("barertc", "site")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    with ServerProcess(tmp_path_factory.mktemp("ordered"), config=CONFIG) as running:
        yield running


@pytest.fixture
async def operator(server: ServerProcess) -> AsyncIterator[Operator]:
    async with ordering(server) as operator:
        yield operator


# --- Open WebRTC Toolkit


async def test_owt_a_room_stays_configured_and_nobody_comes_in(
    server: ServerProcess, operator: Operator
) -> None:
    there = Elsewhere(server.url.rstrip("/"))
    room = str((await there.manager().create_room())["_id"])
    key = RoomKey("owt", room)
    async with guest(there, room) as ann, guest(there, room, "bob", protocol="1.0") as bob:
        await operator.close(key)
        for each in (ann, bob):
            text = await each.told("text")
            assert text == {"from": "operator", "to": "me", "message": "Repairs"}
            await each.client.event("drop")
            await each.client.gone()
    async with connection(there) as again:
        assert await again.refused("relogin", ann.ticket) == "Client does NOT exist"
    words = "Joining room failed: the operator has closed the room"
    async with connection(there) as again:
        login = {"token": await token(there, room), "userAgent": AGENT, "protocol": "1.1"}
        assert await again.refused("login", login) == words
    answer = await there.manager().ask("GET", f"/v1/rooms/{room}")
    assert (answer.status_code, answer.json()["_id"]) == (200, room)
    outside = {
        "connection": {"url": "rtsp://127.0.0.1:9/x"},
        "media": {"audio": False, "video": True},
    }
    answer = await there.manager().ask("POST", f"/v1/rooms/{room}/streaming-ins", outside)
    assert answer.json()["error"]["message"] == (
        "Operation failed: the operator has closed the room"
    )
    await operator.open(key)
    async with guest(there, room) as ann:
        await operator.until_said("room.opened_again", room=room)
        assert ann.welcome["room"]["id"] == room


async def test_owt_who_is_put_out_cannot_resume_and_a_stream_is_muted(
    server: ServerProcess, operator: Operator
) -> None:
    there = Elsewhere(server.url.rstrip("/"))
    room = str((await there.manager().create_room())["_id"])
    async with (
        open_media_loop() as loop,
        guest(there, room) as one,
        guest(there, room, "bob") as two,
        calling(one, loop) as ann,
        calling(two, loop) as bob,
    ):
        stream = await ann.publish()
        await two.told("stream", id=stream, status="add")
        subscription = await bob.subscribe(stream, stream)
        await bob.frames(subscription)
        owner, other = (person_id(MemberKey("owt", it.id)) for it in (one, two))
        order = {"stream": stream, "kinds": ["video"]}
        refusal = await operator.order("POST", f"/people/{other}/mute", 404, order)
        assert refusal["code"] == "unknown_stream"
        answer = await operator.order("POST", f"/people/{owner}/mute", 200, order)
        assert answer == {"stream": stream, "muted": True, "kinds": ["video"]}
        muted = {"field": "video.status", "value": "inactive"}
        assert (await two.told("stream", id=stream, status="update"))["data"] == muted
        assert await bob.frozen(subscription, "video")
        path = f"/rooms/{room_id(RoomKey('owt', room))}/mute"
        await operator.order("POST", path, 200, {"stream": stream, "muted": False})
        await bob.frames(subscription)
        await operator.put_out(MemberKey("owt", one.id), "")
        await one.client.event("drop")
        await one.client.gone()
        async with connection(there) as again:
            assert await again.refused("relogin", one.ticket) == "Client does NOT exist"
    told = {"room": room, "dialect": "owt", "peer": one.id, "stream": stream, "by": "Ölga"}
    await operator.until_said("stream.muted", muted=True, kinds=["video"], **told)
    await operator.until_said("stream.muted", muted=False, kinds=["audio", "video"], **told)
    await operator.until_said("peer.put_out", peer=one.id, room=room, dialect="owt")
    await operator.until_said("peer.ended", peer=one.id, reason="put_out")


# --- BareRTC


@asynccontextmanager
async def chatting(server: ServerProcess, way: str) -> AsyncIterator[BareTester]:
    if way == "poll":
        async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE, verify=False) as http:
            yield BareTester(PollLink(http, "/barertc/poll"))
        return
    async with connect(websocket(server, "/barertc/ws")) as socket:
        yield BareTester(SocketLink(socket))


@pytest.mark.parametrize("way", ["socket", "poll"])
async def test_barertc_a_site_is_closed_and_opened(
    server: ServerProcess, operator: Operator, way: str
) -> None:
    async with chatting(server, way) as ann, chatting(server, way) as bob:
        await ann.log_in(f"ann {way}")
        await bob.log_in(f"bob {way}")
        await operator.close(SITE, "<b>Repairs</b>")
        words = "The operator of the server has closed this chat room. &lt;b&gt;Repairs&lt;/b&gt;"
        for each in (ann, bob):
            assert await each.told() == words
            await each.until("disconnect")
        async with chatting(server, way) as late:
            await late.send("login", username="late")
            assert await late.told() == words
            await late.until("disconnect")
        await operator.open(SITE)
        async with chatting(server, way) as late:
            await late.log_in(f"late {way}")


@pytest.mark.parametrize("way", ["socket", "poll"])
async def test_barertc_who_is_put_out_has_to_come_anew(
    server: ServerProcess, operator: Operator, way: str
) -> None:
    async with chatting(server, way) as ann, chatting(server, way) as bob:
        await ann.log_in(f"ann out {way}")
        await bob.log_in(f"bob out {way}")
        peer = await operator.peer_of(bob.name)
        await operator.put_out(MemberKey("barertc", peer))
        assert await bob.told() == "The operator of the server has put you out of the chat. Sorry"
        await bob.until("disconnect")
        left = await ann.until("presence", message="has exited the room!")
        assert left["username"] == bob.name
        await bob.send("login", username="bob")  # on the same socket, or in the same session
        await bob.until("disconnect")
        async with chatting(server, way) as new:
            await new.log_in(f"new {way}")
    await operator.until_said("peer.put_out", peer=peer, room="site", dialect="barertc")
    await operator.until_said("peer.ended", peer=peer, reason="put_out")


# --- peers


@asynccontextmanager
async def peer(server: ServerProcess, id_: str, secret: str) -> AsyncIterator[BrokerClient]:
    query = f"key=peerjs&id={id_}&token={secret}&version=1.5.5"
    async with connect(websocket(server, f"/peerjs?{query}")) as socket:
        yield BrokerClient(socket, id_)


async def test_peerjs_an_id_that_was_put_out_is_taken_by_nobody(
    server: ServerProcess, operator: Operator
) -> None:
    async with peer(server, "ann", "secret") as ann:
        assert await ann.next() == {"type": "OPEN"}
        await operator.put_out(MemberKey("peers.peerjs", "ann"))
        assert await ann.next() == {"type": "ERROR", "payload": {"msg": "Sorry"}}
        assert await ann.gone() == 4001
    for secret in ("secret", "another"):
        async with peer(server, "ann", secret) as again:
            refused = {"type": "ERROR", "payload": {"msg": "The operator has put you out"}}
            assert await again.next() == refused
            await again.gone()
    async with peer(server, "ann2", "secret") as new:
        assert await new.next() == {"type": "OPEN"}
    await operator.until_said("peer.put_out", peer="ann", dialect="peerjs", by="Ölga")


async def test_skyway_the_program_hears_that_its_peer_is_closed(
    server: ServerProcess, operator: Operator
) -> None:
    async with httpx.AsyncClient(base_url=server.url, timeout=PATIENCE, verify=False) as http:
        program = StrictClient(http)
        camera = await program.opened_peer("camera")
        await operator.put_out(MemberKey("peers.peerjs", "camera"))
        await program.peer_event(camera, "CLOSE")
        body = {"key": "KEY_FOO", "domain": "example.com", "turn": False, "peer_id": "camera"}
        refused = await program.refused(403, "PEERS_CREATE", "POST", "/peers", body)
        assert refused == {"peer_id": "the operator has put this peer out"}
        await program.opened_peer("camera2")
    await operator.until_said("peer.put_out", peer="camera", dialect="skyway", by="Ölga")


# --- orders that are none


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("POST", f"/rooms/{room_id(TEA)}/close", {"reason": "x" * 501}, 400, "bad_request"),
        ("POST", f"/rooms/{room_id(TEA)}/close", {"seconds": 0}, 400, "bad_request"),
        ("POST", f"/rooms/{room_id(TEA)}/close", {"seconds": "600"}, 400, "bad_request"),
        ("POST", f"/rooms/{room_id(TEA)}/close", {"why": "x"}, 400, "bad_request"),
        ("POST", f"/rooms/{room_id(TEA)}/close", [], 400, "bad_request"),
        ("POST", "/rooms/junk/close", {}, 404, "unknown_room"),
        ("POST", "/rooms/%C3%A4/close", {}, 404, "unknown_room"),
        ("POST", "/closed", {"realm": "spreed"}, 400, "bad_request"),
        ("POST", "/closed", {"realm": "spreed", "name": "\U0001f375" * 520}, 400, "bad_request"),
        ("POST", "/closed", {"realm": "peerjs", "name": "tea"}, 400, "bad_request"),
        ("POST", "/closed", {"realm": "barertc", "name": "lobby"}, 400, "bad_request"),
        ("POST", "/closed", {"realm": "owt", "name": "Stand-up"}, 400, "bad_request"),
        ("POST", "/actors/stop", {"path": "/conferencing/rooms/spreed:%ff"}, 404, "unknown_actor"),
        ("DELETE", "/closed/junk", None, 404, "unknown_room"),
        ("DELETE", f"/closed/{room_id(TEA)}", None, 404, "not_closed"),
        ("POST", "/people/junk/put-out", {}, 404, "unknown_person"),
        ("POST", f"/people/{person_id(MemberKey('owt', 'x'))}/put-out", {}, 404, "unknown_person"),
        ("POST", f"/people/{person_id(MemberKey('owt', 'x'))}/mute", {}, 400, "bad_request"),
        (
            "POST", f"/people/{person_id(MemberKey('owt', 'x'))}/mute", {"stream": "1"}, 404,
            "unknown_person",
        ),
        (
            "POST", f"/rooms/{room_id(RoomKey('owt', 'x'))}/mute", {"stream": "1"}, 404,
            "unknown_room",
        ),
        ("POST", f"/people/{person_id(MemberKey('a', 'x'))}/mute",
         {"stream": "1", "kinds": ["data"]}, 400, "bad_request"),
    ],
)  # fmt: skip
async def test_an_order_that_cannot_be_carried_out_is_refused(
    operator: Operator, method: str, path: str, body: object, status: int, code: str
) -> None:
    refusal = await operator.order(method, path, status, body)
    assert set(refusal) == {"code", "message"}
    assert refusal["code"] == code
    assert refusal["message"]


async def test_who_orders_may_have_a_short_name(operator: Operator, server: ServerProcess) -> None:
    for name in ("x" * 65, "a\tb"):
        operator.http.headers["X-Operator"] = name
        refusal = await operator.order("DELETE", f"/closed/{room_id(TEA)}", 400)
        assert "X-Operator" in refusal["message"]
    operator.http.headers = httpx.Headers()
    await operator.order("POST", "/closed", 401, {"realm": "spreed", "name": "tea"})
    assert not [line for line in server.output if "Traceback" in line or "crashed" in line]
