"""A peer's line by way of a broker elsewhere: it is a client of a PeerServer, as browsers are.

The id is kept by a random token that only the line and its broker know, over all its websockets.
What is to be sent while there is none waits for a few seconds, within limits.
"""

from __future__ import annotations

import secrets
import ssl
from collections import deque
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from random import random

import structlog
import trio

from actors.device.events import Trouble
from actors.device.line import (
    LineDown,
    LineFrame,
    LineRefused,
    LineUnreached,
    LineUp,
    Told,
)
from actors.signalling.frames import is_id, refusal
from api.skyway.remote_frames import FRAME_BYTES, HEARTBEAT, broker_address, meaning
from api.skyway.remote_link import LinkFailed, Outcome, RemoteLink, Talk, talk

log = structlog.get_logger(__name__)

HEARTBEAT_SECONDS = 5.0
OPEN_SECONDS = 10.0  # for the OPEN of a broker that does not know us yet
QUIET_SECONDS = 2.0  # a broker that still knows us says nothing: then we are in
FIRST_DELAY = 0.5
LONGEST_DELAY = 30.0
STEADY_SECONDS = 10.0  # who was up for so long starts again with short delays
TAKEN_SECONDS = 75.0  # our own former entry may be what has the id, for a minute
WAIT_SECONDS = 5.0  # of what is to be sent while there is no websocket
WAITING_FRAMES = 200
WAITING_BYTES = 2_097_152


class Backoff:
    """How long to wait before the next try: twice as long each time, and never exactly. Pure."""

    __slots__ = ("_failures",)

    def __init__(self) -> None:
        self._failures = 0

    def next(self, luck: float) -> float:
        """Return seconds; `luck` is a random number from 0 to 1, and makes up half of them."""
        full: float = min(LONGEST_DELAY, FIRST_DELAY * 2**self._failures)
        self._failures = min(self._failures + 1, 16)
        return full * (1 + luck) / 2

    def reset(self) -> None:
        self._failures = 0


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A frame that is to be sent, and until when it may wait for that."""

    to: str
    frame: bytes = field(repr=False)
    until: float


class RemoteLine:
    """One peer's line; `talk` opens its websockets."""

    __slots__ = (
        "_backoff", "_bytes", "_given_up", "_known", "_luck", "_taken_since", "_talk", "_told_down",
        "_waiting", "_wanted", "_was_up",
    )  # fmt: skip

    def __init__(self, talk: Talk, luck: Callable[[], float] = random) -> None:
        self._talk = talk
        self._luck = luck
        self._backoff = Backoff()
        self._waiting: deque[_Waiting] = deque()
        self._bytes = 0
        self._wanted = trio.Event()  # something is there to be sent
        self._known = False  # the broker may have us on its list, and then says no OPEN
        self._was_up = False
        self._given_up = False
        self._told_down: Trouble | None = None
        self._taken_since: float | None = None

    async def run(self, told: Told) -> None:
        """Keep the peer reachable until it is refused for good."""
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._drop_late, told)
            await self._keep_up(told)
            nursery.cancel_scope.cancel()

    async def signal(self, kind: str, to: str, frame: bytes) -> bool:
        """Have a frame sent as soon as there is a websocket; False where it cannot wait for that.

        What waits in vain is told by LineUnreached.
        """
        full = len(self._waiting) >= WAITING_FRAMES or self._bytes + len(frame) > WAITING_BYTES
        if self._given_up or full or len(frame) > FRAME_BYTES or not is_id(to):
            return False
        self._add(to, frame)
        return True

    async def refuse(self, to: str) -> None:
        """Have another peer told, unless much waits already: that is what this one says itself."""
        if is_id(to) and not self._given_up and len(self._waiting) < WAITING_FRAMES // 2:
            self._add(to, refusal(to))

    def _add(self, to: str, frame: bytes) -> None:
        self._waiting.append(_Waiting(to, frame, trio.current_time() + WAIT_SECONDS))
        self._bytes += len(frame)
        self._wanted.set()

    async def _keep_up(self, told: Told) -> None:
        while True:
            began = trio.current_time()
            outcome = await self._talk(partial(self._hold, told))
            if trio.current_time() - began >= STEADY_SECONDS and self._told_down is None:
                self._backoff.reset()
                self._taken_since = None
            if isinstance(outcome, LineRefused) and self._is_final(outcome):
                self._given_up = True
                log.info("skyway.line_refused", trouble=outcome.trouble.value)
                told(outcome)
                return
            if outcome.trouble is not self._told_down:
                self._told_down = outcome.trouble
                log.info("skyway.line_down", trouble=outcome.trouble.value)
                told(LineDown(outcome.trouble))
            await trio.sleep(self._backoff.next(self._luck()))

    def _is_final(self, refused: LineRefused) -> bool:
        """Tell whether it is of no use to come again. Who was up may find his own former entry."""
        if refused.trouble is not Trouble.UNAVAILABLE_ID or not self._was_up:
            return True
        now = trio.current_time()
        if self._taken_since is None:
            self._taken_since = now
        return now - self._taken_since >= TAKEN_SECONDS

    async def _hold(self, told: Told, link: RemoteLink) -> Outcome:
        """Use a websocket until it ends."""
        try:
            refused = await self._come_in(told, link)
        except LinkFailed as failed:
            self._known = True  # perhaps: the OPEN may be what was lost
            return LineDown(failed.trouble)
        return refused or await self._be_up(told, link)

    async def _come_in(self, told: Told, link: RemoteLink) -> Outcome | None:
        """Wait to be let in, and tell so; return why not. Raises LinkFailed."""
        event: object = LineUp() if self._known else LineDown(Trouble.SERVER_ERROR)
        with trio.move_on_after(QUIET_SECONDS if self._known else OPEN_SECONDS):
            while (heard := meaning(await link.receive())) is None:
                pass
            event = heard
        if isinstance(event, LineDown | LineRefused):
            return event
        self._known = self._was_up = True
        self._told_down = None
        told(LineUp())
        if isinstance(event, LineFrame | LineUnreached):
            told(event)
        return None

    async def _be_up(self, told: Told, link: RemoteLink) -> Outcome:
        outcomes: list[Outcome] = []

        async def until_it_fails(work: Callable[[RemoteLink], Awaitable[Outcome]]) -> None:
            try:
                outcomes.append(await work(link))
            except LinkFailed as failed:
                outcomes.append(LineDown(failed.trouble))
            nursery.cancel_scope.cancel()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(until_it_fails, partial(self._listen, told))
            nursery.start_soon(until_it_fails, self._send)
            nursery.start_soon(until_it_fails, self._beat)
        return outcomes[0]

    async def _listen(self, told: Told, link: RemoteLink) -> Outcome:
        while True:
            event = meaning(await link.receive())
            if isinstance(event, LineDown | LineRefused):
                return event
            if isinstance(event, LineFrame | LineUnreached):
                told(event)

    async def _send(self, link: RemoteLink) -> Outcome:
        """Send what waits; what cannot be sent now waits on."""
        while True:
            self._wanted = trio.Event()
            while self._waiting:
                first = self._waiting.popleft()
                sent = False
                try:
                    await link.send(first.frame.decode())
                    sent = True
                finally:
                    if sent:
                        self._bytes -= len(first.frame)
                    else:
                        self._waiting.appendleft(first)
            await self._wanted.wait()

    async def _beat(self, link: RemoteLink) -> Outcome:
        """Show that we are there, and see that the broker is."""
        while True:
            await trio.sleep(HEARTBEAT_SECONDS)
            await link.send(HEARTBEAT)
            await link.ping()

    async def _drop_late(self, told: Told) -> None:
        """Tell of those that have waited too long, once for each peer, for ever."""
        while True:
            await trio.sleep(WAIT_SECONDS / 5)
            now, late = trio.current_time(), dict[str, None]()
            while self._waiting and self._waiting[0].until <= now:
                first = self._waiting.popleft()
                self._bytes -= len(first.frame)
                late[first.to] = None
            for peer in late:
                told(LineUnreached(peer))


def remote_line(
    url: str, key: str, id: str, token: str = "", tls: ssl.SSLContext | None = None
) -> RemoteLine:
    """Make a line to the broker at `url`; a token is made up where none is given.

    Raises ValueError for a url that is none of a broker.
    """
    address = broker_address(url, key, id, token or secrets.token_urlsafe(16))
    return RemoteLine(partial(talk, address, tls))
