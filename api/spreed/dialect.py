"""Spreed WebRTC, as the server knows it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from api.dialect import Dialect, RoomNames
from api.spreed.commands import SPREED_USER, shared_secret
from api.spreed.settings import SpreedSettings, hints, problems

if TYPE_CHECKING:
    from api.http.mounts import Mount, Place, Services
    from api.process.secret_store import Secrets
    from api.settings import Settings


def _open(services: Services) -> Callable[[Place], Mount]:
    from api.spreed.mount import open_mount  # commands do without it
    from api.spreed.state import SpreedState

    state = SpreedState.open(services)
    return lambda place: open_mount(state, place)


def _secrets(settings: Settings, store: Secrets) -> Mapping[str, str]:
    return {
        "spreed.session_key": store.text("spreed.session_key"),
        "spreed.users.shared_secret": shared_secret(settings.section(SpreedSettings), store),
    }


def _full_name(settings: Settings, name: str) -> str:
    from api.spreed.rooms import full_name

    return full_name(settings.section(SpreedSettings), name)


SPREED = Dialect(
    name="spreed",
    open=_open,
    section=SpreedSettings,
    prefixes=("/spreed", "/api/v1", "/static/img/buddy", "/.well-known/spreed-configuration"),
    base_key="base_path",
    reloadable=("token_file",),
    problems=problems,
    hints=hints,
    secrets=_secrets,
    commands=(SPREED_USER,),
    room_names=RoomNames("spreed", _full_name, lambda name: name.partition(":")[2]),
)
