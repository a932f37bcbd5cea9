"""What an actor's author writes: an `Actor`, which is given a `Context`."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar, Generic, TypeVar

from actors.core.context import Context
from actors.core.down import Down
from actors.core.message import Message
from actors.core.spec import Intensity, Strategy

M = TypeVar("M", bound=Message)


class Actor(Generic[M]):
    """Something that lives, fails or waits by itself. Handles one message at a time.

    `accepts` names the message types it takes (their subclasses too), checked in the sender.
    `strategy` and `intensity` say what happens when a child of it crashes. With `per_child` each
    transient child has a budget of its own: one that uses it up ends for good, and nobody else.
    """

    __slots__ = ("ctx",)

    accepts: ClassVar[tuple[type[Message], ...]] = ()
    kind: ClassVar[str] = "actor"
    strategy: Strategy = Strategy.ONE_FOR_ONE
    intensity: Intensity = Intensity()
    per_child: Intensity | None = None

    ctx: Context

    def __init_subclass__(cls, **kwargs: object) -> None:
        super().__init_subclass__(**kwargs)
        if "kind" not in cls.__dict__:
            cls.kind = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", cls.__name__).lower()

    async def setup(self) -> None:
        """Prepare; `self.ctx` is there. Messages sent meanwhile wait in the mailbox.

        If it raises, or is cancelled by a stop, it must have cleaned up after itself: `teardown`
        runs only after a whole setup.
        """

    async def handle(self, message: M) -> object:
        """Handle one message; for a request the returned value is the answer.

        Raise a Refused to say no. Anything else that is raised ends this incarnation.
        """

    async def on_down(self, down: Down) -> None:
        """Handle the end of a watched actor."""

    async def teardown(self, reason: str) -> None:
        """Clean up: after a stop and after a crash, when children and helper tasks have ended.

        Cut off after the spec's grace. Its own refs to others still work, `ctx.spawn` does not.
        """

    def snapshot(self) -> Mapping[str, object]:
        """Return facts for the operator: JSON-able, no secrets, nothing of what people say.

        It is taken at any time, beside `handle`, for all actors in turn: cheap, and without a wait.
        """
        return {}
