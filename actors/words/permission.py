"""What a member of a room may do in it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any, Literal

Right = Literal["publish", "subscribe", "enter", "create", "chat", "lock", "kick"]


@dataclass(frozen=True, slots=True)
class Abilities:
    audio: bool = False
    video: bool = False


@dataclass(frozen=True, slots=True)
class Permission:
    """What a member may do in a room; the room decides by it, whatever the member's dialect.

    `publish` is what it may send, `subscribe` what it may take. `create` is to be the first in.
    """

    publish: Abilities = Abilities()
    subscribe: Abilities = Abilities()
    enter: bool = True
    create: bool = True
    chat: bool = True
    lock: bool = True
    kick: bool = False

    def changed(self, changes: Iterable[PermissionChange]) -> Permission:
        """Return what is allowed after these, the later ones winning."""
        permission = self
        for change in changes:
            after: Any = change.applied_to(permission)
            permission = replace(permission, **{change.right: after})
        return permission


NO_MEDIA = Permission()


@dataclass(frozen=True, slots=True)
class PermissionChange:
    """Set one right; `kind` for "publish" and "subscribe", which are per kind of media."""

    right: Right
    kind: Literal["audio", "video"] | None
    allowed: bool

    def applied_to(self, permission: Permission) -> Abilities | bool:
        """Return what the right is after this."""
        if self.kind is None:
            return self.allowed
        before: Abilities = getattr(permission, self.right)
        return replace(before, **{self.kind: self.allowed})
