"""What the dialect keeps for the life of the process, shared by its listeners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from actors.signalling.absent import AbsentLimits
from actors.signalling.switchboard import Switchboard
from api.peerjs.keeper import BrokerKeeper
from api.peerjs.settings import PeerJsSettings

if TYPE_CHECKING:
    from api.http.mounts import Services


@dataclass(slots=True)
class PeerJsState:
    """Who is there, the directory knows; who holds which id, its member. `sockets` counts those
    of browsers that are let in, or are about to be."""

    services: Services
    switchboard: Switchboard
    keeper: BrokerKeeper
    sockets: int = 0

    @classmethod
    def open(cls, services: Services) -> PeerJsState:
        switchboard = Switchboard(services.directory, services.absent)
        state = cls(services, switchboard, BrokerKeeper(services))
        state.follow_limits()
        services.lifecycle.reload_hooks.append(state.follow_limits)
        state.keeper.start()
        return state

    @property
    def settings(self) -> PeerJsSettings:
        """The section as it is now: SIGHUP may have changed it."""
        return self.services.settings().section(PeerJsSettings)

    def realm_of(self, key: str, origin: str | None) -> str | None:
        """Return where those who have this API key meet; None where it is not for this page.

        `origin` is the header of that name, None where there is none.
        """
        return self.services.peer_keys.for_browser(key, origin, self.settings.key)

    def follow_limits(self) -> None:
        """Take over the limits of what waits for absent peers."""
        settings = self.settings
        self.services.absent.limits = AbsentLimits(
            settings.absent_messages,
            settings.absent_bytes,
            settings.absent_messages_per_address,
            settings.absent_bytes_per_address,
        )
