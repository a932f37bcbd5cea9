"""Operators' commands, carried out: each is an order to the room, or something with the server."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol

from actors.core import Request
from actors.words.conference_refusals import NotAllowed
from actors.words.orders import Order
from actors.words.site_orders import (
    CutCamera,
    GetBans,
    GetPeople,
    HearEverybody,
    LiftBan,
    ListBans,
    MakeOperator,
    MarkCamera,
    PutAllOut,
    PutOut,
    RequireOperator,
)
from api.barertc import site_control
from api.barertc.moderation.commands import CommandHelp, OperatorCommand, Verb, parse_command
from api.barertc.text.markdown import escape
from api.barertc.webhooks import AbuseReport

if TYPE_CHECKING:
    from api.barertc.state import BareRtcState

NO_NAMES: Collection[str] = ()


class Commander(Protocol):
    """Who gives a command, as far as it matters here."""

    @property
    def name(self) -> str: ...

    async def order(self, order: Order) -> str | None:
        """Have the room do it. Raises its refusals."""

    def tell(self, html: str, channel: str = "") -> None:
        """Say something to him as the server."""


async def obey(state: BareRtcState, who: Commander, text: str, channel: str) -> bool:
    """Do what a text commands; False for one that is to be shown as a message.

    That is one that is no command, or not by an operator. Raises refusals.
    """
    command = parse_command(text, NO_NAMES)
    if command is None:
        return False
    try:
        await who.order(RequireOperator())
    except NotAllowed:
        return False
    if isinstance(command, OperatorCommand) and command.name:
        command = await _with_names(state, command, text)
    if isinstance(command, OperatorCommand):
        answer = await _carry_out(state, who, command, channel)
    else:
        answer = command.html if command is not None else ""
    if answer:
        who.tell(answer)
    return True


async def _with_names(
    state: BareRtcState, command: OperatorCommand, text: str
) -> OperatorCommand | CommandHelp | None:
    """Read a command again, now that it is known who is here, or banned."""
    people = await _ask(state, GetPeople()) or ()
    online = [person.name for person in people]
    banned: list[str] = []
    if command.verb is Verb.UNBAN:
        banned = [name for name, _ in await _ask(state, GetBans()) or ()]
    return parse_command(text, online, banned)


async def _ask(state: BareRtcState, request: Request[Any]) -> Any:
    site = await state.site()
    if site is None:
        return None
    return await site.ask(request, within=state.services.settings().limits.ask_seconds)


async def _carry_out(
    state: BareRtcState, who: Commander, command: OperatorCommand, channel: str
) -> str:
    """Carry a command out, and return what to answer, as HTML. Raises refusals."""
    name, shown = command.name, f"<strong>{escape(command.name)}</strong>"
    match command.verb:
        case Verb.KICK:
            await who.order(PutOut(name))
            return f"{shown} was sent out of the chat."
        case Verb.BAN:
            await who.order(PutOut(name, ban_hours=command.hours))
            return f"{shown} is banned for {command.hours} hours."
        case Verb.UNBAN:
            lifted = await who.order(LiftBan(name))
            if not lifted:
                return f"Nobody called {shown} is banned."
            return f"<strong>{escape(lifted)}</strong> may come in again."
        case Verb.BANS:
            return _bans(await who.order(ListBans()) or "")
        case Verb.NSFW:
            await who.order(MarkCamera(name))
            _report_camera(state, who.name, name, channel)
            return f"The camera of {shown} is now marked as explicit."
        case Verb.CUT:
            await who.order(CutCamera(name))
            return f"The camera of {shown} was turned off."
        case Verb.UNMUTE_ALL:
            await who.order(HearEverybody())
            return "You can see and hear everybody now, also those who had muted or blocked you."
        case Verb.OP | Verb.DEOP:
            on = command.verb is Verb.OP
            await who.order(MakeOperator(name, on))
            return f"{shown} is {'now' if on else 'no longer'} an operator."
        case Verb.KICK_ALL:
            await who.order(PutAllOut())
            return ""
        case Verb.RECONFIGURE:
            if site_control.reconfigure(state):
                return "The configuration is read again; the server's log says what was found."
            return "The configuration can be read again only by whoever runs the server."
        case Verb.SHUTDOWN:
            started = state.errands.run(lambda: site_control.shut_down(state), "shutdown")
            return "" if started else "The server is ending already."


def _bans(lines: str) -> str:
    if not lines:
        return "Nobody is banned."
    entries = []
    for line in lines.split("\n"):
        name, _, until = line.rpartition("\t")
        end = datetime.fromtimestamp(int(until), UTC).strftime("%Y-%m-%d %H:%M UTC")
        entries.append(f"<li><strong>{escape(name)}</strong> until {end}</li>")
    return f"<p>These people are banned:</p><ul>{''.join(entries)}</ul>"


def _report_camera(state: BareRtcState, operator: str, name: str, channel: str) -> None:
    if state.webhooks.reports_wanted:
        state.webhooks.report(
            AbuseReport(
                operator,
                name,
                channel,
                datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
                "NSFW",
                "A chat operator has marked this person's camera as explicit.",
            )
        )
