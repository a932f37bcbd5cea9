"""What can go wrong between actors, and whose fault it is.

ActorError
├── Refused          expected and named; the actor lives on
│   ├── NameTaken        a live actor has that name already
│   ├── UnknownActor     no live actor has that path
│   └── PermanentActor   that one may not be stopped by hand
├── AskTimeout       no answer in time; the work may still happen
├── AskCycle         the asked actor is itself waiting for this answer
├── MailboxFull      the receiver does not keep up
├── ActorStopped     the receiver is gone, or going
├── SetupTimeout     an actor was not ready in time
├── ActorCrashed     the receiver crashed over this; `__cause__` is the original
└── RestartLimit     a supervisor gave up; `__cause__` is the last crash
"""

from __future__ import annotations

from typing import ClassVar


class ActorError(Exception):
    """Anything this package raises on purpose."""


class Refused(ActorError):
    """Say no to a request in an expected way: the asker gets it raised, the actor lives on.

    Domain code subclasses it; `code` is the stable name that dialects translate. The same instance
    travels to the asker, so make a fresh one for each refusal.
    """

    code: ClassVar[str] = "refused"


class NameTaken(Refused):
    """Refuse to spawn: a live sibling has that name."""

    code = "name_taken"


class UnknownActor(Refused):
    """Refuse to act on a path where no actor lives."""

    code = "unknown_actor"


class PermanentActor(Refused):
    """Refuse to stop an actor that its supervisor would have to bring back."""

    code = "permanent_actor"


class AskTimeout(ActorError):
    """No answer within the budget. The request may still be carried out, unheard."""


class AskCycle(ActorError):
    """The asked actor waits, directly or through others, for the one that asks."""


class MailboxFull(ActorError):
    """The receiver has `mailbox` messages unhandled; nothing was queued."""


class ActorStopped(ActorError):
    """The receiver has ended or is ending; the message will not be handled."""


class ActorCrashed(ActorError):
    """The receiver raised while it handled this request; `__cause__` is what it raised."""


class SetupTimeout(ActorError):
    """A setup took longer than the spec's `setup_seconds`."""


class RestartLimit(ActorError):
    """More restarts than a supervisor's intensity allows; `__cause__` is the last crash."""
