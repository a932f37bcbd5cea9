"""Rooms of a real server whose views are mixed: who sends into them, and what is recorded."""

from __future__ import annotations

import subprocess
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import av
import httpx
import trio

from media.webrtc.bridge import MediaLoop
from tests.support.media_file import MediaFile, look_into
from tests.support.owt_media import Caller, calling
from tests.support.owt_portal import CONFIG, Elsewhere, guest
from tests.support.picture_jobs import Colour
from tests.support.process import RunningProcess, launched
from tests.support.signals import Signals

MEDIA = CONFIG + 'ice = { listen_ips = ["127.0.0.1"] }\n'
SECONDS = 90.0  # of a machine that has much else to do
LOOK_SECONDS = 0.3
MIX = [{"op": "add", "path": "/info/inViews", "value": "common"}]


@dataclass
class MixedRoom:
    """A room of a server in another process, and those who send into it, in order of coming."""

    process: RunningProcess
    server: Elsewhere
    room: str
    callers: list[Caller] = field(default_factory=list)
    streams: list[str] = field(default_factory=list)

    @property
    def common(self) -> str:
        return f"{self.room}-common"

    async def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        return await self.server.manager().ask(method, f"/v1.1/rooms/{self.room}{path}", body)

    async def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.ask(method, path, body)
        assert answer.status_code == 200, answer.text
        return answer.json() if answer.text.startswith(("{", "[")) else None

    async def mix(self, *streams: str) -> None:
        for stream in streams:
            await self.ok("PATCH", f"/streams/{stream}", MIX)

    async def record(self, container: str = "mkv", **media: Any) -> tuple[str, Path]:
        """Start a recording of these kinds; return its id, and the file to be."""
        body = {"container": container, "media": {"audio": False, "video": False} | media}
        found = await self.ok("POST", "/recordings", body)
        return found["id"], Path(found["storage"]["file"])

    async def stop(self, recording: str) -> None:
        await self.ok("DELETE", f"/recordings/{recording}")


@asynccontextmanager
async def mixed_room(
    folder: Path, loop: MediaLoop, *colours: Colour, config: str = "", mixes: bool = True
) -> AsyncIterator[MixedRoom]:
    """Run a server with a room into whose view these colours are sent, one by each member.

    Nothing is mixed yet without `mixes`.
    """
    async with AsyncExitStack() as stack:
        process = await stack.enter_async_context(launched(folder, MEDIA + config))
        server = Elsewhere(process.url)
        room = (await server.manager().create_room())["_id"]
        found = MixedRoom(process, server, room)
        start = time.monotonic()  # they all flash and beep at a time
        for number, colour in enumerate(colours):
            person = await stack.enter_async_context(guest(server, room, f"guest {number}"))
            caller = await stack.enter_async_context(calling(person, loop))
            found.callers.append(caller)
            found.streams.append(await caller.send(Signals(colour, start=start)))
        if mixes:
            await found.mix(*found.streams)
        yield found


async def until_it_holds(
    file: Path, what: Callable[[MediaFile], bool] | float, *, partly: bool = True
) -> None:
    """Wait until a file, while it is being recorded, has something, or so many seconds of all."""
    if partly:
        file = file.with_name(f"{file.name}.part")

    def has_seconds(found: MediaFile) -> bool:
        return bool(found.packets) and all(
            times and times[-1] > what
            for times in found.packets.values()  # type: ignore[operator]
        )

    wanted = what if callable(what) else has_seconds
    with trio.fail_after(SECONDS):
        while True:
            try:
                if wanted(await trio.to_thread.run_sync(look_into, file)):
                    return
            except (subprocess.SubprocessError, KeyError, OSError):
                pass  # it has only just begun
            await trio.sleep(LOOK_SECONDS)


def pictures_in(file: Path) -> list[av.VideoFrame]:
    with av.open(str(file)) as found:
        return list(found.decode(video=0))
