"""The operator's mount, `/-/…`: health, metrics, the live tree, the API document, the console."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from quart import Blueprint

from api.http.mounts import Mount, Services
from api.operator.errors import refuse
from api.operator.openapi import PATHS
from api.operator.pages import add_pages
from api.operator.routes import Route, add_routes

PREFIX = "/-"


def open_mount(services: Services, looking: Sequence[Route]) -> Mount:
    blueprint = Blueprint("operator", __name__)
    add_routes(blueprint, PREFIX, services, looking)
    add_pages(blueprint, PREFIX, services.settings().file)
    return Mount(
        dialect="operator",
        blueprint=blueprint,
        websockets=(),
        prefixes=(PREFIX,),
        refuse=refuse,
        openapi=PATHS,
        pages={f"{PREFIX}/": f"the operator's console; its token: {_token_command(services)}"},
    )


def _token_command(services: Services) -> str:
    """Return the command line that prints the token, as this process was called."""
    name = sys.argv[0] if Path(sys.argv[0]).name == "quintet" else "quintet"
    file = services.settings().file
    config = ["--config", str(file)] if file is not None else []
    return shlex.join([name, "secrets", "operator.token", *config])
