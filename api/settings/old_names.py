"""Keys that have moved: files that name them as before are still read."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from api.dialects import built
from api.settings.lines import KeyPath

Place = tuple[str, str]  # a section and a key


def moved_keys() -> dict[Place, Place]:
    """Return the new names of keys by the old ones."""
    return {
        (dialect.name, old): new for dialect in built() for old, new in dialect.moved_keys.items()
    }


Moved = dict[KeyPath, KeyPath]
"""The old name that was found, by the new one."""


def with_new_names(tables: dict[str, Any]) -> tuple[dict[str, Any], Moved, list[tuple[str, str]]]:
    """Return a configuration under the new names, which old ones it had, and those set twice."""
    tables = {name: dict(it) if isinstance(it, dict) else it for name, it in tables.items()}
    found: Moved = {}
    twice = []
    for old, new in moved_keys().items():
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


def old_names_hints(old_names: Mapping[str, str]) -> Iterator[str]:
    """Yield a warning that names the new names, where there are old ones."""
    if old_names:
        names = ", ".join(f"{old} is {new} now" for old, new in old_names.items())
        yield f"{names}; the old names are still read"
