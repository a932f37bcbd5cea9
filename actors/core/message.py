"""What actors say to each other: plain frozen data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Message:
    """Base of everything an actor accepts. Subclasses are frozen, slotted dataclasses too."""


@dataclass(frozen=True, slots=True)
class Request(Message, Generic[R]):
    """Base of messages that can be asked; `R` is the type of the answer.

    A request may also be told; its answer or refusal then goes nowhere.
    """
