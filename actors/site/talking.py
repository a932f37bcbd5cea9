"""What people write: in channels, to each other, taken back, reacted to."""

from __future__ import annotations

from dataclasses import replace

from actors.site.messages import Remembered, Side
from actors.site.names import LONGEST_NAME
from actors.site.relations import Tie
from actors.site.site import Moment, Site, named
from actors.site.visitors import Visitor
from actors.words.conference_refusals import NotAllowed
from actors.words.refusals import ChannelUnknown, NotYours
from actors.words.rooms import Notice
from actors.words.site import (
    MessageTakenBack,
    ReactionAdded,
    Rule,
    Told,
    Written,
)
from actors.words.site_orders import (
    React,
    TakeBack,
    Write,
)

NUDGE = -451
"""Reacting to it asks somebody, whose name stands for the emoji, to mark his camera NSFW."""

LONGEST_EMOJI = 64
"""Characters of a reaction; one that is longer is none."""


def write(site: Site, by: Visitor, order: Write, moment: Moment) -> tuple[str, list[Notice]]:
    """Write a message. Raises ChannelUnknown, NotAllowed.

    A channel must be one of the site's: the original takes any, and clients crash over a message
    without one. One that is longer than any name is nobody's, and not kept with the message.
    """
    if len(order.channel) > 1 + LONGEST_NAME:
        raise ChannelUnknown
    if order.upload and Rule.NO_IMAGE in site.rules_for(by):
        text = site.rules.texts.no_image
        if not text:
            raise NotAllowed("no images")
        return "", [Notice(Told(text), to=by.id)]
    if order.channel.startswith("@"):
        return _write_to_one(site, by, order, moment)
    channel = site.channel(order.channel)
    if channel is None:
        raise ChannelUnknown
    if not site.may_enter(by, channel):
        raise NotAllowed("a channel for others")
    return _write_to_all(site, by, order, moment)


def _write_to_all(
    site: Site, by: Visitor, order: Write, moment: Moment
) -> tuple[str, list[Notice]]:
    id_ = site.ids.take()
    verdict = order.verdict
    html = order.html if verdict is None else verdict.html
    written = Written(order.channel, by.name, html, id_, int(moment.at))
    private = verdict is not None and not verdict.forwarded
    site.recent.add(id_, Remembered(_side(by), order.channel, private=private))
    if private:
        notices = [Notice(written, to=by.id)]
    else:
        notices = [Notice(written, among=_readers(site, by, order.channel))]
        if not order.upload:
            site.echo.add(written, _side(by), site.relations.closed_to(by))
    if verdict is None:
        return str(id_), notices
    if verdict.response:
        notices.append(Notice(Told(verdict.response, order.channel), to=by.id))
    return f"{id_} filtered", notices


def _readers(site: Site, sender: Visitor, channel: str) -> tuple[str, ...] | None:
    """Return who reads what somebody writes in a channel, or does with a message there."""
    without = site.relations.deaf_to(sender)
    known = site.channel(channel)
    if known is None:
        return ()
    if known.vip:
        without |= {each.id for each in site.visitors if not site.may_enter(each, known)}
    return site.to_all_but(without)


def _write_to_one(
    site: Site, by: Visitor, order: Write, moment: Moment
) -> tuple[str, list[Notice]]:
    """Write from one to one (fact sheet 2.3).

    The sender's own copy comes first. Somebody who must not be known of is answered for as if he
    were not there: the original says nothing then, by which the sender learns that he is.
    """
    relations, name = site.relations, order.channel[1:]
    target = site.visitors.named(name)
    id_ = site.ids.take()
    if relations.holds(Tie.MUTE, by, name):
        text = f"You have muted {named(name)} and so your message has not been sent."
        return f"{id_} dropped", [Notice(Told(text), to=by.id)]
    verdict = order.verdict
    if verdict is not None and (by.operator or (target is not None and target.operator)):
        verdict = None
    html = order.html if verdict is None else verdict.html
    own = Written(order.channel, by.name, html, id_, int(moment.at))
    notices = [Notice(own, to=by.id)]
    held = verdict is not None and not verdict.forwarded
    reached = None
    if target is not None and not held and relations.reaches(by, target):
        reached = target
        notices.append(Notice(replace(own, channel=f"@{by.name}"), to=target.id))
    other = _side(reached) if reached is not None else None
    site.recent.add(id_, Remembered(_side(by), order.channel, other, private=other is None))
    if target is None or not relations.knows_of(by, target):
        text = f"Could not deliver your message: @{named(name)} appears not to be online."
        notices.append(Notice(Told(text), to=by.id))
    if verdict is not None and verdict.response:
        notices.append(Notice(Told(verdict.response, order.channel), to=by.id))
    value = f"{id_} {'delivered' if reached is not None else 'dropped'}"
    if reached is not None and reached.proven and by.proven and relations.knows_of(by, reached):
        value += " proven"  # not of somebody hidden: what is kept would tell that he is here
    return value if verdict is None else f"{value} filtered", notices


def take_back(site: Site, by: Visitor, order: TakeBack) -> list[Notice]:
    """Take a message back for those who may read it. Raises NotYours.

    An operator can take back what the site remembers, and nobody learns the id of a message
    between two others.
    """
    message = site.recent.find(order.id)
    taken = MessageTakenBack(order.id)
    if message is None:
        if not order.proven:
            raise NotYours
        other = site.visitors.named(order.other)
        notices = [Notice(taken, to=by.id)]
        if other is not None and other is not by and not site.relations.blocked(by, other):
            notices.append(Notice(taken, to=other.id))
        return notices
    if not (by.operator or order.proven or message.sender.member == by.id):
        raise NotYours
    notices = [Notice(taken, among=_who_could_read(site, message))]
    site.recent.forget(order.id)
    site.echo.remove(message.channel, order.id)
    return notices


def react(site: Site, by: Visitor, order: React) -> list[Notice]:
    """React to a message that one may read oneself; to another nothing happens."""
    added = ReactionAdded(by.name, order.id, order.emoji)
    if order.id == NUDGE:
        target = site.visitors.named(order.emoji)
        if target is None or not site.relations.hears(target, by):
            return []
        return [Notice(added, to=target.id)]
    message = site.recent.find(order.id)
    if message is None or len(order.emoji) > LONGEST_EMOJI:
        return []
    readers = _who_could_read(site, message)
    if readers is not None and by.id not in readers:
        return []
    deaf = site.relations.deaf_to(by)
    if deaf:
        everybody = readers if readers is not None else tuple(site.visitors.by_id)
        readers = tuple(id_ for id_ in everybody if id_ not in deaf)
    return [Notice(added, among=readers)]


def _who_could_read(site: Site, message: Remembered) -> tuple[str, ...] | None:
    """Return who may read a message, by what holds now; None: everybody.

    Who has muted or blocked its sender since, hears nothing more of it.
    """
    sender = site.who_is(message.sender)
    if message.private:
        return (sender.id,) if sender is not None else ()
    if message.other is not None:
        other = site.who_is(message.other)
        found = {it.id: it for it in (sender, other) if it is not None}
        if sender is not None and other is not None and not site.relations.reaches(sender, other):
            del found[other.id]
        return tuple(found)
    if sender is not None:
        return _readers(site, sender, message.channel)
    channel, name = site.channel(message.channel), message.sender.name
    if channel is None:
        return ()
    without = {
        each.id
        for each in site.visitors
        if not site.may_enter(each, channel)
        or site.relations.holds(Tie.MUTE, each, name)
        or site.relations.holds(Tie.BLOCK, each, name)
    }
    return site.to_all_but(without)


def _side(visitor: Visitor) -> Side:
    return Side(visitor.id, visitor.name, visitor.proven)
