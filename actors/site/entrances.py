"""Coming in and going: which name somebody gets, what he is told first, who hears of it."""

from __future__ import annotations

from actors.site.messages import EchoEntry
from actors.site.names import RESERVED, name_key, next_free
from actors.site.relations import Tie
from actors.site.site import Moment, Site
from actors.site.visitors import Visitor
from actors.words.refusals import NameBanned, NameReserved, TooManyRelations
from actors.words.rooms import Notice
from actors.words.site import (
    Arrival,
    Echoed,
    Movement,
    NameGiven,
    Told,
)

SIGNED_IN_ELSEWHERE = (
    "You have been signed out of chat because you logged in from another location."
)


def admit(site: Site, member: str, arrival: Arrival, moment: Moment) -> tuple[Visitor, ...]:
    """Check whether somebody may come in, and return whom he puts out; changes nothing.

    Raises NameBanned, NameReserved.
    """
    key = name_key(arrival.name)
    until = site.bans.until(arrival.name, moment.at, proven=arrival.proven)
    if until is not None:
        raise NameBanned(until)
    if not arrival.proven:
        if key in RESERVED or not key:
            raise NameReserved
        return ()
    return tuple(
        other
        for other in site.visitors.like(key)
        if other.id != member and (other.name == arrival.name or not other.proven)
    )


def arrive(site: Site, member: str, arrival: Arrival, moment: Moment) -> list[Notice]:
    """Let somebody in whom `admit` has accepted, instead of whom he puts out."""
    notices = []
    for other in admit(site, member, arrival, moment):
        notices += site.put_out(other, None, moment, SIGNED_IN_ELSEWHERE)
    before = site.visitors.by_id.get(member)
    if before is not None:  # he enters again: what he asks for now counts
        site.remove(before)
    visitor = Visitor(
        member,
        arrival.name if arrival.proven else _guest_name(site, arrival.name, moment),
        arrival.proven,
        arrival.standing,
        int(moment.at),
        arrival.do_not_disturb,
    )
    site.visitors.add(visitor)
    for tie, names in (
        (Tie.BLOCK, arrival.blocks),
        (Tie.MUTE, arrival.blocks),
        (Tie.MUTE, arrival.mutes),
        (Tie.BOOT, arrival.boots),
        (Tie.INVITE, arrival.invites),
    ):
        _tie_all(site, tie, visitor, names)
    site.changed()
    notices.append(Notice(NameGiven(visitor.name), to=member))
    if moment.now >= site.rules.lists_from:
        notices.append(Notice(site.lists.for_viewer(visitor), to=member))
    notices.append(Notice(_echo(site, visitor), to=member))
    notices += site.moved(visitor, Movement.JOINED, moment)
    for channel in site.rules.channels:
        if site.may_enter(visitor, channel):
            notices += [Notice(Told(line, channel.id), to=member) for line in channel.welcome]
    return notices


def leave(site: Site, member: str, moment: Moment, *, timed_out: bool = False) -> list[Notice]:
    """Have somebody be gone; an unknown one changes nothing."""
    visitor = site.visitors.by_id.get(member)
    if visitor is None:
        return []
    how = Movement.TIMED_OUT if timed_out else Movement.EXITED
    notices = site.moved(visitor, how, moment, himself=False)
    site.remove(visitor)
    site.changed()
    return notices


def _guest_name(site: Site, name: str, moment: Moment) -> str:
    def taken(key: str) -> bool:
        banned = site.bans.until(key, moment.at) is not None
        return bool(site.visitors.like(key)) or key in RESERVED or banned

    return next_free(name, taken)


def _tie_all(site: Site, tie: Tie, by: Visitor, names: tuple[str, ...]) -> None:
    """Make ties to all of these, as many as there may be."""
    try:
        for name in names:
            site.relations.tie(tie, by, name)
    except TooManyRelations:
        pass


def _echo(site: Site, visitor: Visitor) -> Echoed:
    """Return what somebody may read of the latest messages, channel by channel."""
    found = []
    for channel in site.rules.channels:
        if not site.may_enter(visitor, channel):
            continue
        for kept in site.echo.of(channel.id):
            if _may_read(site, visitor, kept):
                found.append(kept.written)
    return Echoed(tuple(found))


def _may_read(site: Site, visitor: Visitor, kept: EchoEntry) -> bool:
    """Tell whether a newcomer may read this; by what held then, where its sender has left."""
    relations, name = site.relations, kept.written.sender
    if relations.holds(Tie.MUTE, visitor, name):
        return False
    sender = site.who_is(kept.sender)
    if sender is not None and relations.blocked(visitor, sender):
        return False
    if sender is not None and sender.id == kept.sender.member:
        return True
    closed = visitor.name in kept.closed_to and relations.can_be_blocked(visitor)
    return not closed and not relations.holds(Tie.BLOCK, visitor, name)
