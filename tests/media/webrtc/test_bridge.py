"""The asyncio loop that encloses everything, and calls into it."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import socket

import pytest
import trio
from structlog.testing import capture_logs
from trio.testing import wait_all_tasks_blocked

from media.contract.errors import MediaTimeout
from media.webrtc.bridge import MediaLoop, open_media_loop
from media.webrtc.readers import BEHIND_SECONDS

request_id = contextvars.ContextVar("request_id", default="none")


async def double(value: int) -> int:
    await asyncio.sleep(0)
    return value * 2


async def hang() -> None:
    await asyncio.get_running_loop().create_future()


async def fail() -> None:
    raise LookupError("v=0 secret description")


async def settled(media: MediaLoop) -> None:
    await media.call(double, 1, within=1)


async def test_a_call_returns_what_the_coroutine_returns():
    async with open_media_loop() as media:
        assert await media.call(double, 21, within=1) == 42


async def test_a_call_raises_what_the_coroutine_raises():
    async with open_media_loop() as media:
        with pytest.raises(LookupError):
            await media.call(fail, within=1)
        assert media.stray_errors == 0


async def test_a_call_without_result_ends_at_its_deadline_and_is_cancelled(autojump_clock):
    cancelled: list[bool] = []

    async def hang_and_tell() -> None:
        try:
            await hang()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async with open_media_loop() as media:
        start = trio.current_time()
        with pytest.raises(MediaTimeout):
            await media.call(hang_and_tell, within=3)
        assert trio.current_time() - start == pytest.approx(3)
    assert cancelled == [True]


async def test_a_cancelled_caller_cancels_its_call():
    async with open_media_loop() as media:
        with trio.CancelScope() as scope:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(lambda: media.call(hang, within=60))
                await wait_all_tasks_blocked()
                scope.cancel()
        assert scope.cancelled_caught
        await settled(media)
    assert media.stray_errors == 0


async def test_a_task_older_than_the_loop_can_call_it():
    opened: list[MediaLoop] = []
    results: list[int] = []
    ready, done = trio.Event(), trio.Event()

    async def makes_a_task() -> int:
        return await asyncio.ensure_future(double(4))  # what aiortc does all the time

    async def older() -> None:
        await ready.wait()
        results.append(await opened[0].call(makes_a_task, within=1))
        done.set()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(older)
        await wait_all_tasks_blocked()
        async with open_media_loop() as media:
            opened.append(media)
            ready.set()
            await done.wait()
    assert results == [8]


async def test_the_context_of_a_caller_does_not_reach_the_loop():
    async def which() -> str:
        return request_id.get()

    async with open_media_loop() as media:
        request_id.set("mine")
        assert await media.call(which, within=1) == "none"


async def test_a_stray_error_is_logged_counted_and_harms_nobody():
    async with open_media_loop() as media:

        async def orphan() -> None:
            asyncio.ensure_future(fail())  # noqa: RUF006 - nobody keeps it: that is the point
            asyncio.get_running_loop().call_soon(lambda: 1 / 0)

        gc.collect()  # what tests before have left is not of this one
        with capture_logs() as entries:
            await media.call(orphan, within=1)
            await settled(media)
            gc.collect()  # an unread exception is reported when its task goes
            await settled(media)
        assert media.stray_errors == 2
        assert await media.call(double, 3, within=1) == 6
    assert [entry["event"] for entry in entries] == ["media.stray_error"] * 2
    assert {entry["error"] for entry in entries} == {"LookupError", "ZeroDivisionError"}
    assert "secret" not in repr(entries)


async def test_a_callback_that_raises_and_reads_nothing_does_not_take_all_the_time():
    ours, theirs = socket.socketpair()
    calls = 0

    def take() -> None:
        nonlocal calls
        calls += 1
        raise LookupError

    with ours, theirs:
        async with open_media_loop() as media:
            media.readers.add_reader(ours, take)
            theirs.send(b"never read")
            with capture_logs(), trio.fail_after(30):
                await trio.sleep(0.2)
                assert calls < 100
                while calls < 2:
                    await trio.sleep(0.01)
            assert media.stray_errors == calls
            media.readers.remove_reader(ours)
            await trio.sleep(0.05)
            assert media.stray_errors == calls


async def test_a_callback_of_a_socket_that_raises_is_a_stray_error_and_called_again():
    ours, theirs = socket.socketpair()
    ours.setblocking(False)
    taken: list[bytes] = []
    got_two = trio.Event()

    def take() -> None:
        taken.append(ours.recv(100))
        if len(taken) == 2:
            got_two.set()
        raise LookupError("secret")

    with ours, theirs:
        async with open_media_loop() as media:
            media.readers.add_reader(ours, take)
            with capture_logs() as entries:
                theirs.send(b"one")
                await wait_all_tasks_blocked(0.01)
                theirs.send(b"two")
                with trio.fail_after(30):
                    await got_two.wait()
                await wait_all_tasks_blocked()
            media.readers.remove_reader(ours)
            media.readers.remove_reader(ours)
            theirs.send(b"three")
            await wait_all_tasks_blocked(0.01)
    assert taken == [b"one", b"two"]
    assert [entry["error"] for entry in entries] == ["LookupError"] * 2
    assert "secret" not in repr(entries)


async def test_finish_runs_although_its_caller_is_cancelled():
    async with open_media_loop() as media:
        with trio.CancelScope() as scope:
            scope.cancel()
            assert await media.finish(double, 2, within=1)


async def test_finish_gives_up_at_its_deadline(autojump_clock):
    async with open_media_loop() as media:
        with capture_logs() as entries:
            assert not await media.finish(hang, within=2)
    assert [entry["event"] for entry in entries] == ["media.close_timed_out"]


async def test_what_finish_runs_may_fail_without_harm():
    async with open_media_loop() as media:
        with capture_logs() as entries:
            assert await media.finish(fail, within=2)
        assert media.stray_errors == 1
    assert [entry["error"] for entry in entries] == ["LookupError"]


async def test_what_still_runs_when_the_block_ends_is_cancelled():
    ended: list[str] = []

    async def stay() -> None:
        try:
            await hang()
        finally:
            ended.append("cancelled")

    async with open_media_loop() as media:
        kept: list[asyncio.Future[None]] = []

        async def begin() -> None:
            kept.append(asyncio.ensure_future(stay()))

        await media.call(begin, within=1)
        await settled(media)
    assert ended == ["cancelled"]


def test_asyncio_outside_of_trio_is_what_it_was():
    async def answer() -> str:
        return type(asyncio.get_running_loop()).__module__

    assert asyncio.run(answer()).startswith("asyncio.")


async def test_a_socket_is_not_read_while_its_reader_is_behind(autojump_clock):
    ours, theirs = socket.socketpair()
    calls: list[bytes] = []
    behind = [trio.Event(), trio.Event()]

    def take() -> trio.Event | None:
        calls.append(ours.recv(1))
        return behind[len(calls) - 1] if len(calls) <= len(behind) else None

    with ours, theirs:
        async with open_media_loop() as media:
            media.readers.add_reader(ours, take)
            theirs.send(b"abc")
            await wait_all_tasks_blocked(0.01)
            assert calls == [b"a"]
            behind[0].set()
            await wait_all_tasks_blocked(0.01)
            assert calls == [b"a", b"b"]
            await trio.sleep(BEHIND_SECONDS + 0.1)  # somebody who never catches up
            assert calls == [b"a", b"b", b"c"]
            media.readers.remove_reader(ours)
