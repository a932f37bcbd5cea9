"""The commands that print the papers that come with the server.

Their files lie in `files`, as links to where the repository has them: a build puts in what those
lead to.
"""

from __future__ import annotations

from importlib.resources import files
from typing import TYPE_CHECKING

from api.cli.printing import write

if TYPE_CHECKING:
    from argparse import Namespace


def example_config(_options: Namespace) -> int:
    """Print the example configuration, which explains every key."""
    return _print("config.example.toml")


def systemd_unit(_options: Namespace) -> int:
    """Print the unit that has systemd run the server."""
    return _print("quintet.service")


def _print(name: str) -> int:
    write((files("api.cli") / "files" / name).read_text("utf-8"))
    return 0
