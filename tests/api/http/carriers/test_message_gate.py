"""Messages beyond the ordinary limit come in with a place only, over both carriers."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
import trio
import trio.testing

from api.http.carriers import message_gate
from api.http.sockets import Socket, SocketClosed, SocketLimits
from tests.support import raw
from tests.support.raw import RawClient, frame, upgraded
from tests.support.rough import send_all
from tests.support.serving import CARRIERS, mount, serving

pytestmark = pytest.mark.parametrize("carrier", CARRIERS)

ORDINARY, LARGEST = 1000, 1_000_000
LONGEST_READ = 65_536
PATIENCE = 20.0


@dataclass
class Places:
    """So many places; nobody waits for one longer than `seconds`."""

    free: int = 1
    seconds: float = PATIENCE
    slowest: int = 1000
    sizes: list[int] = field(default_factory=list)
    asked: int = 0
    given_back: trio.Event = field(default_factory=trio.Event)

    async def enter(self, size: int) -> bool:
        self.asked += 1
        with trio.move_on_after(self.seconds):
            while not self.free:
                await self.given_back.wait()
        if not self.free:
            return False
        self.free -= 1
        self.sizes.append(size)
        return True

    def leave(self, size: int) -> None:
        assert size in self.sizes
        self.free += 1
        self.given_back.set()
        self.given_back = trio.Event()

    async def asked_for(self, times: int) -> None:
        with trio.fail_after(PATIENCE):
            while self.asked < times:
                await trio.sleep(0.005)

    async def all_free(self, places: int = 1) -> None:
        with trio.fail_after(PATIENCE):
            while self.free < places:
                await self.given_back.wait()


async def count(socket: Socket) -> None:
    """Take larger messages from the first one on; answer each with its length."""
    while True:
        payload, _ = await socket.receive()
        socket.limit_messages(LARGEST)
        socket.push(b"%d" % len(payload))


def limits(places: Places) -> SocketLimits:
    return SocketLimits(ORDINARY, 0, largest_message=LARGEST, intake=places)


async def begin(client: RawClient) -> None:
    await client.send(frame(raw.TEXT, b"here"))
    assert await client.read_message() == (raw.TEXT, b"4")


def large(size: int) -> bytes:
    return frame(raw.TEXT, b"x" * size)


async def answer(client: RawClient) -> int:
    with trio.fail_after(PATIENCE):
        found = await client.read_message()
    assert found is not None
    assert found[0] == raw.TEXT
    return int(found[1])


@pytest.mark.parametrize("size", [1001, 70_000, 300_000])
async def test_who_finds_no_place_waits_until_another_message_is_there(
    carrier: str, size: int
) -> None:
    places = Places()
    async with (
        serving(mount(count, limits=limits(places)), carrier=carrier) as server,
        upgraded(server) as ann,
        upgraded(server) as bob,
        trio.open_nursery() as nursery,
    ):
        await begin(ann)
        await begin(bob)
        await ann.send(large(500_000)[:200_000])
        await places.asked_for(1)
        sent = frame(raw.TEXT, b"small") + large(size) + frame(raw.TEXT, b"last")
        nursery.start_soon(bob.send, sent if size > LONGEST_READ else sent[:-20])
        assert await answer(bob) == 5
        if carrier == "lane" or size > LONGEST_READ:  # Hypercorn does not know how large it gets
            await places.asked_for(2)
        with trio.move_on_after(0.1) as quiet:
            await bob.read_message()
        assert quiet.cancelled_caught
        await ann.send(large(500_000)[200_000:])
        assert await answer(ann) == 500_000
        await ann.send(frame(raw.TEXT, b"next"))
        assert await answer(ann) == 4
        if size <= LONGEST_READ:
            await bob.send(sent[-20:])
        assert (await answer(bob), await answer(bob)) == (size, 4)
        await places.all_free()
        if carrier == "lane":
            assert places.sizes == [500_000, size]


async def test_a_place_is_kept_until_the_next_is_asked_for(carrier: str) -> None:
    places, go_on, received = Places(), trio.Event(), trio.Event()

    async def ponder(socket: Socket) -> None:
        socket.limit_messages(LARGEST)
        socket.push(b"0")
        assert len((await socket.receive())[0]) == 100_000
        received.set()
        await go_on.wait()
        assert len((await socket.receive())[0]) == 200_000
        await trio.sleep_forever()

    async with (
        serving(mount(ponder, limits=limits(places)), carrier=carrier) as server,
        upgraded(server) as client,
    ):
        assert await answer(client) == 0
        async with trio.open_nursery() as nursery:  # left when all has been sent
            nursery.start_soon(client.send, large(100_000) + large(200_000))
            await received.wait()
            await trio.sleep(0.1)
            assert places.free == 0
            assert len(places.sizes) == 1
            go_on.set()
            await places.asked_for(2)


@pytest.mark.parametrize("last", ["fin", "ping"])
async def test_fragments_need_a_place_as_well(carrier: str, last: str) -> None:
    places = Places(free=0)
    async with (
        serving(mount(count, limits=limits(places)), carrier=carrier) as server,
        upgraded(server) as client,
    ):
        await begin(client)
        await client.send(frame(raw.TEXT, b"x" * 900, fin=False))
        await trio.sleep(0.05)
        assert places.asked == 0
        await client.send(frame(raw.CONTINUATION, b"x" * 70_000, fin=False))
        await places.asked_for(1)
        if last == "ping":
            await client.send(frame(raw.PING, b"still here"))
        places.free = 1
        places.given_back.set()
        await client.send(frame(raw.CONTINUATION, b"x" * 100))
        if last == "ping":
            assert await client.read_frame() == (raw.PONG, b"still here")
        assert await answer(client) == 71_000
        assert places.sizes == [LARGEST]
        await places.all_free()


async def test_who_gets_no_place_in_time_is_closed(carrier: str) -> None:
    places = Places(free=0, seconds=0.2)
    async with (
        serving(mount(count, limits=limits(places)), carrier=carrier) as server,
        upgraded(server) as client,
    ):
        await begin(client)
        await client.send(large(300_000)[:100_000])
        with trio.fail_after(PATIENCE):
            assert await client.read_close() == 1013


@pytest.mark.parametrize("form", ["frame", "fragments"])
async def test_who_trickles_is_closed_and_the_next_goes_on(
    carrier: str, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_gate, "WINDOW_SECONDS", 1.0)
    places = Places(slowest=50_000)
    first = large(500_000)[:100_000]
    if form == "fragments":
        first = frame(raw.TEXT, b"x" * 100_000, fin=False)
    async with (
        serving(mount(count, limits=limits(places)), carrier=carrier) as server,
        upgraded(server) as slow,
        upgraded(server) as next_one,
    ):
        await begin(slow)
        await begin(next_one)
        await slow.send(first)
        await places.asked_for(1)
        piece = b"x" if form == "frame" else frame(raw.CONTINUATION, b"x", fin=False)
        async with trio.open_nursery() as waiting:
            waiting.start_soon(next_one.send, large(400_000))
            async with trio.open_nursery() as trickling:

                async def trickle() -> None:
                    while await send_all(slow, piece):
                        await trio.sleep(0.1)

                trickling.start_soon(trickle)
                with trio.fail_after(PATIENCE):
                    assert await slow.read_close() == 1008
                trickling.cancel_scope.cancel()  # before the server has gone
            assert await answer(next_one) == 400_000


async def test_who_is_slow_and_steady_may_go_on(
    carrier: str, monkeypatch: pytest.MonkeyPatch, mock_clock: trio.testing.MockClock
) -> None:
    """By a clock of its own: in a second of ours the machine may have stood still."""
    mock_clock.autojump_threshold = 5.0  # real seconds in which nothing happens end it
    monkeypatch.setattr(message_gate, "WINDOW_SECONDS", 1.0)
    places = Places(slowest=10_000)
    async with (
        serving(mount(count, limits=limits(places)), carrier=carrier) as server,
        upgraded(server) as client,
    ):
        await begin(client)
        data = large(300_000)
        for start in range(0, len(data), 10_000):
            await client.send(data[start : start + 10_000])
            await trio.testing.wait_all_tasks_blocked()
            mock_clock.jump(0.1)
        assert await answer(client) == 300_000


@pytest.mark.parametrize("how", ["broken", "closed from here"])
async def test_a_place_is_given_back_with_the_end(carrier: str, how: str) -> None:
    places = Places()
    sockets: list[Socket] = []

    async def kept(socket: Socket) -> None:
        sockets.append(socket)
        with pytest.raises(SocketClosed):
            await count(socket)

    async with (
        serving(mount(kept, limits=limits(places)), carrier=carrier) as server,
        upgraded(server) as ann,
        upgraded(server) as bob,
    ):
        await begin(ann)
        await begin(bob)
        await ann.send(large(500_000)[:200_000])
        await places.asked_for(1)
        await bob.send(large(500_000)[:10_000])  # little: it fits where nobody reads it
        await places.asked_for(2)
        if how == "broken":
            await bob.stream.aclose()
            await ann.stream.aclose()
        else:
            for each in sockets:
                each.close(1000, "enough")
            for client in (bob, ann):
                assert await client.read_close() == 1000
        await places.all_free()


async def test_what_is_too_large_has_no_place_and_little_of_it_is_kept(carrier: str) -> None:
    places = Places()
    async with (
        serving(mount(count, limits=limits(places)), carrier=carrier) as server,
        upgraded(server) as stranger,
        upgraded(server) as client,
    ):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_all, stranger, large(300_000)[:100_000])
            with trio.fail_after(PATIENCE):
                assert await stranger.read_close() == 1009
            nursery.cancel_scope.cancel()
        assert places.asked == 0
        await begin(client)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send_all, client, large(LARGEST + LONGEST_READ)[:-1])
            with trio.fail_after(PATIENCE):
                assert await client.read_close() == 1009
            nursery.cancel_scope.cancel()
        await places.all_free()
