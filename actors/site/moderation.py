"""What operators and the site's back office do to people."""

from __future__ import annotations

from dataclasses import replace

from actors.site.showing import apply_rules, recheck_cameras, set_standing
from actors.site.site import Moment, Site
from actors.site.visitors import Visitor
from actors.words.facts import Dropped
from actors.words.rooms import Notice
from actors.words.site import (
    CameraCut,
    CameraSet,
    Movement,
    SiteRules,
    StandingSet,
    Told,
    Video,
)
from actors.words.site_orders import (
    AmendStanding,
    CutCamera,
    DisconnectNow,
    MakeOperator,
    MarkCamera,
    PutOut,
)

KICKED = "You have been kicked from the chat room."
BANNED = "You have been banned from the chat room."
ALL_OUT = "Everybody has been put out of the chat room by an operator."
MARKED = (
    "Your camera has been marked as Explicit by an operator. Please keep it marked so while it "
    "shows such things."
)
CUT = "An operator has turned your camera off."
OPERATOR_NOW = "You are an operator of this chat room now."
OPERATOR_NO_MORE = "You are no operator of this chat room any more."


def put_out(site: Site, order: PutOut, moment: Moment) -> list[Notice]:
    """Kick or ban; somebody who is not in can be banned. Raises PersonUnknown."""
    if order.ban_hours > 0:
        visitor = ban(site, order.name, order.ban_hours, moment)
        if visitor is None:
            return []
        return site.put_out(visitor, Movement.BANNED, moment, BANNED)
    return site.put_out(site.person(order.name), Movement.KICKED, moment, KICKED)


def ban(site: Site, name: str, hours: float, moment: Moment) -> Visitor | None:
    """Ban whoever has this name, and return him if he is in; a guest's holds for guests only."""
    visitor = site.visitors.named(name)
    guests_only = visitor is not None and not visitor.proven
    site.bans.ban(name, hours, moment.at, guests_only=guests_only)
    return visitor


def put_banned_out(site: Site, moment: Moment) -> list[Notice]:
    """Put those out who came in before it was known that they are banned."""
    notices = []
    for visitor in tuple(site.visitors):
        if site.bans.until(visitor.name, moment.at, proven=visitor.proven) is not None:
            notices += site.put_out(visitor, Movement.BANNED, moment, BANNED)
    return notices


def put_all_out(site: Site) -> list[Notice]:
    """Put everybody out, whom there is nobody left to tell of."""
    notices = [Notice(Told(ALL_OUT))]
    for visitor in tuple(site.visitors):
        notices.append(Notice(Dropped(), to=visitor.id))
        site.remove(visitor)
    site.changed(at_once=True)
    return notices


def mark_camera(site: Site, order: MarkCamera) -> list[Notice]:
    """Mark a camera NSFW. Raises PersonUnknown."""
    visitor = site.person(order.name)
    visitor.video |= Video.NSFW
    site.changed(visitor, at_once=True)
    return [
        Notice(Told(MARKED), to=visitor.id),
        Notice(CameraSet(visitor.name, visitor.video), to=visitor.id),
    ]


def cut_camera(site: Site, order: CutCamera) -> list[Notice]:
    """Turn a camera off. Raises PersonUnknown."""
    visitor = site.person(order.name)
    visitor.video = Video.OFF
    site.changed(visitor, at_once=True)
    recheck_cameras(site, visitor)
    return [Notice(CameraCut(), to=visitor.id), Notice(Told(CUT), to=visitor.id)]


def make_operator(site: Site, order: MakeOperator, moment: Moment) -> list[Notice]:
    """Raise PersonUnknown."""
    visitor = site.person(order.name)
    if visitor.operator is order.on:
        return []
    standing = replace(visitor.standing, operator=order.on)
    notices = set_standing(site, visitor, standing, moment)
    text = OPERATOR_NOW if order.on else OPERATOR_NO_MORE
    return [Notice(Told(text), to=visitor.id), *notices]


# --- the back office


def amend(site: Site, order: AmendStanding, moment: Moment) -> list[Notice]:
    """Have a token say something else; nothing for a guest. Raises PersonUnknown."""
    visitor = site.person(order.name)
    if not visitor.proven:
        return []
    notices = set_standing(site, visitor, order.standing, moment)
    return [Notice(StandingSet(visitor.name, order.standing), to=visitor.id), *notices]


def disconnect(site: Site, order: DisconnectNow, moment: Moment) -> tuple[int, list[Notice]]:
    """Put people out; answered with how many were in. Those to be banned are, in or not."""
    how = Movement.KICKED if order.kicked else Movement.EXITED
    notices: list[Notice] = []
    removed = 0
    for name in dict.fromkeys(order.names):
        if order.ban_hours > 0:
            visitor, how = ban(site, name, order.ban_hours, moment), Movement.BANNED
        else:
            visitor = site.visitors.named(name)
        if visitor is not None:
            removed += 1
            notices += site.put_out(visitor, how, moment, order.html)
    return removed, notices


def configure(site: Site, rules: SiteRules) -> list[Notice]:
    """Go on with other rules; cameras that are against them are turned off or marked."""
    site.configure(rules)
    notices = []
    for visitor in site.visitors:
        visitor.look_again()
        notices += apply_rules(site, visitor)
    for visitor in site.visitors:
        recheck_cameras(site, visitor)
    return notices
