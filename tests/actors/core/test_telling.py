"""tell and send: never blocking, checked in the sender, bounded."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import trio
import trio.testing

from actors.core import STRANGERS_SPARE, ActorStopped, MailboxFull, Message, Ref, open_system
from tests.actors.core.puppet import (
    Note,
    Puppet,
    crash,
    do,
    found,
    hang,
    logged,
    puppet,
    quiet,
    watching,
)


@dataclass(frozen=True, slots=True)
class Unknown(Message):
    pass


@dataclass(frozen=True, slots=True)
class LongNote(Note):
    pass


async def test_messages_are_handled_one_by_one_in_the_order_told() -> None:
    diary: list[str] = []
    running = 0

    async def slow(_puppet: Puppet) -> None:
        nonlocal running
        running += 1
        assert running == 1
        await trio.lowlevel.checkpoint()
        running -= 1

    async with open_system([puppet("a", diary, on_note=slow)]) as system:
        for number in range(100):
            found(system, "/a").tell(Note(str(number)))
        await do(found(system, "/a"), quiet)
    assert diary[1:101] == [str(number) for number in range(100)]


async def test_a_message_of_another_type_is_refused_in_the_sender() -> None:
    async with open_system([puppet("a")]) as system:
        ref = found(system, "/a")
        with pytest.raises(TypeError, match="puppet does not accept Unknown"):
            ref.tell(Unknown())
        with pytest.raises(TypeError, match="puppet does not accept Unknown"):
            await ref.send(Unknown())
        with pytest.raises(TypeError, match="puppet does not accept Note"):
            await ref.ask(Note("not a request"), within=1)  # type: ignore[arg-type]
        ref.tell(LongNote("a subclass is fine"))
        await do(ref, quiet)
        assert ref.alive


async def test_a_full_mailbox_turns_messages_away_and_says_so_once_per_episode() -> None:
    async with open_system([puppet("a", mailbox=4, on_note=hang, grace=0)]) as system:
        ref = found(system, "/a")
        ref.tell(Note("in progress"))
        await trio.testing.wait_all_tasks_blocked()
        with logged() as lines:
            for _ in range(4):
                ref.tell(Note("waits"))
            for _ in range(3):
                with pytest.raises(MailboxFull, match="/a"):
                    ref.tell(Note("too much"))
            with pytest.raises(MailboxFull):
                await do(ref, quiet)
        assert [line["event"] for line in lines] == ["actor.mailbox_full"]
        assert lines[0]["actor"] == "/a"
        assert system.counters.mailbox_full == 4


async def test_strangers_may_fill_half_of_a_mailbox_and_what_counts_still_fits() -> None:
    async with open_system([puppet("a", mailbox=4, on_note=hang, grace=0)]) as system:
        ref = found(system, "/a")
        ref.tell(Note("in progress"))
        await trio.testing.wait_all_tasks_blocked()
        for _ in range(2):
            ref.tell(Note("of a stranger"), spare=STRANGERS_SPARE)
        with pytest.raises(MailboxFull):
            ref.tell(Note("of a stranger"), spare=STRANGERS_SPARE)
        for _ in range(2):
            ref.tell(Note("of the room"))
        with pytest.raises(MailboxFull):
            ref.tell(Note("too much"))


async def test_a_second_episode_of_fullness_is_logged_again() -> None:
    async with open_system([puppet("a", mailbox=2)]) as system:
        ref = found(system, "/a")
        with logged() as lines:
            for _ in range(2):
                ref.tell(Note("waits"))
                ref.tell(Note("waits"))
                with pytest.raises(MailboxFull):
                    ref.tell(Note("too much"))
                await trio.testing.wait_all_tasks_blocked()
        assert len(lines) == 2


async def test_two_actors_that_fill_each_others_mailbox_do_not_block(
    autojump_clock: trio.testing.MockClock,
) -> None:
    # With a blocking put, mailboxes of one and this chatter, neither handler ever ends.
    refused = 0
    enough = trio.Event()
    partner: dict[str, Ref[Message]] = {}

    async def chatter(me: Puppet) -> None:
        nonlocal refused
        for _ in range(3):
            await trio.sleep(0.01)
            try:
                partner[me.name].tell(Note("more"))
            except MailboxFull:
                refused += 1
                if refused == 100:
                    enough.set()

    specs = [puppet(name, mailbox=1, on_note=chatter, grace=0) for name in ("a", "b")]
    async with open_system(specs) as system:
        partner |= {"a": found(system, "/b"), "b": found(system, "/a")}
        for ref in partner.values():
            ref.tell(Note("start"))
        with trio.move_on_after(3600) as scope:
            await enough.wait()
        assert not scope.cancelled_caught


async def test_send_waits_for_room_outside_the_tree(autojump_clock: trio.testing.MockClock) -> None:
    diary: list[str] = []

    async def slow(_puppet: Puppet) -> None:
        await trio.sleep(1)

    async with open_system([puppet("a", diary, mailbox=1, on_note=slow)]) as system:
        began = trio.current_time()
        for number in range(5):
            await found(system, "/a").send(Note(str(number)))
        assert trio.current_time() - began >= 3  # one in progress and one waiting are free
        await trio.sleep(10)
    assert diary[1:6] == ["0", "1", "2", "3", "4"]
    assert system.counters.mailbox_full == 0


async def test_send_within_a_handler_is_an_error_of_the_program() -> None:
    async def send(me: Puppet) -> str:
        with pytest.raises(RuntimeError, match="tell, not send"):
            await me.ctx.self_ref.send(Note("to myself"))
        return "noticed"

    async with open_system([puppet("a")]) as system:
        assert await do(found(system, "/a"), send) == "noticed"


async def test_those_who_wait_to_send_hear_of_the_actors_end() -> None:
    heard: list[str] = []

    async def send(ref: Ref[Message]) -> None:
        with pytest.raises(ActorStopped):
            await ref.send(Note("one too many"))
        heard.append("stopped")

    async with open_system([puppet("a", mailbox=1, on_note=hang, grace=0)]) as system:
        ref = found(system, "/a")
        ref.tell(Note("in progress"))
        await trio.testing.wait_all_tasks_blocked()
        ref.tell(Note("waits"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(send, ref)
            nursery.start_soon(send, ref)
            await trio.testing.wait_all_tasks_blocked()
            system.stop_actor("/a")
    assert heard == ["stopped", "stopped"]


async def test_a_sender_cancelled_while_it_waits_leaves_no_trace() -> None:
    diary: list[str] = []
    async with open_system([puppet("a", diary, mailbox=1, on_note=hang, grace=0)]) as system:
        ref = found(system, "/a")
        ref.tell(Note("in progress"))
        await trio.testing.wait_all_tasks_blocked()
        ref.tell(Note("waits"))
        async with trio.open_nursery() as nursery:
            nursery.start_soon(ref.send, Note("never"))
            await trio.testing.wait_all_tasks_blocked()
            nursery.cancel_scope.cancel()
        assert system.tree()["children"][0]["mailbox"]["depth"] == 1  # type: ignore[index]


async def test_telling_a_stopped_actor_says_that_it_stopped() -> None:
    async with open_system([puppet("a")]) as system:
        ref = found(system, "/a")
        system.stop_actor("/a", "enough")
        with pytest.raises(ActorStopped, match="enough"):
            ref.tell(Note("too late"))
        assert not ref.alive


async def test_a_busy_actor_lets_others_have_their_turn() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            await trio.lowlevel.checkpoint()
            turns += 1

    async with open_system([puppet("a", mailbox=1000)]) as system, trio.open_nursery() as nursery:
        nursery.start_soon(other)
        for _ in range(1000):
            found(system, "/a").tell(Note("nothing that waits"))
        turns = 0
        while system.tree()["children"][0]["mailbox"]["depth"]:  # type: ignore[index]
            await trio.lowlevel.checkpoint()
        assert turns > 10
        nursery.cancel_scope.cancel()


async def test_downs_are_never_refused_for_want_of_room() -> None:
    diary: list[str] = []

    async def wait(_puppet: Puppet) -> None:
        await released.wait()

    released = trio.Event()
    specs = [puppet("a", diary, mailbox=1, on_note=wait), *(puppet(f"b{n}") for n in range(3))]
    async with open_system(specs) as system:
        ref = found(system, "/a")
        others = [found(system, f"/b{n}") for n in range(3)]
        for other in others:
            await do(ref, watching(other))
        ref.tell(Note("in progress"))
        await trio.testing.wait_all_tasks_blocked()
        ref.tell(Note("fills the mailbox"))
        for other in others:
            await crash(other)
        await trio.testing.wait_all_tasks_blocked()
        released.set()
        await trio.testing.wait_all_tasks_blocked()
    assert diary[1] == "in progress"
    assert diary[2] == "fills the mailbox"
    assert len([line for line in diary if "sees" in line]) == 3
