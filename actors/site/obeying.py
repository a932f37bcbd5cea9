"""Which rule carries out which order or request."""

from __future__ import annotations

from actors.core.message import Message
from actors.site import calls, moderation, showing, talking, ties
from actors.site.site import Moment, Site
from actors.site.visitors import Visitor
from actors.words.conference_refusals import NotAllowed
from actors.words.orders import Order
from actors.words.rooms import Notice
from actors.words.site import Told
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
    Write,
)

REQUESTS = (
    GetPeople, BlockNow, DisconnectNow, AmendStanding, Announce, SetSiteRules, GetBans, Unban,
)  # fmt: skip
"""What a management API asks of a site."""

Obeyed = tuple[str | None, list[Notice]]
"""What an order is done with, and what is told of it."""


def obey(site: Site, by: Visitor, order: Order, moment: Moment, secret: str) -> Obeyed:
    """Carry out an order of somebody who is in; `secret` is for a camera that he may open.

    Raises the refusals of the order, NotAllowed for one that is none of a site's.
    """
    match order:
        case Relay():  # first: these are by far the most
            return None, calls.relay(site, by, order)
        case Write():
            return talking.write(site, by, order, moment)
        case ShowSelf():
            return None, showing.show_self(site, by, order, moment)
        case OpenCamera():
            return None, calls.open_camera(site, by, order, secret)
        case React():
            return None, talking.react(site, by, order)
        case TakeBack():
            return None, talking.take_back(site, by, order)
        case Mute():
            return None, ties.mute(site, by, order)
        case Boot():
            return None, ties.boot(site, by, order)
        case Block():
            return None, ties.block(site, by, order)
        case Invite():
            return None, ties.invite(site, by, order)
    site.require_operator(by)
    return _obey_operator(site, by, order, moment)


def _obey_operator(site: Site, by: Visitor, order: Order, moment: Moment) -> Obeyed:
    match order:
        case PutOut():
            return None, moderation.put_out(site, order, moment)
        case LiftBan(name):
            ban = site.bans.lift(name, moment.at)
            return ban.name if ban is not None else "", []
        case ListBans():
            bans = site.bans.listed(moment.at)
            return "\n".join(f"{name}\t{int(until)}" for name, until in bans), []
        case MarkCamera():
            return None, moderation.mark_camera(site, order)
        case CutCamera():
            return None, moderation.cut_camera(site, order)
        case HearEverybody():
            return None, ties.hear_everybody(site, by)
        case MakeOperator():
            return None, moderation.make_operator(site, order, moment)
        case PutAllOut():
            return None, moderation.put_all_out(site)
        case RequireOperator():
            return None, []
    raise NotAllowed("no order of a chat site")


def answer(site: Site, request: Message, moment: Moment) -> tuple[object, list[Notice]]:
    """Answer one of REQUESTS. Raises what it says."""
    match request:
        case GetPeople():
            return tuple(visitor.card for visitor in site.visitors.by_name()), []
        case BlockNow(names):
            return None, ties.block_each_other(site, names)
        case DisconnectNow():
            return moderation.disconnect(site, request, moment)
        case AmendStanding():
            return None, moderation.amend(site, request, moment)
        case Announce(html):
            return None, [Notice(Told(html))]
        case SetSiteRules(rules):
            return None, moderation.configure(site, rules)
        case GetBans():
            return site.bans.listed(moment.at), []
        case Unban(name):
            return site.bans.lift(name, moment.at) is not None, []
    raise NotAllowed("no request to a chat site")
