"""A line to a broker elsewhere on virtual time: when it is up, when it comes again, what waits."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st
from trio.testing import MockClock

from actors.device.events import Trouble
from actors.device.line import LineDown, LineEvent, LineFrame, LineRefused, LineUnreached, LineUp
from api.skyway.remote_frames import HEARTBEAT
from api.skyway.remote_line import (
    LONGEST_DELAY,
    QUIET_SECONDS,
    TAKEN_SECONDS,
    WAIT_SECONDS,
    WAITING_BYTES,
    WAITING_FRAMES,
    Backoff,
    RemoteLine,
)
from api.skyway.remote_link import Hold, LinkFailed, Outcome

OPEN = '{"type":"OPEN"}'
TAKEN = '{"type":"ID-TAKEN","payload":{"msg":"ID is taken"}}'
WRONG_KEY = '{"type":"ERROR","payload":{"msg":"Invalid key provided"}}'
FULL = '{"type":"ERROR","payload":{"msg":"Server has reached its concurrent user limit"}}'
OFFER = '{"type":"OFFER","src":"ann","dst":"me","payload":1}'
EXPIRE = '{"type":"EXPIRE","src":"ann","dst":"me"}'


class ScriptedLink:
    """A websocket that says what the script has; `cut` ends it."""

    def __init__(self, says: tuple[str, ...], cut_after: float | None) -> None:
        self._says, self._hear = trio.open_memory_channel[str](100)
        self._trouble = Trouble.SOCKET_CLOSED
        self._cut_after = cut_after
        self.sent: list[str] = []
        self.deaf = False  # takes no more: it hangs
        for each in says:
            self._says.send_nowait(each)

    def say(self, text: str) -> None:
        self._says.send_nowait(text)

    def cut(self, trouble: Trouble = Trouble.SOCKET_CLOSED) -> None:
        self._trouble = trouble
        self._says.close()

    async def send(self, text: str) -> None:
        if self.deaf:
            await trio.sleep(10)
            raise LinkFailed(Trouble.SOCKET_CLOSED)
        await trio.lowlevel.checkpoint()
        self.sent.append(text)

    async def receive(self) -> str:
        try:
            return await self._hear.receive()
        except trio.EndOfChannel:
            raise LinkFailed(self._trouble) from None

    async def ping(self) -> None:
        await trio.lowlevel.checkpoint()
        if self.deaf:
            raise LinkFailed(Trouble.SOCKET_CLOSED)


Attempt = ScriptedLink | Trouble


@dataclass
class Scripted:
    """A broker: one attempt after the other, and when each was made; the last is repeated."""

    attempts: list[Callable[[], Attempt]]
    times: list[float] = field(default_factory=list)
    links: list[ScriptedLink] = field(default_factory=list)
    told: list[tuple[float, LineEvent]] = field(default_factory=list)
    began: float = field(default_factory=trio.current_time)

    async def talk(self, hold: Hold) -> Outcome:
        self.times.append(self.now)
        attempt = self.attempts[min(len(self.times), len(self.attempts)) - 1]()
        if isinstance(attempt, Trouble):
            await trio.lowlevel.checkpoint()
            return LineDown(attempt)
        self.links.append(attempt)
        async with trio.open_nursery() as nursery:
            if attempt._cut_after is not None:
                nursery.start_soon(self._cut_later, attempt, attempt._cut_after)
            outcome = await hold(attempt)
            nursery.cancel_scope.cancel()
        return outcome

    async def _cut_later(self, link: ScriptedLink, seconds: float) -> None:
        await trio.sleep(seconds)
        link.cut()

    def hear(self, event: LineEvent) -> None:
        self.told.append((self.now, event))

    @property
    def now(self) -> float:
        return trio.current_time() - self.began

    @property
    def events(self) -> list[LineEvent]:
        return [event for _, event in self.told]

    @asynccontextmanager
    async def line(self, luck: float = 1.0) -> AsyncIterator[RemoteLine]:
        line = RemoteLine(self.talk, lambda: luck)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(line.run, self.hear)
            yield line
            nursery.cancel_scope.cancel()


def link(*says: str, cut_after: float | None = None) -> Callable[[], Attempt]:
    return lambda: ScriptedLink(says, cut_after)


def down(trouble: Trouble) -> Callable[[], Attempt]:
    return lambda: trouble


@given(st.lists(st.floats(0, 1), max_size=40))
def test_each_wait_is_twice_as_long_up_to_the_longest(lucks: list[float]) -> None:
    backoff = Backoff()
    full = 0.5
    for luck in lucks:
        assert full / 2 <= backoff.next(luck) <= full
        full = min(2 * full, LONGEST_DELAY)
    backoff.reset()
    assert backoff.next(1) == 0.5


async def test_it_is_up_with_the_open_and_shows_that_it_lives(autojump_clock: MockClock) -> None:
    broker = Scripted([link(OPEN, OFFER, "junk", EXPIRE)])
    async with broker.line():
        await trio.sleep(16)
        assert broker.events == [LineUp(), LineFrame(OFFER.encode()), LineUnreached("ann")]
        assert broker.told[0][0] == 0
        assert broker.links[0].sent == [HEARTBEAT] * 3


async def test_who_is_refused_is_told_so_unless_much_waits(autojump_clock: MockClock) -> None:
    broker = Scripted([link(OPEN)])
    async with broker.line() as line:
        await trio.sleep(1)
        for to in ("ann", " "):
            await line.refuse(to)
        await trio.sleep(1)
        assert broker.links[0].sent == ['{"type":"EXPIRE","dst":"ann"}']
    broker = Scripted([down(Trouble.SOCKET_ERROR)])
    async with broker.line() as line:
        for _ in range(2 * WAITING_FRAMES):
            await line.refuse("ann")
        sent = [await line.signal("ANSWER", "bob", b"{}") for _ in range(WAITING_FRAMES)]
        assert sent.count(True) == WAITING_FRAMES // 2, "what the peer says itself has room"


async def test_a_broker_that_cannot_be_reached_is_tried_ever_more_rarely(
    autojump_clock: MockClock,
) -> None:
    broker = Scripted([down(Trouble.SOCKET_ERROR)])
    async with broker.line():
        await trio.sleep(100)
    assert broker.times == [0, 0.5, 1.5, 3.5, 7.5, 15.5, 31.5, 61.5, 91.5]
    assert broker.events == [LineDown(Trouble.SOCKET_ERROR)]


async def test_a_new_trouble_is_told_and_the_same_one_is_not(autojump_clock: MockClock) -> None:
    broker = Scripted(
        [down(Trouble.SOCKET_ERROR)] * 2 + [down(Trouble.SSL_UNAVAILABLE)] * 2 + [link(FULL)]
    )
    async with broker.line():
        await trio.sleep(10)
    assert broker.events == [
        LineDown(Trouble.SOCKET_ERROR),
        LineDown(Trouble.SSL_UNAVAILABLE),
        LineDown(Trouble.SERVER_ERROR),
    ]


async def test_a_broker_that_says_nothing_at_first_does_not_know_us(
    autojump_clock: MockClock,
) -> None:
    broker = Scripted([link(), link(OPEN)])
    async with broker.line():
        await trio.sleep(20)
    assert broker.told == [(10.0, LineDown(Trouble.SERVER_ERROR)), (10.5, LineUp())]


async def test_one_that_says_nothing_when_we_come_back_still_knows_us(
    autojump_clock: MockClock,
) -> None:
    broker = Scripted([link(OPEN, cut_after=60), link()])
    async with broker.line():
        await trio.sleep(70)
    assert broker.told == [
        (0, LineUp()),
        (60, LineDown(Trouble.SOCKET_CLOSED)),
        (60.5 + QUIET_SECONDS, LineUp()),
    ]


async def test_one_that_passes_something_on_knows_us_at_once(autojump_clock: MockClock) -> None:
    broker = Scripted([link(OPEN, cut_after=60), link(OFFER)])
    async with broker.line():
        await trio.sleep(70)
    assert broker.told[2:] == [(60.5, LineUp()), (60.5, LineFrame(OFFER.encode()))]


async def test_a_lost_open_is_no_reason_to_wait_for_another(autojump_clock: MockClock) -> None:
    broker = Scripted([link(cut_after=1), link()])
    async with broker.line():
        await trio.sleep(5)
    assert broker.told[-1] == (1.5 + QUIET_SECONDS, LineUp())


async def test_delays_are_short_again_after_a_steady_time(autojump_clock: MockClock) -> None:
    broker = Scripted([link(OPEN, cut_after=20)])
    async with broker.line():
        await trio.sleep(62)
    assert broker.times == [0, 20.5, 41, 61.5]


async def test_a_broker_that_ends_every_connection_at_once_is_not_hammered(
    autojump_clock: MockClock,
) -> None:
    broker = Scripted([link(OPEN, cut_after=0.1)])
    async with broker.line():
        await trio.sleep(600)
    assert len(broker.times) < 30


@pytest.mark.parametrize(
    ("says", "trouble"), [(TAKEN, Trouble.UNAVAILABLE_ID), (WRONG_KEY, Trouble.INVALID_KEY)]
)
async def test_who_may_not_come_in_at_first_gives_up(
    autojump_clock: MockClock, says: str, trouble: Trouble
) -> None:
    broker = Scripted([link(says)])
    async with broker.line() as line:
        await trio.sleep(100)
        assert broker.told == [(0, LineRefused(trouble))]
        assert broker.times == [0]
        assert not await line.signal("OFFER", "ann", b"{}")


async def test_an_id_that_is_taken_when_we_come_back_may_be_our_own_entry(
    autojump_clock: MockClock,
) -> None:
    broker = Scripted([link(OPEN, cut_after=60), link(TAKEN), link(TAKEN), link(OPEN)])
    async with broker.line():
        await trio.sleep(70)
    assert broker.events == [
        LineUp(),
        LineDown(Trouble.SOCKET_CLOSED),
        LineDown(Trouble.UNAVAILABLE_ID),
        LineUp(),
    ]


async def test_an_id_that_stays_taken_is_given_up(autojump_clock: MockClock) -> None:
    broker = Scripted([link(OPEN, cut_after=60), link(TAKEN)])
    async with broker.line():
        await trio.sleep(1000)
    when, event = broker.told[-1]
    assert event == LineRefused(Trouble.UNAVAILABLE_ID)
    assert TAKEN_SECONDS <= when - 60 <= TAKEN_SECONDS + LONGEST_DELAY + 1
    assert when == broker.times[-1]


async def test_a_key_that_is_taken_away_is_given_up_when_we_come_back(
    autojump_clock: MockClock,
) -> None:
    broker = Scripted([link(OPEN, cut_after=60), link(WRONG_KEY)])
    async with broker.line():
        await trio.sleep(70)
    assert broker.told[-1] == (60.5, LineRefused(Trouble.INVALID_KEY))


async def test_how_a_connection_ended_is_told(autojump_clock: MockClock) -> None:
    broker = Scripted([link(OPEN)])
    async with broker.line():
        await trio.sleep(1)
        broker.links[0].cut(Trouble.SERVER_DISCONNECTED)
        await trio.sleep(0.1)
    assert broker.told[-1] == (1, LineDown(Trouble.SERVER_DISCONNECTED))


async def test_what_is_signalled_while_down_is_sent_in_order_once_it_is_up(
    autojump_clock: MockClock,
) -> None:
    broker = Scripted([down(Trouble.SOCKET_ERROR), down(Trouble.SOCKET_ERROR), link(OPEN)])
    async with broker.line() as line:
        for number in range(WAITING_FRAMES):
            assert await line.signal("OFFER", "ann", b"%d" % number)
        assert not await line.signal("OFFER", "ann", b"one too many")
        await trio.sleep(3)
        assert broker.links[0].sent == [str(number) for number in range(WAITING_FRAMES)]
        assert LineUnreached("ann") not in broker.events
        assert await line.signal("OFFER", "ann", b"there is room again")


async def test_what_waits_is_limited_in_bytes_and_one_frame_is_as_well(
    autojump_clock: MockClock,
) -> None:
    broker = Scripted([down(Trouble.SOCKET_ERROR)])
    async with broker.line() as line:
        part = b"x" * (WAITING_BYTES // 4)
        assert [await line.signal("OFFER", "ann", part) for _ in range(5)] == [True] * 4 + [False]
        await trio.sleep(WAIT_SECONDS + 2)
        assert not await line.signal("OFFER", "ann", b"x" * (WAITING_BYTES // 2 + 1))
        assert await line.signal("OFFER", "ann", part)


async def test_what_waits_too_long_is_told_once_for_each_peer(autojump_clock: MockClock) -> None:
    broker = Scripted([down(Trouble.SOCKET_ERROR)])
    async with broker.line() as line:
        for to in ("ann", "bob", "ann"):
            assert await line.signal("OFFER", to, b"{}")
        await trio.sleep(60)
    assert broker.events[1:] == [LineUnreached("ann"), LineUnreached("bob")]
    assert WAIT_SECONDS <= broker.told[-1][0] <= WAIT_SECONDS + 1


async def test_what_nobody_can_be_called_is_not_sent(autojump_clock: MockClock) -> None:
    broker = Scripted([link(OPEN)])
    async with broker.line() as line:
        assert not await line.signal("OFFER", " ", b"{}")


async def test_what_a_broken_connection_did_not_take_goes_by_the_next(
    autojump_clock: MockClock,
) -> None:
    broker = Scripted([link(OPEN), link(OPEN)])
    async with broker.line() as line:
        await trio.sleep(1)
        first = broker.links[0]
        first.deaf = True
        assert await line.signal("OFFER", "ann", b"kept")
        await trio.sleep(0.1)
        first.cut()
        await trio.sleep(2)
        assert broker.links[1].sent == ["kept"]


async def test_a_broker_that_hangs_is_left(autojump_clock: MockClock) -> None:
    broker = Scripted([link(OPEN), link(OPEN)])
    async with broker.line():
        await trio.sleep(1)
        broker.links[0].deaf = True
        await trio.sleep(30)
    assert broker.events == [LineUp(), LineDown(Trouble.SOCKET_CLOSED), LineUp()]


async def test_an_hour_of_heartbeats_ends_nothing(autojump_clock: MockClock) -> None:
    broker = Scripted([link(OPEN)])
    async with broker.line():
        await trio.sleep(3600)
    assert broker.events == [LineUp()]
    assert len(broker.links[0].sent) in (719, 720)


async def test_the_end_of_the_peer_ends_the_line_at_any_moment(autojump_clock: MockClock) -> None:
    work: list[Callable[[], Attempt]]
    for work in ([link(OPEN)], [link()], [down(Trouble.SOCKET_ERROR)]):
        for seconds in (0, 0.1, 5, 12):
            broker = Scripted(work)
            with trio.fail_after(seconds + 1):
                async with broker.line():
                    await trio.sleep(seconds)
