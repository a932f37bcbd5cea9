"""Ending the chat and reading its configuration again: for the web API and operators' commands."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING

import structlog

from actors.core import ActorError
from actors.member.messages import End
from actors.words.close_reasons import CloseReason
from actors.words.site_orders import (
    Announce,
    SetSiteRules,
)
from api.barertc.settings import ends_process

if TYPE_CHECKING:
    from api.barertc.state import BareRtcState

log = structlog.get_logger(__name__)

ANNOUNCE_SECONDS = 1.0  # the end comes whether or not the room still answers
STOP_AFTER_SECONDS = 2.0
STOP_CODE = 1  # so that an init system takes it for a failure, and starts the process again
GOING = (
    "This chat is about to restart: please stand by, and come back in a moment. "
    "We are going to reboot NOW!"
)


async def shut_down(state: BareRtcState) -> None:
    """Tell everybody, and end the process after two seconds, or end the chat alone.

    Which of them, `barertc.shutdown` says. Under another server (`api/asgi.py`) the process is not
    ours to end: there it is the chat. Takes at most a few seconds, and raises nothing.
    """
    process = state.services.lifecycle.process
    if process is not None and ends_process(state.services.settings()):
        log.warning("barertc.shutdown_ordered", ends="process")
        process.stop(STOP_CODE, STOP_AFTER_SECONDS)  # first: it comes even if the room hangs
        await announce(state, GOING)
        return
    log.warning("barertc.shutdown_ordered", ends="site")
    await announce(state, GOING)
    await end_site(state)


async def announce(state: BareRtcState, html: str) -> None:
    """Have the server say something to everybody; raises nothing."""
    site = await state.site()
    if site is not None:
        with suppress(ActorError):
            await site.ask(Announce(html), within=ANNOUNCE_SECONDS)


async def end_site(state: BareRtcState) -> None:
    """End the room, also one that hangs, and the connections of all who are in it.

    Published clients connect again by themselves; who comes in first opens the room anew.
    """
    directory = state.services.directory
    members = await directory.members(state.realm)
    await directory.close_room(state.room, "shutdown")
    for member in members:
        with suppress(ActorError):  # most have heard it from the room
            member.tell(End(CloseReason.ROOM_CLOSED))


def reconfigure(state: BareRtcState) -> bool:
    """Do what SIGHUP does; False where the process is not ours."""
    process = state.services.lifecycle.process
    if process is None:
        return False
    process.reload()
    return True


def follow_settings(state: BareRtcState) -> None:
    """Hand what was reloaded to the chat that runs; waits never, for the hook of a reload."""

    async def tell() -> None:
        site = await state.site()
        if site is not None:
            with suppress(ActorError):  # it ends, and the next one has them from the start
                site.tell(SetSiteRules(state.site_rules()))

    state.errands.run(tell, "rules")
