"""What differs between two configurations, and which of it a running server takes over."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from api.dialects import built

if TYPE_CHECKING:
    from api.dialect import Dialect
    from api.settings.fields import Section
    from api.settings.model import Settings

_LOG = ("level", "file", "addresses")
_TLS = ("tls_certfile", "tls_keyfile")


@dataclass(frozen=True, slots=True)
class Changes:
    """Dotted keys that differ: those taken over on SIGHUP, and those that need a restart."""

    applied: tuple[str, ...]
    need_restart: tuple[str, ...]


def changes(old: Settings, new: Settings) -> Changes:
    """Compare; what `merged` leaves as it was needs a restart."""
    differing = dict.fromkeys(_differing(old.model_dump(), new.model_dump()))
    left = set(_differing(merged(old, new).model_dump(), new.model_dump()))
    return Changes(
        applied=tuple(key for key in differing if key not in left),
        need_restart=tuple(key for key in differing if key in left),
    )


def merged(old: Settings, new: Settings) -> Settings:
    """Return `old` with what of `new` a running server takes over.

    That is log level and file, limits, keys and certificates, and what dialects name.
    """
    listeners = old.listeners
    if len(listeners) == len(new.listeners):
        listeners = tuple(
            one.model_copy(update={key: getattr(two, key) for key in _TLS})
            if one.bind == two.bind and one.secure == two.secure
            else one
            for one, two in zip(listeners, new.listeners, strict=True)
        )
    return old.model_copy(
        update={
            "listeners": listeners,
            "log": old.log.model_copy(update={key: getattr(new.log, key) for key in _LOG}),
            "limits": new.limits,
            **{each.name: _taken_over(old, new, each) for each in built() if each.reloadable},
        }
    )


def _taken_over(old: Settings, new: Settings, dialect: Dialect) -> Section:
    """Return a dialect's old section with what is new of its reloadable keys."""
    before, after = old.section(dialect.section), new.section(dialect.section)
    return before.model_copy(update={key: getattr(after, key) for key in dialect.reloadable})


def _differing(old: Any, new: Any, key: str = "") -> Iterator[str]:
    """Yield the dotted keys whose values differ; equally long arrays of tables go by entry."""
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        for name in old:
            yield from _differing(old[name], new[name], f"{key}.{name}" if key else name)
    elif _tables(old) and _tables(new) and len(old) == len(new):
        for index, (one, two) in enumerate(zip(old, new, strict=True)):
            yield from _differing(one, two, f"{key}[{index}]")
    elif old != new:
        yield key


def _tables(value: Any) -> bool:
    return isinstance(value, tuple) and any(isinstance(entry, dict) for entry in value)
