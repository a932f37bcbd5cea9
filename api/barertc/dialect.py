"""BareRTC, as the server knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from api.barertc.commands import BARERTC_IMPORT
from api.barertc.settings import RELOADABLE, SITE_NAME, BareRtcSettings, hints, problems
from api.dialect import Dialect, RoomNames

if TYPE_CHECKING:
    from api.http.mounts import Mount, Place, Services
    from api.process.secret_store import Secrets
    from api.settings import Settings


def _open(services: Services) -> Callable[[Place], Mount]:
    from api.barertc.mount import open_mount  # commands do without it
    from api.barertc.state import BareRtcState

    state = BareRtcState.open(services)
    return lambda place: open_mount(state, place)


def kept_secrets(settings: Settings, store: Secrets) -> Mapping[str, str]:
    """Return the API key and the key of tokens, generated where none is configured: neither is
    ever empty."""
    barertc = settings.section(BareRtcSettings)
    return {
        "barertc.admin_api_key": store.text("barertc.admin_api_key", barertc.admin_api_key),
        "barertc.jwt.secret_key": store.text("barertc.jwt.secret_key", barertc.jwt.secret_key),
    }


def _site_name(_settings: Settings, name: str) -> str:
    if name != SITE_NAME:
        raise ValueError(f'barertc has one room, the whole chat: it is named "{SITE_NAME}"')
    return name


BARERTC = Dialect(
    name="barertc",
    open=_open,
    section=BareRtcSettings,
    prefixes=("/barertc",),
    needs_store=True,
    reloadable=RELOADABLE,
    problems=problems,
    hints=hints,
    secrets=kept_secrets,
    commands=(BARERTC_IMPORT,),
    room_names=RoomNames("barertc", _site_name),
)
