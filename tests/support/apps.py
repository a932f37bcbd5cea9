"""What a listener of each dialect routes, for the test of seed coverage."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, cast

from werkzeug.routing import Rule

from api.app import create_app
from api.doors import Place
from api.secret_store import Secrets
from api.settings import ListenerSettings
from api.spreed import open_dialect
from tests.support.serving import services_for, settings_with


def spreed_app_rules() -> list[Rule]:
    """Return the routes of a listener whose root is Spreed; needs no actor system."""
    with TemporaryDirectory() as folder:
        services = services_for(settings_with(), secrets=Secrets(Path(folder)))
        door = open_dialect(services)(Place(root=True, secure=False))
        listener = ListenerSettings(dialects=("spreed",), root="spreed")
        rules: Any = create_app(listener, [door], services).url_map.iter_rules()
        return cast("list[Rule]", list(rules))
