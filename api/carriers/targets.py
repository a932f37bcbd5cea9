"""Request targets (RFC 9112, section 3.2): a path, or a whole URL as proxies send it."""

from __future__ import annotations

import re

ABSOLUTE = r"(?i:https?|wss?)://[^/?#]"
_ABSOLUTE = re.compile(r"(?i:https?|wss?)://([^/?#]+)([^#]*)")


def origin_form(target: str) -> tuple[str, str]:
    """Return the host that a target names ("" for a mere path), and its path with the query.

    The host takes the place of the Host header. A target that is neither a path nor a URL of ours
    comes back behind a slash, where nobody's route is.
    """
    found = _ABSOLUTE.match(target)
    if found is None:
        return "", target if target.startswith("/") else f"/{target}"
    host = found[1].rpartition("@")[2]
    return host, found[2] if found[2].startswith("/") else f"/{found[2]}"
