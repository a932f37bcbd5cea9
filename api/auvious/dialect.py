"""Auvious RTC, as the server knows it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING

from api.auvious.commands import HASH_PASSWORD, ROTATE_KEY
from api.auvious.settings import AuviousSettings, problems
from api.dialect import Dialect

if TYPE_CHECKING:
    from pathlib import Path

    from actors.store.messages import Document
    from api.http.mounts import Mount, Place, Services
    from api.process.secret_store import Secrets
    from api.settings import Settings


def _open(services: Services) -> Callable[[Place], Mount]:
    from api.auvious.broker import open_broker  # commands do without it
    from api.auvious.mount import open_mount
    from api.auvious.state import AuviousState

    state = AuviousState.open(services)
    open_broker(state)
    return lambda place: open_mount(state)


def _secrets(settings: Settings, store: Secrets) -> Mapping[str, str]:
    clients = settings.section(AuviousSettings).clients
    return {
        client.secret_name: store.text(client.secret_name, client.secret)
        for client in clients
        if not client.public
    }


def _move_in(data_dir: Path, keep: Callable[[Iterable[Document]], None]) -> None:
    from api.auvious.former_file import move_refresh_tokens

    move_refresh_tokens(data_dir, keep)


AUVIOUS = Dialect(
    name="auvious",
    open=_open,
    section=AuviousSettings,
    prefixes=("/auvious", "/rtc-api", "/security/oauth", "/security/.well-known"),
    needs_store=True,
    problems=problems,
    secrets=_secrets,
    secrets_options=(ROTATE_KEY,),
    commands=(HASH_PASSWORD,),
    move_in=_move_in,
)
