"""The mount of BareRTC to a listener."""

from __future__ import annotations

import json

from quart import Blueprint, Response

from api.barertc.state import BareRtcState
from api.http.mounts import Mount, Place


def open_mount(state: BareRtcState, place: Place) -> Mount:
    blueprint = Blueprint("barertc", __name__)
    bases = ("/", "/barertc/") if place.root else ("/barertc/",)
    return Mount(
        dialect="barertc",
        blueprint=blueprint,
        websockets=(),
        prefixes=("/barertc", *(f"{base}api" for base in bases)),
        refuse=refuse,
    )


def refuse(status: int) -> Response:
    """Return the error for a status that the server around this dialect decides."""
    document = {"OK": False, "Error": f"HTTP {status}"}
    return Response(json.dumps(document, indent=2), status, content_type="application/json")
