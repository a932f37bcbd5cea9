"""What the dialect keeps for the life of the process, shared by its listeners."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from actors.core import Message, Ref
from actors.words.keys import MemberKey
from api.http.fair_line import LineLimits
from api.http.fair_work import FairWork, line_limits
from api.process.version import quintet_version
from api.spreed.access_tokens import AccessTokens
from api.spreed.commands import shared_secret
from api.spreed.events import SpreedRenderer
from api.spreed.pictures import Pictures
from api.spreed.rooms import REALM
from api.spreed.settings import SpreedSettings
from api.spreed.signing import Signer

if TYPE_CHECKING:
    from api.http.mounts import Services
    from api.settings import IceSettings, LimitSettings

VERSION = f"quintet-{quintet_version()}"  # Self and the page must name the same


@dataclass(slots=True)
class Tallies:
    """Counts since the start, as `/api/v1/stats` reports them."""

    connections: int = 0
    broadcast_chats: int = 0
    unicast_chats: int = 0


@dataclass(slots=True)
class SpreedState:
    services: Services
    signer: Signer
    pictures: Pictures
    access_tokens: AccessTokens
    renderer: SpreedRenderer
    tallies: Tallies = field(default_factory=Tallies)

    @classmethod
    def open(cls, services: Services) -> SpreedState:
        settings = services.settings().section(SpreedSettings)
        signer = Signer(services.secrets.text("spreed.session_key"))
        state = cls(
            services,
            signer,
            Pictures(
                settings.image_pixels,
                settings.image_store_bytes,
                settings.image_cache_bytes,
                FairWork(lambda: _of_pictures(services.settings().limits)),
            ),
            AccessTokens(settings.token_file),
            SpreedRenderer(signer),
        )
        services.lifecycle.reload_hooks.append(
            lambda: state.access_tokens.use(state.settings.token_file)
        )
        return state

    @property
    def settings(self) -> SpreedSettings:
        return self.services.settings().section(SpreedSettings)

    @property
    def shared_secret(self) -> str:
        """The secret that portals sign users with."""
        return shared_secret(self.settings, self.services.secrets)

    def ice(self) -> IceSettings:
        """Return the STUN and TURN servers that clients are given, as configured now."""
        return self.services.settings().ice

    async def peer(self, session_id: str) -> Ref[Message] | None:
        """Find a live session by its Id; ids of other realms are not found."""
        return await self.services.directory.member(MemberKey(REALM, session_id))


def _of_pictures(limits: LimitSettings) -> LineLimits:
    """Return how pictures are decoded: side by side, but one at a time of an address."""
    return line_limits(limits, places=limits.work_threads)
