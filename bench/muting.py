"""`python -m bench.muting`: what it takes to mute somebody whom 500 hear, counted and in CPU.

The room is the real one, in a house of real actors, on the engine of the tests, which carries
nothing: how long its handler is held, in how many turns, and how often it calls the engine. The
engine is the real one on its own, with a leg for each that hears: all paths in one call, beside one
call for each path, as it was until then. Legs send nothing meanwhile.
"""

from __future__ import annotations

import argparse
import sys
import time
from typing import Any

import trio
import trio.testing

from actors.core import Message
from actors.room.room import Join
from actors.streams.services import StreamLimits
from actors.words.orders import ControlStream, Placed
from actors.words.streams import StatusChange
from bench.calls import unlogged
from bench.figures import Figures, rows_of, table
from media.contract.codec import Codec
from media.contract.paths import MediaPath
from media.local_engine import open_local_engine
from media.rtp.router import RtcpUpstream, RtpSink, RtpSource
from media.webrtc.bridge import open_media_loop
from tests.support.actors import settle
from tests.support.conference import MANAGED, Hand, Meeting, open_meeting

SOUND = Codec("opus", 48_000, 111, channels=2)


class Turns:
    """The messages that a room handles: of which kind, and what CPU each took its handler."""

    def __init__(self, meeting: Meeting) -> None:
        cell = meeting.house.system.registry.cell_at(MANAGED)
        assert cell is not None
        room: Any = cell.life.actor
        self.taken: list[tuple[type[Message], float]] = []
        self._handle, room.handle = room.handle, self._noted

    def of(self, kind: type[Message]) -> list[float]:
        return [seconds for what, seconds in self.taken if what is kind]

    async def _noted(self, message: Message) -> object:
        before = time.thread_time()
        try:
            return await self._handle(message)
        finally:
            self.taken.append((type(message), time.thread_time() - before))


async def room(subscribers: int) -> Figures:
    """Mute, and let somebody join; the engine takes five seconds, on a clock that jumps."""
    async with open_meeting(
        stream_limits=StreamLimits(sessions_per_participant=subscribers)
    ) as meeting:
        ann, bob = await meeting.members("ann", "bob")
        stream = await ann.publish("audio")
        for _ in range(subscribers):
            await bob.subscribe(stream)
        meeting.engine.wirings.clear()
        meeting.engine.wiring_seconds = 5.0
        turns = Turns(meeting)
        mute = ControlStream(stream, (StatusChange("audio", False),))
        ann.ref.tell(Hand(Placed(ann.id, "", mute)))
        await meeting.member("cid")
        await trio.sleep(6)
        await settle()
        paused = len(meeting.engine.paused)
        if paused != subscribers:
            raise RuntimeError(f"{paused} are muted")
        return {
            "calls of the engine": len(meeting.engine.wirings),
            "turns that a join waits": [kind for kind, _ in turns.taken].index(Join),
            "CPU ms in the room's handler": sum(turns.of(Placed)) * 1e3,
        }


async def engine(subscribers: int, *, at_once: bool) -> Figures:
    """Hold back all legs of a source, and let them flow again."""
    async with open_media_loop() as loop, open_local_engine(loop) as it:
        upstream = RtcpUpstream(lambda _: None, 1, "bench")
        it.router.add_source(RtpSource("sound", "audio", SOUND, 1, upstream))
        for number in range(subscribers):
            sink = RtpSink(f"{number}", "audio", SOUND, 1000 + number, id, id)
            it.router.add_sink(sink)
        sinks = [f"{number}" for number in range(subscribers)]
        await it.wire([MediaPath(sink, "sound") for sink in sinks])
        before = time.thread_time()
        for flows in (False, True):
            paths = [MediaPath(sink, "sound", flows) for sink in sinks]
            for some in [paths] if at_once else [[path] for path in paths]:
                if await it.wire(some):
                    raise RuntimeError("a path failed")
        cpu = time.thread_time() - before
        return {"CPU µs/path": cpu / (2 * subscribers) * 1e6}


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.muting", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, help="runs of each side (5)")
    parser.add_argument("--subscribers", type=int, default=500, help="who hear (500)")
    options = parser.parse_args()
    rooms, ours, single = [], [], []
    with unlogged():
        for number in range(options.rounds):
            print(f"{number + 1} of {options.rounds}", file=sys.stderr, flush=True)
            clock = trio.testing.MockClock(autojump_threshold=0)
            rooms.append(trio.run(room, options.subscribers, clock=clock))
            for figures, at_once in ((ours, True), (single, False)):
                figures.append(trio.run(lambda it=at_once: engine(options.subscribers, at_once=it)))
    rows = [*rows_of("the room", rooms, []), *rows_of("the engine", ours, single)]
    print(table(rows, "one call a path"))


if __name__ == "__main__":
    main()
