"""The last safety net of the logs: values that must never be written are taken out.

Code that logs is not to pass secrets at all; this catches what slips through. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "[redacted]"

_WORDS = frozenset(
    {"token", "tokens", "secret", "secrets", "password", "passwords", "passwd", "pin", "pins"}
    | {"sdp", "authorization", "cookie", "cookies", "credential", "credentials", "nonce"}
    | {"useridcombo", "jwt", "bearer", "query"}
)
_WHOLE = frozenset({"message_text", "chat_text", "text"})
_KEPT = frozenset({"time", "level", "event", "exception"})
_LONGEST = 4096
_DEEPEST = 4
_USERINFO = re.compile(r"(?<=://)[^/@\s]+@")
_QUERY = re.compile(r"(?<=[\w/])\?[^\s\"']+")


def redact(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Return a copy without secrets: by the name of the key, else by the look of the text."""
    return {key: value if key in _KEPT else _clean(key, value, 0) for key, value in entry.items()}


@lru_cache(maxsize=1024)
def is_secret_name(key: str) -> bool:
    """Tell whether a key of this name holds a secret: `access_token`, `Set-Cookie`, `roomPin`."""
    words = re.findall(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+", key)
    return key.lower() in _WHOLE or any(word.lower() in _WORDS for word in words)


def _clean(key: str, value: Any, depth: int) -> Any:
    if value is None or isinstance(value, bool):
        return value
    if is_secret_name(key):
        return HIDDEN
    if isinstance(value, str):
        return _clean_text(value)
    if isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{len(value)} bytes>"
    if isinstance(value, Mapping):
        if depth >= _DEEPEST:
            return HIDDEN
        return {str(name): _clean(str(name), item, depth + 1) for name, item in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return HIDDEN if depth >= _DEEPEST else [_clean("", item, depth + 1) for item in value]
    return value


def _clean_text(text: str) -> str:
    """Take out session descriptions, queries and passwords of URLs; bound the rest."""
    if text.lstrip().startswith("v=0") and "\n" in text:
        return HIDDEN
    if len(text) > _LONGEST:
        text = text[:_LONGEST] + "…"
    if "?" in text:
        text = _QUERY.sub("?" + HIDDEN, text)
    return _USERINFO.sub(HIDDEN + "@", text) if "://" in text else text
