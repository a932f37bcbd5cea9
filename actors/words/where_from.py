"""Where somebody comes from, as far as operators may see it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class WhereFrom:
    """`address` holds as much of the network address as may be shown and logged, "" for nothing;
    `device` is the browser and system, or the program, in few words."""

    address: str = ""
    device: str = ""


NOWHERE = WhereFrom()
