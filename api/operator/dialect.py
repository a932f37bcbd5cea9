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
    from api.operator.metrics.scrape import usual_collector  # commands do without it
    from api.operator.mount import open_mount
    from api.operator.routes import looks_of

    services.metrics.register(usual_collector(services))
    _token(services.settings(), services.secrets)  # made now: commands that ask us only read it
    looking = looks_of(services)
    return lambda place: open_mount(services, looking)


def _secrets(settings: Settings, store: Secrets) -> Mapping[str, str]:
    return {"operator.token": _token(settings, store)}


def _token(settings: Settings, store: Secrets) -> str:
    return store.text("operator.token", settings.section(OperatorSettings).token)


OPERATOR = Dialect(
    name="operator",
    open=_open,
    section=OperatorSettings,
    reloadable=("closed_seconds", "put_out_days"),
    prefixes=("/-",),
    secrets=_secrets,
)
