"""What an event must have to be sent: a type and a time in the forms of the documents. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

LONGEST_TYPE = 255
# Camel case: at least two words, a noun and a verb, before "Event".
_TYPE = re.compile(r"(?:[A-Z][a-z0-9]*){2,}Event", re.ASCII)
_INSTANT = re.compile(r"(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.\d{1,9})?Z", re.ASCII)


def problems_of(event: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Yield (field, what is wrong with it)."""
    if not is_event_type(event.get("type")):
        yield (
            "event.type",
            "must begin with a capital, end with Event, and name a noun and a verb in camel case",
        )
    if not is_instant(event.get("timestamp")):
        yield "event.timestamp", "must be an ISO-8601 instant, like 2011-12-03T10:15:30Z"


def is_event_type(value: object) -> bool:
    """Tell whether this is the name of a type, like UserCreatedEvent."""
    return (
        isinstance(value, str) and len(value) <= LONGEST_TYPE and _TYPE.fullmatch(value) is not None
    )


def is_instant(value: object) -> bool:
    """Tell whether this is a moment in UTC with seconds, and with up to nine digits of them."""
    found = _INSTANT.fullmatch(value) if isinstance(value, str) else None
    if found is None:
        return False
    try:
        datetime(*map(int, found.groups()), tzinfo=UTC)  # type: ignore[arg-type, misc]
    except ValueError:
        return False
    return True


def instant(moment: datetime) -> str:
    """Write a moment of our own: with exactly three digits, as published clients parse it."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
