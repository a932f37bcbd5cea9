"""An aiortc client that calls by PeerJS, and all of whose media goes through a relay of UDP."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import trio
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription

from media.webrtc.bridge import MediaLoop
from tests.media.clients import Client, Hum
from tests.support.peerjs import PATIENCE, BrokerClient
from tests.support.spreed import connect
from tests.support.udp_relay import UdpRelay, through

CONNECTION = "mc_caller"


@asynccontextmanager
async def broker_client(url: str, id_: str) -> AsyncIterator[BrokerClient]:
    """Have an id at the broker of a server."""
    where = f"ws{url.removeprefix('http')}peerjs?key=peerjs&id={id_}&token=t&version=1.5.5"
    async with connect(where) as socket:
        client = BrokerClient(socket, id_)
        assert await client.text() == '{"type":"OPEN"}'
        yield client


class Caller(Client):
    """Says a hum and hears sound, in one section as pages of PeerJS do."""

    async def call(self, broker: BrokerClient, callee: str, relay: UdpRelay) -> None:
        """Call, and wait until the media is connected: by the relay, as no other way is told."""
        offer = await self.run(self._offer_sound)
        told = [line for line in offer.splitlines() if "candidate" not in line]
        sdp = {"type": "offer", "sdp": "\r\n".join(told) + "\r\n"}
        payload = {"sdp": sdp, "type": "media", "connectionId": CONNECTION}
        await broker.send("OFFER", callee, payload=payload)
        while (frame := await broker.next())["type"] != "ANSWER":
            pass
        await self.run(self._take_answer, through(relay, frame["payload"]["sdp"]["sdp"]))
        with trio.move_on_after(2 * PATIENCE):
            while self.pc.connectionState != "connected":
                await trio.sleep(0.02)
        assert self.pc.connectionState == "connected", self.pc.iceConnectionState

    async def _offer_sound(self) -> str:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pc.on("track", self._on_track)
        self.pc.addTransceiver(Hum(), "sendrecv")
        return str(await self._offer())

    async def _take_answer(self, sdp: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(sdp, "answer"))


@asynccontextmanager
async def in_call(
    loop: MediaLoop, broker: BrokerClient, callee: str, relay: UdpRelay
) -> AsyncIterator[Caller]:
    """Call somebody for a block, whose program answers meanwhile."""
    nobody = cast("Any", None)
    caller = Caller(loop, nobody, nobody)
    try:
        await caller.call(broker, callee, relay)
        yield caller
    finally:
        with trio.CancelScope(deadline=trio.current_time() + PATIENCE, shield=True):
            if "pc" in vars(caller):  # else it came to no offer, and something else says why
                await caller.run(caller._close)
