"""The statistics document of `/api/v1/stats`: this process, its rooms and sessions."""

from __future__ import annotations

import resource
import sys
from typing import TYPE_CHECKING

import trio

from actors.core import ActorError
from actors.member.messages import DescribeMember, MemberView
from api.http.asking import budget, in_time
from api.spreed.events import user_document
from api.spreed.rooms import REALM

if TYPE_CHECKING:
    from api.spreed.state import SpreedState

DETAILED_SESSIONS = 5000


async def stats_document(state: SpreedState, *, details: bool) -> dict[str, object]:
    """Return the statistics under both spellings of their keys, the seed's and the original's."""
    hub = await _hub(state)
    if details:
        hub |= await _details(state)
    runtime = _runtime()
    return {"Runtime": runtime, "Hub": hub, "runtime": runtime, "hub": hub}


async def _hub(state: SpreedState) -> dict[str, object]:
    directory = state.services.directory
    sessions = len(await directory.members(REALM))
    users = await in_time(directory.count_users(REALM))
    return {
        "rooms": len(await directory.rooms(REALM)),
        "connections": sessions,
        "sessions": sessions,
        "users": users,
        "count": state.tallies.connections,
        "broadcastchatmessages": state.tallies.broadcast_chats,
        "unicastchatmessages": state.tallies.unicast_chats,
    }


async def _details(state: SpreedState) -> dict[str, object]:
    sessions: dict[str, object] = {}
    in_room: dict[str, list[str]] = {}
    users: dict[str, dict[str, object]] = {}
    for described in await _descriptions(state):
        presence = described.presence
        sessions[presence.peer] = user_document(presence, "")
        if described.room:
            in_room.setdefault(described.room, []).append(presence.peer)
        if presence.user:
            user = users.setdefault(presence.user, {"Id": presence.user, "Sessions": 0})
            user["Sessions"] = int(str(user["Sessions"])) + 1
    return {
        "sessionsbyid": sessions,
        "connectionsbyidx": {str(index): peer for index, peer in enumerate(sessions, 1)},
        "idsinroom": in_room,
        "usersbyid": users,
    }


async def _descriptions(state: SpreedState) -> list[MemberView]:
    """Ask every session for itself, one budget for all; those that end meanwhile are left out."""
    found: list[MemberView] = []
    with trio.move_on_after(budget()):
        for ref in (await state.services.directory.members(REALM))[:DETAILED_SESSIONS]:
            try:
                found.append(await ref.ask(DescribeMember(), within=1.0))
            except ActorError:
                continue
    return found


def _runtime() -> dict[str, object]:
    """Return what Python can tell under the names that the original's Go runtime gave."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    return {
        "goroutines": trio.lowlevel.current_statistics().tasks_living,
        "alloc": peak,
        "mallocs": sys.getallocatedblocks(),
        "frees": 0,
        "pauses": 0.0,
        "heap": peak,
        "stack": 0,
    }
