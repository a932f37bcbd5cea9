"""How a child is to be started, restarted and stopped."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from actors.core.message import Message


class Restart(Enum):
    """When a child that ended comes back."""

    PERMANENT = "permanent"  # always; it may not be stopped by hand or by itself
    TRANSIENT = "transient"  # after a crash, not after a stop
    TEMPORARY = "temporary"  # never


class Strategy(Enum):
    """Who is restarted when a child crashes."""

    ONE_FOR_ONE = "one_for_one"  # that child alone
    REST_FOR_ONE = "rest_for_one"  # that child and those spawned after it


@dataclass(frozen=True, slots=True)
class Intensity:
    """At most `restarts` within `period` seconds; one more, and whoever has this budget ends."""

    restarts: int = 10
    period: float = 60.0


class Living(Protocol):
    """What the runtime asks of an actor object; `Actor`, which says it in full, is the base."""

    strategy: Strategy
    intensity: Intensity
    per_child: Intensity | None
    ctx: Any

    @property
    def accepts(self) -> tuple[type[Message], ...]:
        """The message types it takes."""

    @property
    def kind(self) -> str:
        """The name of its kind."""

    async def setup(self) -> None:
        """Prepare."""

    async def handle(self, message: Any) -> object:
        """Handle one message."""

    async def on_down(self, down: Any) -> None:
        """Handle the end of a watched actor."""

    async def teardown(self, reason: str) -> None:
        """Clean up."""

    def snapshot(self) -> Mapping[str, object]:
        """Return facts for the tree page."""


@dataclass(frozen=True, slots=True)
class ChildSpec:
    """One child: its name among its siblings, how to make it, and what it is allowed.

    `factory` makes the actor of each incarnation, at once and without waiting for anything; if it
    raises, that is a crash of the child, not of the spawner. `grace` is the time in seconds
    that a handler in progress gets when the child is stopped, and then again its teardown.
    `mailbox` is how many messages may wait. `setup_seconds` is the time for a setup: one that takes
    longer crashes the child with SetupTimeout (a thread it waits for must be one that may be
    abandoned). Raises ValueError for a name that cannot stand in a
    path or a mailbox without room.
    """

    name: str
    factory: Callable[[], Living]
    restart: Restart = Restart.TEMPORARY
    grace: float = 5.0
    mailbox: int = 256
    setup_seconds: float = 30.0

    def __post_init__(self) -> None:
        if not self.name or "/" in self.name:
            raise ValueError("an actor's name is not empty and has no '/'")
        if self.mailbox < 1:
            raise ValueError("a mailbox holds at least one message")
