"""What of a chat site outlives a crash of its room, the process, and a store that is away."""

from __future__ import annotations

import pytest
import trio
from trio.testing import MockClock

from actors.core import ActorError, Message
from actors.room.room import Room
from actors.room.site_store import IDS
from actors.site.messages import BLOCK
from actors.store.messages import STORE, GetDocument, StoreRead, StoreWrite
from actors.words.close_reasons import CloseReason
from actors.words.facts import Dropped, RoomClosed
from actors.words.limits import ActorLimits
from actors.words.refusals import Busy, NameBanned, StoreUnavailable
from actors.words.site import (
    Echoed,
    Relayed,
    Video,
)
from actors.words.site_orders import (
    Block,
    DisconnectNow,
    GetBans,
    GetPeople,
    Mute,
    OpenCamera,
    PutOut,
    Relay,
    ShowSelf,
    TakeBack,
    Write,
)
from tests.fakes.memory_store import MemoryStore
from tests.support.actors import poison, settle
from tests.support.saboteur import Saboteur
from tests.support.site import OPERATOR, SITE, open_site


class FaultyStore(MemoryStore):
    """A store whose database is away while `away` is true, and whose data outlives the house."""

    away = False

    async def handle(self, message: Message) -> object:
        if self.away and isinstance(message, StoreRead | StoreWrite):
            raise StoreUnavailable
        return await super().handle(message)


# --- a crash of the room


async def test_a_site_that_crashes_comes_back_with_all_that_was(autojump_clock: MockClock) -> None:
    async with open_site() as site:
        op = await site.come("op", proven=True, standing=OPERATOR)
        ann, bob, cid = await site.people("ann", "bob", "cid")
        await ann.order(ShowSelf(Video.ACTIVE, "brb"))
        await bob.order(OpenCamera("ann"))
        await cid.order(Block(("ann",)))
        await bob.order(Mute("op"))
        id_ = int(await ann.order(Write("lobby", "hm")) or 0)
        await op.order(PutOut("eve", 1.0))
        await trio.sleep(1)
        for each in (op, ann, bob, cid):
            each.client.clear()
        site.room.tell(poison())
        await settle()
        assert [len(each.lists) for each in (op, ann, bob, cid)] == [1, 1, 1, 1]
        assert bob.seen()["ann"].status == "brb"
        assert cid.names == ["bob", "cid", "op"]
        await bob.order(Relay("candidate", "ann", "c"))
        assert ann.heard[-1] == Relayed("candidate", "bob", "c")
        await op.order(Write("lobby", "hello"))
        assert bob.read == []
        await ann.order(TakeBack(id_))
        with pytest.raises(NameBanned):
            await site.come("eve")
        newcomer = await site.come("ann")
        assert newcomer.names == ["ann", "ann 2", "bob", "cid", "op"]
        echoed = [it for it in newcomer.heard if isinstance(it, Echoed)]
        assert [it.html for it in echoed[0].messages] == ["hello"]


async def test_who_is_no_person_of_the_site_after_a_crash_is_put_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The room crashes between taking in a member and giving it a name."""
    async with open_site() as site:
        (ann,) = await site.people("ann")

        def stumble(*_: object) -> None:
            raise RuntimeError("a bug")

        with monkeypatch.context() as patch:
            patch.setattr("actors.room.site.entrances.arrive", stumble)
            bob = await site.come("bob")
        assert bob.heard[-1] == Dropped()
        people = await site.room.ask(GetPeople(), within=1)
        assert [it.name for it in people] == ["ann"]
        assert site.house.facts(SITE.path)["members"] == 1
        assert ann.lists[-1].everybody[0].name == "ann"
        await site.come("bob")


@pytest.mark.parametrize("phase", ["setup", "handle"])
async def test_a_site_serves_after_a_crash_in_any_phase(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    saboteur = Saboteur(monkeypatch, Room, SITE.path)
    saboteur.crash(phase)
    async with open_site() as site:
        if phase == "handle":
            with pytest.raises(ActorError):
                await site.come("early")
        ann = await site.come("ann")
        bob = await site.come("bob")
        await ann.order(Write("lobby", "hm"))
        assert bob.read == [("lobby", "ann", "hm")]


async def test_one_who_does_not_listen_is_ended_and_leaves(autojump_clock: MockClock) -> None:
    async with open_site() as site:
        ann, bob = await site.people("ann", "bob")
        bob.client.full = True
        await ann.order(Write("lobby", "hm"))
        await trio.sleep(1)
        assert ann.names == ["ann"]


async def test_a_site_that_crashes_over_and_over_ends_and_the_next_one_knows_its_bans(
    autojump_clock: MockClock,
) -> None:
    async with open_site() as site:
        op = await site.come("op", proven=True, standing=OPERATOR)
        ann = await site.come("ann")
        await op.order(PutOut("bob", 1.0))
        await trio.sleep(1)
        for _ in range(4):
            site.room.tell(poison())
            await settle()
        assert type(ann.heard[-1]) is RoomClosed
        assert ann.client.closed == [CloseReason.ROOM_CLOSED]
        with pytest.raises(NameBanned):
            await site.come("bob")
        again = await site.come("ann")
        assert again.names == ["ann"]


async def test_a_site_that_is_full_of_orders_refuses_more_and_goes_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    saboteur = Saboteur(monkeypatch, Room, SITE.path)
    async with open_site(capacity=8, limits=ActorLimits(mailbox_messages=64)) as site:
        ann, bob = await site.people("ann", "bob")
        with saboteur.holding():
            await site.house.fill(SITE.path, GetPeople())
            with pytest.raises(Busy):
                await ann.order(Write("lobby", "too much"))
        await settle()
        await ann.order(Write("lobby", "hm"))
        assert bob.read == [("lobby", "ann", "hm")]


# --- the store


def shared_store() -> tuple[FaultyStore, dict[str, object]]:
    """Return a store for several houses, one after the other."""
    store = FaultyStore()
    return store, {"store": lambda _folder: store}


async def test_bans_and_ids_outlive_the_process(autojump_clock: MockClock) -> None:
    _, house = shared_store()
    last = 0
    for _ in range(3):  # the clock stands still as far as Unix seconds go: ids go on all the same
        async with open_site(**house) as site:
            op = await site.come("op", proven=True, standing=OPERATOR)
            id_ = int(await op.order(Write("lobby", "hm")) or 0)
            assert id_ > last
            if last:
                assert id_ >= last + BLOCK - 1
                with pytest.raises(NameBanned):
                    await site.come("BOB")
            last = id_
            await op.order(PutOut("bob", 24.0))
            await trio.sleep(0.1)
    async with open_site(**house) as site:
        op = await site.come("op", proven=True, standing=OPERATOR)
        await site.room.ask(DisconnectNow(("bob",), ban_hours=0.0), within=1)
        assert [it[0] for it in await site.room.ask(GetBans(), within=1)] == ["bob"]


async def test_a_block_of_ids_is_set_aside_ahead_of_need(autojump_clock: MockClock) -> None:
    async with open_site() as site:
        ann = await site.come("ann")
        first = int(await ann.order(Write("lobby", "hm")) or 0)

        async def mark() -> int:
            found = await site.house.find(STORE).ask(GetDocument(IDS, "barertc"), within=1)
            return int(found.body)

        assert await mark() == first + BLOCK
        for _ in range(BLOCK // 2 + 1):
            ann.post(Write("@ann", "x"))
            if _ % 500 == 0:
                await settle()
                ann.client.clear()
        await settle()
        assert await mark() > first + BLOCK


async def test_with_the_store_away_chat_goes_on_and_bans_are_stored_later(
    autojump_clock: MockClock,
) -> None:
    store, house = shared_store()
    store.away = True
    async with open_site(**house) as site:
        op = await site.come("op", proven=True, standing=OPERATOR)
        bob = await site.come("bob")
        await op.order(Write("lobby", "hm"))
        assert bob.read == [("lobby", "op", "hm")]
        await op.order(PutOut("bob", 24.0))
        await trio.sleep(600)
        with pytest.raises(NameBanned):
            await site.come("bob")
        store.away = False
        await trio.sleep(120)
    async with open_site(**house) as site:
        with pytest.raises(NameBanned):
            await site.come("bob")


async def test_who_came_in_before_his_ban_was_known_is_put_out(autojump_clock: MockClock) -> None:
    store, house = shared_store()
    async with open_site(**house) as site:
        op = await site.come("op", proven=True, standing=OPERATOR)
        await op.order(PutOut("bob", 24.0))
        await trio.sleep(0.1)
    store.away = True
    async with open_site(**house) as site:
        bob = await site.come("bob")
        store.away = False
        await trio.sleep(3)
        assert bob.heard[-1] == Dropped()
        assert site.house.facts(SITE.path)["people"] == 0


async def test_a_store_that_hangs_holds_nobody_up_for_long(
    autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    saboteur = Saboteur(monkeypatch, MemoryStore, STORE)
    async with open_site() as site:
        with saboteur.holding():
            ann = await site.come("ann")
            await ann.order(Write("lobby", "hm"))
