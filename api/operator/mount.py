"""The operator's mount, `/-/…`: health, metrics, the live tree, the API document, the console."""

from __future__ import annotations

from collections.abc import Callable

from quart import Blueprint

from api.http.mounts import Mount, Place, Services
from api.operator.collector import ServerCollector
from api.operator.errors import refuse
from api.operator.openapi import PATHS
from api.operator.pages import add_pages
from api.operator.routes import add_routes

PREFIX = "/-"


def open_dialect(services: Services) -> Callable[[Place], Mount]:
    """Start to collect metrics; the result opens the mount on a listener."""
    services.metrics.register(ServerCollector(services))

    def open_mount(_place: Place) -> Mount:
        blueprint = Blueprint("operator", __name__)
        add_routes(blueprint, PREFIX, services)
        add_pages(blueprint, PREFIX)
        return Mount(
            dialect="operator",
            blueprint=blueprint,
            websockets=(),
            prefixes=(PREFIX,),
            refuse=refuse,
            openapi=PATHS,
        )

    return open_mount
