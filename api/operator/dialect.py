"""The operator's pages as a dialect among the others."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from api.dialect import Dialect
from api.operator.settings import OperatorSettings

if TYPE_CHECKING:
    from api.http.mounts import Mount, Place, Services
    from api.process.secret_store import Secrets
    from api.settings import Settings


def _open(services: Services) -> Callable[[Place], Mount]:
    from api.operator.collector import ServerCollector  # commands do without it
    from api.operator.mount import open_mount

    services.metrics.register(ServerCollector(services))
    return lambda place: open_mount(services)


def _secrets(settings: Settings, store: Secrets) -> Mapping[str, str]:
    token = settings.section(OperatorSettings).token
    return {"operator.token": store.text("operator.token", token)}


OPERATOR = Dialect(
    name="operator",
    open=_open,
    section=OperatorSettings,
    prefixes=("/-",),
    secrets=_secrets,
)
