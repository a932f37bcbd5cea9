"""Keys that have moved: files that name them as before are still read."""

from __future__ import annotations

from typing import Any

from api.settings.lines import KeyPath

MOVED: dict[tuple[str, str], tuple[str, str]] = {
    ("owt", "sessions_per_participant"): ("streams", "per_member"),
    ("owt", "connect_seconds"): ("streams", "connect_seconds"),
    ("owt", "recordings_per_room"): ("recording", "per_room"),
}
"""Old names and new ones, each a section and a key."""

Moved = dict[KeyPath, KeyPath]
"""The old name that was found, by the new one."""


def with_new_names(tables: dict[str, Any]) -> tuple[dict[str, Any], Moved, list[tuple[str, str]]]:
    """Return a configuration under the new names, which old ones it had, and those set twice."""
    tables = {name: dict(it) if isinstance(it, dict) else it for name, it in tables.items()}
    found: Moved = {}
    twice = []
    for old, new in MOVED.items():
        before, now = tables.get(old[0]), tables.setdefault(new[0], {})
        if not isinstance(before, dict) or not isinstance(now, dict) or old[1] not in before:
            continue
        value = before.pop(old[1])
        if new[1] in now:
            twice.append(old)
        else:
            now[new[1]] = value
            found[new] = old
    return tables, found, twice


def dotted(found: Moved) -> dict[str, str]:
    """Return the new names by the old ones, as people write them."""
    return {".".join(map(str, old)): ".".join(map(str, new)) for new, old in found.items()}
