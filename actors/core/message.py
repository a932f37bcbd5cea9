"""What actors say to each other: plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from actors.core.ref import Ref

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Message:
    """Base of everything an actor accepts. Subclasses are frozen, slotted dataclasses too."""


@dataclass(frozen=True, slots=True)
class Request(Message, Generic[R]):
    """Base of messages that can be asked; `R` is the type of the answer.

    A request may also be told; its answer or refusal then goes nowhere.
    """


@dataclass(frozen=True, slots=True)
class Down(Message):
    """A watched actor ended, given to `on_down`.

    `reason` holds no user data: "normal", "shutdown", "crashed: ValueError", … `restarting` means
    that the ref stays valid and a fresh incarnation takes over its mailbox; the watch stays too.
    """

    ref: Ref[Any]
    reason: str
    restarting: bool
