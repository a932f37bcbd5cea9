"""docs/limits.md names every bound there is, with the value that the code has.

A bound is every key of the configuration that is a number, but for those in NO_BOUND, which say how
long we take for something ourselves, or how something looks.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from api.settings import settings_of
from api.settings.load import model_in
from api.settings.model import settings_model

PAGE = (Path(__file__).parents[1] / "docs" / "limits.md").read_text("utf-8")
CELL = r" ([^|]+) \|"
KEY = re.compile(rf"^\| `((?!api\.|media\.)[a-z_]+\.[a-z_.]+)` \|{CELL * 4}$", re.M)
CONSTANT = re.compile(r"^\| `([\w.]+)` \| `([A-Z_]+)` \| ([^|]+) \| [^|]+ \| [^|]+ \|$", re.M)
NO_BOUND = {
    "server.shutdown_grace",
    "server.drain_delay",
    "store.start_seconds",
    "barertc.startup_quiet_seconds",
    "barertc.max_image_width",
    "barertc.preview_image_width",
    "barertc.channels.echo_messages_on_join",
}
OF = {
    "in all", "address", "tenant", "user", "person", "two people", "member", "participant", "room",
    "actor", "connection", "websocket", "Socket.IO client", "MQTT client", "client", "stream",
    "request", "message", "session", "recording", "document", "picture", "token", "endpoint",
    "webhook", "call", "peer",
}  # fmt: skip


def numbers(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Yield the keys whose values are numbers."""
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        if inner is not None:
            yield from numbers(inner, f"{prefix}{name}.")
        elif field.annotation in (int, float):
            yield prefix + name


def shown(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else f"{value:,}"


def test_every_number_of_the_configuration_is_a_bound_on_the_page_or_none() -> None:
    named = [key for key, *_ in KEY.findall(PAGE)]
    assert len(named) == len(set(named)), "twice"
    known = set(numbers(settings_model()))
    assert known >= NO_BOUND
    assert set(named) == known - NO_BOUND


@pytest.mark.parametrize(("key", "default", "what", "of", "sees"), KEY.findall(PAGE))
def test_each_has_its_default_and_says_whose_it_is(
    key: str, default: str, what: str, of: str, sees: str
) -> None:
    value: Any = settings_of({})
    for part in key.split("."):
        value = getattr(value, part)
    assert default == shown(value)
    assert of in OF


@pytest.mark.parametrize(("module", "name", "value"), CONSTANT.findall(PAGE))
def test_fixed_bounds_are_those_of_the_code(module: str, name: str, value: str) -> None:
    assert value == shown(getattr(import_module(module), name))


def test_rows_of_all_tables_are_read() -> None:
    rows = re.findall(r"^\| `", PAGE, re.M)
    assert len(rows) == len(KEY.findall(PAGE)) + len(CONSTANT.findall(PAGE))
