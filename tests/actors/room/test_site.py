"""A chat site among real members: who gets in, what is told in which order, what reaches whom."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from actors.member.messages import End
from actors.room.site_services import SiteServices
from actors.words.close_reasons import CloseReason
from actors.words.facts import Dropped, Joined
from actors.words.refusals import NameReserved
from actors.words.site import (
    Echoed,
    Movement,
    NameGiven,
    PeopleListed,
    PersonMoved,
    Told,
    Video,
)
from actors.words.site_orders import (
    ShowSelf,
    Write,
)
from tests.support.actors import settle
from tests.support.site import RULES, open_site


async def test_a_newcomer_is_told_in_the_order_that_clients_expect() -> None:
    async with open_site() as site:
        ann = await site.come("ann")
        assert [type(fact) for fact in ann.facts] == [
            Joined, NameGiven, PeopleListed, Echoed, PersonMoved, Told,
        ]  # fmt: skip
        assert ann.facts[1] == NameGiven("ann")
        assert ann.names == ["ann"]
        assert ann.facts[4] == PersonMoved("ann", Movement.JOINED)


async def test_a_guest_with_a_taken_name_gets_the_next_one(autojump_clock: MockClock) -> None:
    async with open_site() as site:
        ann = await site.come("Ann")
        other = await site.come("ＡＮＮ")
        third = await site.come("ann")
        assert other.facts[1] == NameGiven("ＡＮＮ 2")
        assert third.facts[1] == NameGiven("ann 3")
        await trio.sleep(0.1)
        assert ann.names == ["Ann", "ann 3", "ＡＮＮ 2"]


async def test_a_guest_is_not_the_server() -> None:
    async with open_site() as site:
        with pytest.raises(NameReserved):
            await site.come("chatserver")


async def test_whom_a_token_names_takes_his_place_over(autojump_clock: MockClock) -> None:
    async with open_site() as site:
        first = await site.come("ann", proven=True)
        bob = await site.come("bob")
        second = await site.come("ann", proven=True)
        assert first.heard[-2:] == [
            Told("You have been signed out of chat because you logged in from another location."),
            Dropped(),
        ]
        assert first.client.closed == [CloseReason.DROPPED]
        assert bob.names == ["ann", "bob"]
        await second.order(Write("lobby", "hi"))
        assert bob.read == [("lobby", "ann", "hi")]
        assert len(site.house.facts(site.room.path))
        assert site.house.facts(site.room.path)["people"] == 2


@pytest.mark.parametrize(
    ("reason", "how"),
    [
        (CloseReason.DISCONNECTED, Movement.EXITED),
        (CloseReason.LOGOUT, Movement.EXITED),
        (CloseReason.EXPIRED, Movement.TIMED_OUT),
    ],
)
async def test_how_somebody_went_is_heard(reason: CloseReason, how: Movement) -> None:
    async with open_site() as site:
        ann, bob = await site.people("ann", "bob")
        bob.ref.tell(End(reason))
        await settle()
        assert ann.heard == [PersonMoved("bob", how)]


async def test_what_is_written_reaches_all_in_the_channel() -> None:
    async with open_site() as site:
        ann, bob = await site.people("ann", "bob")
        id_ = await ann.order(Write("lobby", "<p>hi</p>"))
        assert ann.read == bob.read == [("lobby", "ann", "<p>hi</p>")]
        assert id_ is not None
        assert int(id_) > 1_600_000_000


async def test_a_direct_message_reaches_its_two_sides() -> None:
    async with open_site() as site:
        ann, bob, cid = await site.people("ann", "bob", "cid")
        value = await ann.order(Write("@bob", "psst"))
        assert value is not None
        assert value.endswith(" delivered")
        assert ann.read == [("@bob", "ann", "psst")]
        assert bob.read == [("@ann", "ann", "psst")]
        assert cid.heard == []
        await ann.order(Write("@ann", "me"))
        assert ann.read[1:] == [("@ann", "ann", "me")] * 2
        value = await ann.order(Write("@gh<st", "boo"))
        assert value is not None
        assert value.endswith(" dropped")
        assert ann.told == ["Could not deliver your message: @gh&lt;st appears not to be online."]


async def test_lists_wait_while_they_take_more_than_their_share(
    autojump_clock: MockClock,
) -> None:
    spent = [0.0]
    services = SiteServices(cpu=lambda: 0.0, spent=lambda: spent[0])
    async with open_site(replace(RULES, list_share=0.2), site=services) as site:
        (ann,) = await site.people("ann")
        await trio.sleep(0.1)
        ann.client.clear()
        spent[0] += 1.0  # what clients have worked for the list before
        await ann.order(ShowSelf(Video.OFF, "away"))
        await trio.sleep(4.7)
        assert ann.lists == []
        await trio.sleep(0.3)
        assert len(ann.lists) == 1


async def test_bursts_of_changes_become_one_list(autojump_clock: MockClock) -> None:
    async with open_site() as site:
        ann, bob = await site.people("ann", "bob")
        await trio.sleep(0.1)
        ann.client.clear()
        bob.client.clear()
        for status in ("away", "brb", "lunch"):
            ann.post(ShowSelf(Video.ACTIVE, status))
        await settle()
        assert bob.lists == []
        await trio.sleep(0.06)
        assert len(bob.lists) == len(ann.lists) == 1
        assert bob.seen()["ann"].status == "lunch"
        assert bob.seen()["ann"].video == Video.ACTIVE
        assert bob.lists[0].everybody is ann.lists[0].everybody
