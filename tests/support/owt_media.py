"""Portal clients with media: unchanged aiortc connections, negotiated in the order of the SDK."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, cast

import trio
from aiortc import MediaStreamTrack

from media.webrtc.bridge import MediaLoop
from tests.media.clients import Client, Hum, Picture
from tests.support.owt_portal import Guest
from tests.support.signals import RATE, Signals

VP8 = ("opus", "vp8")


@dataclass
class Caller:
    """A guest, and its media connections by the id of their publication or subscription."""

    guest: Guest
    loop: MediaLoop
    open: dict[str, Client] = field(default_factory=dict)

    async def publish(
        self, audio: bool = True, video: int | None = 200, codecs: tuple[str, ...] = VP8
    ) -> str:
        """Send a hum, and a picture of this grey level; return the id once it is ready."""
        media = {
            "audio": {"source": "mic"} if audio else False,
            "video": {"source": "camera"} if video is not None else False,
        }
        id_ = (await self.guest.ok("publish", {"media": media}))["id"]
        tracks: list[MediaStreamTrack] = [Hum()] if audio else []
        if video is not None:
            tracks.append(Picture(video))
        await self._negotiate(id_, tracks, [], codecs)
        return str(id_)

    async def send(
        self, signals: Signals, *kinds: str, codecs: tuple[str, ...] = VP8, said: bool = True
    ) -> str:
        """Send signals of these kinds, both by default; return the id once it is ready.

        What the picture is like is `said` to the server.
        """
        kinds = kinds or ("audio", "video")
        width, height = signals.size
        size = {"resolution": {"width": width, "height": height}, "framerate": RATE}
        video = {"source": "camera", "parameters": size} if said else {"source": "camera"}
        media = {
            "audio": {"source": "mic"} if "audio" in kinds else False,
            "video": video if "video" in kinds else False,
        }
        id_ = (await self.guest.ok("publish", {"media": media}))["id"]
        await self._negotiate(id_, signals.tracks(*kinds), [], codecs)
        return str(id_)

    async def subscribe(
        self, audio: str | None = None, video: str | None = None, codecs: tuple[str, ...] = VP8
    ) -> str:
        """Take from streams; return the id once it is ready."""
        wanted = {"audio": audio, "video": video}
        media = {kind: {"from": id_} if id_ else False for kind, id_ in wanted.items()}
        id_ = (await self.guest.ok("subscribe", {"media": media}))["id"]
        await self._negotiate(id_, [], [kind for kind, source in wanted.items() if source], codecs)
        return str(id_)

    async def frames(self, subscription: str, kind: str = "video", more: int = 10) -> int:
        """Wait until so many more frames were decoded; return the grey level of the last."""
        client = self.open[subscription]
        seen = await client.frames(kind, client.seen[kind].frames + more)
        return seen.grey

    async def frozen(self, subscription: str, kind: str) -> bool:
        """Tell whether nothing comes any more (what is under way may still arrive)."""
        seen = self.open[subscription].seen[kind]
        with trio.move_on_after(5):
            while True:
                before = seen.frames
                await trio.sleep(0.7)
                if seen.frames <= before + 1:
                    return True
        return False

    async def _negotiate(
        self, id_: str, tracks: list[MediaStreamTrack], takes: list[str], codecs: tuple[str, ...]
    ) -> None:
        client = self.open[id_] = Client(self.loop, cast("Any", None), cast("Any", None))
        await client.run(client._make, tracks, takes, codecs)
        offer = await client.run(client._offer)
        await self.guest.ok("soac", {"id": id_, "signaling": {"type": "offer", "sdp": offer}})
        told = await self.guest.told("progress", id=id_, status="soac")
        assert told["data"]["type"] == "answer"
        assert "a=candidate" in told["data"]["sdp"]
        await client.run(client._accept, told["data"]["sdp"])
        for line in offer.splitlines():
            if line.startswith("a=candidate:"):
                found = {"candidate": line, "sdpMid": "0", "sdpMLineIndex": 0}
                signaling = {"type": "candidate", "candidate": found}
                await self.guest.ok("soac", {"id": id_, "signaling": signaling})
        assert await self.guest.told("progress") == {"id": id_, "status": "ready"}

    async def offer_video(self, id_: str, codec: str) -> str:
        """Return an offer of video in a codec of this name, which need not be one of aiortc's."""
        client = self.open[id_] = Client(self.loop, cast("Any", None), cast("Any", None))
        await client.run(client._make, [Picture(200)], [], ("vp8",))
        offer: str = await client.run(client._offer)
        return offer.replace("VP8/90000", f"{codec}/90000")

    async def hang_up(self, id_: str) -> None:
        """Close the connection of a publication or subscription, without a word to the portal."""
        client = self.open.pop(id_)
        await client.run(client._close)

    async def close(self) -> None:
        for client in self.open.values():
            await client.run(client._close)
        self.open.clear()


@asynccontextmanager
async def calling(guest: Guest, loop: MediaLoop) -> AsyncIterator[Caller]:
    """Give a guest media, closed in the end."""
    caller = Caller(guest, loop)
    try:
        yield caller
    finally:
        with trio.CancelScope(deadline=trio.current_time() + 5, shield=True):
            await caller.close()
