"""The clock of the switchboard: who waits in vain is told, whichever dialects there are."""

from __future__ import annotations

from contextlib import AsyncExitStack
from pathlib import Path
from typing import ClassVar

import trio
from trio.testing import MockClock

from actors.core import Actor, Message, open_system
from actors.directory.directory import Directory
from actors.member.messages import RefuseSecond
from actors.signalling.absent import AbsentPeers
from actors.streams.services import MediaServices, RecordingsFolder
from actors.tree import children
from actors.words.facts import Signalled, Unreached
from actors.words.keys import MemberKey
from actors.words.limits import ActorLimits
from tests.fakes.media import FakeEngine
from tests.fakes.memory_store import MemoryStore
from tests.support.actors import threads_keep_up

LIMITS = ActorLimits()
ANN, NOBODY = MemberKey("peers.k", "ann"), MemberKey("peers.k", "nobody")


class Waiter(Actor[Message]):
    accepts: ClassVar[tuple[type[Message], ...]] = (Unreached, RefuseSecond)

    def __init__(self, told: list[str]) -> None:
        self.told = told

    async def handle(self, message: Message) -> object:
        if isinstance(message, Unreached):
            self.told.append(message.peer)
        return None


async def test_who_waits_in_vain_is_told_without_any_dialect(
    tmp_path: Path, autojump_clock: MockClock
) -> None:
    absent, told = AbsentPeers(), list[str]()
    media = MediaServices(FakeEngine(), RecordingsFolder(tmp_path))
    specs = children(lambda: LIMITS, media, MemoryStore, absent=absent)
    async with AsyncExitStack() as stack:
        with threads_keep_up():
            system = await stack.enter_async_context(open_system(specs))
        directory = Directory(system.registry, lambda: LIMITS)
        await directory.open_member(ANN, lambda: Waiter(told), RefuseSecond())
        absent.hold(NOBODY, Signalled("ann", b"{}"), "192.0.2.1", trio.current_time() + 5)
        await trio.sleep(4.5)
        assert told == []
        await trio.sleep(2)
        assert told == ["nobody"]
        assert absent.messages == 0
