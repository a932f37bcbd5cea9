"""Request targets (RFC 9112, section 3.2): a path, or a whole URL as proxies send it."""

from __future__ import annotations

import re

_TEXT = r"[\w.~!$&'()*+,;=%-]"  # of a name or a password (RFC 3986, section 3.2)
_AUTHORITY = rf"(?:(?:{_TEXT}|:)*@)?((?:\[[\da-fA-F:.]+\]|{_TEXT}+)(?::\d{{0,5}})?)"
ABSOLUTE = rf"(?i:https?|wss?)://{_AUTHORITY}(?=[/?#\s]|$)"
_ABSOLUTE = re.compile(rf"{ABSOLUTE}((?:[/?][^#]*)?)(?:#.*)?", re.ASCII)


def origin_form(target: str) -> tuple[str, str]:
    """Return the host that a target names ("" for a mere path), and its path with the query.

    The host takes the place of the Host header. A target that is neither a path nor a URL of ours,
    such as one with a broken host, comes back behind a slash, where nobody's route is.
    """
    found = _ABSOLUTE.fullmatch(target)
    if found is None:
        return "", target if target.startswith("/") else f"/{target}"
    return found[1], found[2] if found[2].startswith("/") else f"/{found[2]}"
