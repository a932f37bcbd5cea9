"""What a client that reads slowly is told of a member who says more than that: never too little."""

from __future__ import annotations

import json
from typing import Any, cast

import pytest
import trio

from actors.words.facts import PeerChanged, PeerJoined, PeerLeft, Presence, Said
from api.http.carriers.unsent import Unsent
from api.http.refused_flows import RefusedFlows
from api.http.sockets import Socket, SocketFull, SourceFull
from api.settings import IceSettings
from api.spreed.events import SpreedClient, SpreedRenderer
from api.spreed.signing import Signer, SpreedSession

pytestmark = pytest.mark.usefixtures("autojump_clock")


class UnreadSocket:
    """Sends nothing: all waits in its outbox, by the rules of the carriers."""

    def __init__(self, messages: int) -> None:
        self.outbox: Unsent[bytes] = Unsent(messages, 1_000_000)

    def push(self, payload: bytes, *, replace: str = "", source: str = "") -> None:
        if source and not self.outbox.has_room_for(source, len(payload)):
            raise SourceFull
        if not self.outbox.has_room(len(payload), replace):
            raise SocketFull
        self.outbox.add(payload, len(payload), replace, payload, source)

    def unread(self) -> list[tuple[str, Any]]:
        """Return kinds of documents, with what tells them apart."""
        found = []
        for frame in self.outbox.take_all():
            data = json.loads(frame)["Data"]
            kind = data["Type"]
            found.append((kind, data["Chat"]["Message"] if kind == "Chat" else data.get("Rev")))
        return found


def opened(messages: int = 800) -> tuple[SpreedClient, UnreadSocket]:
    socket, signer = UnreadSocket(messages), Signer("secret")
    session = SpreedSession("me", "sid")
    client = SpreedClient(
        cast("Socket", socket), session, SpreedRenderer(signer), IceSettings, "1",
        lambda id_: None, flows=RefusedFlows(),
    )  # fmt: skip
    return client, socket


def ann(revision: int) -> Presence:
    return Presence("ann", status=b"1", revision=revision)


async def test_of_a_status_the_latest_waits_but_none_from_before_its_peer_came() -> None:
    client, socket = opened()
    for fact in (
        PeerChanged(ann(1)), PeerChanged(ann(2)), PeerLeft("ann", False), PeerJoined(ann(3)),
        PeerChanged(ann(4)), PeerChanged(ann(5)),
    ):  # fmt: skip
        client.show(fact)
    assert socket.unread() == [("Status", 2), ("Left", None), ("Joined", 3), ("Status", 5)]


async def test_whoever_comes_and_goes_is_always_told_and_slowed_down() -> None:
    client, socket = opened(messages=80)
    for revision in range(1, 21):
        client.show(PeerJoined(ann(revision)))
        assert (client.flows.pause("ann", trio.current_time()) > 0) == (revision > 10)
    assert [revision for _, revision in socket.unread()] == list(range(1, 21))
    assert client.flows.pause("bob", trio.current_time()) == 0


async def test_chat_of_one_is_left_out_and_that_of_others_is_not() -> None:
    client, socket = opened(messages=80)
    for number in range(20):
        client.show(Said("ann", None, f"ann {number}"))
    client.show(Said("bob", None, "bob"))
    assert socket.unread() == [
        *(("Chat", f"ann {number}") for number in range(10)),
        ("Chat", "bob"),
    ]
    assert client.flows.pause("ann", trio.current_time()) == 0, "others are to hear it at once"
