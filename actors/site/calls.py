"""Cameras: who may open whose, and what passes between the two (fact sheet 2.5)."""

from __future__ import annotations

from actors.site.relations import Tie
from actors.site.site import Site, named
from actors.site.visitors import Visitor
from actors.words.rooms import Notice
from actors.words.site import (
    CameraOpened,
    CameraRung,
    Relayed,
    Rule,
    Told,
    Video,
)
from actors.words.site_orders import (
    OpenCamera,
    Relay,
)

NOT_OPEN = "Could not open that video: "
NOT_YOURS = "You do not have permission to view that camera."


def open_camera(site: Site, by: Visitor, order: OpenCamera, secret: str) -> list[Notice]:
    """Let somebody watch a camera, or tell him why not.

    Whoever must not be known of is offline; the original says of somebody who has blocked that one
    may not see his camera, which tells that he is there.
    """
    owner = site.visitors.named(order.name)
    refusal = _refusal(site, owner, by, order.name)
    if refusal or owner is None:
        return [Notice(Told(refusal), to=by.id)] if refusal else []
    site.cameras.open(owner.id, by.id)
    return [
        Notice(CameraRung(by.name, secret), to=owner.id),
        Notice(CameraOpened(owner.name, secret), to=by.id),
    ]


def _refusal(site: Site, owner: Visitor | None, viewer: Visitor, name: str) -> str:
    """Return what somebody is told who may not open a camera; "" where he may."""
    relations = site.relations
    if Rule.NO_VIDEO in site.rules_for(viewer):
        return site.rules.texts.no_video or NOT_YOURS
    if owner is None or not relations.knows_of(viewer, owner):
        return f"{NOT_OPEN}{named(name)} appears to be offline."
    if not owner.filming:
        return f"{NOT_OPEN}Their video is not currently enabled."
    invited = relations.holds(Tie.INVITE, owner, viewer.name)
    if Video.MUTUAL_REQUIRED in owner.video and not viewer.filming and not invited:
        return f"{NOT_OPEN}They require that you share your own camera, too."
    if Video.ONLY_VIP in owner.video and not viewer.vip and not invited:
        return NOT_YOURS
    if owner is viewer or relations.shuts_out(owner, viewer):
        return NOT_YOURS
    return ""


def relay(site: Site, by: Visitor, order: Relay) -> list[Notice]:
    """Pass something on between two of whom one has opened the other's camera."""
    other = site.visitors.named(order.name)
    if other is None or not site.cameras.between(by.id, other.id):
        return []
    return [Notice(Relayed(order.kind, by.name, order.payload), to=other.id)]
