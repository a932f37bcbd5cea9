"""What Echo keeps for the life of the process, shared by its listeners."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from api.echo.dialect import EchoSettings, kept_secrets

if TYPE_CHECKING:
    from api.http.mounts import Services


@dataclass
class EchoState:
    services: Services
    key: str
    echoes: int = 0

    @classmethod
    def open(cls, services: Services) -> EchoState:
        return cls(services, kept_secrets(services.settings(), services.secrets)["echo.key"])

    @property
    def settings(self) -> EchoSettings:
        """The section as it is now: SIGHUP may have changed it."""
        return self.services.settings().section(EchoSettings)
