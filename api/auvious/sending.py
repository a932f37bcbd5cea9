"""Sending an event to the endpoints of a user."""

from __future__ import annotations

from dataclasses import replace

import structlog
import trio

from actors.core import ActorError, Message, Ref
from actors.endpoint.endpoint import OfferEvent
from actors.endpoint.rules import Owner
from actors.words.keys import EndpointKey
from api.auvious.state import REALM, AuviousState
from api.auvious.wire import Sending
from api.http.asking import ask, in_time

log = structlog.get_logger(__name__)
SHOWN_TYPE = 80  # characters in the log


async def send(state: AuviousState, sending: Sending, organization: str, source: str) -> int:
    """Return how many endpoints took the event: those that live and have room for it.

    `source` is who sends it, of whom an endpoint keeps no more than his part of its outbox.
    Raises what `Ref.ask` raises when nobody can be asked at all.
    """
    owner = Owner(organization, sending.user)
    offer = OfferEvent(owner, replace(sending.event, source=source))
    addressed = await _addressed(state, sending, owner)
    taken = 0

    async def offer_to(endpoint: Ref[Message]) -> None:
        nonlocal taken
        if await _takes(endpoint, offer):
            taken += 1
            id_ = EndpointKey.from_slug(endpoint.name).id
            for listener in state.event_listeners:
                listener(owner, id_, sending.event)

    if len(addressed) == 1:
        await offer_to(addressed[0])
    else:
        async with trio.open_nursery() as nursery:  # nobody waits for one that does not answer
            for endpoint in addressed:
                nursery.start_soon(offer_to, endpoint)
    log.debug(
        "event.sent", type=sending.shown_type[:SHOWN_TYPE], qos=sending.event.qos,
        bytes=len(sending.event.payload), endpoints=len(addressed), taken=taken,
    )  # fmt: skip
    return taken


async def _addressed(
    state: AuviousState, sending: Sending, owner: Owner
) -> tuple[Ref[Message], ...]:
    if sending.endpoint is not None:
        endpoint = await state.endpoint(sending.endpoint)
        return (endpoint,) if endpoint else ()
    return await in_time(state.services.directory.endpoints_of(REALM, owner))


async def _takes(endpoint: Ref[Message], offer: OfferEvent) -> bool:
    try:
        return await ask(endpoint, offer)
    except ActorError:  # it has ended, or does not keep up: not counted
        return False
