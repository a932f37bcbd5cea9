"""What people do to each other: mute, boot, block, invite (fact sheet 2.4)."""

from __future__ import annotations

from contextlib import suppress

from actors.site.relations import Tie
from actors.site.showing import recheck_cameras
from actors.site.site import Site, named
from actors.site.visitors import Visitor
from actors.words.refusals import TooManyRelations
from actors.words.rooms import Notice
from actors.words.site import (
    BlockSet,
    Told,
)
from actors.words.site_orders import (
    Block,
    Boot,
    Invite,
    Mute,
)

BLOCKED_NOT = "You are not allowed to block a chat operator."


def mute(site: Site, by: Visitor, order: Mute) -> list[Notice]:
    """Mute somebody, or no more; an operator is told. Raises TooManyRelations."""
    if not _set(site, Tie.MUTE, by, order.name, on=order.on):
        return []
    state = "true" if order.on else "false"
    done = "muted" if order.on else "unmuted"
    return _tell_operator(
        site, by, order.name, f"{named(by)} has {done} you! Your new mute status is: {state}"
    )


def boot(site: Site, by: Visitor, order: Boot) -> list[Notice]:
    """Boot somebody off one's camera, or no more. Raises TooManyRelations."""
    if not _set(site, Tie.BOOT, by, order.name, on=order.on) or not order.on:
        return []
    text = f"{named(by)} has booted you off of their camera!"
    return _tell_operator(site, by, order.name, text)


def block(site: Site, by: Visitor, order: Block) -> list[Notice]:
    """Block people; with a block goes a mute.

    A block list holds what has no effect now, for it may have one later; who blocks an operator by
    an order of its own is told that he cannot. Raises TooManyRelations, unless `silently`.
    """
    notices = []
    try:
        for name in order.names:
            target = site.visitors.named(name)
            if order.silently or _can_block(site, by, target):
                _block(site, by, name)
            else:
                notices.append(Notice(Told(BLOCKED_NOT), to=by.id))
    except TooManyRelations:
        if not order.silently:
            raise
    return notices


def invite(site: Site, by: Visitor, order: Invite) -> list[Notice]:
    """Let people see one's camera, as many as there is room for."""
    with suppress(TooManyRelations):
        for name in order.names:
            _set(site, Tie.INVITE, by, name)
    return []


def hear_everybody(site: Site, by: Visitor) -> list[Notice]:
    if site.relations.hear_everybody(by):
        site.changed()
    return []


def block_each_other(site: Site, names: tuple[str, ...]) -> list[Notice]:
    """Have those of these who are in block each other; each hears of the others."""
    found = [site.visitors.named(name) for name in dict.fromkeys(names)]
    people = [visitor for visitor in found if visitor is not None]
    notices = []
    for one in people:
        for other in people:
            if one is not other:
                with suppress(TooManyRelations):
                    _block(site, one, other.name)
                notices.append(Notice(BlockSet(other.name), to=one.id))
    return notices


def _can_block(site: Site, by: Visitor, target: Visitor | None) -> bool:
    """Tell whether a block may be made; one of somebody of whom one must not know always may."""
    if target is None or target is by or not target.operator:
        return True
    if not site.relations.knows_of(by, target):
        return True
    return site.relations.can_block(by, target)


def _block(site: Site, by: Visitor, name: str) -> None:
    _set(site, Tie.MUTE, by, name)
    _set(site, Tie.BLOCK, by, name)


def _set(site: Site, tie: Tie, by: Visitor, name: str, *, on: bool = True) -> bool:
    """Make or undo a tie; return whether that changes anything."""
    relations = site.relations
    changed = relations.tie(tie, by, name) if on else relations.untie(tie, by.id, name)
    if changed:
        site.changed()
        recheck_cameras(site, by)
    return changed


def _tell_operator(site: Site, by: Visitor, name: str, html: str) -> list[Notice]:
    target = site.visitors.named(name)
    if target is None or not target.operator or not site.relations.knows_of(target, by):
        return []
    return [Notice(Told(html), to=target.id)]
