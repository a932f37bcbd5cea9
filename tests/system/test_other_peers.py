"""Peers that are no browser publish through a real server, and what they send can be decoded."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import trio

from media.webrtc.bridge import MediaLoop, open_media_loop
from tests.support.ffmpeg import FRAMES, SECONDS, send_media
from tests.support.gstreamer import gstreamer
from tests.support.npm import node, npm_packages
from tests.support.owt_media import Caller, calling
from tests.support.owt_portal import CONFIG, Elsewhere, Guest, guest
from tests.support.process import launched
from tests.support.talking import Talking

DATACHANNEL = "node-datachannel@0.33.4"  # its binary comes as a package of the registry, too
SCRIPT = Path(__file__).parents[1] / "support" / "datachannel_peer.js"
LARGE = 1350  # bytes; browsers send 1,200 at most
BOTH = {"media": {"audio": {"source": "mic"}, "video": {"source": "camera"}}}


@pytest.fixture
async def loop() -> AsyncIterator[MediaLoop]:
    async with open_media_loop() as found:
        yield found


@dataclass
class Scene:
    """A room of a real server with an owner of streams, and somebody who watches."""

    owner: Guest
    viewer: Caller

    async def publish(self, offer: str, peer: Talking) -> str:
        """Carry the descriptions between a peer and the portal; return the stream, once ready."""
        stream = str((await self.owner.ok("publish", BOTH))["id"])
        signaling = {"type": "offer", "sdp": offer}
        await self.owner.ok("soac", {"id": stream, "signaling": signaling})
        answered = await self.owner.told("progress", id=stream, status="soac")
        await peer.say(json.dumps({"sdp": answered["data"]["sdp"]}))
        await self.owner.told("progress", id=stream, status="ready")
        await self.viewer.guest.told("stream", id=stream, status="add")
        return stream

    async def decodes(self, subscription: str, video: int, audio: int) -> None:
        """Wait until so much was decoded; packets were large, and none of them was lost."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self.viewer.frames, subscription, "video", video)
            nursery.start_soon(self.viewer.frames, subscription, "audio", audio)
        seen = self.viewer.open[subscription].seen
        assert {each.missing for each in seen.values()} == {0}
        assert seen["video"].largest > LARGE


@pytest.fixture
async def scene(tmp_path: Path, loop: MediaLoop) -> AsyncIterator[Scene]:
    async with launched(tmp_path, CONFIG) as process:
        server = Elsewhere(process.url)
        room = (await server.manager().create_room())["_id"]
        async with guest(server, room) as ann, guest(server, room, "bob") as bob:
            async with calling(bob, loop) as viewer:
                yield Scene(ann, viewer)


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_gstreamer_publishes_as_it_is(scene: Scene, codec: str) -> None:
    async with gstreamer(codec) as peer:
        told = json.loads(await peer.line())
        stream = await scene.publish(told["sdp"], peer)
        subscription = await scene.viewer.subscribe(stream, stream, codecs=("opus", codec))
        await scene.decodes(subscription, video=45, audio=100)


@pytest.mark.parametrize("codec", ["vp8", "h264"])
async def test_libdatachannel_publishes_what_ffmpeg_makes(scene: Scene, codec: str) -> None:
    modules = npm_packages(DATACHANNEL)
    async with node(SCRIPT, codec, modules=modules) as peer:
        told = json.loads(await peer.line())
        stream = await scene.publish(told["sdp"], peer)
        subscription = await scene.viewer.subscribe(stream, stream, codecs=("opus", codec))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_media, codec, 96, ("127.0.0.1", told["video"]))
            nursery.start_soon(send_media, "opus", 97, ("127.0.0.1", told["audio"]))
            await scene.decodes(subscription, video=FRAMES - 2, audio=45 * SECONDS)
