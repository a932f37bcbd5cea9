"""What a listener of each dialect routes, for the test of seed coverage."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from werkzeug.routing import Rule

from api.app import create_app
from api.doors import Place
from api.secret_store import Secrets
from api.settings import ListenerSettings
from tests.support.serving import services_for, settings_with


def app_rules(dialect: str) -> list[Rule]:
    """Return the routes of a listener whose root is this dialect; needs no actor system."""
    with TemporaryDirectory() as folder:
        services = services_for(settings_with(), secrets=Secrets(Path(folder)))
        opened = import_module(f"api.{dialect}").open_dialect(services)
        door = opened(Place(root=True, secure=False))
        listener = ListenerSettings(dialects=(dialect,), root=dialect)
        rules: Any = create_app(listener, [door], services).url_map.iter_rules()
        return cast("list[Rule]", list(rules))
