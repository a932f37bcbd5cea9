"""What the server writes into the console page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from api.dialects import built
from api.operator.pages import CONSOLE, page

LONGEST_FILE = 400


@pytest.mark.parametrize(
    ("config", "command"),
    [
        (None, "quintet secrets operator.token"),
        ("/etc/quintet/config.toml", "quintet secrets --config /etc/quintet/config.toml"),
        ("/a b/c.toml", "quintet secrets --config &#x27;/a b/c.toml&#x27; operator.token"),
        ("/<img src=x>/c.toml", "--config &#x27;/&lt;img src=x&gt;/c.toml&#x27; operator.token"),
    ],
)
def test_the_page_says_how_its_own_token_is_printed(config: str | None, command: str) -> None:
    text = page(None if config is None else Path(config))
    assert command in text
    assert "<!--quintet" not in text
    assert "<img" not in text


def test_a_relative_path_is_shown_whole(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    assert f"--config {tmp_path}/config.toml operator.token" in page(Path("config.toml"))


def test_names_are_closed_of_every_dialect_with_rooms() -> None:
    names = json.dumps([each.name for each in built() if each.room_names])
    assert f"const WITH_ROOMS = {names};" in (CONSOLE / "dialog.js").read_text("utf-8")


def test_nothing_on_the_page_needs_a_weaker_policy() -> None:
    text = page(None)
    assert " style=" not in text
    assert re.search(r"<[^>]* on[a-z]+=", text) is None
    scripts = [file for file in CONSOLE.iterdir() if file.name.endswith((".js", ".css"))]
    for file in scripts:
        content = file.read_text("utf-8")
        assert content.count("\n") < LONGEST_FILE, file.name
        assert "innerHTML" not in content, file.name
        assert "https:" not in content, file.name
