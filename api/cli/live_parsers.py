"""The options of the commands that ask the running server, and what holds for all of them."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Sequence
from functools import wraps
from pathlib import Path
from typing import Protocol

from api.cli.live import LiveError
from api.cli.live_commands import (
    close,
    kick,
    open_room,
    recordings,
    rooms,
    status,
    streams,
    tree,
    who,
)
from api.cli.server_place import web_address
from api.cli.tables import printed

USUAL_ROWS = 100
USUAL_DEPTH = 2
_DASHED_ID = re.compile(r"-[\w][\w-]{18,}", re.ASCII)  # no option of ours is as long
_ROOM = "its name or id"
_PERSON = "peer id, as in the log; or id, name or user"


class Add(Protocol):
    """Makes the parser of one command."""

    def __call__(
        self,
        name: str,
        command: Callable[[argparse.Namespace], int],
        parents: Sequence[argparse.ArgumentParser] = (),
    ) -> argparse.ArgumentParser: ...


def with_marked_ids(arguments: Sequence[str]) -> list[str]:
    """Return a command line in which an id that begins with a dash is not taken for options."""
    if arguments[:1] not in (["kick"], ["streams"]) or "--" in arguments:
        return list(arguments)
    ids = [each for each in arguments if _DASHED_ID.fullmatch(each)]
    others = [each for each in arguments if each not in ids]
    return [*others, "--", *ids] if ids else others


def live_options() -> argparse.ArgumentParser:
    """Return the options by which a command finds the running server."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument(
        "--url",
        type=web_address,
        help="another server than that of the configuration on this machine",
    )
    parser.add_argument(
        "--token-file", type=Path, metavar="FILE", help="holds the operator's token of that server"
    )
    return parser


def add_live_commands(add_command: Add, config: argparse.ArgumentParser) -> None:
    """Add every command of this file."""
    as_json = argparse.ArgumentParser(add_help=False)
    as_json.add_argument("--json", action="store_true", help="print JSON")
    limit = argparse.ArgumentParser(add_help=False)
    limit.add_argument(
        "--limit", type=_count, default=USUAL_ROWS, help=f"rows, 0 for all ({USUAL_ROWS})"
    )
    dialect = argparse.ArgumentParser(add_help=False)
    dialect.add_argument("--dialect", default="", help="only those of this dialect")
    search = argparse.ArgumentParser(add_help=False)
    search.add_argument("--search", default="", metavar="TEXT", help="in a name")
    every = [config, live_options(), as_json]
    listing = [*every, limit, dialect, search]

    def add(
        name: str,
        command: Callable[[argparse.Namespace], int],
        parents: Sequence[argparse.ArgumentParser],
    ) -> argparse.ArgumentParser:
        return add_command(name, _in_known_form(command), parents)

    add("status", status, every)
    each = add("rooms", rooms, listing)
    each.add_argument(
        "--sort", choices=("people", "since", "name", "streams", "quality"), default="people"
    )
    each.add_argument("--order", choices=("asc", "desc"), default="")
    each.add_argument("--ids", action="store_true", help="show the ids, too")
    each = add("who", who, listing)
    each.add_argument("room", nargs="?", default="", metavar="ROOM", help=_ROOM)
    each.add_argument("--sort", choices=("name", "since", "room", "quality"), default="name")
    each = add("streams", streams, every)
    each.add_argument("person", metavar="ID", help=_PERSON)
    each = add("close", close, [*every, dialect])
    each.add_argument(
        "room", metavar="ROOM", help=f"{_ROOM}; with --dialect also one that nobody has taken"
    )
    each.add_argument("--reason", default="", help="shown to its people")
    each.add_argument(
        "--seconds", type=float, help="how long nobody may come in; else operator.closed_seconds"
    )
    each = add("open", open_room, every)
    each.add_argument("room", nargs="?", default="", metavar="ROOM", help=_ROOM)
    each = add("kick", kick, every)
    each.add_argument("person", metavar="ID", help=_PERSON)
    each.add_argument("--reason", default="", help="shown to them")
    each = add("tree", tree, [*every, limit])
    each.add_argument("path", nargs="?", default="", metavar="PATH", help="of the uppermost actor")
    each.add_argument("--depth", type=_count, default=USUAL_DEPTH, help=f"floors ({USUAL_DEPTH})")
    each.add_argument("--kind", default="", help="only those of this kind, such as room")
    add("recordings", recordings, [*every, limit])


def _in_known_form(
    command: Callable[[argparse.Namespace], int],
) -> Callable[[argparse.Namespace], int]:
    """Return a command that says so where a server of another version answers otherwise."""

    @wraps(command)
    def carry_out(options: argparse.Namespace) -> int:
        try:
            return command(options)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            what = printed(f"{type(error).__name__}: {error}")
            raise LiveError(
                f"the server answers otherwise than this version does ({what})"
            ) from error

    return carry_out


def _count(text: str) -> int:
    number = int(text)
    if number < 0:
        raise ValueError
    return number
