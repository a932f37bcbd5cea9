"""What a member of a room may send to it and take from it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Abilities:
    audio: bool = False
    video: bool = False


@dataclass(frozen=True, slots=True)
class Permission:
    """`publish` is what a member may send, `subscribe` what it may take."""

    publish: Abilities = Abilities()
    subscribe: Abilities = Abilities()

    def changed(self, changes: Iterable[PermissionChange]) -> Permission:
        """Return what is allowed after these, the later ones winning."""
        permission = self
        for change in changes:
            before = permission.publish if change.right == "publish" else permission.subscribe
            kind = "audio" if change.kind == "audio" else "video"
            after = replace(before, **{kind: change.allowed})
            if change.right == "publish":
                permission = replace(permission, publish=after)
            else:
                permission = replace(permission, subscribe=after)
        return permission


NOTHING = Permission()


@dataclass(frozen=True, slots=True)
class PermissionChange:
    """Set one ability: `right` is "publish" or "subscribe", `kind` "audio" or "video"."""

    right: str
    kind: str
    allowed: bool
