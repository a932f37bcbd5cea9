"""Messages to oneself, later."""

from __future__ import annotations

from typing import Any

import pytest
import trio
import trio.testing

from actors.core import Message, Restart, Timer, open_system
from tests.actors.core.puppet import Note, Puppet, crash, do, found, incarnation, puppet, quiet


def telling_later(delay: float, text: str, kept: list[Timer] | None = None) -> Any:
    async def act(me: Puppet) -> None:
        timer = me.ctx.tell_self_after(delay, Note(text))
        if kept is not None:
            kept.append(timer)

    return act


async def test_timers_fire_in_the_order_of_their_due_times(
    autojump_clock: trio.testing.MockClock,
) -> None:
    times: list[float] = []

    async def note_time(me: Puppet) -> None:
        times.append(me.ctx.now() - began)

    diary: list[str] = []
    async with open_system([puppet("a", diary, on_note=note_time)]) as system:
        began = trio.current_time()
        for delay in (3, 1, 2, 1):
            await do(found(system, "/a"), telling_later(delay, f"after {delay}"))
        await trio.sleep(10)
    assert diary[1:5] == ["after 1", "after 1", "after 2", "after 3"]
    assert times == pytest.approx([1, 1, 2, 3])


async def test_a_cancelled_timer_does_not_fire(autojump_clock: trio.testing.MockClock) -> None:
    diary: list[str] = []
    kept: list[Timer] = []
    async with open_system([puppet("a", diary)]) as system:
        await do(found(system, "/a"), telling_later(1, "cancelled", kept))
        await do(found(system, "/a"), telling_later(2, "fired", kept))
        assert kept[0].pending
        kept[0].cancel()
        kept[0].cancel()
        await trio.sleep(10)
        kept[1].cancel()  # too late: does nothing
        assert not kept[1].pending
    assert diary[1:-1] == ["fired"]


async def test_a_timer_fires_into_a_full_mailbox(autojump_clock: trio.testing.MockClock) -> None:
    async def wait(_me: Puppet) -> None:
        await trio.sleep(5)

    diary: list[str] = []
    async with open_system([puppet("a", diary, mailbox=1, on_note=wait)]) as system:
        ref = found(system, "/a")
        await do(ref, telling_later(1, "the timer"))
        ref.tell(Note("in progress"))
        await trio.sleep(0.5)
        ref.tell(Note("fills the mailbox"))
        await trio.sleep(60)
    assert diary[1:-1] == ["in progress", "fills the mailbox", "the timer"]
    assert system.counters.mailbox_full == 0


async def test_timers_die_with_the_incarnation(autojump_clock: trio.testing.MockClock) -> None:
    diary: list[str] = []
    async with open_system([puppet("a", diary, restart=Restart.TRANSIENT)]) as system:
        await do(found(system, "/a"), telling_later(1, "from the first"))
        await crash(found(system, "/a"))
        assert await do(found(system, "/a"), incarnation) == 2
        assert system.clock.pending == 0
        await trio.sleep(10)
    assert "from the first" not in diary


async def test_a_timer_of_a_type_not_accepted_is_refused_at_once() -> None:
    class Other(Message):
        pass

    async def act(me: Puppet) -> None:
        with pytest.raises(TypeError, match="does not accept Other"):
            me.ctx.tell_self_after(1, Other())

    async with open_system([puppet("a")]) as system:
        await do(found(system, "/a"), act)


async def test_a_keep_alive_that_is_re_armed_forever_needs_no_more_room(
    autojump_clock: trio.testing.MockClock,
) -> None:
    async def re_arm(me: Puppet) -> None:
        timer = me.ctx.tell_self_after(3600, Note("expired"))
        for _ in range(10_000):
            timer.cancel()
            timer = me.ctx.tell_self_after(3600, Note("expired"))

    async with open_system([puppet("a")]) as system:
        await do(found(system, "/a"), re_arm)
        await do(found(system, "/a"), quiet)
        assert system.clock.pending == 1
        assert system.clock.size < 200
