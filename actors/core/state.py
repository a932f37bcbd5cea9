"""Where an actor stands in its life."""

from __future__ import annotations

from enum import Enum


class ActorState(Enum):
    """The states of an actor, over all its incarnations; the values are what the tree shows."""

    STARTING = "starting"
    RUNNING = "running"
    STOPPING = "stopping"  # an incarnation is ending, for whatever reason
    WAITING = "restarting"  # it has ended, the next one is to come
    STOPPED = "stopped"
