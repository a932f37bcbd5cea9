"""Whatever people do to each other in any order: nothing reaches whoever must not see it.

A second, simple-minded set of rules stands beside the first and is asked about each delivery.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from actors.core.errors import Refused
from actors.site import entrances, moderation
from actors.site.messages import MessageIds
from actors.site.obeying import answer, obey
from actors.site.site import Moment, Site
from actors.words.facts import Dropped, Fact
from actors.words.orders import Order
from actors.words.rooms import Notice
from actors.words.site import (
    Arrival,
    BlockSet,
    CameraOpened,
    CameraRung,
    Channel,
    Echoed,
    MessageTakenBack,
    Movement,
    NameGiven,
    PeopleListed,
    PersonMoved,
    ReactionAdded,
    Relayed,
    SiteRules,
    Standing,
    Told,
    Video,
    Written,
)
from actors.words.site_orders import (
    Block,
    BlockNow,
    Boot,
    DisconnectNow,
    HearEverybody,
    Invite,
    MakeOperator,
    Mute,
    OpenCamera,
    PutOut,
    React,
    Relay,
    SetSiteRules,
    ShowSelf,
    TakeBack,
    Write,
)
from tests.support.examples import examples
from tests.support.site import seen

NAMES = ("anna", "bert", "cleo", "dora", "emil")
RULES = SiteRules((Channel("lobby", echo=4), Channel("vip", vip=True, echo=4)))
MOMENT = Moment(100.0, 1_700_000_000.0)

people = st.sampled_from(NAMES)
flags = st.sets(
    st.sampled_from([Video.ACTIVE, Video.MUTUAL_OPEN, Video.ONLY_VIP, Video.MUTUAL_REQUIRED])
).map(lambda them: Video(sum(them)))
names = st.sets(people, max_size=2).map(lambda them: tuple(sorted(them)))

doings = st.sampled_from(["mute", "boot", "block", "blocklist", "invite", "unmute", "unboot"])


@dataclass
class Someone:
    """Somebody as the second set of rules knows him."""

    id: str
    name: str
    operator: bool
    vip: bool
    status: str = "online"
    video: Video = Video.OFF
    mutes: set[str] = field(default_factory=set)
    boots: set[str] = field(default_factory=set)
    blocks: set[str] = field(default_factory=set)
    invites: set[str] = field(default_factory=set)
    hears_everybody: bool = False

    @property
    def hidden(self) -> bool:
        return self.operator and self.status == "hidden"


@dataclass
class Said:
    """A message: who of those who are in has written it, and to whom it went."""

    sender: str
    channel: str
    other: str = ""
    closed_to: frozenset[str] = frozenset()


class Secrecy(RuleBasedStateMachine):
    """Five people, two channels."""

    @initialize(
        blockable=st.booleans(),
        secret=st.booleans(),
        first=st.lists(st.tuples(st.booleans(), st.booleans(), flags, st.booleans()), min_size=5),
        ties=st.lists(st.tuples(people, people, doings), max_size=12),
    )
    def open(
        self,
        blockable: bool,
        secret: bool,
        first: list[tuple[bool, bool, Video, bool]],
        ties: list[tuple[str, str, str]],
    ) -> None:
        self.rules = replace(RULES, operators_can_be_blocked=blockable, vip_is_secret=secret)
        self.site = Site(self.rules, MessageIds(1))
        self.inside: dict[str, Someone] = {}
        self.said: dict[int, Said] = {}
        self.opened: set[tuple[str, str]] = set()  # owner, viewer
        self.comings = 0
        self.senders: dict[int, str] = {}
        for name, (operator, vip, video, hidden) in zip(NAMES, first, strict=False):
            self.come(name, operator, vip, mutes=(), blocks=(), boots=(), invites=())
            self.show(name, video, "hidden" if hidden else "online")
        for one, other, what in ties:
            self.relate(one, other, what)

    # --- the second set of rules

    def blocked(self, one: Someone, other: Someone) -> bool:
        if one is other or not (other.name in one.blocks or one.name in other.blocks):
            return False
        operators = [each for each in (one, other) if each.operator]
        if not operators:
            return True
        return self.rules.operators_can_be_blocked and not any(
            each.hears_everybody for each in operators
        )

    def closes(self, someone: Someone) -> bool:
        """Tell whether a block of or by this one has an effect on who is no operator."""
        if not someone.operator:
            return True
        return self.rules.operators_can_be_blocked and not someone.hears_everybody

    def hears(self, listener: Someone, sender: Someone) -> bool:
        if listener is sender:
            return True
        return sender.name not in listener.mutes and not self.blocked(listener, sender)

    def enters(self, someone: Someone, channel: str) -> bool:
        return channel != "vip" or someone.vip or someone.operator

    def may_watch(self, owner: Someone, viewer: Someone) -> bool:
        if Video.ACTIVE not in owner.video or self.blocked(owner, viewer):
            return False
        if owner.hidden and not viewer.operator:
            return False
        if not viewer.operator and viewer.name in owner.mutes | owner.boots:
            return False
        return viewer.vip or viewer.name in owner.invites or Video.ONLY_VIP not in owner.video

    def readers(self, said: Said) -> set[str]:
        """Return who may still read a message."""
        by_id = {each.id: each for each in self.inside.values()}
        sender = self.inside.get(said.sender)
        if said.channel.startswith("@"):
            other = self.inside.get(said.other)
            both = {each.id for each in (sender, other) if each is not None}
            if sender is not None and other is not None and sender is not other:
                muted = sender.name in other.mutes and not sender.operator
                if muted or self.blocked(sender, other):
                    both.discard(other.id)
            return both
        able = {it.id for it in self.inside.values() if self.enters(it, said.channel)}
        if sender is not None:
            return {id_ for id_ in able if self.hears(by_id[id_], sender)}
        return {id_ for id_ in able if said.sender not in by_id[id_].mutes | by_id[id_].blocks}

    def sees(self, viewer: Someone) -> dict[str, tuple[str, Video, bool]]:
        """Return status, camera and vip of all in the list of one."""
        listed = {}
        for other in self.inside.values():
            if other.hidden or self.blocked(viewer, other):
                continue
            video, vip = other.video, other.vip
            if other is not viewer:
                booted = viewer.name in other.mutes | other.boots
                vips_only = Video.ONLY_VIP in video and not viewer.vip
                if booted and viewer.operator:
                    video &= ~Video.MUTUAL_OPEN
                if viewer.name in other.invites:
                    video |= Video.INVITED
                if vips_only or (booted and not viewer.operator):
                    video = Video.OFF
                if self.rules.vip_is_secret and not viewer.vip:
                    vip = False
            listed[other.name] = other.status, video, vip
        return listed

    # --- what is done

    def place(self, by: str, order: Order) -> tuple[str | None, list[tuple[Someone, Fact]]]:
        """Place an order; return what it is done with, and what reaches whom."""
        visitor = self.site.visitors.named(by)
        assert visitor is not None
        value, notices = obey(self.site, visitor, order, MOMENT, "s")
        return value, self.delivered(notices)

    def delivered(self, notices: list[Notice]) -> list[tuple[Someone, Fact]]:
        """Return what reaches whom, as the room tells it: nothing after Dropped."""
        audience = {each.id: each for each in self.inside.values()}
        found = []
        for notice in notices:
            if notice.to is not None:
                ids = [notice.to]
            elif notice.among is not None:
                ids = list(notice.among)
            else:
                ids = [id_ for id_ in audience if id_ != notice.but]
            found += [(audience[id_], notice.fact) for id_ in ids if id_ in audience]
            if isinstance(notice.fact, Dropped) and notice.to is not None:
                audience.pop(notice.to, None)
        return found

    def forget(self, someone: Someone) -> None:
        self.inside.pop(someone.name, None)
        self.opened = {pair for pair in self.opened if someone.id not in pair}

    def recheck(self) -> None:
        """Close the cameras that may be seen no more."""
        by_id = {each.id: each for each in self.inside.values()}
        self.opened = {
            (owner, viewer)
            for owner, viewer in self.opened
            if self.may_watch(by_id[owner], by_id[viewer])
        }

    def check_moves(
        self, told: list[tuple[Someone, Fact]], who: Someone, how: Movement | None
    ) -> None:
        """Hold that exactly those hear of it who may know, himself aside."""
        heard = {to.id for to, fact in told if isinstance(fact, PersonMoved)} - {who.id}
        for _, fact in told:
            if isinstance(fact, PersonMoved):
                assert fact == PersonMoved(who.name, how or Movement.EXITED)
        assert heard == {
            it.id
            for it in self.inside.values()
            if how is not None and it is not who and not self.blocked(it, who)
        }

    @rule(
        name=people,
        operator=st.booleans(),
        vip=st.booleans(),
        mutes=names,
        blocks=names,
        boots=names,
        invites=names,
    )
    def come(self, name: str, operator: bool, vip: bool, **lists: tuple[str, ...]) -> None:
        before = self.inside.get(name)
        self.comings += 1
        standing = Standing(operator=operator, vip=vip)
        someone = Someone(f"m{self.comings}", name, operator, vip)
        someone.mutes = {*lists["mutes"], *lists["blocks"]} - {name}
        someone.boots = {*lists["boots"]} - {name}
        someone.blocks = {*lists["blocks"]} - {name}
        someone.invites = {*lists["invites"]} - {name}
        arrival = Arrival(name, True, standing, **lists)
        entrances.admit(self.site, someone.id, arrival, MOMENT)
        notices = entrances.arrive(self.site, someone.id, arrival, MOMENT)
        if before is not None:
            dropped = self.delivered(notices)
            assert [(to, type(fact)) for to, fact in dropped if to is before] == [
                (before, Told),
                (before, Dropped),
            ]
            self.forget(before)
        self.inside[name] = someone
        told = self.delivered(notices)
        mine = [fact for to, fact in told if to is someone]
        assert mine[0] == NameGiven(name)
        echoed = next(fact for fact in mine if isinstance(fact, Echoed))
        for written in echoed.messages:
            said = self.said[written.id]
            assert someone.id in self.readers(said)
            here = self.inside.get(said.sender)
            if here is None or here.id != self.senders[written.id]:
                assert name not in said.closed_to or not self.closes(someone)
        self.check_moves(told, someone, Movement.JOINED)

    @rule(by_name=people)
    def go(self, by_name: str) -> None:
        who = self.inside.get(by_name)
        if who is None:
            return
        told = self.delivered(entrances.leave(self.site, who.id, MOMENT))
        assert who not in [to for to, _ in told]
        self.check_moves(told, who, None if who.hidden else Movement.EXITED)
        self.forget(who)

    @rule(by_name=people, whom=people, banned=st.booleans())
    def put_out(self, by_name: str, whom: str, banned: bool) -> None:
        by = self.inside.get(by_name)
        if by is None:
            return
        who = self.inside.get(whom)
        if not by.operator:
            self.refused(by, PutOut(whom))
        elif who is not None:
            notices = moderation.disconnect(
                self.site, DisconnectNow((whom,), kicked=not banned), MOMENT
            )[1]
            told = self.delivered(notices)
            assert [fact for to, fact in told if to is who] == [Dropped()]
            how = Movement.EXITED if banned else Movement.KICKED
            self.check_moves(told, who, None if who.hidden else how)
            self.forget(who)

    def refused(self, by: Someone, order: Order) -> None:
        try:
            self.place(by.name, order)
        except Refused:
            return
        raise AssertionError("it was to be refused")

    @rule(
        by_name=people,
        whom=people,
        what=doings,
    )
    def relate(self, by_name: str, whom: str, what: str) -> None:
        by = self.inside.get(by_name)
        if by is None:
            return
        other = self.inside.get(whom)
        orders: dict[str, Order] = {
            "mute": Mute(whom),
            "unmute": Mute(whom, on=False),
            "boot": Boot(whom),
            "unboot": Boot(whom, on=False),
            "block": Block((whom,)),
            "blocklist": Block((whom,), silently=True),
            "invite": Invite((whom,)),
        }
        _, told = self.place(by.name, orders[what])
        told_operator = [(to, fact) for to, fact in told if to is not by]
        if told_operator:
            assert other is not None
            assert other.operator
            assert not self.blocked(by, other)
            assert [to for to, _ in told_operator] == [other]
        refused = (
            what == "block"
            and other is not None
            and other is not by
            and other.operator
            and (by.operator or not other.hidden)
            and (
                not self.rules.operators_can_be_blocked
                or other.hears_everybody
                or (by.operator and by.hears_everybody)
            )
        )
        if whom == by.name:
            return
        if refused:
            assert [to for to, _ in told] == [by]
            return
        {
            "mute": lambda: by.mutes.add(whom),
            "unmute": lambda: by.mutes.discard(whom),
            "boot": lambda: by.boots.add(whom),
            "unboot": lambda: by.boots.discard(whom),
            "block": lambda: (by.blocks.add(whom), by.mutes.add(whom)),
            "blocklist": lambda: (by.blocks.add(whom), by.mutes.add(whom)),
            "invite": lambda: by.invites.add(whom),
        }[what]()
        self.recheck()

    @rule(them=names)
    def block_now(self, them: tuple[str, ...]) -> None:
        _, notices = answer(self.site, BlockNow(them), MOMENT)
        told = self.delivered(notices)
        inside = [self.inside[name] for name in them if name in self.inside]
        assert {(to.name, fact.name) for to, fact in told if isinstance(fact, BlockSet)} == {
            (one.name, other.name) for one in inside for other in inside if one is not other
        }
        for one in inside:
            for other in inside:
                if one is not other:
                    one.blocks.add(other.name)
                    one.mutes.add(other.name)
        self.recheck()

    @rule(by_name=people, whom=people, on=st.booleans())
    def make_operator(self, by_name: str, whom: str, on: bool) -> None:
        by = self.inside.get(by_name)
        if by is None:
            return
        who = self.inside.get(whom)
        if not by.operator or who is None:
            self.refused(by, MakeOperator(whom, on))
            return
        was_hidden = who.hidden
        _, told = self.place(by.name, MakeOperator(whom, on))
        if who.operator and not on:
            who.hears_everybody = False
        who.operator = on
        if not on and who.status == "hidden":
            who.status = "away"
        reappears = was_hidden and not who.hidden
        self.check_moves(told, who, Movement.JOINED if reappears else None)
        self.recheck()

    @rule(by_name=people)
    def hear_everybody(self, by_name: str) -> None:
        by = self.inside.get(by_name)
        if by is None:
            return
        if not by.operator:
            self.refused(by, HearEverybody())
            return
        self.place(by.name, HearEverybody())
        by.hears_everybody = True
        by.mutes, by.boots, by.blocks = set(), set(), set()
        for other in self.inside.values():
            for ties in (other.mutes, other.boots, other.blocks):
                ties.discard(by.name)
        self.recheck()

    @rule(blockable=st.booleans(), secret=st.booleans())
    def configure(self, blockable: bool, secret: bool) -> None:
        self.rules = replace(RULES, operators_can_be_blocked=blockable, vip_is_secret=secret)
        answer(self.site, SetSiteRules(self.rules), MOMENT)
        self.recheck()

    @rule(by_name=people, video=flags, status=st.sampled_from(["online", "hidden", "lunch"]))
    def show(self, by_name: str, video: Video, status: str) -> None:
        by = self.inside.get(by_name)
        if by is None:
            return
        was_hidden = by.hidden
        _, told = self.place(by.name, ShowSelf(video, status))
        by.video = video
        by.status = "away" if status == "hidden" and not by.operator else status
        how = None
        if was_hidden is not by.hidden:
            how = Movement.EXITED if by.hidden else Movement.JOINED
        self.check_moves(told, by, how)
        self.recheck()

    @rule(by_name=people, channel=st.sampled_from(["lobby", "vip"]))
    def write(self, by_name: str, channel: str) -> None:
        by = self.inside.get(by_name)
        if by is None:
            return
        if not self.enters(by, channel):
            self.refused(by, Write(channel, "hm"))
            return
        value, told = self.place(by.name, Write(channel, "hm"))
        assert value is not None
        said = Said(by.name, channel, closed_to=frozenset(by.blocks if self.closes(by) else ()))
        self.said[int(value)] = said
        self.senders[int(value)] = by.id
        assert sorted(to.id for to, _ in told) == sorted(self.readers(said))

    @rule(by_name=people, whom=people)
    def write_to_one(self, by_name: str, whom: str) -> None:
        by = self.inside.get(by_name)
        if by is None:
            return
        other = self.inside.get(whom)
        value, told = self.place(by.name, Write(f"@{whom}", "psst"))
        assert value is not None
        id_ = int(value.split()[0])
        mine = [fact for to, fact in told if to is by]
        if whom in by.mutes:
            assert [type(fact) for fact in mine] == [Told]
            assert len(told) == 1
            return
        reached = (
            other is not None
            and not self.blocked(by, other)
            and (by.operator or by.name not in other.mutes)
        )
        said = Said(by.name, f"@{whom}")
        if reached and other is not None:
            said.other = whom
            assert Written(f"@{by.name}", by.name, "psst", id_, int(MOMENT.at)) in [
                fact for to, fact in told if to is other
            ]
        assert {to.id for to, _ in told} == {by.id, other.id if reached and other else by.id}
        self.said[id_] = said
        self.senders[id_] = by.id
        # Whether somebody is offline, hidden or blocked makes no difference to who writes.
        unknown = other is None or self.blocked(by, other) or (other.hidden and not by.operator)
        assert [fact.html for fact in mine if isinstance(fact, Told)] == (
            [f"Could not deliver your message: @{whom} appears not to be online."]
            if unknown
            else []
        )

    @rule(by_name=people, whom=people)
    def nudge(self, by_name: str, whom: str) -> None:
        by = self.inside.get(by_name)
        if by is None:
            return
        other = self.inside.get(whom)
        _, told = self.place(by.name, React(-451, whom))
        reaches = other is not None and self.hears(other, by)
        assert told == ([(other, ReactionAdded(by.name, -451, whom))] if reaches else [])

    @precondition(lambda self: self.said)
    @rule(by_name=people, number=st.integers(0, 99), back=st.booleans())
    def answer_message(self, by_name: str, number: int, back: bool) -> None:
        by = self.inside.get(by_name)
        if by is None:
            return
        id_ = sorted(self.said)[number % len(self.said)]
        said = self.said[id_]
        readers = self.readers(said)
        by_id = {each.id: each for each in self.inside.values()}
        if not back:
            _, told = self.place(by.name, React(id_, "!"))
            assert {to.id for to, _ in told} == (
                {it for it in readers if self.hears(by_id[it], by)} if by.id in readers else set()
            )
            assert all(fact == ReactionAdded(by.name, id_, "!") for _, fact in told)
            return
        if not by.operator and by.id != self.senders[id_]:
            self.refused(by, TakeBack(id_))
            return
        _, told = self.place(by.name, TakeBack(id_))
        assert {to.id for to, _ in told} == readers
        assert all(fact == MessageTakenBack(id_) for _, fact in told)
        del self.said[id_]

    @rule(by_name=people, whom=people, what=doings, back=st.booleans(), first=st.booleans())
    def fall_out(self, by_name: str, whom: str, what: str, back: bool, first: bool) -> None:
        """Write to somebody, who does something about it; then one of them answers."""
        self.write_to_one(by_name, whom)
        self.relate(whom, by_name, what)
        if self.said:
            self.answer_message(by_name if first else whom, -1, back)

    @rule(by_name=people, whom=people)
    def open_camera(self, by_name: str, whom: str) -> None:
        by = self.inside.get(by_name)
        if by is None:
            return
        owner = self.inside.get(whom)
        _, told = self.place(by.name, OpenCamera(whom))
        unknown = owner is None or self.blocked(by, owner) or (owner.hidden and not by.operator)
        if unknown:
            text = f"Could not open that video: {whom} appears to be offline."
            assert told == [(by, Told(text))]
            return
        assert owner is not None
        mutual = (
            Video.MUTUAL_REQUIRED in owner.video
            and Video.ACTIVE not in by.video
            and by.name not in owner.invites
        )
        if owner is not by and self.may_watch(owner, by) and not mutual:
            assert told == [(owner, CameraRung(by.name, "s")), (by, CameraOpened(whom, "s"))]
            self.opened.add((owner.id, by.id))
        else:
            assert [(to, type(fact)) for to, fact in told] == [(by, Told)]

    @rule(by_name=people, whom=people)
    def relay(self, by_name: str, whom: str) -> None:
        by = self.inside.get(by_name)
        if by is None:
            return
        other = self.inside.get(whom)
        _, told = self.place(by.name, Relay("sdp", whom, "{}"))
        passes = other is not None and (
            (other.id, by.id) in self.opened or (by.id, other.id) in self.opened
        )
        assert told == ([(other, Relayed("sdp", by.name, "{}"))] if passes else [])

    @rule(by_name=people, whom=people, what=doings, video=flags, shows=st.booleans())
    def see_no_more(self, by_name: str, whom: str, what: str, video: Video, shows: bool) -> None:
        """Open somebody's camera, who changes it or does something; then say something."""
        self.show(whom, Video.ACTIVE, "online")
        self.open_camera(by_name, whom)
        if shows:
            self.show(whom, video, "online")
        else:
            self.relate(whom, by_name, what)
        self.relay(by_name, whom)

    @invariant()
    def everybody_sees_whom_he_may(self) -> None:
        for someone in self.inside.values():
            listed = self.site.lists.for_viewer(self.site.visitors.by_id[someone.id])
            assert as_shown(listed) == self.sees(someone), someone
            assert [it.name for it in listed.everybody] == sorted(
                it.name for it in self.inside.values() if not it.hidden
            )


def as_shown(listed: PeopleListed) -> dict[str, tuple[str, Video, bool]]:
    shown: dict[str, Any] = seen(listed)
    return {name: (it.status, it.video, it.standing.vip) for name, it in shown.items()}


TestSecrecy = Secrecy.TestCase
TestSecrecy.settings = settings(max_examples=examples(300), stateful_step_count=40, deadline=None)
