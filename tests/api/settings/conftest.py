"""How tests load settings."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from api.settings import Settings, load_settings

Load = Callable[[str], Settings]


@pytest.fixture
def load(tmp_path: Path) -> Load:
    def write_and_load(text: str) -> Settings:
        file = tmp_path / "config.toml"
        file.write_text(text)
        return load_settings(file)

    return write_and_load
