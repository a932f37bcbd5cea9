"""Who may have a peer: API keys, their domains, and proof of an id by the secret of a key."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import pytest

from actors.device.credentials import credential_token
from actors.device.messages import ShowPeer
from actors.words.keys import MemberKey, peers_realm
from tests.support.ports import free_port
from tests.support.skyway import PATIENCE, Gateway, Peer, StrictClient, gateway

SECRET = "sample-secret"
KEYS = [
    {"key": "KEY_FOO", "domains": ["example.com", "localhost"]},
    {"key": "ANY"},
    {"key": "PROVEN", "secret": SECRET},
]


def credential(
    peer_id: str, ttl: int = 600, ago: float = 0, secret: str = SECRET
) -> dict[str, Any]:
    timestamp = int(time.time() - ago)
    token = credential_token(secret, peer_id, timestamp, ttl)
    return {"timestamp": timestamp, "ttl": ttl, "authToken": token}


async def refused(client: StrictClient, status: int, **body: object) -> dict[str, str]:
    return await client.refused(status, "PEERS_CREATE", "POST", "/peers", {"domain": "d"} | body)


async def test_without_keys_any_key_and_domain_is_taken_and_all_meet(tmp_path: Path) -> None:
    async with gateway(tmp_path) as served, served.strict() as client:
        caller = await client.opened_peer("a", key="one", domain="x")
        callee = await client.opened_peer("b", key="two", domain="y")
        await client.connect(caller, "b")
        await client.next_connection(callee)


async def test_a_key_needs_one_of_its_domains_and_is_a_space_of_names(tmp_path: Path) -> None:
    async with gateway(tmp_path, api_keys=KEYS) as served, served.strict() as client:
        assert "key" in await refused(client, 403, key="KEY_FOO")
        assert "key" in await refused(client, 403, key="peerjs")
        assert "key" in await refused(client, 403, key="KEY_FO")
        caller = await client.opened_peer("a", key="KEY_FOO", domain="EXAMPLE.com")
        await client.opened_peer("b", key="ANY", domain="whatever")
        connection, _ = await client.connect(caller, "b")
        found = await client.data_event(connection, "ERROR", "error_message")
        assert "cannot be reached" in found["error_message"]
        await client.data_event(connection, "CLOSE")


async def test_keys_follow_a_reload_and_peers_live_on(tmp_path: Path) -> None:
    async with gateway(tmp_path, api_keys=KEYS) as served, served.strict() as client:
        peer = await client.opened_peer("a", key="ANY")
        served.reload(api_keys=[{"key": "OTHER"}])
        assert "key" in await refused(client, 403, key="ANY")
        await client.opened_peer("a", key="OTHER")
        assert await client.peer_status(peer)


async def test_guessing_keys_takes_ever_longer_and_then_is_refused(tmp_path: Path) -> None:
    async with gateway(tmp_path, api_keys=KEYS) as served, served.strict() as client:
        served.services.guard.set_limits(3, 60.0)
        messages = [(await refused(client, 403, key="wrong"))["key"] for _ in range(4)]
        assert messages[0] == "key or domain is wrong"
        assert messages[-1] == "too many wrong ones have come from there"
        await client.opened_peer("a", key="ANY")


async def test_wrong_credentials_of_one_program_lock_no_other_out(tmp_path: Path) -> None:
    async with gateway(tmp_path, api_keys=KEYS) as served, served.strict() as client:
        served.services.guard.set_limits(3, 60.0)
        wrong = credential("broken", secret="another")
        for _ in range(4):
            await refused(client, 403, key="PROVEN", peer_id="broken", credential=wrong)
        good = credential("healthy")
        await client.opened_peer("healthy", key="PROVEN", domain="d", credential=good)


async def test_a_key_with_a_secret_needs_an_id_and_its_proof(tmp_path: Path) -> None:
    async with gateway(tmp_path, api_keys=KEYS) as served, served.strict() as client:
        found = await refused(client, 400, key="PROVEN")
        assert found == {
            field: f"{field} field is not specified" for field in ("peer_id", "credential")
        }
        for wrong, words in (
            (credential("b"), "authToken is wrong"),
            (credential("a", secret="other"), "authToken is wrong"),
            (credential("a", ago=700), "the credential has expired"),
            (credential("a", ago=-1000), "timestamp is in the future"),
        ):  # fmt: skip
            found = await refused(client, 403, key="PROVEN", peer_id="a", credential=wrong)
            assert found == {"credential": words}
        peer = await client.opened_peer("a", key="PROVEN", credential=credential("a"))
        path = f"{peer.path}/credential{peer.query}"
        command = "PEERS_CREDENTIAL_UPDATE"
        found = await client.refused(403, command, "PUT", path, credential("b"))
        assert found == {"credential": "authToken is wrong"}
        assert await client.peer_status(peer)


async def test_a_credential_that_ends_soon_is_told_of_and_can_be_renewed(tmp_path: Path) -> None:
    async with gateway(tmp_path, api_keys=KEYS) as served, served.strict() as client:
        given = credential("a", ago=400)
        peer = await client.opened_peer("a", key="PROVEN", credential=given)
        found = await client.peer_event(peer, "EXPIRESIN", "remainingSec")
        assert 100 <= found["remainingSec"] <= 200
        longer = credential("a", ttl=3600)
        path = f"{peer.path}/credential{peer.query}"
        keys = ("command_type", "params")
        found = await client.document("PUT", path, longer, 200, *keys)
        assert found["params"] == {"credential": longer}
        assert await expires_in(served, peer) > 3500


async def test_a_renewal_is_proven_by_the_secret_that_the_key_has_now(tmp_path: Path) -> None:
    async with gateway(tmp_path, api_keys=KEYS) as served, served.strict() as client:
        peer = await client.opened_peer("a", key="PROVEN", credential=credential("a"))
        path = f"{peer.path}/credential{peer.query}"
        old, new = credential("a", ttl=1200), credential("a", ttl=3600, secret="new")
        served.reload(api_keys=[{"key": "PROVEN", "secret": "new"}])
        for body in (old, credential("a", secret="")):
            await client.refused(403, "PEERS_CREDENTIAL_UPDATE", "PUT", path, body)
        await client.document("PUT", path, new, 200, "command_type", "params")
        assert await expires_in(served, peer) > 3500
        served.reload(api_keys=[{"key": "OTHER"}])
        for body in (old, new):
            found = await client.refused(403, "PEERS_CREDENTIAL_UPDATE", "PUT", path, body)
            assert found == {"credential": "its API key is not listed any more"}
        assert await client.peer_status(peer)


async def test_the_end_of_a_credential_is_the_end_of_the_peer(tmp_path: Path) -> None:
    async with gateway(tmp_path, api_keys=KEYS) as served, served.strict() as client:
        peer = await client.opened_peer("a", key="PROVEN", credential=credential("a", ago=596))
        await client.peer_event(peer, "EXPIRESIN", "remainingSec")
        await client.peer_event(peer, "CLOSE")
        await client.refused(404, "PEERS_STATUS", "GET", f"{peer.path}/status{peer.query}")


async def expires_in(served: Gateway, peer: Peer) -> float:
    member = await served.services.directory.member(MemberKey(peers_realm("PROVEN"), peer.id))
    assert member is not None
    shown = await member.ask(ShowPeer(), within=PATIENCE)
    assert shown.expires_in is not None
    return float(shown.expires_in)


@pytest.mark.parametrize("path", ["", "/path"])
async def test_a_broker_elsewhere_is_asked_where_one_is_named(tmp_path: Path, path: str) -> None:
    """Nobody listens there: the peer is made all the same, and its program is told."""
    url = f"ws://127.0.0.1:{free_port()}{path}"
    async with gateway(tmp_path, broker_url=url) as served, served.strict() as client:
        peer = await client.new_peer("a")
        found = await client.peer_event(peer, "ERROR", "error_message")
        assert found["error_message"] in {"SERVER_DISCONNECTED", "SOCKET_ERROR", "SERVER_ERROR"}
        assert not await client.peer_status(peer)
        await client.delete_peer(peer)
