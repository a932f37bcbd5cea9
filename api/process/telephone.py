"""The telephone, as the configuration has it; without one, nothing of `api/sip` is loaded."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import trio

from actors.core import Spawn
from actors.streams.services import CallPlan
from api.process.certificates import note_telephone_certificate
from api.process.listeners import StartError

if TYPE_CHECKING:
    from api.http.credentials import CredentialGuard
    from api.http.mounts import Services
    from api.settings import Settings, SipSettings
    from api.sip.telephone import SipTelephone
    from api.sip.transports import SecureContexts

START_SECONDS = 10.0


@contextmanager
def telephone_of(settings: Settings, guard: CredentialGuard) -> Iterator[SipTelephone | None]:
    """Bind the addresses of [sip] and make the telephone; None where there are no addresses.

    Raises StartError.
    """
    sip = settings.sip
    if not sip.bind:
        yield None
        return
    from api.sip.agents import make_agent
    from api.sip.binding import CannotListen, sip_sockets
    from api.sip.plan import TelephonePlan
    from api.sip.telephone import SipTelephone

    plan = TelephonePlan(
        secure=_secure(sip),
        allow=sip.allow,
        users={user.name: user.password for user in sip.users},
        digest=sip.digest,
        call_allow=sip.call_allow,
        trunk=sip.trunk,
        calls=sip.calls,
        connections=sip.connections,
        ring_seconds=call_plan(sip).ring_seconds,
        announced=settings.ice.announced_ips,
    )
    try:
        with sip_sockets([(it.transport, it.host, it.port) for it in sip.binds]) as sockets:
            yield SipTelephone(plan, sockets, guard, make_agent)
    except CannotListen as error:
        raise StartError(str(error)) from None


async def serve_calls(telephone: SipTelephone, services: Services) -> None:
    """Start it as an actor, count what it does, and give it a moment until it is there."""
    from api.sip.actor import telephone_spec
    from api.sip.tally import SipCollector

    services.lifecycle.drain_hooks.append(telephone.drain)
    note_telephone_certificate(services, services.settings().sip)
    services.metrics.register(SipCollector(telephone.tally, telephone.facts))
    services.system.root.tell(Spawn(telephone_spec(telephone)))
    with trio.move_on_after(START_SECONDS):  # else the rest does its work without
        await telephone.started()


def call_plan(sip: SipSettings) -> CallPlan:
    """Return the bounds of calls."""
    return CallPlan(sip.rtp_ports, sip.calls, min(sip.calls, sip.calls_per_room))


def _secure(sip: SipSettings) -> SecureContexts:
    """Read the certificate. Raises StartError."""
    from api.sip.transports import SecureContexts

    server = None
    if sip.tls_certfile is not None:
        server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        try:
            server.load_cert_chain(sip.tls_certfile, sip.tls_keyfile)
        except (OSError, ssl.SSLError) as error:
            reason = getattr(error, "reason", None) or error.strerror
            raise StartError(f"cannot use the certificate of sip: {reason}") from None
    return SecureContexts(server, ssl.create_default_context())
