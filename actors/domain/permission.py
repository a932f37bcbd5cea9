"""What a member of a room may send to it and take from it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Abilities:
    audio: bool = False
    video: bool = False


@dataclass(frozen=True, slots=True)
class Permission:
    """`publish` is what a member may send, `subscribe` what it may take."""

    publish: Abilities = Abilities()
    subscribe: Abilities = Abilities()


NOTHING = Permission()


@dataclass(frozen=True, slots=True)
class PermissionChange:
    """Set one ability: `right` is "publish" or "subscribe", `kind` "audio" or "video"."""

    right: str
    kind: str
    allowed: bool
