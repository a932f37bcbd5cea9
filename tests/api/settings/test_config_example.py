"""config.example.toml shows every key, and the defaults it shows are the defaults."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from api.settings import load_settings
from api.settings.load import model_in
from api.settings.model import settings_model

EXAMPLE = Path(__file__).parents[3] / "config.example.toml"


def uncommented(text: str, *, examples: bool) -> str:
    text = re.sub(r"^#(?=[\w\[])", "", text, flags=re.MULTILINE)
    return re.sub(r"^#> ", "", text, flags=re.MULTILINE) if examples else text


def keys_of(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    for name, field in model.model_fields.items():
        inner = model_in(field.annotation)
        if inner is None or prefix + name == "ice.servers":  # shown as one line
            yield prefix + name
        else:
            yield from keys_of(inner, f"{prefix}{name}.")


def keys_shown(text: str) -> Iterator[str]:
    table = ""
    for line in text.splitlines():
        if header := re.match(r"\[+([\w.]+)\]+$", line):
            table = header[1] + "."
        elif key := re.match(r"(\w+) = ", line):
            yield table + key[1]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    return tmp_path / "config.toml"


def test_as_it_stands_it_changes_nothing(copy: Path) -> None:
    copy.write_text("")
    defaults = load_settings(copy)
    copy.write_text(EXAMPLE.read_text())
    assert load_settings(copy) == defaults


def test_uncommenting_every_key_gives_exactly_the_defaults(copy: Path) -> None:
    copy.write_text("")
    defaults = load_settings(copy)
    copy.write_text(uncommented(EXAMPLE.read_text(), examples=False))
    assert load_settings(copy) == defaults


def test_uncommenting_the_examples_too_is_valid(copy: Path) -> None:
    copy.write_text(uncommented(EXAMPLE.read_text(), examples=True))
    settings = load_settings(copy)
    assert settings.auvious.clients[0].id == "example"
    assert settings.auvious.users[0].id == "alice"
    assert settings.skyway.api_keys[0].domains == ("example.com",)


def test_every_key_is_shown_exactly_once_and_no_other() -> None:
    shown = sorted(keys_shown(uncommented(EXAMPLE.read_text(), examples=True)))
    assert shown == sorted(keys_of(settings_model()))


def test_every_key_is_commented_out() -> None:
    assert list(keys_shown(EXAMPLE.read_text())) == []
