"""The operator's mount, `/-/…`: health, metrics, the live tree, the API document, the console."""

from __future__ import annotations

from quart import Blueprint

from api.http.mounts import Mount, Services
from api.operator.errors import refuse
from api.operator.openapi import PATHS
from api.operator.pages import add_pages
from api.operator.routes import add_routes

PREFIX = "/-"


def open_mount(services: Services) -> Mount:
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
