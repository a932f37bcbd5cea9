"""Operators, rules, cameras and the back office of a chat site, among real members."""

from __future__ import annotations

from dataclasses import replace

import pytest
import trio
from trio.testing import MockClock

from actors.member.messages import End
from actors.words.close_reasons import CloseReason
from actors.words.conference_refusals import NotAllowed
from actors.words.facts import Dropped, PeerJoined, PeerLeft
from actors.words.orders import CloseRoom, DropParticipant, Say
from actors.words.refusals import (
    ChannelUnknown,
    NameBanned,
    NotYours,
    PersonUnknown,
    RoomFull,
)
from actors.words.site import (
    BlockSet,
    CameraCut,
    CameraOpened,
    CameraRung,
    CameraSet,
    Echoed,
    MessageTakenBack,
    Movement,
    PersonMoved,
    ReactionAdded,
    Relayed,
    Rule,
    RuleTexts,
    Standing,
    StandingSet,
    Told,
    Video,
)
from actors.words.site_orders import (
    AmendStanding,
    Announce,
    Block,
    BlockNow,
    Boot,
    CutCamera,
    DisconnectNow,
    GetBans,
    GetPeople,
    HearEverybody,
    Invite,
    LiftBan,
    ListBans,
    MakeOperator,
    MarkCamera,
    Mute,
    OpenCamera,
    PutAllOut,
    PutOut,
    React,
    Relay,
    RequireOperator,
    SetSiteRules,
    ShowSelf,
    TakeBack,
    Unban,
    Verdict,
    Write,
)
from tests.support.actors import settle
from tests.support.site import FILMING, OPERATOR, RULES, VIP, Chatter, SiteHouse, open_site

TEXTS = RuleTexts("red", "no broadcast", "no video", "no image")


async def film(chatter: Chatter, more: Video = Video.OFF) -> None:
    await chatter.order(ShowSelf(FILMING | more, "online"))


def moves(chatter: Chatter) -> list[tuple[str, Movement]]:
    return [(it.name, it.how) for it in chatter.heard if isinstance(it, PersonMoved)]


async def with_operator(site: SiteHouse, *names: str) -> list[Chatter]:
    """Have an operator "op" come in, and guests."""
    op = await site.come("op", proven=True, standing=OPERATOR)
    guests = await site.people(*names)
    op.client.clear()
    return [op, *guests]


# --- operators


async def test_who_is_kicked_hears_it_and_nothing_more_and_lists_are_told_at_once() -> None:
    async with open_site() as site:
        op, ann, bob = await with_operator(site, "ann", "bob")
        await op.order(PutOut("ann"))
        assert ann.told == ["You have been kicked from the chat room."]
        assert ann.heard[-1] == Dropped()
        assert bob.names == op.names == ["bob", "op"]
        assert moves(bob) == moves(op) == [("ann", Movement.KICKED)]
        assert await op.order(RequireOperator()) is None


async def test_who_is_banned_stays_out_under_names_that_look_alike(
    autojump_clock: MockClock,
) -> None:
    async with open_site() as site:
        op, _ann, _bob = await with_operator(site, "ann", "bob")
        await op.order(PutOut("ann", 2.0))
        await op.order(PutOut("ghost", 1.0))
        for name in ("ann", "ＡＮＮ", "Ghost"):
            with pytest.raises(NameBanned):
                await site.come(name)
        with pytest.raises(NameBanned) as refused:
            await site.come("ann")
        listed = (await op.order(ListBans()) or "").splitlines()
        assert [line.split("\t")[0] for line in listed] == ["ann", "ghost"]
        assert listed[0] == f"ann\t{int(refused.value.until)}"
        assert await op.order(LiftBan("ANN")) == "ann"
        assert await op.order(LiftBan("ANN")) == ""
        await site.come("ann")
        await trio.sleep(3601)
        await site.come("ghost")
        assert await op.order(ListBans()) == ""


@pytest.mark.parametrize("order", [PutOut("ann", 2.0), DisconnectNow(("ann",), ban_hours=2.0)])
async def test_the_ban_of_a_guest_keeps_nobody_out_who_proves_that_the_name_is_his(
    order: PutOut | DisconnectNow,
) -> None:
    async with open_site() as site:
        op, _ann = await with_operator(site, "ann")
        await (op.order(order) if isinstance(order, PutOut) else site.room.ask(order, within=5))
        with pytest.raises(NameBanned):
            await site.come("Ann")
        await site.come("ann", proven=True)
        await op.order(PutOut("ann", 2.0))
        with pytest.raises(NameBanned):
            await site.come("ann", proven=True)


async def test_orders_of_operators_are_refused_to_others_and_for_unknown_names() -> None:
    async with open_site() as site:
        op, ann = await with_operator(site, "ann")
        for order in (PutOut("op"), CutCamera("op"), MarkCamera("op"), MakeOperator("ann")):
            with pytest.raises(NotAllowed):
                await ann.order(order)
        for order in (HearEverybody(), PutAllOut(), ListBans(), RequireOperator(), Say("hm")):
            with pytest.raises(NotAllowed):
                await ann.order(order)
        for order in (PutOut("ghost"), CutCamera("ghost"), MarkCamera(""), MakeOperator("")):
            with pytest.raises(PersonUnknown):
                await op.order(order)
        assert ann.heard == []


async def test_an_operator_for_now_may_what_operators_may() -> None:
    async with open_site() as site:
        op, ann, bob = await with_operator(site, "ann", "bob")
        await op.order(MakeOperator("ann"))
        await ann.order(PutOut("bob"))
        assert bob.heard[-1] == Dropped()
        await op.order(MakeOperator("ann", on=False))
        with pytest.raises(NotAllowed):
            await ann.order(PutOut("op"))


async def test_a_camera_is_marked_and_cut_by_operators(autojump_clock: MockClock) -> None:
    async with open_site() as site:
        op, ann = await with_operator(site, "ann")
        await film(ann)
        await op.order(MarkCamera("ann"))
        assert CameraSet("ann", FILMING | Video.NSFW) in ann.heard
        await trio.sleep(0.1)
        assert op.seen()["ann"].video == FILMING | Video.NSFW
        await op.order(CutCamera("ann"))
        assert CameraCut() in ann.heard
        assert ann.seen()["ann"].video == Video.OFF


async def test_everybody_is_put_out_the_operator_too() -> None:
    async with open_site() as site:
        op, ann, bob = await with_operator(site, "ann", "bob")
        op.post(PutAllOut())
        await settle()
        assert [type(it.heard[-1]) for it in (op, ann, bob)] == [Dropped] * 3
        assert moves(ann) == []
        assert await site.room.ask(GetPeople(), within=1) == ()
        await site.come("ann")


async def test_a_hidden_operator_seems_to_go_and_to_come_back(autojump_clock: MockClock) -> None:
    async with open_site() as site:
        op, ann = await with_operator(site, "ann")
        await op.order(ShowSelf(Video.OFF, "hidden"))
        await trio.sleep(0.1)
        assert ann.names == op.names == ["ann"]
        assert moves(ann) == [("op", Movement.EXITED)]
        await ann.order(Write("@op", "there?"))
        assert op.read == [("@ann", "ann", "there?")]
        assert ann.told == ["Could not deliver your message: @op appears not to be online."]
        people = await site.room.ask(GetPeople(), within=1)
        assert [(it.name, it.status) for it in people] == [("ann", "online"), ("op", "hidden")]
        ann.client.clear()
        await op.order(ShowSelf(Video.OFF, "online"))
        await trio.sleep(0.1)
        assert ann.names == ["ann", "op"]
        assert moves(ann) == [("op", Movement.JOINED)]
        await ann.order(ShowSelf(Video.OFF, "hidden"))
        await trio.sleep(0.1)
        assert op.seen()["ann"].status == "away"


# --- what people do to each other


async def test_operators_hear_who_mutes_and_boots_them_and_are_not_blocked() -> None:
    async with open_site() as site:
        op, ann = await with_operator(site, "<ann>")
        await ann.order(Mute("op"))
        await ann.order(Mute("op"))
        await ann.order(Mute("op", on=False))
        await ann.order(Boot("op"))
        assert op.told == [
            "&lt;ann&gt; has muted you! Your new mute status is: true",
            "&lt;ann&gt; has unmuted you! Your new mute status is: false",
            "&lt;ann&gt; has booted you off of their camera!",
        ]
        await ann.order(Block(("op",)))
        assert ann.told == ["You are not allowed to block a chat operator."]
        await ann.order(Block(("op",), silently=True))
        assert len(ann.told) == 1
        await op.order(Write("@<ann>", "a word"))
        assert ann.read == [("@op", "op", "a word")]


async def test_an_operator_who_hears_everybody_is_heard_again() -> None:
    async with open_site() as site:
        op, ann = await with_operator(site, "ann")
        await ann.order(Mute("op"))
        await op.order(Write("lobby", "one"))
        await op.order(HearEverybody())
        await op.order(Write("lobby", "two"))
        assert ann.read == [("lobby", "op", "two")]


@pytest.mark.parametrize("how", ["deop", "amend"])
async def test_who_is_no_operator_any_more_is_not_sure_to_be_heard_either(
    how: str, autojump_clock: MockClock
) -> None:
    async with open_site(replace(RULES, operators_can_be_blocked=True)) as site:
        op, ann = await with_operator(site, "ann")
        boss = await site.come("boss", proven=True, standing=OPERATOR)
        await op.order(HearEverybody())
        await ann.order(Block(("op",)))
        assert ann.told == ["You are not allowed to block a chat operator."]
        for operator in (False, True):
            if how == "deop":
                await boss.order(MakeOperator("op", operator))
            else:
                await site.room.ask(AmendStanding("op", Standing(operator=operator)), within=5)
        await settle()
        await ann.order(Block(("op",)))
        await trio.sleep(1)
        assert len(ann.told) == 1
        assert "op" not in ann.names


async def test_a_block_does_not_tell_that_a_hidden_operator_is_here(
    autojump_clock: MockClock,
) -> None:
    async with open_site() as site:
        op, ann = await with_operator(site, "ann")
        await op.order(ShowSelf(Video.OFF, "hidden"))
        for name in ("op", "nobody"):
            await ann.order(Block((name,)))
        assert ann.told == []
        await op.order(ShowSelf(Video.OFF, "online"))
        await trio.sleep(1)
        assert "op" in ann.names  # as before: it has no effect on an operator


async def test_what_is_written_to_a_hidden_operator_is_not_kept_for_its_sender_to_see() -> None:
    async with open_site() as site:
        op, _ = await with_operator(site, "ann")
        bob = await site.come("bob", proven=True)
        assert (await bob.order(Write("@op", "hm")) or "").endswith(" delivered proven")
        await op.order(ShowSelf(Video.OFF, "hidden"))
        assert (await bob.order(Write("@op", "hm")) or "").endswith(" delivered")
        assert (await op.order(Write("@bob", "hm")) or "").endswith(" delivered proven")


async def test_what_is_too_long_to_be_a_status_or_an_emoji_reaches_nobody(
    autojump_clock: MockClock,
) -> None:
    async with open_site() as site:
        ann, bob = await site.people("ann", "bob")
        await ann.order(ShowSelf(Video.OFF, "x" * 65))
        await trio.sleep(1)
        assert bob.seen()["ann"].status == "away"
        await ann.order(ShowSelf(Video.OFF, "x" * 64))
        await trio.sleep(1)
        assert bob.seen()["ann"].status == "x" * 64
        id_ = int(await ann.order(Write("lobby", "hm")) or "")
        for emoji in ("x" * 65, "x" * 64):
            await ann.order(React(id_, emoji))
        reactions = [it for it in bob.heard if isinstance(it, ReactionAdded)]
        assert reactions == [ReactionAdded("ann", id_, "x" * 64)]


@pytest.mark.parametrize("channel", ["@" + "x" * 301, "x" * 302])
async def test_what_is_written_to_what_is_no_name_is_not_kept(channel: str) -> None:
    async with open_site() as site:
        (ann,) = await site.people("ann")
        with pytest.raises(ChannelUnknown):
            await ann.order(Write(channel, "hm"))
        assert ann.read == []


async def test_what_was_asked_for_before_coming_in_holds_from_the_first_list_on() -> None:
    async with open_site() as site:
        ann, _bob, cid = await site.people("ann", "bob", "cid")
        await film(cid)
        dan = await site.come("dan", mutes=("bob",), blocks=("ann",), boots=("cid",))
        assert list(dan.lists[0].unseen) == ["ann"]
        assert ann.heard == []
        assert moves(cid) == [("dan", Movement.JOINED)]
        await dan.order(Mute("nobody"))
        await ann.order(Write("lobby", "hm"))
        assert dan.read == []


# --- cameras


async def test_a_camera_is_opened_rung_first_and_what_passes_keeps_its_order() -> None:
    async with open_site() as site:
        ann, bob = await site.people("ann", "bob")
        await bob.order(Relay("sdp", "ann", "too early"))
        await film(ann)
        await bob.order(OpenCamera("ann"))
        rung = ann.heard[-1]
        assert isinstance(rung, CameraRung)
        assert rung.name == "bob"
        assert len(rung.secret) == 16
        assert rung.secret.isalpha()
        assert rung.secret.islower()
        assert bob.heard[-1] == CameraOpened("ann", rung.secret)
        for number in range(9):
            bob.post(Relay("candidate", "ann", f"{number}"))
            ann.post(Relay("sdp", "bob", f"{number}"))
        await settle()
        assert ann.heard[-9:] == [Relayed("candidate", "bob", f"{it}") for it in range(9)]
        assert bob.heard[-9:] == [Relayed("sdp", "ann", f"{it}") for it in range(9)]


@pytest.mark.parametrize("end", ["off", "boot", "mute", "block", "left", "cut"])
async def test_nothing_passes_once_a_camera_has_ended(end: str) -> None:
    async with open_site() as site:
        op, ann, bob = await with_operator(site, "ann", "bob")
        await film(ann)
        await bob.order(OpenCamera("ann"))
        match end:
            case "off":
                await ann.order(ShowSelf(Video.OFF, "online"))
            case "boot":
                await ann.order(Boot("bob"))
            case "mute":
                await ann.order(Mute("bob"))
            case "block":
                await bob.order(Block(("ann",)))
            case "left":
                await site.room.ask(DropParticipant("m2"), within=1)
                ann = await site.come("ann")
            case "cut":
                await op.order(CutCamera("ann"))
        await bob.order(Relay("watch", "ann"))
        await bob.order(Relay("candidate", "ann", "late"))
        assert [fact for fact in ann.heard if isinstance(fact, Relayed)] == []


async def test_who_is_no_operator_any_more_watches_no_camera_that_he_was_booted_off() -> None:
    async with open_site() as site:
        op, ann, bob = await with_operator(site, "ann", "bob")
        await op.order(MakeOperator("bob"))
        await film(ann)
        await ann.order(Boot("bob"))
        await bob.order(OpenCamera("ann"))
        await bob.order(Relay("sdp", "ann", "{}"))
        assert ann.heard[-1] == Relayed("sdp", "bob", "{}")
        ann.client.clear()
        await op.order(MakeOperator("bob", on=False))
        await bob.order(Relay("sdp", "ann", "{}"))
        assert [it for it in ann.heard if isinstance(it, Relayed)] == []


async def test_why_a_camera_does_not_open() -> None:
    rules = replace(RULES, rules=(("eve", frozenset({Rule.NO_VIDEO})),), texts=TEXTS)
    async with open_site(rules) as site:
        ann, bob, eve = await site.people("ann", "bob", "eve")

        async def told(by: Chatter = bob, name: str = "ann") -> str:
            by.client.clear()
            await by.order(OpenCamera(name))
            return by.told[-1] if by.told else ""

        could_not = "Could not open that video: "
        assert await told(eve) == "no video"
        assert await told(name="<ghost>") == f"{could_not}&lt;ghost&gt; appears to be offline."
        assert await told() == f"{could_not}Their video is not currently enabled."
        await film(ann, Video.MUTUAL_REQUIRED | Video.ONLY_VIP)
        assert (await told()).startswith(could_not)
        await film(bob)
        assert await told() == "You do not have permission to view that camera."
        await ann.order(Invite(("bob",)))
        assert await told() == ""
        await bob.order(ShowSelf(Video.OFF, "online"))
        assert await told() == ""
        await ann.order(Boot("bob"))
        assert await told() == "You do not have permission to view that camera."
        await ann.order(Block(("bob",)))
        assert await told() == f"{could_not}ann appears to be offline."


# --- rules


async def test_rules_of_token_and_configuration_hold_and_are_told() -> None:
    rules = replace(RULES, rules=(("ANN", frozenset({Rule.NO_BROADCAST})),), texts=TEXTS)
    async with open_site(rules) as site:
        (ann,) = await site.people("ann")
        red = Standing(rules=frozenset({Rule.RED_CAMERA, Rule.NO_IMAGE}))
        bob = await site.come("bob", proven=True, standing=red)
        await film(ann)
        assert ann.heard[-2:] == [CameraCut(), Told("no broadcast")]
        bob.client.clear()
        await film(bob)
        assert bob.heard == [CameraSet("bob", FILMING | Video.NSFW), Told("red")]
        assert await bob.order(Write("lobby", "<img>", upload=True)) == ""
        assert bob.told == ["red", "no image"]
        assert ann.read == []
        people = {it.name: it.video for it in await site.room.ask(GetPeople(), within=1)}
        assert people == {"ann": Video.OFF, "bob": FILMING | Video.NSFW}
        assert site.rules.rules == rules.rules


async def test_vip_channels_are_for_vips_and_operators() -> None:
    async with open_site() as site:
        (ann,) = await site.people("ann")
        vip = await site.come("vip", proven=True, standing=VIP)
        op = await site.come("op", proven=True, standing=OPERATOR)
        with pytest.raises(NotAllowed):
            await ann.order(Write("vip", "let me in"))
        await vip.order(Write("vip", "psst"))
        assert ann.read == []
        assert op.read == vip.read == [("vip", "vip", "psst")]
        bob = await site.come("bob")
        other = await site.come("other", proven=True, standing=VIP)
        assert [it.messages for it in bob.heard if isinstance(it, Echoed)] == [()]
        assert [len(it.messages) for it in other.heard if isinstance(it, Echoed)] == [1]


async def test_what_somebody_wrote_who_has_left_is_not_echoed_to_whom_he_had_blocked() -> None:
    async with open_site() as site:
        ann = await site.come("ann", blocks=("bob",))
        await ann.order(Write("lobby", "hm"))
        ann.ref.tell(End(CloseReason.LOGOUT))
        await settle()
        bob, cid, dan = await site.come("bob"), await site.come("cid"), await site.come("dan")
        eve = await site.come("eve", blocks=("ann",))
        found = [
            [it.html for fact in each.heard if isinstance(fact, Echoed) for it in fact.messages]
            for each in (bob, cid, dan, eve)
        ]
        assert found == [[], ["hm"], ["hm"], []]


@pytest.mark.parametrize("channel", ["", "nowhere", "lobby "])
async def test_a_message_in_no_channel_of_the_site_is_refused(channel: str) -> None:
    async with open_site() as site:
        ann, bob = await site.people("ann", "bob")
        with pytest.raises(ChannelUnknown):
            await ann.order(Write(channel, "hm"))
        assert bob.heard == ann.heard == []


async def test_what_a_filter_holds_is_seen_by_its_sender_alone() -> None:
    async with open_site() as site:
        op, ann, bob = await with_operator(site, "ann", "bob")
        held = Verdict("***", forwarded=False, response="Mind your words")
        value = await ann.order(Write("lobby", "darn", verdict=held))
        assert value is not None
        assert value.endswith(" filtered")
        assert ann.read == [("lobby", "ann", "***")]
        assert ann.told == ["Mind your words"]
        await ann.order(Write("@bob", "darn", verdict=held))
        assert bob.heard == []
        await ann.order(Write("@op", "darn", verdict=held))
        assert op.read == [("@ann", "ann", "darn")]
        passed = replace(held, forwarded=True)
        await ann.order(Write("lobby", "darn", verdict=passed))
        assert bob.read == [("lobby", "ann", "***")]
        await bob.order(React(int(value.split()[0]), "!"))
        assert not [it for it in ann.heard if isinstance(it, ReactionAdded)]


# --- taking back and reacting


async def test_reactions_and_takebacks_go_to_those_who_could_read() -> None:
    async with open_site() as site:
        ann, bob, cid = await site.people("ann", "bob", "cid")
        private = int((await ann.order(Write("@bob", "psst")) or "").split()[0])
        public = int(await ann.order(Write("lobby", "all")) or 0)
        for each in (ann, bob, cid):
            each.client.clear()
        await cid.order(React(private, "!"))
        with pytest.raises(NotYours):
            await cid.order(TakeBack(private))
        with pytest.raises(NotYours):
            await bob.order(TakeBack(private))
        await bob.order(React(private, "!"))
        await bob.order(React(public, "?"))
        await ann.order(TakeBack(private))
        assert ann.heard == bob.heard
        assert [type(it) for it in cid.heard] == [ReactionAdded]
        assert bob.heard == [
            ReactionAdded("bob", private, "!"),
            ReactionAdded("bob", public, "?"),
            MessageTakenBack(private),
        ]
        await ann.order(TakeBack(public))
        dan = await site.come("dan")
        assert [it.messages for it in dan.heard if isinstance(it, Echoed)] == [()]
        with pytest.raises(NotYours):
            await ann.order(TakeBack(17))
        await ann.order(TakeBack(17, proven=True, other="bob"))
        assert bob.heard[-1] == ann.heard[-1] == MessageTakenBack(17)
        assert MessageTakenBack(17) not in cid.heard


async def test_a_nudge_reaches_whom_it_is_for() -> None:
    async with open_site() as site:
        ann, bob, cid = await site.people("ann", "bob", "cid")
        await ann.order(React(-451, "bob"))
        await cid.order(Mute("ann"))
        await ann.order(React(-451, "cid"))
        await ann.order(React(-451, "ghost"))
        await ann.order(React(-1, "bob"))
        assert bob.heard == [ReactionAdded("ann", -451, "bob")]
        assert ann.heard == cid.heard == []


# --- the back office


async def test_the_back_office_puts_out_blocks_amends_and_announces(
    autojump_clock: MockClock,
) -> None:
    async with open_site() as site:
        ann, bob, cid = await site.people("ann", "bob", "cid")
        dan = await site.come("dan", proven=True)
        await site.room.ask(BlockNow(("ann", "bob", "ghost")), within=1)
        await settle()
        assert BlockSet("bob") in ann.heard
        assert BlockSet("ann") in bob.heard
        await trio.sleep(0.1)
        assert ann.names == ["ann", "cid", "dan"]
        await site.room.ask(AmendStanding("dan", VIP), within=1)
        await site.room.ask(AmendStanding("ann", VIP), within=1)
        with pytest.raises(PersonUnknown):
            await site.room.ask(AmendStanding("ghost", VIP), within=1)
        await settle()
        assert StandingSet("dan", VIP) in dan.heard
        assert ann.heard[-1] != StandingSet("ann", VIP)
        await site.room.ask(Announce("<b>soon</b>"), within=1)
        await settle()
        assert cid.told == ["<b>soon</b>"]
        order = DisconnectNow(("bob", "dan", "ghost", "bob"), "bye", kicked=True, ban_hours=1)
        assert await site.room.ask(order, within=1) == 2
        await settle()
        assert bob.heard[-2:] == [Told("bye"), Dropped()]
        assert moves(cid)[-2:] == [("bob", Movement.BANNED), ("dan", Movement.BANNED)]
        assert moves(ann)[-1:] == [("dan", Movement.BANNED)]  # bob does not exist for her
        bans = await site.room.ask(GetBans(), within=1)
        assert [name for name, _ in bans] == ["bob", "dan", "ghost"]
        assert await site.room.ask(Unban("BOB"), within=1) is True
        assert await site.room.ask(Unban("bob"), within=1) is False


async def test_another_configuration_holds_at_once(autojump_clock: MockClock) -> None:
    async with open_site() as site:
        (ann,) = await site.people("ann")
        vip = await site.come("vip", proven=True, standing=VIP)
        await film(ann)
        rules = replace(
            RULES,
            rules=(("ann", frozenset({Rule.RED_CAMERA})),),
            vip_is_secret=True,
            channels=RULES.channels[1:],
        )
        await site.room.ask(SetSiteRules(rules), within=1)
        await trio.sleep(0.1)
        assert CameraSet("ann", FILMING | Video.NSFW) in ann.heard
        assert ann.seen()["vip"].standing.vip is False
        assert vip.seen()["vip"].standing.vip is True
        with pytest.raises(ChannelUnknown):
            await ann.order(Write("lobby", "hm"))


# --- the room


async def test_a_full_site_takes_nobody_more_but_who_takes_a_place_over() -> None:
    async with open_site(capacity=2) as site:
        await site.come("ann", proven=True)
        await site.come("bob")
        with pytest.raises(RoomFull):
            await site.come("cid")
        await site.come("ann", proven=True)


async def test_a_site_outlives_its_last_visitor_with_its_echo(autojump_clock: MockClock) -> None:
    async with open_site() as site:
        ann = await site.come("ann")
        await ann.order(Write("lobby", "hm"))
        await site.room.ask(DropParticipant("m1"), within=1)
        await trio.sleep(80_000)
        bob = await site.come("bob")
        assert [len(it.messages) for it in bob.heard if isinstance(it, Echoed)] == [1]
        assert not [it for it in bob.heard if isinstance(it, PeerJoined | PeerLeft)]
        await site.room.ask(CloseRoom(), within=1)


async def test_after_the_start_lists_and_arrivals_wait_and_then_come_once(
    autojump_clock: MockClock,
) -> None:
    now = trio.current_time()
    async with open_site(replace(RULES, lists_from=now + 15, arrivals_from=now + 30)) as site:
        ann, bob = await site.come("ann"), await site.come("bob")
        await ann.order(ShowSelf(Video.OFF, "away"))
        await trio.sleep(14)
        assert ann.lists == bob.lists == []
        await trio.sleep(2)
        assert len(ann.lists) == len(bob.lists) == 1
        assert moves(ann) == []
        await trio.sleep(15)
        await site.come("cid")
        assert moves(ann) == [("cid", Movement.JOINED)]
        assert len(ann.lists) == 1
