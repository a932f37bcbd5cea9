"""Coming in: what somebody asks for before, who he is, and his member.

A token that verifies names him; without one he is a guest, who gets the name that is free. The
order of checks is that of the fact sheet, section 2.1.
"""

from __future__ import annotations

import secrets
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from actors.core import ActorError, Message, Ref, Refused
from actors.member.identity import Identity
from actors.member.member import Member
from actors.member.messages import DescribeMember, End, Enter, RefuseSecond
from actors.member.profile import Profile
from actors.words.close_reasons import CloseReason
from actors.words.closings import ClosedByOperator
from actors.words.keys import MemberKey
from actors.words.refusals import Busy, NameBanned, NameReserved, ShuttingDown
from actors.words.site import (
    NO_STANDING,
    Arrival,
)
from api.barertc import errors
from api.barertc.errors import words_for
from api.barertc.events import BareClient
from api.barertc.names import NameRefused, guest_name, is_subject
from api.barertc.state import DIALECT, REALM
from api.barertc.tokens import BadLoginToken, Bearer

if TYPE_CHECKING:
    from api.barertc.state import BareRtcState
    from api.barertc.wire import BareMessage
    from api.http.sockets import Socket

ENTER_SECONDS = 30.0
WISHED_NAMES = 10_000
WISHED_BYTES = 1_048_576


class EntryRefused(Exception):
    """He is not let in; `html` says why, and `reason` in a word of few, for the log. With
    `go_away` he is told to leave, too."""

    def __init__(self, html: str, reason: str, *, go_away: bool = False) -> None:
        super().__init__(html)
        self.html = html
        self.reason = reason
        self.go_away = go_away


@dataclass(slots=True)
class Wishes:
    """What somebody asked for before he logged in; beyond the limits nothing is added.

    Clients send this again on each connection, before they log in.
    """

    mutes: dict[str, None] = field(default_factory=dict)
    boots: dict[str, None] = field(default_factory=dict)
    blocks: dict[str, None] = field(default_factory=dict)
    invites: dict[str, None] = field(default_factory=dict)
    names: int = 0
    size: int = 0

    def note(self, message: BareMessage) -> bool:
        """Keep it, if it is one of the four actions that are kept; return whether it is."""
        match message.action:
            case "mute":
                self._add(self.mutes, [message.username])
            case "boot":
                self._add(self.boots, [message.username])
            case "blocklist":
                self._add(self.blocks, message.usernames)
            case "video-invite":
                self._add(self.invites, message.usernames)
            case _:
                return False
        return True

    def _add(self, kept: dict[str, None], names: list[str]) -> None:
        for name in names:
            if not name or name in kept:
                continue
            self.names += 1
            self.size += len(name)
            if self.names > WISHED_NAMES or self.size > WISHED_BYTES:
                return
            kept[name] = None


def identify(state: BareRtcState, message: BareMessage) -> Bearer | None:
    """Return who a login's token names, None for a guest. Raises EntryRefused."""
    jwt = state.settings.jwt
    if not message.jwt:
        if jwt.enabled and jwt.strict:
            raise EntryRefused(errors.LOG_IN_ELSEWHERE, "no_token")
        return None
    try:
        return state.tokens.verify(message.jwt)
    except BadLoginToken:
        raise EntryRefused(errors.EXPIRED, "bad_token") from None


def arrival(message: BareMessage, bearer: Bearer | None, wishes: Wishes) -> Arrival:
    """Return what he brings into the site. Raises EntryRefused.

    A token that names nobody proves no name: its holder comes as a guest, with its standing.
    """
    if bearer is not None and bearer.name:
        name, proven = bearer.name, True
        if not is_subject(name):
            raise EntryRefused(errors.NAME_REFUSED, "bad_name", go_away=True)
    else:
        try:
            name, proven = guest_name(message.username), False
        except NameRefused as refused:
            raise EntryRefused(str(refused), "bad_name", go_away=True) from None
    return Arrival(
        name,
        proven,
        bearer.standing if bearer is not None else NO_STANDING,
        message.dnd,
        tuple(wishes.mutes),
        tuple(wishes.boots),
        tuple(wishes.blocks),
        tuple(wishes.invites),
    )


async def log_in(
    state: BareRtcState, socket: Socket, message: BareMessage, wishes: Wishes
) -> tuple[BareClient, Ref[Message]]:
    """Let somebody in; return his client and his member, once he has been told who is here.

    Raises EntryRefused.
    """
    if not state.services.lifecycle.accepting:
        raise EntryRefused(words_for(ShuttingDown()), ShuttingDown.code)
    bearer = identify(state, message)
    arriving = arrival(message, bearer, wishes)
    client = BareClient(socket, state.renderer, state.sign, bearer)
    try:
        return client, await _enter(state, client, arriving)
    except ActorError as error:
        client.gone = True  # it may still be opened, with nobody there to close it
        put_off = isinstance(error, NameBanned | NameReserved | ClosedByOperator)
        reason = error.code if isinstance(error, Refused) else Busy.code
        raise EntryRefused(words_for(error), reason, go_away=put_off) from None
    except BaseException:
        client.gone = True
        raise


async def _enter(state: BareRtcState, client: BareClient, arriving: Arrival) -> Ref[Message]:
    within = state.services.settings().limits.ask_seconds
    id_ = secrets.token_hex(8)
    profile = Profile(REALM, DIALECT, bound_to_room=True, enter_seconds=ENTER_SECONDS)
    upgrade = client.socket.upgrade
    where = state.services.where_from(upgrade.address, upgrade.device)
    identity = Identity(id_, name=arriving.name, where=where)
    member = await state.services.directory.open_member(
        MemberKey(REALM, id_), partial(Member, identity, profile, client), RefuseSecond()
    )
    try:
        enter = Enter(state.site_spec(), "", address=upgrade.address, arrival=arriving)
        await member.ask(enter, within=within)
        await member.ask(DescribeMember(), within=within)  # behind all that greets him
    except BaseException:
        with suppress(ActorError):
            member.tell(End(CloseReason.REFUSED))
        raise
    return member
