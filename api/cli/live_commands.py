"""The commands that ask the running server, or give it an order: `status`, `rooms`, `close` …

Each prints a table for people, and with `--json` what the operator's API says.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from api.cli.finding import NoSuchRoom, find_closed, find_person, find_room, name_in, room_of
from api.cli.live import LiveError, Page, in_path
from api.cli.printing import print_line, say
from api.cli.server_place import live_server
from api.cli.tables import bit_rate, facts, lasting, milliseconds, share, size, table
from api.dialects import built

NONE = "–"
_WAYS = {"in": "to the server", "out": "from the server"}


def status(options: argparse.Namespace) -> int:
    """Say how the running server does."""
    live = live_server(options)
    summary = live.get("/-/summary")
    if options.json:
        return _print_json(summary)
    traffic, loop = summary["bits_per_second"], summary["loop"]
    lost = "" if summary["loss"] is None else f", {share(summary['loss'])} lost"
    lines = [
        ("quintet", f"{summary['version']} at {live.url}: {summary['state']}, for "
                    f"{_ago(summary['since'])}"),
        ("config", summary["config"] or "embedded defaults"),
        ("rooms", _by_dialect(summary["rooms"])),
        ("people", _by_dialect(summary["people"])),
        ("streams", str(summary["streams"])),
        ("recordings", str(summary["recordings"])),
        ("traffic", f"{bit_rate(traffic['in'])} in, {bit_rate(traffic['out'])} out{lost}"),
        ("cpu", f"{summary['cpu_seconds']:.0f} s since the start"),
        ("loop", f"held {loop['held']} times, {loop['longest_hold_seconds']:.2f} s at most"),
        ("log", f"{summary['warnings']} warnings, {summary['errors']} errors"),
    ]  # fmt: skip
    return _print(facts(lines))


def rooms(options: argparse.Namespace) -> int:
    """List the rooms, those with most people first."""
    live = live_server(options)
    answer = live.get_list(
        "/-/rooms", "rooms", options.limit,
        dialect=options.dialect, search=options.search, sort=options.sort, order=options.order,
    )  # fmt: skip
    if options.json:
        return _print_json(answer)
    rows = [
        (
            each["title"] or each["name"],
            each["dialect"],
            str(each["people"]),
            str(each["streams"]),
            each["quality"] or NONE,
            _ago(each["since"]),
            _yes(each["locked"]),
            _number(each["recordings"]),
            *([each["id"]] if options.ids else []),
        )
        for each in answer["rooms"]
    ]
    titles = ["ROOM", "DIALECT", "PEOPLE", "STREAMS", "QUALITY", "FOR", "LOCKED", "REC"]
    titles += ["ID"] if options.ids else []
    return _print_list(titles, rows, answer["total"])


def who(options: argparse.Namespace) -> int:
    """List the people, of one room or of all."""
    live = live_server(options)
    room = find_room(live, options.room, options.dialect)["id"] if options.room else ""
    answer = live.get_list(
        "/-/people", "people", options.limit,
        dialect=options.dialect, room=room, search=options.search, sort=options.sort,
    )  # fmt: skip
    if options.json:
        return _print_json(answer)
    rows = [
        (
            each["name"] or NONE,
            each["user"] or NONE,
            *([] if options.room else [room_of(each) or NONE, each["dialect"]]),
            each["address"] or NONE,
            each["device"] or NONE,
            _ago(each["since"]),
            _yes(each["away"]),
            str(each["streams"]),
            _quality(each["quality"]),
            each["peer"],
        )
        for each in answer["people"]
    ]
    titles = ["NAME", "USER", *([] if options.room else ["ROOM", "DIALECT"])]
    titles += ["ADDRESS", "DEVICE", "FOR", "AWAY", "STREAMS", "QUALITY", "PEER"]
    return _print_list(titles, rows, answer["total"])


def streams(options: argparse.Namespace) -> int:
    """List what somebody sends and takes."""
    live = live_server(options)
    person = live.get(f"/-/people/{in_path(find_person(live, options.person)['id'])}")
    if options.json:
        return _print_json(person)
    rows = [
        (
            f"{each['kind']}{', muted' if each['muted'] else ''}",
            _WAYS.get(each["direction"], NONE),
            each["codec"] or NONE,
            _known(each["bits_per_second"], bit_rate),
            _known(each["loss"], share),
            _known(each["jitter"], milliseconds),
            _known(each["round_trip"], milliseconds),
            each["id"],
        )
        for each in person["stream_list"]
    ]
    titles = ("KIND", "WAY", "CODEC", "BITRATE", "LOSS", "JITTER", "ROUND TRIP", "STREAM")
    return _print_list(titles, rows, len(rows))


def close(options: argparse.Namespace) -> int:
    """End a room for all who are in it, and keep its name closed for a while.

    With a dialect, a name can be closed that nobody has taken.
    """
    live = live_server(options)
    order: Page = {"reason": options.reason}
    if options.seconds is not None:
        order["seconds"] = options.seconds
    untaken = ""
    try:
        room = find_room(live, options.room, options.dialect)
        path = f"/-/rooms/{in_path(room['id'])}/close"
    except NoSuchRoom as error:
        realms = {each.name: each.room_names.realm for each in built() if each.room_names}
        if options.dialect not in realms:
            known = ", ".join(realms)
            words = f"{error}; to close it all the same, say its --dialect ({known})"
            raise LiveError(words) from None
        path, untaken = "/-/closed", "; nobody had taken it"
        order |= {"realm": realms[options.dialect], "name": options.room}
    answer = live.post(path, order)
    if options.json:
        return _print_json(answer)
    until = answer.get("closed_until")
    print_line(f"closed{f' until {_moment(until)}' if until else ''}{untaken}")
    return 0


def open_room(options: argparse.Namespace) -> int:
    """Let people into a closed room again; without a name, list the rooms that are closed."""
    live = live_server(options)
    answer = live.get_list("/-/closed", "closed")
    closed = answer["closed"]
    if options.room:
        found = find_closed(closed, options.room)
        live.delete(f"/-/closed/{in_path(found['id'])}")
        return _print_json({"id": found["id"]}) if options.json else _print(["opened"])
    if options.json:
        return _print_json(answer)
    rows = [
        (
            each["name"],
            each["realm"],
            _moment(each["until"]),
            each["by"] or NONE,
            each["reason"] or NONE,
            each["id"],
        )
        for each in closed
    ]
    titles = ("ROOM", "REALM", "UNTIL", "BY", "REASON", "ID")
    return _print_list(titles, rows, answer["total"])


def kick(options: argparse.Namespace) -> int:
    """Put somebody out, who cannot come back by the same session."""
    live = live_server(options)
    person = find_person(live, options.person)
    answer = live.post(f"/-/people/{in_path(person['id'])}/put-out", {"reason": options.reason})
    return _print_json(answer) if options.json else _print(["put out"])


def tree(options: argparse.Namespace) -> int:
    """Show the actors: all, those below one, or those of one kind."""
    live = live_server(options)
    if options.kind:
        answer = live.get_list(
            "/-/actors", "actors", options.limit, path=options.path, kind=options.kind
        )
    else:
        answer = live.get("/-/actors", path=options.path, depth=options.depth)
    if options.json:
        return _print_json(answer)
    titles = ("ACTOR", "KIND", "STATE", "MAILBOX", "PEAK", "RESTARTS", "FOR", "LAST ERROR")
    if options.kind:
        rows = [_actor(each, each["path"]) for each in answer["actors"]]
        return _print_list(titles, rows, answer["total"])
    return _print_list(titles, _floors(answer, ""), 0)


def recordings(options: argparse.Namespace) -> int:
    """List the recordings."""
    live = live_server(options)
    answer = live.get_list("/-/recordings", "recordings", options.limit)
    if options.json:
        return _print_json(answer)
    rows = [
        (
            each["file"],
            each["state"],
            name_in(each["room"]) if each["room"] else NONE,
            _moment(each["since"]),
            _moment(each["until"]),
            size(each["bytes"]),
            each["id"],
        )
        for each in answer["recordings"]
    ]
    titles = ("FILE", "STATE", "ROOM", "SINCE", "UNTIL", "SIZE", "ID")
    return _print_list(titles, rows, answer["total"])


def _actor(node: Page, name: str) -> tuple[str, ...]:
    mailbox = node["mailbox"]
    return (
        name,
        node["kind"],
        node["state"],
        str(mailbox["depth"]),
        str(mailbox["peak"]),
        str(node["restarts"]),
        lasting(node["age"]),
        str(node["last_error"] or ""),
    )


def _floors(node: Page, indent: str) -> list[tuple[str, ...]]:
    """Return a row for an actor and for each below it, indented."""
    name = node["path"] if not indent else node["path"].rpartition("/")[2]
    rows = [_actor(node, indent + name)]
    for child in node["children"]:
        rows += _floors(child, indent + "  ")
    if node.get("below"):
        rows.append((f"{indent}  … {node['below']} more", *[""] * 7))
    return rows


def _print(lines: Sequence[str]) -> int:
    for line in lines:
        print_line(line)
    return 0


def _print_json(value: Any) -> int:
    print_line(json.dumps(value, indent=2))  # ASCII: nothing moves a cursor
    return 0


def _print_list(titles: Sequence[str], rows: Sequence[Sequence[str]], total: int) -> int:
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else 0
    _print(table(titles, rows, width))
    if total > len(rows):
        say(f"{len(rows)} of {total}; --limit 0 shows all")
    return 0


def _by_dialect(counts: dict[str, int]) -> str:
    named = ", ".join(f"{name} {count}" for name, count in counts.items() if count)
    return f"{sum(counts.values())}{f' ({named})' if named else ''}"


def _quality(quality: Page | None) -> str:
    if quality is None:
        return NONE
    found = [quality["rating"]]
    if quality.get("loss") is not None:
        found.append(f"{share(quality['loss'])} lost")
    if quality.get("round_trip") is not None:
        found.append(milliseconds(quality["round_trip"]))
    return ", ".join(found)


def _known(value: float | None, shown: Callable[[float], str]) -> str:
    return NONE if value is None else shown(value)


def _ago(since: float | None) -> str:
    return NONE if since is None else lasting(time.time() - since)


def _moment(seconds: float | None) -> str:
    if seconds is None:
        return NONE
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M:%S} UTC"


def _yes(value: bool) -> str:
    return "yes" if value else ""


def _number(value: int) -> str:
    return str(value) if value else ""
