"""A chat site and somebody in it are wrecked in every way; test_wreck.py does so to other rooms.

Two strangers are in a room of another dialect. Whatever happens, they see nothing of it; nobody is
left in the site's lists who has gone, its ban holds, and whoever comes now is served. What a site
still knows after a crash is in room/test_site_survival.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import pytest
import trio
from trio.testing import MockClock

from actors.core import Actor, ActorError, MailboxFull, Message, Request, Spawn
from actors.member.member import Member
from actors.member.messages import DescribeMember
from actors.room.room import Room
from actors.words.keys import MEMBERS, ROOMS, MemberKey
from actors.words.refusals import NameBanned
from actors.words.site import (
    Movement,
    PersonMoved,
    Video,
)
from actors.words.site_orders import (
    GetPeople,
    PutOut,
    ShowSelf,
    Write,
)
from tests.actors.core.puppet import logged
from tests.actors.test_wreck import crashes, others
from tests.support.actors import LIMITS, Person
from tests.support.saboteur import Saboteur
from tests.support.site import OPERATOR, SITE, Chatter, SiteHouse, open_site


@dataclass(frozen=True)
class Kind:
    """What is wrecked, something harmless to say to it, and its supervisor."""

    actor: type[Actor[Any]]
    path: str
    message: Request[Any]
    parent: str


ANN = MemberKey("barertc", "m1").path
KINDS = [
    Kind(Room, SITE.path, GetPeople(), ROOMS),
    Kind(Member, ANN, DescribeMember(), MEMBERS),
]
each_kind = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.actor.__name__)


@pytest.fixture
def saboteur(kind: Kind, monkeypatch: pytest.MonkeyPatch) -> Saboteur:
    return Saboteur(monkeypatch, kind.actor, kind.path)


@dataclass
class Scene:
    """Ann and Bob are in the site, with an operator who has banned "eve"."""

    site: SiteHouse
    ann: Chatter
    bob: Chatter
    op: Chatter
    strangers: list[Person]

    @classmethod
    @asynccontextmanager
    async def open(cls) -> AsyncIterator[Scene]:
        async with open_site() as site:
            strangers = await site.house.people("bea", "ben", room="quiet")
            ann, bob = await site.people("ann", "bob")
            op = await site.come("op", proven=True, standing=OPERATOR)
            await op.order(PutOut("eve", 1.0))
            await trio.sleep(1)
            scene = cls(site, ann, bob, op, strangers)
            scene.forget()
            yield scene
            scene.check_strangers()

    def forget(self) -> None:
        for each in (self.ann, self.bob, self.op):
            each.client.clear()

    def check_strangers(self) -> None:
        assert [each.client.facts for each in self.strangers] == [[], []]

    async def check_all_works(self, *here: str) -> None:
        """These are in the site; who comes now is served, and none of it is heard elsewhere."""
        people = await self.site.room.ask(GetPeople(), within=5)
        assert [person.name for person in people] == sorted(here)
        with pytest.raises(NameBanned):
            await self.site.come("EVE")
        dan, fay = await self.site.come("dan"), await self.site.come("fay")
        assert fay.names == sorted([*here, "dan", "fay"])
        await dan.order(Write("lobby", "works"))
        await dan.order(Write("@fay", "works too"))
        assert fay.read[-2:] == [("lobby", "dan", "works"), ("@dan", "dan", "works too")]
        await dan.order(ShowSelf(Video.ACTIVE, "brb"))
        await trio.sleep(1)
        assert fay.seen()["dan"].status == "brb"


async def provoke(scene: Scene, kind: Kind) -> None:
    with pytest.raises(ActorError):
        await scene.site.house.find(kind.path).ask(kind.message, within=5)
    await trio.sleep(1)


@each_kind
async def test_a_crash_in_setup(kind: Kind, saboteur: Saboteur, autojump_clock: MockClock) -> None:
    saboteur.crash("setup")
    with logged() as lines:
        async with open_site() as site:
            if kind.actor is Member:
                with pytest.raises(ActorError):
                    await site.come("ann")
            names = [(await site.come(name)).names for name in ("ann", "bob")]
            assert names == [["ann"], ["ann", "bob"]]
    assert crashes(lines) == [(kind.path, "setup")]
    assert others(lines) in ([], ["site.bans_unknown"])


@each_kind
@pytest.mark.parametrize("then", ["", "teardown"])
async def test_a_crash_in_handle(
    kind: Kind, then: str, saboteur: Saboteur, autojump_clock: MockClock
) -> None:
    with logged() as lines:
        async with Scene.open() as scene:
            saboteur.crash("handle")
            if then:
                saboteur.crash(then)
            await provoke(scene, kind)
            moved = [it for it in scene.bob.heard if isinstance(it, PersonMoved)]
            if kind.actor is Room:
                assert moved == scene.ann.heard == []
                assert scene.ann.names == scene.bob.names == ["ann", "bob", "op"]
                await scene.check_all_works("ann", "bob", "op")
            else:
                assert moved == [PersonMoved("ann", Movement.EXITED)]
                assert scene.ann.client.closed == ([] if then else ["crashed"])
                assert scene.bob.names == ["bob", "op"]
                await scene.check_all_works("bob", "op")
    assert crashes(lines) == [(kind.path, phase) for phase in ("handle", then) if phase]
    assert others(lines) == []


@each_kind
async def test_a_crash_in_teardown(
    kind: Kind, saboteur: Saboteur, autojump_clock: MockClock
) -> None:
    with logged() as lines:
        async with Scene.open() as scene:
            saboteur.crash("teardown")
            former, system = scene, scene.site.house.system
            await scene.check_all_works("ann", "bob", "op")
    assert crashes(lines) == [(kind.path, "teardown")]
    assert others(lines) == []
    assert system.counters.spawned == system.counters.stopped
    assert former.bob.client.closed == former.op.client.closed == ["shutdown"]


@each_kind
async def test_a_full_mailbox(kind: Kind, saboteur: Saboteur, autojump_clock: MockClock) -> None:
    with logged() as lines:
        async with Scene.open() as scene:
            ref = scene.site.house.find(kind.path)
            harmless: Message = kind.message
            with saboteur.holding():
                await scene.site.house.fill(kind.path, harmless)
                with pytest.raises(MailboxFull):
                    ref.tell(harmless)
                if kind.actor is Member:  # what others say waits for nobody: she is ended
                    await scene.bob.order(Write("lobby", "hm"))
                    assert scene.op.read == [("lobby", "bob", "hm")]
                scene.check_strangers()
            await trio.sleep(1)
            assert ref.alive is (kind.actor is Room)
            if kind.actor is Room:
                assert len(saboteur.handled) > LIMITS.mailbox_messages
            else:
                assert scene.op.names == ["bob", "op"]
            await scene.check_all_works(*(["ann"] if ref.alive else []), "bob", "op")
    assert crashes(lines) == []
    assert others(lines, "actor.mailbox_full") == []


@each_kind
async def test_a_dead_parent(kind: Kind, autojump_clock: MockClock) -> None:
    broken: Any = Spawn(None)  # type: ignore[arg-type]  # a supervisor crashes over it
    async with open_site() as site:
        ann, bob = await site.people("ann", "bob")
        op = await site.come("op", proven=True, standing=OPERATOR)
        await op.order(PutOut("eve", 1.0))
        await trio.sleep(1)
        site.house.find(kind.parent).tell(broken)
        await trio.sleep(1)
        assert [len(each.client.closed) for each in (ann, bob, op)] == [1, 1, 1]
        with pytest.raises(NameBanned):
            await site.come("eve")
        assert [(await site.come(name)).names for name in ("ann", "bob")] == [
            ["ann"],
            ["ann", "bob"],
        ]
