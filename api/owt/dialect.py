"""The Open WebRTC Toolkit, as the server knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from api.dialect import Dialect, RoomNames
from api.owt.bootstrap import kept_credentials
from api.owt.commands import OWT_SIGN
from api.owt.ids import OBJECT_ID
from api.owt.settings import OwtSettings, hints, problems

if TYPE_CHECKING:
    from api.http.mounts import Mount, Place, Services
    from api.process.secret_store import Secrets
    from api.settings import Settings


def _open(services: Services) -> Callable[[Place], Mount]:
    from api.owt.hls_rooms import open_hls  # commands do without it
    from api.owt.management.service import Management
    from api.owt.mount import open_mount
    from api.owt.portal.conversation import serve
    from api.owt.socketio.table import SocketIo
    from api.owt.state import OwtState
    from api.owt.telephone_rooms import open_telephone_rooms

    state = OwtState.open(services)
    clients = SocketIo(services, "owt", partial(serve, state))
    clients.start()
    management = Management(state)
    services.lifecycle.ready_hooks.append(services.media.prepare_jobs)
    hls = open_hls(state)
    if services.line is not None:
        services.line.serve(open_telephone_rooms(state, services.line))
    return lambda place: open_mount(management, clients, hls, place)


def _secrets(settings: Settings, store: Secrets) -> Mapping[str, str]:
    return kept_credentials(store, settings.section(OwtSettings))


def _room_id(_settings: Settings, name: str) -> str:
    if not OBJECT_ID.fullmatch(name):
        raise ValueError("a room of owt is named by its id, 24 hexadecimal digits")
    return name.lower()


OWT = Dialect(
    name="owt",
    open=_open,
    section=OwtSettings,
    prefixes=("/v1", "/v1.1", "/services", "/socket.io", "/hls"),
    needs_media=True,
    needs_store=True,
    problems=problems,
    hints=hints,
    secrets=_secrets,
    commands=(OWT_SIGN,),
    room_names=RoomNames("owt", _room_id),
    moved_keys={
        "sessions_per_participant": ("streams", "per_member"),
        "connect_seconds": ("streams", "connect_seconds"),
        "recordings_per_room": ("recording", "per_room"),
    },
)
