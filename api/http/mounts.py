"""What a dialect brings to a listener, and what the server hands to a dialect."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import structlog
from quart import Blueprint, Response

from actors.core import ActorStopped, Message, Ref
from actors.room.site_services import CpuSpent
from actors.signalling.absent import AbsentPeers
from actors.store.messages import STORE
from actors.store.tally import StoreTally
from actors.streams.services import AnalyticsTally
from actors.words.where_from import WhereFrom
from api.http.byte_budget import ByteBudget
from api.http.call_reports import FailedCall, note_failed_call
from api.http.loop_meter import LoopMeter
from api.http.metrics import Traffic
from api.http.peer_keys import PeerKeys
from api.http.refused_flows import RefusedFlows
from api.http.sockets import WebsocketRoute
from api.logs.addresses import shown_address

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

    from actors.core import ActorSystem
    from actors.directory.directory import Directory
    from api.http.credentials import CredentialGuard
    from api.process.lifecycle import Lifecycle
    from api.process.secret_store import Secrets
    from api.settings import Settings
    from api.sip.rooms import RoomsLine
    from media.contract.engine import MediaEngine


log = structlog.get_logger(__name__)

WORD = re.compile(r"[a-z0-9]+")


@dataclass(frozen=True, slots=True)
class Services:
    """Everything a dialect may use; made once per process in `api/process/composition.py`.

    `settings()` returns the current settings (SIGHUP replaces some of them).
    """

    settings: Callable[[], Settings]
    system: ActorSystem
    directory: Directory
    media: MediaEngine
    secrets: Secrets
    guard: CredentialGuard
    lifecycle: Lifecycle
    metrics: CollectorRegistry
    traffic: Traffic = field(default_factory=Traffic)
    lists_cost: CpuSpent = field(default_factory=CpuSpent)  # of clients, for people of a chat site
    loop: LoopMeter = field(default_factory=LoopMeter)
    unsent: ByteBudget = field(default_factory=ByteBudget)
    flows: RefusedFlows = field(default_factory=RefusedFlows)
    absent: AbsentPeers = field(default_factory=AbsentPeers)
    analytics: AnalyticsTally = field(default_factory=AnalyticsTally)
    store_tally: StoreTally = field(default_factory=StoreTally)
    certificates: dict[str, float] = field(default_factory=dict)  # their ends, by address
    peer_keys: PeerKeys = field(default_factory=PeerKeys)  # filled by the dialect of devices
    line: RoomsLine | None = None  # of telephones, where the server has any

    def where_from(self, address: str, device: str) -> WhereFrom:
        """Return whence somebody comes, with as much of the address as log.addresses lets show."""
        return WhereFrom(shown_address(address, self.settings().log.addresses), device)

    def login_refused(self, dialect: str, reason: str, address: str) -> None:
        """Log and count that somebody was not let in; `reason` is one of a few, without names."""
        log.info("login.refused", dialect=dialect, reason=reason, address=address)
        label = "_".join(WORD.findall(reason.lower()))
        self.system.counters.count("logins_refused", dialect, label)

    def call_failed(
        self, call: FailedCall, *, dialect: str, peer: str, room: str, other: str = ""
    ) -> None:
        """Log and count that a call of `peer` did not connect; `other` is whom it was to."""
        note_failed_call(call, dialect=dialect, peer=peer, room=room, other=other)
        self.system.counters.count("calls_failed", dialect, call.reason.value)

    def store(self) -> Ref[Message]:
        """Return the store. Raises ActorStopped while the server is going down."""
        found = self.system.registry.find(STORE)
        if found is None:
            raise ActorStopped(STORE)
        return found


@dataclass(frozen=True, slots=True)
class Place:
    """Where a dialect stands on one listener: alone or as root it also owns `/`, `/ws` …"""

    root: bool
    secure: bool


@dataclass(frozen=True, slots=True)
class Mount:
    """A dialect on one listener.

    `prefixes` are the path prefixes it reserves there (a prefix ends at a path segment): an unknown
    path below one is answered by `refuse`. `refuse(status)` builds the dialect's own error body for
    404, 405, 413, 429, 500 and 503. `large_bodies` names paths whose requests may have more than
    limits.body_bytes, and how many bytes each. `others` are blueprints with what does not go by the
    rules of the first one. `pages` are what people open in a browser: the path, and what it is.
    """

    dialect: str
    blueprint: Blueprint
    websockets: tuple[WebsocketRoute, ...]
    prefixes: tuple[str, ...]
    refuse: Callable[[int], Response]
    openapi: Mapping[str, object] | None = None  # "paths" fragment of an OpenAPI 3.1 document
    security_schemes: Mapping[str, object] = field(default_factory=dict)  # that those paths name
    large_bodies: Mapping[str, Callable[[], int]] = field(default_factory=dict)
    others: tuple[Blueprint, ...] = ()
    pages: Mapping[str, str] = field(default_factory=dict)


DialectOpener = Callable[[Services], Callable[[Place], Mount]]
"""Called once a process; what it returns opens a mount of the dialect for each listener. What is to
happen while the server drains goes into `services.lifecycle.drain_hooks`."""

__all__ = ["DialectOpener", "Mount", "Place", "Services"]
