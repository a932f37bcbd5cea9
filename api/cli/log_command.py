"""`quintet logs`: of files, of standard input, or of the running server."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from api.cli.live_parsers import Add, live_options
from api.cli.printing import fail, say, write
from api.cli.server_place import live_server
from api.logs.files import STANDARD_INPUT, LogUnreadable, lines_of_files
from api.logs.filter import LogFilter, parse_time
from api.logs.lines import LEVELS
from api.logs.viewer import follow, view, view_timeline


def show_logs(options: argparse.Namespace) -> int:
    """Print chosen log entries for people: of files, or of the running server."""
    if options.follow and len(options.file) > 1:
        return fail("--follow takes one file", 2)
    wanted = LogFilter(
        room=options.timeline or options.room,
        peer=options.peer,
        dialect=options.dialect,
        actor=options.actor,
        level=options.level,
        event=options.event,
        since=options.since,
        until=options.until,
    )
    lines = _lines(options, wanted)
    try:
        if options.json:
            for line in lines:
                _write_json(line, wanted)
        else:
            show = view_timeline if options.timeline else view
            show(lines, wanted, write, colour=sys.stdout.isatty())
    except BrokenPipeError:
        raise
    except LogUnreadable as error:
        return fail(str(error), 1)
    except OSError as error:
        return fail(f"cannot read {options.file[0]}: {error.strerror}", 1)
    return 0


def add_log_command(add: Add, config: argparse.ArgumentParser) -> None:
    """Add the command with its options."""
    logs = add("logs", show_logs, [config, live_options()])
    logs.add_argument(
        "file",
        nargs="*",
        metavar="FILE",
        help="JSON lines of ours, also compressed (.gz), in the order of their times; - is "
        "standard input; none: what the running server has kept of its warnings and errors, or "
        "with --follow all that it logs",
    )
    for name, text in (
        ("room", "of this room"),
        ("peer", "of this peer"),
        ("dialect", "of this dialect"),
        ("actor", "of the actor at this path, and of all below it"),
        ("event", "of this event, such as peer.joined or room.*"),
    ):
        logs.add_argument(f"--{name}", default="", help=f"only entries {text}")
    logs.add_argument("--level", choices=list(LEVELS), default="", help="this bad or worse")
    for name, text in (("since", "not before"), ("until", "not after")):
        logs.add_argument(
            f"--{name}",
            type=_moment,
            metavar="T",
            help=f"{text}: 10m (ago; s, m, h, d), 14:30, or an ISO time; in UTC",
        )
    logs.add_argument("-f", "--follow", action="store_true", help="wait for more")
    logs.add_argument(
        "--timeline", metavar="ROOM", default="", help="one room's life: time of day, and seconds"
    )
    logs.add_argument("--json", action="store_true", help="print the entries as they are, JSON")


def _lines(options: argparse.Namespace, wanted: LogFilter) -> Iterator[bytes]:
    if not options.file:
        return _live_lines(options, wanted)
    if options.follow and options.file != [STANDARD_INPUT]:
        return follow(Path(options.file[0]))
    return lines_of_files(options.file)


def _live_lines(options: argparse.Namespace, wanted: LogFilter) -> Iterator[bytes]:
    """Yield what the running server logs from now on, or has kept of its warnings and errors."""
    live = live_server(options)
    query = {
        "level": wanted.level,
        "room": wanted.room,
        "peer": wanted.peer,
        "dialect": wanted.dialect,
        "actor": wanted.actor,
        "event": wanted.event,
    }
    if not options.follow:
        for entry in live.get("/-/log", **query)["entries"]:
            yield json.dumps(entry).encode()
        return
    for kind, data in live.events("/-/log/live", **query):
        if kind == "dropped":
            say(f"quintet: entries were left out, for this reader was too slow: {data}")
        else:
            yield data.encode()
    say("quintet: the server has ended its log")


def _write_json(line: bytes, wanted: LogFilter) -> None:
    try:
        entry = json.loads(line)
    except (ValueError, RecursionError):
        return
    if isinstance(entry, dict) and "event" in entry and wanted.passes(entry):
        write(json.dumps(entry) + "\n")


def _moment(text: str) -> datetime:
    try:
        return parse_time(text, datetime.now(UTC))
    except (ValueError, OverflowError):
        raise argparse.ArgumentTypeError(f"cannot read the time {text!r}") from None
