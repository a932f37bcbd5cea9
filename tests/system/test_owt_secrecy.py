"""No secret of OWT reaches a log: as `test_secrecy.py`, for the management API and the portal."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import Any

import httpx
import pytest
import trio

from media.webrtc.bridge import open_media_loop
from tests.actors.core.puppet import logged
from tests.support.owt import KEYS, SAMPLE, SUPER, Manager, owt_server, owt_settings
from tests.support.owt_media import calling
from tests.support.owt_portal import AGENT, WAYS, Elsewhere, Place, connection, guest, token
from tests.support.peace import library_troubles
from tests.support.process import launched
from tests.support.raw import connected, upgrade_request
from tests.system.test_secrecy import assert_silent

MADE_UP = "5188b9af6e53c84ffd60ffff"
WORDS = {
    "chat text 6021", "whispered text 1182", "a user 4410", "of a stream 7719",
    "key of an app 8812", "asd88fgpdd777uzjYhagZg", "46117317", "192.0.2.77", "forged token 2291",
    "forged ticket 7003", "wrong key 3341", "in a query 9952", "in a header 2210",
    "in a body 7764", "an event 1359",
    "an answer 9026", "agent of a browser 6120", "a sid 5520", "name of a room 1477",
}  # fmt: skip
SDP = "v=0\r\no=- 46117317 2 IN IP4 127.0.0.1\r\ns=-\r\na=ice-pwd:asd88fgpdd777uzjYhagZg\r\n"
CANDIDATE = {"candidate": "candidate:1 1 udp 2130706431 192.0.2.77 9 typ host"}
GUARD = {"credential_failures": 0}
SPOKEN = {"media": {"audio": {"source": "mic"}, "video": False}}
CONFIG = (
    'log = { level = "debug", format = "json" }\n'
    f'owt = {{ sample_service_id = "{SAMPLE}", sample_service_key = "{KEYS[SAMPLE]}",'
    f' super_service_id = "{SUPER}", super_service_key = "{KEYS[SUPER]}" }}\n'
    'listeners = [{ bind = "127.0.0.1:0", dialects = ["owt", "operator"] }]\n'
    'ice = { listen_ips = ["127.0.0.1"] }\n'
)


async def confide(server: Place) -> set[str]:
    """Use every secret there is, rightly and wrongly; return those that were made up meanwhile."""
    made: set[str] = set()
    room = (await server.manager().create_room("name of a room 1477"))["_id"]
    made |= await manage(server, room)
    async with open_media_loop() as loop:
        for version, way in WAYS:
            made |= await meet(server, room, version, way)
        async with guest(server, room, "a user 4410") as ann, calling(ann, loop) as caller:
            stream = await caller.publish(video=None)
            taken = await caller.subscribe(audio=stream)
            for client in caller.open.values():
                local = client.pc.localDescription.sdp + client.pc.remoteDescription.sdp
                made |= {value for line in local.splitlines() for value in private(line)}
            body = {"container": "mkv", "media": {"audio": {"from": stream}, "video": False}}
            path = f"/v1/rooms/{room}/recordings"
            assert (await server.manager().ask("POST", path, body)).status_code == 200
            await ann.ok("unsubscribe", {"id": taken})
    await server.manager().ask("DELETE", f"/v1/rooms/{room}")
    await stumble(server)
    return made


def private(line: str) -> list[str]:
    """Return what a line of a description has that nobody may learn."""
    name, _, value = line.partition(":")
    return [value] if name in ("a=ice-pwd", "a=fingerprint") else []


async def manage(server: Place, room: str) -> set[str]:
    """Sign rightly and wrongly, and send bodies that make sense or do not."""
    signed = set()

    async def ask(manager: Manager, method: str, path: str, body: Any = None) -> None:
        header = manager.header()
        signed.add(header.rpartition("mauth_signature=")[2])
        await manager.ask(method, path, body, header=header)

    app = {"name": "an app", "key": "key of an app 8812"}
    await ask(Manager(server.url, SUPER, KEYS[SUPER]), "POST", "/services", app)
    for manager in (server.manager(), Manager(server.url, SAMPLE, "wrong key 3341")):
        await ask(manager, "GET", "/v1/rooms?q=in%20a%20query%209952")
        await ask(manager, "POST", "/v1/rooms", {"name": ["in a body 7764"]})
        await ask(manager, "PATCH", f"/v1/rooms/{room}", [{"op": "in a body 7764"}])
        body = {"user": "a user 4410", "role": "in a body 7764"}
        await ask(manager, "POST", f"/v1/rooms/{room}/tokens", body)
    await ask(Manager(server.url, MADE_UP, "wrong key 3341"), "GET", "/v1/rooms")
    await server.manager().ask("GET", "/v1/rooms", header="MAuth in a header 2210")
    return signed


async def meet(server: Place, room: str, version: int, way: str) -> set[str]:
    """Log in, talk, negotiate and come back, with what is private in all of it."""
    made = {await token(server, room, "a user 4410")}
    async with connection(server, version, way) as ann:
        await ann.login(*made)
        made |= {ann.client.sid, ann.ticket}
        await ann.ok("text", {"to": "all", "message": "chat text 6021"})
        await ann.ok("text", {"to": ann.id, "message": "whispered text 1182"})
        stream = (await ann.ok("publish", SPOKEN | {"attributes": {"x": "of a stream 7719"}}))["id"]
        trickled = {"type": "candidate", "candidate": CANDIDATE}
        await ann.ok("soac", {"id": stream, "signaling": trickled})
        await ann.ok("soac", {"id": stream, "signaling": {"type": "offer", "sdp": SDP}})
        await ann.told("progress", id=stream, status="error")
        await ann.refused("an event 1359", {"x": "in a body 7764"})
        await ann.refused("publish", {"in a body 7764": "in a body 7764"})
        await ann.refused("soac", {"id": "in a body 7764", "signaling": {"type": "an answer 9026"}})
        made.add(await ann.ok("refreshReconnectionTicket"))
        async with connection(server, version, way) as again:
            made |= {again.client.sid, await again.ok("relogin", ann.ticket)}
            await again.ok("logout")
    made.discard(ann.id)  # which is no secret
    for name, data in [
        ("login", {"token": "forged token 2291", "userAgent": AGENT, "protocol": "1.1"}),
        ("login", {"token": next(iter(made)), "userAgent": AGENT, "protocol": "1.1"}),
        ("relogin", "forged ticket 7003"),
    ]:
        async with connection(server, version, way) as bad:
            await bad.refused(name, data)
    return made


async def stumble(server: Place) -> None:
    """Break the protocols, with secrets in what is broken."""
    url = httpx.URL(server.url)
    hosts = {"user-agent": "agent of a browser 6120", "cookie": "io=a sid 5520"}
    async with httpx.AsyncClient(base_url=url, headers=hosts, timeout=60.0) as http:
        for query in ("EIO=3&transport=polling", "EIO=9&x=in a query 9952", "sid=a sid 5520"):
            answer = await http.get(f"/socket.io/?{query}&transport=polling&t=in a query 9952")
            with contextlib.suppress(ValueError):
                packets = answer.text[answer.text.index("{") :]
                sid = json.JSONDecoder().raw_decode(packets)[0].get("sid", "")
                params = {"EIO": "3", "transport": "polling", "sid": sid}
                for body in ("7:4in a bo", '22:42["in a body 7764"', "9:4x"):
                    await http.post("/socket.io/", params=params, content=body)
    for path in ("/socket.io/?EIO=3&transport=websocket", "/socket.io/?sid=a sid 5520"):
        target = upgrade_request(path.replace(" ", "%20") + "&x=in%20a%20query%209952")
        async with connected(_Where(url.host, url.port or 80)) as client:  # type: ignore[arg-type]
            await client.send(target)
            with trio.fail_after(60):
                await client.read_head()


class _Where:
    def __init__(self, host: str, port: int) -> None:
        self.host, self.port = host, port


@pytest.mark.slow
async def test_no_secret_is_passed_to_the_log(tmp_path: Path) -> None:
    with logged() as lines, library_troubles() as troubles:
        async with owt_server(tmp_path, settings=owt_settings(limits=GUARD)) as server:
            room = (await server.manager().create_room())["_id"]
            made = await manage(server, room)
            for version, way in WAYS:
                made |= await meet(server, room, version, way)
            await stumble(server)
        made |= set(server.services.secrets.all().values())
    assert {line["event"] for line in lines} >= {"peer.joined", "peer.resumed", "request.answered"}
    assert troubles == []
    assert_silent("\n".join(map(repr, lines)), WORDS | made | set(KEYS.values()))


@pytest.mark.slow
async def test_no_secret_is_written_by_a_real_server_at_debug_level(tmp_path: Path) -> None:
    guard = "limits = { credential_failures = 0 }\n"
    async with launched(tmp_path, CONFIG + guard) as process:
        made = await confide(Elsewhere(process.url))
    log = "\n".join(json.dumps(line, ensure_ascii=False) for line in process.log)
    for event in ("request.answered", "peer.joined", "peer.resumed", "recording.ended"):
        assert event in log
    kept = (tmp_path / "data" / "secrets.toml").read_text().split('"')[1::2]
    assert_silent(log, WORDS | made | set(kept) | set(KEYS.values()))
