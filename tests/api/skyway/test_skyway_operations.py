"""All 22 operations over HTTP, by a client that is as strict as any that was published."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import RefuseSecond
from actors.member.profile import Profile
from actors.words.keys import MemberKey, peers_realm
from tests.support.actors import RecordingClient
from tests.support.serving import CARRIERS, second_listener
from tests.support.skyway import PATIENCE, Peer, StrictClient, gateway

LOCAL = {"ip_v4": "127.0.0.1", "port": 20_000}
NOBODY = "dc-4995f372-fb6a-4196-b30a-ce11e5c7f56c"
RECEIVE_VIDEO = {"video": False, "audio": False, "videoReceiveEnabled": True}


def of_video(media_id: str, rtcp_id: str | None = None) -> dict[str, Any]:
    """Return constraints that send video, and take video and audio."""
    params = {"band_width": 1500, "codec": "VP8", "media_id": media_id, "payload_type": 100,
              "sampling_rate": 90000}  # fmt: skip
    params |= {"rtcp_id": rtcp_id} if rtcp_id else {}
    return {"video": True, "videoReceiveEnabled": True, "audio": False,
            "audioReceiveEnabled": False, "video_params": params}  # fmt: skip


async def connected(client: StrictClient, caller: Peer, callee: Peer) -> tuple[str, str]:
    ours, _ = await client.connect(caller, callee.id, params={})
    return ours, await client.next_connection(callee)


async def wait_for(true: Callable[[], Awaitable[bool]]) -> None:
    with trio.fail_after(PATIENCE):
        while not await true():
            await trio.sleep(0.01)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_peer_from_its_begin_to_its_end(tmp_path: Path, carrier: str) -> None:
    async with gateway(tmp_path, carrier) as served, served.strict() as client:
        peer = await client.opened_peer("ID_FOO")
        assert await client.peer_status(peer)
        credential = {"timestamp": 1, "ttl": 600, "authToken": "YQ=="}
        renewed = await client.document(
            "PUT", f"{peer.path}/credential{peer.query}", credential, 200, "command_type", "params"
        )
        assert renewed["command_type"] == "PEERS_CREDENTIAL_UPDATE"
        assert renewed["params"] == {"credential": credential}  # passed over: no key has a secret
        await client.delete_peer(peer)
        for method, below, command in (
            ("GET", "/events", "PEERS_EVENTS"), ("GET", "/status", "PEERS_STATUS"),
            ("DELETE", "", "PEERS_DELETE"), ("PUT", "/credential", "PEERS_CREDENTIAL_UPDATE"),
        ):  # fmt: skip
            path = f"{peer.path}{below}{peer.query}"
            assert "peer_id" in await client.refused(404, command, method, path)
        assert (await client.new_peer("ID_FOO")).token != peer.token


async def test_a_peer_without_an_id_is_given_one(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        peers = [await client.opened_peer() for _ in range(3)]
        assert len({peer.id for peer in peers}) == 3
        assert all(len(peer.id) == 16 for peer in peers)


@pytest.mark.parametrize("carrier", CARRIERS)
@pytest.mark.parametrize("peer_id", ["a+b", "a b", "a/b", "a%2Fb", "x/events", "ü?&#", "..a"])
async def test_ids_are_taken_from_paths_as_they_were_sent(
    tmp_path: Path, carrier: str, peer_id: str
) -> None:
    async with gateway(tmp_path, carrier) as served, served.strict() as client:
        peer = await client.opened_peer(peer_id)
        assert await client.peer_status(peer)
        other = await client.opened_peer("other")
        await client.connect(other, peer_id)
        await client.next_connection(peer)
        if peer_id == "a+b":  # as it stands in the path, too: a plus is no space there
            await client.document(
                "GET", f"/peers/a+b/status{peer.query}", None, 200, "peer_id", "disconnected"
            )
        await client.delete_peer(peer)


async def test_an_id_that_is_taken_is_refused_and_its_peer_lives_on(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        peer = await client.opened_peer("ID_FOO")
        body = {"key": "k", "domain": "d", "peer_id": "ID_FOO"}
        found = await client.refused(403, "PEERS_CREATE", "POST", "/peers", body)
        assert found == {"peer_id": "peer_id is already in use"}
        assert await client.peer_status(peer)


async def test_an_id_that_a_browser_has_is_refused(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        key = MemberKey(peers_realm("peerjs"), "anna")
        page = partial(Member, Identity("anna"), Profile(key.realm, "peerjs"), RecordingClient())
        await served.services.directory.open_member(key, page, RefuseSecond())
        body = {"key": "k", "domain": "d", "peer_id": "anna"}
        found = await client.refused(403, "PEERS_CREATE", "POST", "/peers", body)
        assert found == {"peer_id": "peer_id is already in use"}


async def test_twenty_peers_at_once(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        peers: list[Peer] = []

        async def create(number: int) -> None:
            peers.append(await client.opened_peer(f"peer {number}"))

        async with trio.open_nursery() as nursery:
            for number in range(20):
                nursery.start_soon(create, number)
        assert len({peer.token for peer in peers}) == 20


async def test_the_token_decides_where_two_keys_have_peers_of_one_id(tmp_path: Path) -> None:
    keys = [{"key": "one"}, {"key": "two"}]
    async with gateway(tmp_path, api_keys=keys) as served, served.strict() as client:
        first = await client.opened_peer("same", key="one")
        second = await client.opened_peer("same", key="two")
        assert await client.peer_status(first)
        await client.delete_peer(first)
        assert await client.peer_status(second)
        path = f"{second.path}/status?token={first.token}"
        assert "token" in await client.refused(403, "PEERS_STATUS", "GET", path)


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_sockets_are_opened_and_freed(tmp_path: Path, carrier: str) -> None:
    async with gateway(tmp_path, carrier) as served, served.strict() as client:
        data, port = await client.data()
        video, _ = await client.media(video=True)
        audio, _ = await client.media(video=False)
        rtcp, _ = await client.rtcp()
        assert 50_001 <= port <= 50_999
        for path in (f"/data/{data}", f"/media/{video}", f"/media/{audio}", f"/media/rtcp/{rtcp}"):
            await client.nothing("DELETE", path)
        assert not served.engine.ports
        assert not served.engine.datagram_ports
        for path, command in (
            (f"/data/{data}", "DATA_DELETE"), (f"/media/{video}", "MEDIA_DELETE"),
            (f"/media/rtcp/{rtcp}", "RTCP_DELETE"), ("/data/nothing", "DATA_DELETE"),
            (f"/data/{video}", "DATA_DELETE"), (f"/media/{rtcp}", "MEDIA_DELETE"),
        ):  # fmt: skip
            await client.refused(404, command, "DELETE", path)


async def test_an_address_beyond_the_one_bound_to_is_told(tmp_path: Path) -> None:
    for told, field in (("192.0.2.7", "ip_v4"), ("2001:db8::7", "ip_v6")):
        async with gateway(tmp_path, udp_advertise=told) as served, served.strict() as client:
            found = await client.document("POST", "/data", {}, 201, "data_id", "port", field)
            assert found[field] == told


async def test_no_port_left_is_told_in_the_form_of_errors(tmp_path: Path) -> None:
    ports = [50_001, 50_001]
    async with gateway(tmp_path, udp_ports=ports) as served, served.strict() as client:
        data, port = await client.data()
        assert port == 50_001
        for path, body, command in (
            ("/data", {}, "DATA_CREATE"), ("/media/rtcp", {}, "RTCP_CREATE"),
        ):  # fmt: skip
            found = await client.refused(503, command, "POST", path, body)
            assert found == {"port": "no port is free"}
        await client.nothing("DELETE", f"/data/{data}")
        assert (await client.data())[1] == 50_001


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_data_connection_from_its_begin_to_its_end(tmp_path: Path, carrier: str) -> None:
    async with gateway(tmp_path, carrier) as served, served.strict() as client:
        caller, callee = await client.opened_peer("caller"), await client.opened_peer("callee")
        feed, port = await client.data()
        options = {"metadata": "hello", "serialization": "NONE", "dcInit": {"ordered": False}}
        ours, told = await client.connect(
            caller, "callee", params={"data_id": feed}, redirect_params=LOCAL, options=options
        )
        assert told == port
        theirs = await client.next_connection(callee)
        await client.data_event(ours, "OPEN")
        await client.data_event(theirs, "OPEN")
        status = await client.data_status(theirs)
        assert status["remote_id"] == "caller"
        assert status["metadata"] == "hello"
        assert status["serialization"] == "NONE"
        assert status["open"] is True
        assert (await client.data_status(ours))["label"] == status["label"]
        their_feed, _ = await client.data()
        await client.change(theirs, their_feed, LOCAL | {"port": 20_001})
        await client.change(theirs, their_feed)
        found = await client.refused(403, "DATA_DELETE", "DELETE", f"/data/{their_feed}")
        assert "in use" in found["data_id"]
        await client.disconnect(ours)
        await client.data_event(theirs, "CLOSE")
        for connection in (ours, theirs):
            path = f"/data/connections/{connection}"
            assert "data_connection_id" in await client.refused(
                404, "DATA_CONNECTION_EVENTS", "GET", f"{path}/events"
            )
        for socket in (feed, their_feed):  # went with their last use
            await client.refused(404, "DATA_DELETE", "DELETE", f"/data/{socket}")


async def test_metadata_is_a_text_in_a_status_whatever_it_was(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        caller, callee = await client.opened_peer("caller"), await client.opened_peer("callee")
        for given, shown in (
            ("", ""), (None, ""), ("plain", "plain"), ('{"a": 1}', '{"a": 1}'),
            ({"a": [1, None]}, '{"a":[1,null]}'), ({}, "{}"), ("ü", "ü"),
        ):  # fmt: skip
            await client.connect(caller, "callee", options={"metadata": given})
            theirs = await client.next_connection(callee)
            assert (await client.data_status(theirs))["metadata"] == shown


async def test_data_without_params_has_port_0(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        caller, _ = await client.opened_peer("caller"), await client.opened_peer("callee")
        for more in ({}, {"params": {}}, {"params": None}, {"params": {"data_id": None}}):
            assert (await client.connect(caller, "callee", **more))[1] == 0


async def test_a_channel_agreed_on_beforehand_needs_a_gateway_at_the_other_side(
    tmp_path: Path,
) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        caller, callee = await client.opened_peer("caller"), await client.opened_peer("callee")
        options = {"dcInit": {"negotiated": True, "id": 5, "priority": "high"}}
        ours, _ = await client.connect(caller, "callee", options=options)
        await client.data_event(await client.next_connection(callee), "OPEN")
        await client.data_event(ours, "OPEN")
        body = {"peer_id": "caller", "token": caller.token, "target_id": "x", "options": options}
        found = await client.refused(
            400, "DATA_CONNECTION_CREATE", "POST", "/data/connections", body
        )
        assert "gateway" in found["negotiated"]


@pytest.mark.parametrize("carrier", CARRIERS)
async def test_a_media_connection_from_its_begin_to_its_end(tmp_path: Path, carrier: str) -> None:
    async with gateway(tmp_path, carrier) as served, served.strict() as client:
        caller, callee = await client.opened_peer("caller"), await client.opened_peer("callee")
        (ours_id, _), (theirs_id, _) = [await client.media(video=True) for _ in range(2)]
        rtcp, _ = await client.rtcp()
        constraints = of_video(ours_id, rtcp) | {"metadata": {"from": "caller"}}
        ours = await client.call(
            caller, "callee", constraints, redirect_params={"video": LOCAL, "audio": None}
        )
        theirs = await client.next_call(callee)
        assert (await client.media_status(theirs))["metadata"] == '{"from":"caller"}'
        redirect = {"video": LOCAL | {"port": 20_002}, "video_rtcp": LOCAL | {"port": 20_003}}
        answered = await client.answer(theirs, of_video(theirs_id), redirect_params=redirect)
        assert answered == {"video_id": theirs_id}
        found = await client.refused(
            403, "MEDIA_CONNECTION_ANSWER", "POST", f"/media/connections/{theirs}/answer",
            {"constraints": of_video(theirs_id)},
        )  # fmt: skip
        assert "illegal operation" in found["media_connection_id"]
        for connection, socket in ((ours, ours_id), (theirs, theirs_id)):
            await client.media_event(connection, "READY")
            shown = await client.media_event(connection, "STREAM", "stream_options")
            assert shown["stream_options"]["is_video"] is True
            params = shown["stream_options"]["stream_params"]
            assert sorted(params) == ["ip_v4", "media_id", "port"]
            assert params["media_id"] == socket
        await client.keyframe(theirs, 20_002)
        path = f"/media/connections/{theirs}/pli"
        wrong = LOCAL | {"port": 1}
        assert "port" in await client.refused(404, "MEDIA_CONNECTION_PLI", "POST", path, wrong)
        found = await client.refused(403, "MEDIA_DELETE", "DELETE", f"/media/{ours_id}")
        assert "illegal operation" in found["media_id"]
        assert "rtcp_id" in await client.refused(
            403, "RTCP_DELETE", "DELETE", f"/media/rtcp/{rtcp}"
        )
        await client.hang_up(ours)
        await client.media_event(theirs, "CLOSE")
        await client.refused(
            404, "MEDIA_CONNECTION_EVENTS", "GET", f"/media/connections/{ours}/events"
        )
        assert not served.engine.ports
        assert not served.engine.datagram_ports


async def test_a_call_that_only_takes_media_is_answered_and_asked_for_keyframes(
    tmp_path: Path,
) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        caller, callee = await client.opened_peer("caller"), await client.opened_peer("callee")
        socket, _ = await client.media(video=True)
        await client.call(caller, "callee", of_video(socket))
        theirs = await client.next_call(callee)
        assert await client.answer(theirs, RECEIVE_VIDEO, redirect_params={"video": LOCAL}) == {}
        await client.keyframe(theirs, 20_000)  # also before anything has come
        status = await client.media_status(theirs)
        assert status["remote_id"] == "caller"


async def test_what_is_named_and_is_not_there_is_said_of_its_field(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        caller, callee = await client.opened_peer("caller"), await client.opened_peer("callee")
        released, _ = await client.media(video=True)
        await client.nothing("DELETE", f"/media/{released}")
        audio, _ = await client.media(video=False)
        base = {"peer_id": caller.id, "token": caller.token, "target_id": "callee"}
        for media_id in (released, audio, "vi-nothing", NOBODY):
            body = base | {"constraints": of_video(media_id, rtcp_id="rc-none")}
            found = await client.refused(
                404, "MEDIA_CONNECTION_CREATE", "POST", "/media/connections", body
            )
            assert sorted(found) == ["media_id", "rtcp_id"]
        mine, _ = await client.media(video=True)
        await client.call(caller, "callee", of_video(mine))
        call = await client.next_call(callee)
        body = {"constraints": of_video(released)}
        path = f"/media/connections/{call}/answer"
        found = await client.refused(404, "MEDIA_CONNECTION_ANSWER", "POST", path, body)
        assert list(found) == ["media_id"]
        body = base | {"params": {"data_id": "da-none"}}
        path = "/data/connections"
        found = await client.refused(404, "DATA_CONNECTION_CREATE", "POST", path, body)
        assert list(found) == ["data_id"]


async def test_a_peer_takes_its_connections_and_their_ports_with_it(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        caller, callee = await client.opened_peer("caller"), await client.opened_peer("callee")
        feed, _ = await client.data()
        ours, _ = await client.connect(caller, "callee", params={"data_id": feed})
        theirs = await client.next_connection(callee)
        await client.delete_peer(caller)
        assert not served.engine.datagram_ports  # by the time of the answer
        await client.data_event(ours, "OPEN")  # what was not read still can be
        await client.data_event(ours, "CLOSE")
        await client.data_event(theirs, "OPEN")
        await client.data_event(theirs, "CLOSE")


async def test_redirects_lead_to_allowed_networks_only_also_after_a_reload(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        caller, callee = await client.opened_peer("caller"), await client.opened_peer("callee")
        base = {"peer_id": caller.id, "token": caller.token, "target_id": "callee"}
        for host, field in (("192.0.2.1", "ip_v4"), ("::ffff:192.0.2.1", "ip_v6")):
            to = {field: host, "port": 9}
            for path, command, more in (
                ("data", "DATA_CONNECTION_CREATE", {"redirect_params": to}),
                ("media", "MEDIA_CONNECTION_CREATE",
                 {"constraints": RECEIVE_VIDEO, "redirect_params": {"video_rtcp": to}}),
            ):  # fmt: skip
                found = await client.refused(
                    403, command, "POST", f"/{path}/connections", base | more
                )
                assert list(found.values()) == ["nothing may be sent to 192.0.2.1"]
        connection, _ = await client.connect(caller, "callee", redirect_params=LOCAL)
        session = served.engine.sessions[connection]
        await client.data_event(connection, "OPEN")
        assert session.relaying is not None
        assert session.relaying.wanted.redirect == ("127.0.0.1", 20_000)
        served.reload(redirect_allow=["192.0.2.0/24"])

        async def cut() -> bool:
            return session.relaying is None or session.relaying.wanted.redirect is None

        await wait_for(cut)
        path = f"/data/connections/{connection}"
        body = {"redirect_params": LOCAL}
        assert "ip_v4" in await client.refused(403, "DATA_CONNECTION_PUT", "PUT", path, body)
        theirs = await client.next_connection(callee)
        await client.change(theirs, to={"ip_v4": "192.0.2.1", "port": 9})


async def test_one_program_may_use_several_listeners(tmp_path: Path) -> None:
    async with (
        gateway(tmp_path) as served,
        second_listener(served.services, served.mount()) as other,
        served.strict() as client,
    ):
        peer = await client.new_peer("ID_FOO")
        there = StrictClient(client.http, {"Host": f"127.0.0.1:{other.port}"})
        peer_there = Peer(peer.id, peer.token)
        client.http.base_url = other.url  # type: ignore[assignment]
        await there.peer_event(peer_there, "OPEN")
        await there.delete_peer(peer_there)
