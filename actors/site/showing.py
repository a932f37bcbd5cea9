"""How somebody shows himself: status and camera, and what rules make of them."""

from __future__ import annotations

from actors.site.relations import Tie
from actors.site.site import Moment, Site
from actors.site.visitors import AWAY, HIDDEN, Visitor
from actors.words.facts import Fact
from actors.words.rooms import Notice
from actors.words.site import (
    CameraCut,
    CameraSet,
    Movement,
    Rule,
    Standing,
    Told,
    Video,
)
from actors.words.site_orders import ShowSelf

SAID_BY_CLIENTS = ~Video.INVITED
"""Whom somebody has invited is for the relations to say."""

LONGEST_STATUS = 64
"""Characters of a status, which is in everybody's lists; a longer one is shown as AWAY."""


def show_self(site: Site, by: Visitor, order: ShowSelf, moment: Moment) -> list[Notice]:
    """Have somebody be seen as he says, as far as he may."""
    status = order.status
    if len(status) > LONGEST_STATUS or (status == HIDDEN and not by.operator):
        status = AWAY
    video = Video(int(order.video) & ALL_VIDEO) & SAID_BY_CLIENTS
    before = by.status, by.video, by.do_not_disturb
    notices = _hide(site, by, status, moment)
    by.status, by.video, by.do_not_disturb = status, video, order.do_not_disturb
    notices += apply_rules(site, by)
    if before != (by.status, by.video, by.do_not_disturb):
        site.changed(by)
    recheck_cameras(site, by)
    return notices


ALL_VIDEO = sum(Video)


def apply_rules(site: Site, visitor: Visitor) -> list[Notice]:
    """Correct a camera that is against the rules, and tell its owner."""
    if not visitor.filming:
        return []
    rules, texts = site.rules_for(visitor), site.rules.texts
    facts: list[Fact] = []
    if Rule.NO_BROADCAST in rules:
        visitor.video = Video.OFF
        text = texts.no_video if Rule.NO_VIDEO in rules else texts.no_broadcast
        facts = [CameraCut(), Told(text)]
    elif Rule.RED_CAMERA in rules and Video.NSFW not in visitor.video:
        visitor.video |= Video.NSFW
        facts = [CameraSet(visitor.name, visitor.video), Told(texts.red_camera)]
    if facts:
        site.changed(visitor)
    return [Notice(fact, to=visitor.id) for fact in facts if fact != Told("")]


def set_standing(site: Site, visitor: Visitor, standing: Standing, moment: Moment) -> list[Notice]:
    """Have a token say something else of somebody; who may hide no more is seen again."""
    hidden = visitor.hidden
    visitor.standing = standing
    if not standing.operator:
        visitor.hears_everybody = False
    notices = []
    if visitor.status == HIDDEN and not standing.operator:
        visitor.status = AWAY
        if hidden:
            notices += site.moved(visitor, Movement.JOINED, moment)
    site.changed(visitor)
    notices += apply_rules(site, visitor)
    recheck_cameras(site, visitor)
    return notices


def may_see(site: Site, owner: Visitor, viewer: Visitor) -> bool:
    """Tell whether a camera that is open may stay so."""
    relations = site.relations
    if not owner.filming or Rule.NO_VIDEO in site.rules_for(viewer):
        return False
    if not relations.knows_of(viewer, owner) or relations.shuts_out(owner, viewer):
        return False
    invited = relations.holds(Tie.INVITE, owner, viewer.name)
    return invited or viewer.vip or Video.ONLY_VIP not in owner.video


def recheck_cameras(site: Site, visitor: Visitor) -> None:
    """Forget the opened cameras of and by somebody that may be seen no more."""
    people = site.visitors.by_id
    site.cameras.keep(
        visitor.id, lambda owner, viewer: may_see(site, people[owner], people[viewer])
    )


def _hide(site: Site, visitor: Visitor, status: str, moment: Moment) -> list[Notice]:
    """Have an operator seem to go who hides, and seem to come who hides no more."""
    if (status == HIDDEN) is visitor.hidden:
        return []
    if status == HIDDEN:
        return site.moved(visitor, Movement.EXITED, moment)
    visitor.status = status
    return site.moved(visitor, Movement.JOINED, moment)
