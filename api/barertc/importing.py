"""A settings.toml of BareRTC as our section [barertc] (fact sheet section 3). Pure.

Keys are matched without case. What has no counterpart, or a value we could not use, is named.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from api.barertc.settings import BareRtcSettings

Table = Mapping[str, Any]
Names = Mapping[str, str]

TOP: Names = {
    "title": "title", "branding": "branding", "websiteurl": "website_url",
    "corshosts": "cors_hosts", "adminapikey": "admin_api_key", "permitnsfw": "permit_nsfw",
    "blockableadmins": "blockable_admins", "websocketreadlimit": "message_bytes",
    "maximagewidth": "max_image_width", "previewimagewidth": "preview_image_width",
}  # fmt: skip
TABLES: Mapping[str, tuple[str, Names]] = {
    "jwt": ("jwt", {
        "enabled": "enabled", "strict": "strict", "secretkey": "secret_key",
        "landingpageurl": "landing_page_url",
    }),
    "vip": ("vip", {
        "name": "name", "branding": "branding", "icon": "icon",
        "mutuallysecret": "mutually_secret",
    }),
    "directmessagehistory": ("history", {
        "enabled": "enabled", "retentiondays": "retention_days", "disclaimermessage": "disclaimer",
    }),
    "dmlinkspamprotection": ("link_spam", {
        "enabled": "enabled", "maxthreads": "max_threads", "timelimit": "window_seconds",
        "banhours": "ban_hours",
    }),
    "strings": ("strings", {
        "modruleerrorcameraalwaysnsfw": "rule_camera_always_nsfw",
        "modruleerrornobroadcast": "rule_no_broadcast",
        "modruleerrornovideo": "rule_no_video",
        "modruleerrornoimage": "rule_no_image",
    }),
}  # fmt: skip
LISTS: Mapping[str, tuple[str, Names]] = {
    "publicchannels": ("channels", {
        "id": "id", "name": "name", "icon": "icon", "vip": "vip",
        "permitphotos": "permit_photos", "welcomemessages": "welcome_messages",
        "echomessagesonjoin": "echo_messages_on_join",
    }),
    "webhookurls": ("webhooks", {"name": "name", "url": "url"}),
    "messagefilters": ("filters", {
        "publicchannels": "public", "privatechannels": "private", "keywordphrases": "keywords",
        "censormessage": "censor", "forwardmessage": "forward", "reportmessage": "report",
        "chatserverresponse": "response",
    }),
    "moderationrule": ("rules", {
        "username": "username", "cameraalwaysnsfw": "camera_always_nsfw",
        "nobroadcast": "no_broadcast", "novideo": "no_video", "noimage": "no_image",
        "nodarkvideo": "no_dark_video",
    }),
}  # fmt: skip
ELSEWHERE: Names = {
    "version": "",
    "usexforwardedfor": (
        "UseXForwardedFor: name the networks of your proxies in limits.trusted_proxies"
    ),
    "websocketsendtimeout": "WebSocketSendTimeout: who does not read is put off by what waits",
    "turn": "",
    "logging": "Logging: chat text never reaches a log of ours",
}
HAVE_ENABLED = frozenset({"webhookurls", "messagefilters"})


def imported(document: Table) -> tuple[dict[str, Any], list[str]]:
    """Return our section, and a line for each thing that it does not carry over."""
    section: dict[str, Any] = {}
    notes: list[str] = []
    for name, value in document.items():
        key = name.lower()
        if key in TOP:
            section[TOP[key]] = value
        elif key in TABLES and isinstance(value, Mapping):
            ours, names = TABLES[key]
            section[ours] = _renamed(name, value, names, notes)
        elif key in LISTS and isinstance(value, list):
            ours, names = LISTS[key]
            section[ours] = [
                _renamed(f"{name}[{index}]", entry, names, notes, entries=True)
                for index, entry in enumerate(value)
                if isinstance(entry, Mapping) and _enabled(key, entry)
            ]
            notes += _disabled(name, key, value)
        elif key not in ELSEWHERE:
            notes.append(f"{name}: is not known")
        elif ELSEWHERE[key]:
            notes.append(ELSEWHERE[key])
    notes += _turn(document)
    _tidied(section)
    return _usable(section, notes), notes


def as_toml(section: Table, notes: list[str]) -> str:
    """Write the section, and the notes as comments in front of it."""
    lines = [f"# Not carried over: {_printable(note)}" for note in notes]
    lines += ["[barertc]", *_pairs(section)]
    for name, value in section.items():
        if isinstance(value, Mapping):
            lines += ["", f"[barertc.{name}]", *_pairs(value)]
    for name, value in section.items():
        for entry in value if _is_list_of_tables(value) else ():
            lines += ["", f"[[barertc.{name}]]", *_pairs(entry)]
    return "\n".join(lines)


def _renamed(
    where: str, table: Table, names: Names, notes: list[str], *, entries: bool = False
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in table.items():
        if name.lower() in names:
            found[names[name.lower()]] = value
        elif name.lower() == "sqlitedatabase":
            notes.append(f"{where}.{name}: messages are kept in our store; old ones are not moved")
        elif not (entries and name.lower() == "enabled"):
            notes.append(f"{where}.{name}: is not known")
    return found


def _enabled(key: str, entry: Table) -> bool:
    folded = {name.lower(): value for name, value in entry.items()}
    return key not in HAVE_ENABLED or folded.get("enabled") is True


def _disabled(name: str, key: str, entries: list[Any]) -> list[str]:
    return [
        f"{name}[{index}]: is not enabled"
        for index, entry in enumerate(entries)
        if isinstance(entry, Mapping) and not _enabled(key, entry)
    ]


def _turn(document: Table) -> list[str]:
    turn = next((value for name, value in document.items() if name.lower() == "turn"), None)
    if not isinstance(turn, Mapping):
        return []
    folded = {name.lower(): value for name, value in turn.items()}
    urls = folded.get("urls")
    if not isinstance(urls, list) or not urls:
        return []
    listed = ", ".join(str(url) for url in urls)
    return [f"TURN: put its URLs ({listed}), username and credential into ice.servers"]


def _tidied(section: dict[str, Any]) -> None:
    """Write origins as browsers send them, and leave secrets out that are empty."""
    hosts = section.get("cors_hosts")
    if isinstance(hosts, list):
        section["cors_hosts"] = [
            host.rstrip("/") if isinstance(host, str) else host for host in hosts
        ]
    if not section.get("admin_api_key"):
        section.pop("admin_api_key", None)
    if "jwt" in section and not section["jwt"].get("secret_key"):
        section["jwt"].pop("secret_key", None)


def _usable(section: dict[str, Any], notes: list[str]) -> dict[str, Any]:
    """Leave out what our settings refuse."""
    while True:
        try:
            BareRtcSettings.model_validate(section)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            notes.append(f"{_path(problem['loc'])}: {problem['msg']}")
            _drop(section, problem["loc"])
        else:
            return section


def _path(where: tuple[int | str, ...]) -> str:
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where)[1:]


def _drop(section: dict[str, Any], where: tuple[int | str, ...]) -> None:
    """Remove the smallest thing that settings do without: a key, or a whole entry of a list."""
    holder: Any = section[str(where[0])]
    inside: Any = where[1] if len(where) > 1 else None
    if (isinstance(holder, dict) and inside in holder) or (
        isinstance(holder, list) and isinstance(inside, int)
    ):
        del holder[inside]
    else:
        del section[str(where[0])]


def _pairs(table: Table) -> list[str]:
    return [
        f"{name} = {_written(value)}"
        for name, value in table.items()
        if not isinstance(value, Mapping) and not _is_list_of_tables(value)
    ]


def _is_list_of_tables(value: object) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], Mapping)


def _printable(text: str) -> str:
    return "".join(each if each.isprintable() else "?" for each in text)


def _written(value: object) -> str:
    """Write a TOML value; JSON's texts, numbers and lists are TOML's, but for DEL."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


__all__ = ["as_toml", "imported"]
