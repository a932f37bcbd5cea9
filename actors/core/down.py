"""What an actor that watches another is told of its end."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from actors.core.message import Message
from actors.core.ref import Ref


@dataclass(frozen=True, slots=True)
class Down(Message):
    """A watched actor ended, given to `on_down`.

    `reason` holds no user data: "normal", "shutdown", "crashed: ValueError", … `restarting` means
    that the ref stays valid and a fresh incarnation takes over its mailbox; the watch stays too.
    """

    ref: Ref[Any]
    reason: str
    restarting: bool
