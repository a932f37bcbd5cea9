"""The nginx of the guide, started in front of a real server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import nginx


@pytest.mark.parametrize(
    "locations", [["location /"], ["location /meet/"], ["location /", "location /-/"]], ids=str
)
def test_configuration_of_the_guide_is_accepted(tmp_path: Path, locations: list[str]) -> None:
    config = nginx.write_config(tmp_path, locations, port=8443, upstream="127.0.0.1:8080")
    done = nginx.check(config)
    assert done.returncode == 0, done.stderr
