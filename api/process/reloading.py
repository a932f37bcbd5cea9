"""SIGHUP: read the configuration again and take over what may change while the server runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import structlog

from api.logs import configure
from api.process.certificates import note_certificate
from api.process.listeners import StartError, load_tls
from api.settings import ConfigError, load_settings

if TYPE_CHECKING:
    from api.http.carriers.connections import Connections
    from api.http.mounts import Services
    from api.process.composition import CurrentSettings

log = structlog.get_logger(__name__)


def reload(current: CurrentSettings, services: Services, serving: Sequence[Connections]) -> None:
    """Take over log level and file, limits, token files, keys and certificates.

    Files are read again also where their names are the same. What else has changed is named in the
    log: it needs a restart. A wrong configuration changes nothing.
    """
    old = current()
    try:
        new = load_settings(old.file)
    except ConfigError as error:
        log.error("config.rejected", problems=str(error))
        return
    changes = old.reloadable_diff(new)
    current.value = old.with_reloadable(new)
    limits = current().limits
    configure(current().log)
    services.guard.set_limits(
        limits.credential_failures, limits.credential_window, limits.credential_failures_per_address
    )
    for connections, listener in zip(serving, current().listeners, strict=True):
        connections.limits_changed()
        try:
            connections.tls = load_tls(listener)
            note_certificate(services, listener)
        except StartError as error:
            log.error("certificate.rejected", reason=str(error))
    for hook in services.lifecycle.reload_hooks:
        hook()
    log.info("config.reloaded", applied=changes.applied, need_restart=changes.need_restart)
    if changes.need_restart:
        log.warning("config.needs_restart", keys=changes.need_restart)
