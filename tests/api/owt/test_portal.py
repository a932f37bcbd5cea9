"""The portal from a client's side: in and out, talking, what is refused, coming back."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest
import trio

from actors.words.orders import DropParticipant
from api.http.credentials import CredentialGuard, _named
from api.owt.portal.tickets import TICKET_SECONDS, make_ticket
from api.owt.stored import OwtStore, StoredToken
from api.owt.tokens import make_token
from api.process.lifecycle import ServerState
from tests.actors.core.puppet import logged
from tests.support.actors import poison
from tests.support.owt import OwtServer, owt_server, owt_settings
from tests.support.owt_portal import (
    AGENT,
    WAYS,
    connection,
    guest,
    live_room,
    token,
    until_away,
    until_peers,
)

FAST = {"messages_per_second": 0}
MIC = {"media": {"audio": {"source": "mic"}, "video": False}}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[OwtServer]:
    async with owt_server(tmp_path, settings=owt_settings(owt=FAST)) as found:
        yield found


@pytest.fixture
async def room(server: OwtServer) -> str:
    return str((await server.manager().create_room())["_id"])


# --- in


@pytest.mark.parametrize(("version", "way"), WAYS)
async def test_a_token_lets_in(server: OwtServer, room: str, version: int, way: str) -> None:
    async with guest(server, room, "Ann", version=version, way=way) as ann:
        me = {"id": ann.id, "user": "Ann", "role": "presenter"}
        rights = {"audio": True, "video": True}
        ticket = ann.welcome.pop("reconnectionTicket")
        (mixed,) = ann.welcome["room"].pop("streams")
        assert (mixed["id"], mixed["type"]) == (f"{room}-common", "mixed")
        assert mixed["info"] == {"label": "common", "activeInput": "unknown", "layout": []}
        assert ann.welcome == me | {
            "permission": {"publish": rights, "subscribe": rights},
            "room": {"id": room, "views": ["common"], "participants": [me]},
        }
        assert ticket
        async with guest(server, room, "Bob", "viewer", version=version, way=way) as bob:
            him = {"id": bob.id, "user": "Bob", "role": "viewer"}
            assert await ann.told("participant") == {"action": "join", "data": him}
            assert bob.welcome["room"]["participants"] == [me, him]
            assert bob.welcome["permission"]["publish"] == {"audio": False, "video": False}
            await bob.ok("logout")
            assert await bob.client.gone() == "disconnect"
        assert await ann.told("participant") == {"action": "leave", "data": bob.id}


@pytest.mark.parametrize("way", ["websocket", "polling"])
async def test_a_long_name_is_told_in_every_script(server: OwtServer, room: str, way: str) -> None:
    name = "🎥" * 1024
    async with guest(server, room, way=way) as ann, guest(server, room, name, way=way) as bob:
        assert bob.welcome["user"] == name
        assert (await ann.told("participant"))["data"]["user"] == name


async def test_a_plain_hypercorn_serves_the_portal(tmp_path: Path) -> None:
    async with owt_server(tmp_path, "quart", owt_settings(owt=FAST)) as server:
        room = (await server.manager().create_room())["_id"]
        async with guest(server, room, way="upgrade") as ann, guest(server, room) as bob:
            await bob.ok("text", {"to": ann.id, "message": "hi"})
            await ann.told("text", message="hi")


async def test_pages_of_other_origins_poll_with_credentials(server: OwtServer) -> None:
    """Browsers refuse "*" for those."""
    origin = {"Origin": "http://app.example"}
    query = {"EIO": "3", "transport": "polling"}
    async with httpx.AsyncClient(base_url=server.url) as http:
        answer = await http.get("/socket.io/", params=query, headers=origin)
    assert answer.headers.get_list("access-control-allow-origin") == ["http://app.example"]
    assert answer.headers["access-control-allow-credentials"] == "true"


async def test_a_token_lets_in_once(server: OwtServer, room: str) -> None:
    good = await token(server, room)
    async with connection(server) as one, connection(server) as two:
        await one.login(good)
        assert await two.refused("login", login(good)) == "Unknown"
        assert await two.client.gone() == "disconnect"


def login(text: object, **other: object) -> dict[str, object]:
    return {"token": text, "userAgent": AGENT, "protocol": "1.1"} | other


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"protocol": "1.2"}, "Unknown client protocol"),
        ({"protocol": None}, "Unknown client protocol"),
        ({"protocol": 1.1}, 'request.protocol should be string "string"'),
        ({"userAgent": {"sdk": {"type": "JavaScript", "version": "3.5"}}},
         "Deprecated client version"),
        ({"userAgent": {}},
         "request.userAgent should have required property 'sdk' \"sdk\""),
        ({"token": "no token"}, "Invalid token signature"),
        ({"token": 5}, 'request.token should be string "string"'),
        ({"token": make_token("0" * 24, "host", "another key", secure=False)},
         "Invalid token signature"),
    ],
)  # fmt: skip
async def test_a_wrong_login_is_told_why_and_disconnected(
    server: OwtServer, room: str, change: dict[str, object], words: str
) -> None:
    good = await token(server, room)
    async with connection(server) as one:
        assert await one.refused("login", login(good, **change)) == words
        assert await one.client.gone() == "disconnect"
    if "token" not in change:  # the token has not been used up by it
        async with connection(server) as two:
            await two.login(good)


async def test_a_room_takes_as_many_as_it_may(server: OwtServer) -> None:
    small = (await server.manager().create_room("small", participantLimit=1))["_id"]
    async with guest(server, small, "ann"), connection(server) as bob:
        assert await bob.refused("login", login(await token(server, small))) == "Room is full"
        assert await bob.client.gone() == "disconnect"
        await until_peers(server, 1)


async def test_a_room_or_a_role_that_is_gone(server: OwtServer) -> None:
    manager = server.manager()
    doomed = (await manager.create_room("doomed"))["_id"]
    ours = await token(server, doomed)
    await manager.ask("DELETE", f"/v1/rooms/{doomed}")
    async with connection(server) as ann:
        assert await ann.refused("login", login(ours)) == "Joining room failed"
    changed = (await manager.create_room("changed"))["_id"]
    ours = await token(server, changed)
    roles = [{"role": "guest", "publish": {}, "subscribe": {}}]
    await manager.ask("PUT", f"/v1/rooms/{changed}", {"roles": roles})
    async with connection(server) as ann:
        assert await ann.refused("login", login(ours)) == "Invalid role"


async def test_a_token_expires(server: OwtServer, room: str) -> None:
    now, id_ = time.time(), "0" * 24
    expired = StoredToken(id_, room, "", "ann", "presenter", b"{}", now - 1)
    store = OwtStore(server.services.store, server.services.settings)
    await store.put_token(expired, now - 60)
    late = make_token(id_, "host:1", secret(server, "owt.token_key"), secure=False)
    async with connection(server) as ann:
        assert await ann.refused("login", login(late)) == "Expired"


async def test_before_a_login_nothing_else_is_answered(server: OwtServer, room: str) -> None:
    async with connection(server) as ann:
        for name in ("text", "publish", "soac", "refreshReconnectionTicket", "logout", "sing"):
            assert await ann.refused(name) == "Illegal request"
        await ann.login(await token(server, room))
        for name in ("login", "relogin", "sing"):
            assert await ann.refused(name, {}) == "Illegal request"


async def test_who_does_not_log_in_is_disconnected(tmp_path: Path) -> None:
    settings = owt_settings(owt={"login_seconds": 1.0})
    async with owt_server(tmp_path, settings=settings) as server:
        room = (await server.manager().create_room())["_id"]
        good = await token(server, room)
        async with connection(server) as ann:
            await ann.login(good)
            async with connection(server) as idle:
                assert await idle.client.gone() == "disconnect"
            assert await ann.quiet()


async def test_nobody_new_is_let_in_while_the_server_drains(server: OwtServer, room: str) -> None:
    good = await token(server, room)
    async with connection(server) as ann:
        server.services.lifecycle.state = ServerState.DRAINING
        assert await ann.refused("login", login(good)) == "The server is shutting down"


class WatchedGuard(CredentialGuard):
    """Notes whom it makes wait, for its time or for a turn; nobody else waits in it."""

    def __init__(self, failures: int, window: float, per_address: int) -> None:
        super().__init__(failures, window, per_address)
        self.waiters: set[str] = set()
        self._kinds: dict[bytes, str] = {}

    async def admit(self, *key: str) -> None:
        self._kinds[_named(key)[1]] = key[1]
        await super().admit(*key)

    def _enter(self, address: bytes, name: bytes) -> trio.lowlevel.ParkingLot | None:
        lot = super()._enter(address, name)
        if lot is not None:
            self.waiters.add(self._kinds[name])
        return lot

    def _delay(self, name: bytes) -> float:
        delay = super()._delay(name)
        if delay:
            self.waiters.add(self._kinds[name])
        return delay


@pytest.mark.slow
async def test_hundreds_of_forged_tokens_delay_nobody_who_has_a_good_one(tmp_path: Path) -> None:
    """From one address, all of them. What counts is whom the guard has wait, not for how long."""
    guard = WatchedGuard(10, 1800.0, 300)
    async with owt_server(tmp_path, settings=owt_settings(owt=FAST), guard=guard) as server:
        room = (await server.manager().create_room())["_id"]
        await siege_with_forged_tokens(server, room)
    assert guard.waiters <= {"owt forged token"}


async def siege_with_forged_tokens(server: OwtServer, room: str) -> None:
    words: Counter[str] = Counter()
    meanwhile: list[int] = []  # forged ones that were answered while a good one waited

    async def forge(times: int) -> None:
        for _ in range(times):
            async with connection(server) as bad:
                words[await bad.refused("login", login("forged"))] += 1

    with trio.fail_after(600):
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(forge, 25)
            for _ in range(10):
                good = await token(server, room)
                async with connection(server) as ann:
                    before = words.total()
                    await ann.login(good)
                    meanwhile.append(words.total() - before)
    assert words.total() == 500
    assert words["Invalid token signature"] == 10
    assert words["Too many failed attempts, try later"] == 490
    assert max(meanwhile) < 100, "a good one that had to wait would hear it after nearly all"


# --- talking


async def test_texts_go_to_all_or_to_one(server: OwtServer, room: str) -> None:
    async with guest(server, room) as ann, guest(server, room) as bob, guest(server, room) as cat:
        await ann.ok("text", {"to": "all", "message": "é😀"})
        for each in (ann, bob, cat):
            assert await each.told("text") == {"from": ann.id, "to": "all", "message": "é😀"}
        await ann.ok("text", {"to": bob.id, "message": "psst"})
        assert await bob.told("text") == {"from": ann.id, "to": "me", "message": "psst"}
        assert not [each for each in cat.client._events if each[0] == "text"]
        nobody = "Target participant does NOT exist: nobody"
        assert await ann.refused("text", {"to": "nobody", "message": "?"}) == nobody
        assert await ann.refused("text", {"to": "", "message": "?"}) == "Invalid receiver"


async def test_orders_are_refused_in_the_words_of_the_sheet(server: OwtServer, room: str) -> None:
    taking = {"media": {"audio": {"from": "17"}, "video": False}}
    nothing = {"media": {"audio": False, "video": False}}
    offer = {"id": "17", "signaling": {"type": "offer", "sdp": ""}}
    absent = "Target audio stream does NOT satisfy:Requested audio stream"
    async with guest(server, room) as ann, guest(server, room, role="viewer") as bob:
        assert await bob.refused("publish", MIC) == "unauthorized"
        assert await ann.refused("publish", nothing) == "Bad publication request"
        assert await ann.refused("subscribe", nothing) == "Bad subscription request"
        assert await ann.refused("subscribe", taking) == absent
        for kind, other in (("audio", "video"), ("video", "audio")):
            mixed = {"media": {kind: {"from": f"{room}-other"}, other: False}}
            words = f"Target {kind} stream does NOT satisfy:Requested {kind} stream"
            assert await ann.refused("subscribe", mixed) == words
        assert await ann.refused("unpublish", {"id": "17"}) == "Stream does NOT exist"
        assert await ann.refused("unsubscribe", {"id": "17"}) == "Subscription does NOT exist"
        assert await ann.refused("soac", offer) == "Session 17 does NOT exist"
        mixing = {"id": "17", "operation": "mix", "data": "common"}
        assert await ann.refused("stream-control", mixing) == "Stream does NOT exist"
        stream = (await ann.ok("publish", MIC))["id"]
        assert stream.isdigit()
        for name in ("unpublish", "unsubscribe"):
            words = await bob.refused(name, {"id": stream})
            assert words in ("unauthorized", "Subscription does NOT exist", "Stream does NOT exist")
        assert await bob.refused("soac", offer | {"id": stream}) in (
            "unauthorized",
            f"Session {stream} does NOT exist",
        )
        await ann.ok("unpublish", {"id": stream})


# --- out, and back


async def test_a_stream_may_carry_so_many_attributes(server: OwtServer, room: str) -> None:
    media = {"audio": {"source": "mic"}, "video": False}
    async with guest(server, room) as ann:
        await ann.ok("publish", {"media": media, "attributes": "x" * 16_382})
        refused = await ann.refused("publish", {"media": media, "attributes": "x" * 16_383})
        assert refused == "The attributes are too large"


async def test_a_dropped_participant_is_told(server: OwtServer, room: str) -> None:
    async with guest(server, room) as ann, guest(server, room) as bob:
        live = live_room(server, room)
        await live.ask(DropParticipant(bob.id), within=5)
        assert await bob.client.event("drop") == []
        assert await bob.client.gone() == "disconnect"
        await ann.told("participant", action="join")
        assert await ann.told("participant") == {"action": "leave", "data": bob.id}
        async with connection(server) as again:
            assert await again.refused("relogin", bob.ticket) == "Client does NOT exist"


async def test_deleting_the_room_drops_everybody(server: OwtServer, room: str) -> None:
    async with guest(server, room) as ann:
        answer = await server.manager().ask("DELETE", f"/v1/rooms/{room}")
        assert answer.status_code == 200
        assert await ann.client.event("drop") == []
        assert await ann.client.gone() == "disconnect"
    await until_peers(server, 0)


@pytest.mark.parametrize(("version", "way"), [way for way in WAYS if "polling" not in way])
@pytest.mark.parametrize("protocol", ["1.0", "1.1"])
async def test_a_ticket_takes_a_lost_connection_up_again(
    server: OwtServer, room: str, version: int, way: str, protocol: str
) -> None:
    async with guest(server, room) as bob:
        async with guest(server, room, version=version, way=way, protocol=protocol) as ann:
            await bob.told("participant", action="join")
        await until_away(server, ann.id)
        for number in range(3):
            await bob.ok("text", {"to": "all", "message": str(number)})
        async with connection(server, version, way) as again:
            ticket = await again.ok("relogin", ann.ticket)
            assert ticket != ann.ticket
            for number in range(3):
                await again.told("text", message=str(number), **{"from": bob.id})
            await again.ok("text", {"to": bob.id, "message": "back"})
            for _ in range(3):
                await bob.told("text", to="all")
            assert await bob.told("text") == {"from": ann.id, "to": "me", "message": "back"}
            assert await bob.quiet(), "nobody has heard of the absence"
            assert await again.ok("refreshReconnectionTicket") not in (ticket, ann.ticket)
            await again.ok("logout")
            assert await again.client.gone() == "disconnect"
        assert await bob.told("participant") == {"action": "leave", "data": ann.id}


async def test_a_polling_client_that_is_silent_is_away_and_may_come_back(tmp_path: Path) -> None:
    settings = owt_settings(owt=FAST | {"ping_seconds": 1.0, "ping_timeout_seconds": 1.0})
    async with owt_server(tmp_path, settings=settings) as server:
        room = (await server.manager().create_room())["_id"]
        async with guest(server, room, way="polling") as ann:
            pass
        await until_away(server, ann.id)
        async with connection(server, 3, "polling") as again:
            await again.ok("relogin", ann.ticket)
            await again.ok("text", {"to": "all", "message": "back"})
            await again.told("text", message="back")


async def test_a_ticket_takes_over_a_connection_that_is_still_there(
    server: OwtServer, room: str
) -> None:
    async with guest(server, room) as ann, connection(server) as again:
        await again.ok("relogin", ann.ticket)
        assert await ann.client.gone() == "transport"
        await again.ok("text", {"to": "all", "message": "here"})
        await again.told("text", message="here")


async def test_wrong_tickets(server: OwtServer, room: str) -> None:
    async with guest(server, room) as ann:
        key, now = secret(server, "owt.ticket_key"), 0.0
        old = make_ticket(ann.id, key, now - TICKET_SECONDS)
        forged = make_ticket(ann.id, "another key", 10**10)
        stranger = make_ticket("nobody", key, 10**10)
        for ticket, words in [
            (old, "Ticket is expired"),
            (forged, "Invalid reconnection ticket signature"),
            ({"a": 1}, "Invalid reconnection ticket signature"),
            (stranger, "Client does NOT exist"),
        ]:
            async with connection(server) as one:
                assert await one.refused("relogin", ticket) == words
                assert await one.client.gone() == "disconnect"
        assert await ann.quiet()


def secret(server: OwtServer, name: str) -> str:
    return server.services.secrets.text(name)


async def test_sdks_that_cannot_come_back_are_gone_at_once(server: OwtServer, room: str) -> None:
    async with connection(server) as ann:
        agent = AGENT | {"sdk": {"type": "Python", "version": "1"}}
        await ann.login(await token(server, room), userAgent=agent)
        async with connection(server) as again:
            assert await again.refused("relogin", ann.ticket) == "Reconnection is not allowed"
    await until_peers(server, 0)


async def test_who_stays_away_is_gone(tmp_path: Path) -> None:
    settings = owt_settings(owt={"resume_seconds": 0.3})
    async with owt_server(tmp_path, settings=settings) as server:
        room = (await server.manager().create_room())["_id"]
        async with guest(server, room) as bob:
            async with guest(server, room) as ann:
                pass
            await bob.told("participant", action="join")
            assert await bob.told("participant") == {"action": "leave", "data": ann.id}


async def test_who_misses_too_much_is_gone(tmp_path: Path) -> None:
    settings = owt_settings(owt=FAST | {"queued_messages": 5})
    async with owt_server(tmp_path, settings=settings) as server:
        room = (await server.manager().create_room())["_id"]
        async with guest(server, room) as bob:
            async with guest(server, room) as ann:
                pass
            await until_away(server, ann.id)
            for _ in range(6):
                await bob.ok("text", {"to": "all", "message": "hm"})
            await bob.told("participant", action="join")
            await bob.told("participant", action="leave", data=ann.id)


async def test_as_much_as_may_be_missed_fits_into_what_may_be_unsent(tmp_path: Path) -> None:
    """On polling all of it is unsent for a moment, behind the answer to the relogin."""
    settings = owt_settings(owt=FAST | {"queued_messages": 9, "outbox_messages": 10})
    async with owt_server(tmp_path, settings=settings) as server:
        room = (await server.manager().create_room())["_id"]
        async with guest(server, room) as bob:
            async with guest(server, room) as ann:
                pass
            await until_away(server, ann.id)
            for number in range(9):
                await bob.ok("text", {"to": "all", "message": f"{number}"})
            async with connection(server, way="polling") as again:
                await again.ok("relogin", ann.ticket)
                for number in range(9):
                    await again.told("text", message=f"{number}")
                assert await again.quiet()


async def test_a_client_that_never_reads_disturbs_nobody(tmp_path: Path) -> None:
    times = {"ping_seconds": 1.0, "ping_timeout_seconds": 1.0, "resume_seconds": 0.1}
    settings = owt_settings(owt=FAST | times | {"outbox_bytes": 100_000})
    async with owt_server(tmp_path, settings=settings) as server:
        room = (await server.manager().create_room())["_id"]
        async with guest(server, room) as bob, guest(server, room, way="polling") as ann:
            polling = ann.client.carrier
            polling.stopped = True  # type: ignore[attr-defined]
            for _ in range(30):
                await bob.ok("text", {"to": "all", "message": "x" * 20_000})
            await until_peers(server, 1)
            assert await bob.ok("text", {"to": "all", "message": "still here"}) is None


async def test_a_crash_of_the_room_tells_those_in_it_of_the_mix_alone(
    server: OwtServer, room: str
) -> None:
    """What was mixed before is not any more."""
    async with guest(server, room) as ann, guest(server, room) as bob:
        await ann.told("participant", action="join")
        live_room(server, room).tell(poison())
        with trio.fail_after(30):
            while len(await participants(server, room)) < 2:
                await trio.sleep(0.01)
        await bob.ok("text", {"to": "all", "message": "hm"})
        await ann.told("text", message="hm")
        await ann.told("stream", id=f"{room}-common", status="update")
        assert await ann.quiet()


async def participants(server: OwtServer, room: str) -> list[object]:
    found: list[object] = (
        await server.manager().ask("GET", f"/v1/rooms/{room}/participants")
    ).json()
    return found


async def test_nothing_secret_is_logged(server: OwtServer, room: str) -> None:
    said = "words between us"
    with logged() as lines:
        good = await token(server, room)
        async with connection(server) as ann:
            await ann.login(good)
            sid = ann.client.sid
            await ann.ok("text", {"to": "all", "message": said})
            await ann.told("text", message=said)
            secrets = {good, ann.ticket, sid, said}
        await until_away(server, ann.id)
        async with connection(server) as again:
            secrets |= {again.client.sid, await again.ok("relogin", ann.ticket)}
            stream = (await again.ok("publish", MIC))["id"]
            offer = {"type": "offer", "sdp": "v=0 a secret of ours"}
            await again.ok("soac", {"id": stream, "signaling": offer})
            await again.told("progress", id=stream, status="error")
            await again.ok("logout")
        async with connection(server) as bad:
            secrets |= {"forged secret"}
            await bad.refused("login", login("forged secret"))
    assert {line["event"] for line in lines} >= {"peer.joined", "peer.resumed", "request.answered"}
    text = str(lines)
    assert not [secret for secret in secrets | {"a secret of ours"} if secret in text]
