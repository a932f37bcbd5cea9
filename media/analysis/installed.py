"""Which plug-ins there are: our own, and those of the entry point group `quintet.analytics`."""

from __future__ import annotations

import inspect
from importlib import import_module, invalidate_caches
from importlib.metadata import entry_points
from typing import cast

from media.analysis.plugin import Plugin, Wants

GROUP = "quintet.analytics"
BUILT_IN = {
    "black": "media.analysis.builtin.stillness:Black",
    "dummy": "media.analysis.builtin.dummy:Dummy",
    "frozen": "media.analysis.builtin.stillness:Frozen",
    "level": "media.analysis.builtin.level:Level",
    "motion": "media.analysis.builtin.motion:Motion",
    "voice": "media.analysis.builtin.voice:Voice",
}
"""By name, "module:class"; no installed plug-in takes their place."""


class UnknownPlugin(LookupError):
    """Nothing is installed under that name."""


def names() -> list[str]:
    """Return what plug-ins there are, sorted. It reads files, and imports none of them."""
    return sorted({*BUILT_IN, *(found.name for found in entry_points(group=GROUP))})


def load(name: str) -> Plugin:
    """Import a plug-in; of a class, one is made.

    Raises UnknownPlugin, TypeError for what is no plug-in, and whatever its import does.
    """
    invalidate_caches()  # of a process that was started before it was installed
    own = BUILT_IN.get(name)
    if own is not None:
        module, _, attribute = own.partition(":")
        found: object = getattr(import_module(module), attribute)
    else:
        entry = next(iter(entry_points(group=GROUP, name=name)), None)
        if entry is None:
            raise UnknownPlugin(name)
        found = entry.load()
    if isinstance(found, type):
        found = found()
    if not isinstance(getattr(found, "wants", None), Wants):
        raise TypeError("it has no `wants`")
    if not inspect.iscoroutinefunction(getattr(found, "analyse", None)):
        raise TypeError("it has no `async def analyse`")
    return cast(Plugin, found)
