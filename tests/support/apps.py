"""The app of a listener without a server around it: what it routes, and refuses."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any, cast

import trio
from werkzeug.routing import Rule

from api.http.app import App, create_app
from api.http.mounts import Mount
from api.process.mounting import Dialects
from api.process.secret_store import Secrets
from api.settings import ListenerSettings
from tests.support.serving import services_for, settings_with


def app_of(dialect: str) -> App:
    """Return the app of a listener whose root is this dialect; it runs no actors."""
    with TemporaryDirectory() as folder:
        system = SimpleNamespace(root=SimpleNamespace(tell=lambda order: None))
        secrets = Secrets(Path(folder))
        services = services_for(settings_with(), system=system, secrets=secrets)
        listener = ListenerSettings(dialects=(dialect,), root=dialect)

        async def opened() -> list[Mount]:
            return Dialects([dialect], services).mounts(listener)

        mounts = trio.run(opened)  # a dialect may look at the clock
        return create_app(listener, mounts, services)


def app_rules(dialect: str) -> list[Rule]:
    """Return the routes of such a listener."""
    rules: Any = app_of(dialect).url_map.iter_rules()
    return cast("list[Rule]", list(rules))
