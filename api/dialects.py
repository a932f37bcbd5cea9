"""The dialects by name: the one place that knows which there are, and where each is."""

from __future__ import annotations

from pkgutil import resolve_name
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from api.dialect import Dialect
    from api.settings import ListenerSettings

BUILT = {
    "spreed": "api.spreed.dialect:SPREED",
    "owt": "api.owt.dialect:OWT",
    "auvious": "api.auvious.dialect:AUVIOUS",
    "peerjs": "api.peerjs.dialect:PEERJS",
    "barertc": "api.barertc.dialect:BARERTC",
    "skyway": "api.skyway.dialect:SKYWAY",
    "operator": "api.operator.dialect:OPERATOR",
}
"""What this version can serve: the name, and the module and name of its `Dialect`."""

DEFAULTS = ("spreed", "owt", "auvious", "peerjs", "barertc", "operator")
"""What a listener serves that names no dialects: not skyway, whose callers open UDP ports."""

DEFAULT_ROOT = "spreed"
"""What owns `/` and `/ws` on such a listener."""


def built() -> tuple[Dialect, ...]:
    """Return every dialect of this version; none is started."""
    return tuple(map(dialect, BUILT))


def served(listeners: Iterable[ListenerSettings]) -> tuple[Dialect, ...]:
    """Return the dialects that some listener names. Raises KeyError for one that is not built."""
    names = dict.fromkeys(name for listener in listeners for name in listener.dialects)
    return tuple(map(dialect, names))


def dialect(name: str) -> Dialect:
    """Return the dialect of that name. Raises KeyError for one that is not built."""
    found: Dialect = resolve_name(BUILT[name])
    return found
