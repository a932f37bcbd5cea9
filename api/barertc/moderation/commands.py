"""What an operator may type into any channel (fact sheet section 2.7). Pure.

The words of the answers are ours. Nothing fails here: a command without its name is answered with
help, a quotation mark without its partner is a character, and what is no command is None: an
ordinary message.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Collection
from dataclasses import dataclass
from enum import StrEnum

from actors.site.names import name_key
from api.barertc.text.markdown import escape

BAN_HOURS = 24
MOST_BAN_HOURS = 87_600  # ten years
LONGEST = 1024
"""Characters of a command that are looked at."""


class Verb(StrEnum):
    """What is to be done, as it is typed after "/"."""

    KICK = "kick"
    BAN = "ban"
    UNBAN = "unban"
    BANS = "bans"
    NSFW = "nsfw"
    CUT = "cut"
    UNMUTE_ALL = "unmute-all"
    OP = "op"
    DEOP = "deop"
    KICK_ALL = "kickall"
    RECONFIGURE = "reconfigure"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class OperatorCommand:
    """A command with all that it needs. `name`: whom it is about, or ""; `hours`: of a ban."""

    verb: Verb
    name: str = ""
    hours: int = BAN_HOURS


@dataclass(frozen=True, slots=True)
class CommandHelp:
    """What to tell an operator, as HTML."""

    html: str


_MEANINGS = {
    Verb.KICK: "sends a person out of the chat",
    Verb.BAN: f"sends a person out and keeps them out, for {BAN_HOURS} hours if no number is given",
    Verb.UNBAN: "lets a banned person in again",
    Verb.BANS: "lists who is banned, and until when",
    Verb.NSFW: "marks a person's camera as explicit",
    Verb.CUT: "turns a person's camera off",
    Verb.UNMUTE_ALL: "shows you everybody again, also those who muted or blocked you",
    Verb.OP: "makes a person an operator while they stay",
    Verb.DEOP: "takes an operator's rights away while they stay",
    Verb.KICK_ALL: "sends everybody out of the chat",
    Verb.RECONFIGURE: "reads the server's configuration again",
    Verb.SHUTDOWN: "stops the chat server",
}
_ABOUT_SOMEBODY = {Verb.KICK, Verb.BAN, Verb.UNBAN, Verb.NSFW, Verb.CUT, Verb.OP, Verb.DEOP}
_ADVANCED = (Verb.OP, Verb.DEOP, Verb.KICK_ALL, Verb.RECONFIGURE, Verb.SHUTDOWN)
_EVERYDAY = tuple(verb for verb in Verb if verb not in _ADVANCED)
_COMMAND = re.compile(r"\s*/([a-z-]+)(?:\s+(.*))?\Z", re.IGNORECASE | re.DOTALL | re.ASCII)
_SAME: tuple[Callable[[str], str], ...] = (str, name_key)  # "Bob" and "bob" may both be here
_HOURS = re.compile(r"[0-9]{1,5}", re.ASCII)


def parse_command(
    text: str, online: Collection[str], banned: Collection[str] = ()
) -> OperatorCommand | CommandHelp | None:
    """Return what an operator's message orders, or None for an ordinary message.

    `online` and `banned` are names as they are shown. A name may stand in quotation marks, and "@"
    may stand before it. Without marks, as the client's buttons send it, the longest online name
    that fits is meant; `/unban` looks among the banned ones. A name that fits nobody is given back
    as it was typed.
    """
    match = _COMMAND.match(text[:LONGEST])
    if match is None:
        return None
    word, argument = match[1].lower(), (match[2] or "").strip()
    if word in ("help", "help-advanced"):
        return CommandHelp(_everyday_help() if word == "help" else _advanced_help())
    try:
        verb = Verb(word)
    except ValueError:
        return None
    if verb not in _ABOUT_SOMEBODY:
        return OperatorCommand(verb)
    name, rest = _name_and_rest(argument, banned if verb is Verb.UNBAN else online)
    hours = _hours(rest) if verb is Verb.BAN else BAN_HOURS
    if not name or hours is None:
        return CommandHelp(f"<p>This command is used so: {_usage(verb)}</p>")
    return OperatorCommand(verb, name, hours)


def _name_and_rest(argument: str, known: Collection[str]) -> tuple[str, str]:
    """Return whom a command names, and what stands after it."""
    fits = [fit for same in _SAME if (fit := _longest_fit(argument, known, same)) is not None]
    if fits:
        return max(fits, key=lambda fit: len(name_key(fit[0])))
    try:
        words = shlex.split(argument)
    except ValueError:  # a quotation mark without its partner
        words = argument.split()
    if not words:
        return "", ""
    name, rest = words[0], " ".join(words[1:])
    for same in _SAME:
        for typed in (name, name.removeprefix("@")):
            for each in known:
                if same(each) == same(typed):
                    return each, rest
    return name.removeprefix("@").strip(), rest


def _longest_fit(
    argument: str, known: Collection[str], same: Callable[[str], str]
) -> tuple[str, str] | None:
    """Return the longest known name that the argument begins with, and what stands after it."""
    for typed in (argument, argument.removeprefix("@")):
        whole = same(typed)
        fits = [
            (len(key), name)
            for name in known
            if (key := same(name)) and whole.startswith(key) and not whole[len(key) :][:1].strip()
        ]
        if fits:
            length, name = max(fits)
            return name, whole[length:].strip()
    return None


def _hours(text: str) -> int | None:
    """Return for how long to ban; None for what is no number of hours."""
    words = text.split()
    if not words:
        return BAN_HOURS
    hours = int(words[0]) if _HOURS.fullmatch(words[0]) else 0
    return hours if 0 < hours <= MOST_BAN_HOURS else None


def _usage(verb: Verb) -> str:
    words = f"/{verb}"
    if verb in _ABOUT_SOMEBODY:
        words += " <username>"
    if verb is Verb.BAN:
        words += " [hours]"
    return f"<code>{escape(words)}</code> {_MEANINGS[verb]}"


def _everyday_help() -> str:
    return (
        "<p>As an operator you can type:</p>"
        + _list(_EVERYDAY)
        + "<p>Write a name that has spaces in quotation marks."
        " <code>/help-advanced</code> shows more.</p>"
    )


def _advanced_help() -> str:
    return "<p>These commands change the chat for everybody, so be careful with them:</p>" + _list(
        _ADVANCED
    )


def _list(verbs: tuple[Verb, ...]) -> str:
    return "<ul>" + "".join(f"<li>{_usage(verb)}</li>" for verb in verbs) + "</ul>"
