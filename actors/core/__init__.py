"""The actor runtime. Everything else imports it from here and nothing below."""

from actors.core.actor import Actor
from actors.core.context import Context
from actors.core.counters import Counters
from actors.core.down import Down
from actors.core.errors import (
    ActorCrashed,
    ActorError,
    ActorStopped,
    AskCycle,
    AskTimeout,
    MailboxFull,
    NameTaken,
    PermanentActor,
    Refused,
    RestartLimit,
    SetupTimeout,
    UnknownActor,
)
from actors.core.glimpse import Glimpse
from actors.core.inspect import Census
from actors.core.message import Message, Request
from actors.core.ref import STRANGERS_SPARE, Ref
from actors.core.registry import Registry
from actors.core.reply import ReplyTo
from actors.core.slices import Slices
from actors.core.spec import ChildSpec, Intensity, Restart, Strategy
from actors.core.supervisor import Spawn, StopChild, Supervisor
from actors.core.system import ActorSystem, open_system
from actors.core.timers import Timer

__all__ = [
    "STRANGERS_SPARE",
    "Actor",
    "ActorCrashed",
    "ActorError",
    "ActorStopped",
    "ActorSystem",
    "AskCycle",
    "AskTimeout",
    "Census",
    "ChildSpec",
    "Context",
    "Counters",
    "Down",
    "Glimpse",
    "Intensity",
    "MailboxFull",
    "Message",
    "NameTaken",
    "PermanentActor",
    "Ref",
    "Refused",
    "Registry",
    "ReplyTo",
    "Request",
    "Restart",
    "RestartLimit",
    "SetupTimeout",
    "Slices",
    "Spawn",
    "StopChild",
    "Strategy",
    "Supervisor",
    "Timer",
    "UnknownActor",
    "open_system",
]
