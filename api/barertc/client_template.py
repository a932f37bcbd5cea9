"""The index.html of a BareRTC web client, filled in by plain substitution (sheet section 6). Pure.

A value is written for the place it stands in: as JSON in a script, as the inside of a string there
where a quotation mark stands beside it, as text elsewhere. Of the language of the original's
templates only this is known: a value, `AsJS` before one, define … end, if … else … end.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass

from api.http.hosting import in_script

_ACTION = re.compile(r"\{\{-?\s*(/\*.*?\*/|.*?)\s*-?\}\}", re.DOTALL)
_SCRIPT = re.compile(r"<(/?)script\b[^>]*>", re.IGNORECASE)
_QUOTES = "\"'`"
PLACEHOLDERS = frozenset(
    {
        ".CacheHash", ".Config.Title", ".Config.Branding",
        ".Config.DirectMessageHistory.DisclaimerMessage", ".JWTTokenString", ".Config.WebsiteURL",
        ".Config.Strings", ".Config.TURN", ".Config.VIP", ".Config.GetChannels",
        ".Config.WebhookURLs", ".CachedBlocklist", ".Config.PermitNSFW", ".JWTAuthOK",
        ".JWTClaims.ToJSON", ".JWTClaims.Rules.ToDict",
    }
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Part:
    """Text, or an action with where it stands."""

    text: str
    action: bool = False
    in_script: bool = False
    quoted: bool = False


class ClientTemplate:
    """A template, taken apart once."""

    def __init__(self, source: str) -> None:
        self._parts = tuple(_parts(source))
        self.unknown = tuple(
            dict.fromkeys(
                part.text
                for part in self._parts
                if part.action and not _is_control(part.text) and _value_of(part.text) is None
            )
        )
        """Actions that are not known; they come out as null in a script, else as nothing."""

    def render(self, values: Mapping[str, object]) -> str:
        """Return the page; `values` are those of PLACEHOLDERS."""
        written: list[str] = []
        blocks: list[bool | None] = []  # of if: whether what follows counts; None: any other block
        for part in self._parts:
            word, _, rest = part.text.partition(" ")
            if not part.action:
                if False not in blocks:
                    written.append(part.text)
            elif word == "define":
                blocks.append(None)
            elif word == "if":
                blocks.append(bool(values.get(_value_of(rest) or "")))
            elif word == "else" and blocks and blocks[-1] is not None:
                blocks[-1] = not blocks[-1]
            elif word == "end":
                blocks[-1:] = []
            elif False not in blocks and not _is_control(part.text):
                written.append(_written(part, values))
        return "".join(written)


def _parts(source: str) -> list[_Part]:
    scripts = [(match.start(), not match[1]) for match in _SCRIPT.finditer(source)]
    parts, position = list[_Part](), 0
    for match in _ACTION.finditer(source):
        start, end = match.span()
        parts.append(_Part(source[position:start]))
        inside = next((opens for at, opens in reversed(scripts) if at < start), False)
        beside = source[start - 1 : start] + source[end : end + 1]
        quoted = any(mark in beside for mark in _QUOTES)
        parts.append(_Part(match[1], True, inside, quoted))
        position = end
    parts.append(_Part(source[position:]))
    return parts


def _is_control(action: str) -> bool:
    return action.partition(" ")[0] in {"define", "if", "else", "end"} or action.startswith("/*")


def _value_of(action: str) -> str | None:
    name = action.removeprefix("AsJS").strip()
    return name if name in PLACEHOLDERS else None


def _written(part: _Part, values: Mapping[str, object]) -> str:
    name = _value_of(part.text)
    value = values[name] if name else None
    if not part.in_script:
        text = "" if value is None else value if isinstance(value, str) else json.dumps(value)
        return html.escape(text)
    written = in_script(json.dumps(value))
    if not part.quoted:
        return written
    inside = written[1:-1] if isinstance(value, str) else json.dumps(written)[1:-1]
    return (
        inside.replace('\\"', "\\u0022")
        .replace("'", "\\u0027")
        .replace("`", "\\u0060")
        .replace("$", "\\u0024")
    )
