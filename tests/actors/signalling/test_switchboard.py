"""The switchboard over real members and a device, which find each other by id and key."""

from __future__ import annotations

import random
from functools import partial

import pytest
import trio

from actors.core import STRANGERS_SPARE, Actor, Message, Ref
from actors.directory.directory import Directory
from actors.member.absence import AbsenceTerms
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import End, Lost, Resume, ResumeRefused
from actors.member.profile import Profile
from actors.signalling.absent import AbsentPeers
from actors.signalling.switchboard import Switchboard
from actors.words.close_reasons import CloseReason
from actors.words.facts import Introduced, Signalled, Unreached
from actors.words.keys import MemberKey, peers_realm
from tests.support.actors import LIMITS, House, RecordingClient, open_house, settle

ONE, OTHER = peers_realm("one"), peers_realm("other")
TERMS = AbsenceTerms(resume_seconds=1.0)


class Device(Actor[Message]):
    """A peer without a browser: it keeps what it is told, and lets nobody take it over."""

    accepts = (Signalled, Unreached, Resume)

    def __init__(self) -> None:
        self.told: list[Message] = []

    async def handle(self, message: Message) -> None:
        if isinstance(message, Resume):
            raise ResumeRefused
        self.told.append(message)


class Exchange:
    """A house with a switchboard, and ways to open peers."""

    def __init__(self, house: House) -> None:
        self.directory = Directory(house.system.registry, lambda: LIMITS)
        self.absent = AbsentPeers()
        self.switchboard = Switchboard(self.directory, self.absent)

    async def open(
        self, id_: str, proof: str = "", realm: str = ONE, client: RecordingClient | None = None
    ) -> tuple[Ref[Message], RecordingClient]:
        client = client or RecordingClient()
        profile = Profile(realm, "test", account=True, terms=TERMS, proof=proof)
        ref = await self.directory.open_member(
            MemberKey(realm, id_),
            partial(Member, Identity(id_), profile, client),
            Resume(client, "", proof),
        )
        return ref, client

    async def say(self, sender: str, to: str, body: bytes, realm: str = ONE) -> bool:
        signal = Signalled(sender, body)
        return await self.switchboard.signal(MemberKey(realm, to), signal, "a", 5.0)


async def test_an_id_is_its_holders_who_proves_it() -> None:
    async with open_house() as house:
        exchange = Exchange(house)
        ref, first = await exchange.open("ann", "secret")
        with pytest.raises(ResumeRefused):
            await exchange.open("ann", "guess")
        with pytest.raises(ResumeRefused):
            await exchange.open("ann")
        assert first.closed == []
        again, _ = await exchange.open("ann", "secret")
        assert again is ref
        assert first.closed == [CloseReason.REPLACED]


def test_a_proof_is_never_shown() -> None:
    assert "s3cret" not in repr(Profile("r", "d", proof="s3cret"))
    assert "s3cret" not in repr(Resume(RecordingClient(), "", "s3cret"))


async def test_a_device_and_a_browser_find_each_other_and_hold_their_ids() -> None:
    async with open_house() as house:
        exchange, device = Exchange(house), Device()
        await exchange.directory.open_member(
            MemberKey(ONE, "camera"), lambda: device, Resume(RecordingClient(), "")
        )
        _, ann = await exchange.open("ann")
        assert await exchange.say("ann", "camera", b"1")
        assert await exchange.say("camera", "ann", b"2")
        await settle()
        assert device.told == [Signalled("ann", b"1")]
        assert ann.shown(Signalled) == [Signalled("camera", b"2")]
        with pytest.raises(ResumeRefused):
            await exchange.open("camera")


async def test_peers_of_another_key_are_not_reached() -> None:
    async with open_house() as house:
        exchange = Exchange(house)
        _, mine = await exchange.open("bob")
        _, theirs = await exchange.open("bob", realm=OTHER)
        assert await exchange.say("ann", "bob", b"1", OTHER)
        await settle()
        assert mine.shown(Signalled) == []
        assert theirs.shown(Signalled) == [Signalled("ann", b"1")]


async def test_a_peer_that_cannot_take_more_is_not_reached_and_nothing_waits() -> None:
    async with open_house() as house:
        exchange = Exchange(house)
        await exchange.open("bob")
        told = 0
        while await exchange.say("ann", "bob", b"1"):
            told += 1
        assert told == LIMITS.mailbox_messages // STRANGERS_SPARE  # the rest is for its room
        assert exchange.absent.messages == 0


async def test_who_waited_in_vain_is_told_by_the_clock(autojump_clock: object) -> None:
    async with open_house() as house:
        exchange = Exchange(house)
        _, ann = await exchange.open("ann")
        for _ in range(3):
            assert await exchange.say("ann", "bob", b"1")
        assert await exchange.say("gone", "bob", b"1")
        await trio.sleep(4.9)
        await exchange.switchboard.expire()
        await settle()
        assert ann.shown(Unreached) == []
        await trio.sleep(0.2)
        await exchange.switchboard.expire()
        await settle()
        assert ann.shown(Unreached) == [Unreached("bob")]


class TakingClient(RecordingClient):
    """A client that takes what waits in the step in which it opens, as browsers' do."""

    def __init__(self, absent: AbsentPeers, heard: list[Signalled]) -> None:
        super().__init__()
        self._absent = absent
        self._heard = heard

    def show(self, fact: object) -> None:
        if isinstance(fact, Signalled):
            self._heard.append(fact)
        elif isinstance(fact, Introduced):
            self._heard += self._absent.take(MemberKey(ONE, "bob"))


@pytest.mark.parametrize("seed", range(8))
async def test_a_peer_that_comes_and_goes_hears_each_sender_in_order_and_nothing_twice(
    seed: int,
) -> None:
    chance = random.Random(seed)
    heard: list[Signalled] = []
    async with open_house() as house:
        exchange = Exchange(house)

        async def talk(sender: str) -> None:
            for number in range(60):
                await exchange.say(sender, "bob", b"%d" % number)
                for _ in range(chance.randrange(4)):
                    await trio.lowlevel.checkpoint()

        async def come_and_go() -> None:
            for _ in range(12):
                client = TakingClient(exchange.absent, heard)
                ref, _ = await exchange.open("bob", client=client)
                for _ in range(chance.randrange(12)):
                    await trio.lowlevel.checkpoint()
                if chance.random() < 0.8:
                    ref.tell(chance.choice([Lost(client), End(CloseReason.LOGOUT)]))
                for _ in range(chance.randrange(12)):
                    await trio.lowlevel.checkpoint()
            await exchange.open("bob", client=TakingClient(exchange.absent, heard))

        async with trio.open_nursery() as nursery:
            for sender in ("ann", "eve", "carl"):
                nursery.start_soon(talk, sender)
            nursery.start_soon(come_and_go)
        for sender in ("ann", "eve", "carl"):
            assert await exchange.say(sender, "bob", b"60")
        await settle()
        for sender in ("ann", "eve", "carl"):
            numbers = [int(each.body) for each in heard if each.sender == sender]
            assert numbers == sorted(set(numbers))
            assert numbers[-1] == 60
        assert exchange.absent.messages == 0
