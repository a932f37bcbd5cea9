"""Who sends one link to too many people is put off: kicked at first, banned the next time. Pure.

Only direct messages count; a link in a public channel is seen by the operators anyway (fact sheet
section 2.10). The table is bounded: by people, by links of each, by threads of each link; whoever
was heard of least recently is forgotten first. Times are handed in, in seconds of any clock that
does not go back.
"""

from __future__ import annotations

import hashlib
import re
from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from typing import TypeVar
from urllib.parse import unquote, urlsplit

PEOPLE = 2000
"""Senders that are remembered."""
LINKS = 32
"""Links that are remembered of each, and that are read in one message."""
_LINK = re.compile(r"(?:https?://|www\.)[^\s<>\"'`\]|\\^{}]{1,2048}", re.IGNORECASE)
Key = TypeVar("Key")
Value = TypeVar("Value")
_PORTS = {"http": 80, "https": 443}


class LinkSpam(Enum):
    """What a sender has brought upon himself."""

    KICK = "kick"
    BAN = "ban"


@dataclass(slots=True)
class _Sender:
    heard: float
    links: OrderedDict[bytes, dict[str, float]] = field(default_factory=OrderedDict)


class LinkSpamGuard:
    """Counts in how many threads a sender has said the same link.

    More than `max_threads` different threads within `window_seconds` are too many: the first time
    for a kick, again within `ban_hours` for a ban. After either the count begins anew.
    """

    def __init__(self, max_threads: int, window_seconds: float, ban_hours: float) -> None:
        self._max_threads = max_threads
        self._window = window_seconds
        self._warned_for = max(window_seconds, ban_hours * 3600)
        self._senders: OrderedDict[str, _Sender] = OrderedDict()
        self._kicked: OrderedDict[str, float] = OrderedDict()

    def __len__(self) -> int:
        """How many people are remembered."""
        return len(self._senders.keys() | self._kicked.keys())

    def say(self, sender: str, to: str, text: str, now: float) -> LinkSpam | None:
        """Count the links of a direct message; return what follows, None for nothing.

        A message that brings something upon its sender should not be delivered.
        """
        self.sweep(now)
        links = set(_links(text))
        if not links:
            return None
        known = self._senders.pop(sender, None) or _Sender(now)
        known.heard = now
        self._senders[sender] = known
        counted = [self._count(known, link, to, now) for link in links]
        if not any(counted):
            _keep(self._senders, PEOPLE)
            return None
        del self._senders[sender]
        if self._kicked.pop(sender, None) is not None:
            return LinkSpam.BAN
        self._kicked[sender] = now
        _keep(self._kicked, PEOPLE)
        return LinkSpam.KICK

    def sweep(self, now: float) -> None:
        """Forget what is too old to count. Each message does so; a timer may do it as well."""
        while self._senders and _first(self._senders).heard < now - self._window:
            self._senders.popitem(last=False)
        while self._kicked and _first(self._kicked) < now - self._warned_for:
            self._kicked.popitem(last=False)

    def _count(self, sender: _Sender, link: bytes, to: str, now: float) -> bool:
        """Note that a link was said in a thread; tell whether those are too many threads."""
        before = sender.links.pop(link, {})
        threads = {thread: at for thread, at in before.items() if at >= now - self._window}
        threads[to] = now
        sender.links[link] = threads
        _keep(sender.links, LINKS)
        return len(threads) > self._max_threads


def _links(text: str) -> Iterator[bytes]:
    """Yield a short stand-in for each link of a text, the same however the link is written."""
    for index, match in enumerate(_LINK.finditer(text)):
        if index >= LINKS:
            return
        link = normalised(match[0]).encode("utf-8", "replace")
        yield hashlib.blake2b(link, digest_size=16).digest()


def normalised(link: str) -> str:
    """Return a link without what makes no difference to who follows it.

    That is: http or https, "www.", letter case and the usual port of the host, a fragment, escapes,
    a slash or punctuation at the end.
    """
    link = link.rstrip(".,;:!?)*_~")
    try:
        parts = urlsplit(link if "://" in link else f"http://{link}")
        host, port = (parts.hostname or "").rstrip(".").removeprefix("www."), parts.port
    except ValueError:  # a malformed address: as it is written
        return link.lower()
    if port is not None and port != _PORTS.get(parts.scheme):
        host += f":{port}"
    query = f"?{unquote(parts.query)}" if parts.query else ""
    return host + unquote(parts.path).rstrip("/") + query


def _keep(table: OrderedDict[Key, Value], limit: int) -> None:
    while len(table) > limit:
        table.popitem(last=False)


def _first(table: OrderedDict[Key, Value]) -> Value:
    return next(iter(table.values()))
