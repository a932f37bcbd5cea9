"""An actor that only looks after others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from actors.core.actor import Actor
from actors.core.message import Message, Request
from actors.core.ref import Ref, owner_of
from actors.core.reply import ReplyTo
from actors.core.spec import ChildSpec, Intensity, Strategy


@dataclass(frozen=True, slots=True)
class Spawn(Request[Ref[Any]]):
    """Ask for a child; the answer is its address. Refused with NameTaken."""

    spec: ChildSpec


@dataclass(frozen=True, slots=True)
class StopChild(Request[None]):
    """Ask for a child's end; answered when it has ended, also if there was none of that name."""

    name: str
    reason: str = "stopped"


class Supervisor(Actor[Message]):
    """Starts `children` in order, each once the one before is set up; takes more by `Spawn`.

    Stops them in reverse order. More restarts than `intensity` allows crash it with RestartLimit,
    which is for its own parent to handle. `per_child` is the budget of each transient child, in
    which `intensity` has no part: one that crashes more often ends for good, the others live on.
    """

    accepts = (Spawn, StopChild)

    def __init__(
        self,
        children: Sequence[ChildSpec] = (),
        strategy: Strategy = Strategy.ONE_FOR_ONE,
        intensity: Intensity = Intensity(),  # noqa: B008 -- frozen
        per_child: Intensity | None = None,
    ) -> None:
        self._first_children = tuple(children)
        self.strategy = strategy
        self.intensity = intensity
        self.per_child = per_child

    async def setup(self) -> None:
        """Start the first children."""
        for spec in self._first_children:
            child = owner_of(await self.ctx.spawn(spec))
            if child is not None:
                await child.until_ready()

    async def handle(self, message: Message) -> object:
        """Spawn or stop a child."""
        match message:
            case Spawn(spec):
                return await self.ctx.spawn(spec)
            case StopChild(name, reason):
                # In a helper: a slow teardown must not hold up the next spawn.
                self.ctx.start_task(self._stop_child, name, reason, self.ctx.defer())
        return None

    def snapshot(self) -> Mapping[str, object]:
        """Tell how crashes are handled."""
        return {"strategy": self.strategy.value}

    async def _stop_child(self, name: str, reason: str, asker: ReplyTo[None]) -> None:
        child = self.ctx.child(name)
        if child is not None:
            await self.ctx.stop_child(child, reason)
        asker.reply(None)
