"""How a check of the settings says what is wrong, and checks that several sections need."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from api.settings.lines import KeyPath

Found = Iterator[tuple[KeyPath, str]]
"""The path of a key, and what is wrong with its value: words that follow the key."""


def unreadable(path: KeyPath, file: Path) -> Found:
    """Find that a file is missing, or not for us to read."""
    if not file.is_file():
        yield path, f"names a file that is not there: {file}"
    elif not os.access(file, os.R_OK):
        yield path, f"names a file that may not be read: {file}"


def no_folder(path: KeyPath, folder: Path) -> Found:
    """Find that a folder is missing."""
    if not folder.is_dir():
        yield path, f"names a folder that is not there: {folder}"


def twins(section: str, table: str, key: str, values: Iterable[str]) -> Found:
    """Find entries of an array of tables whose key has the value of an earlier entry's."""
    seen: set[str] = set()
    for index, value in enumerate(values):
        if value in seen:
            yield (section, table, index, key), "is that of an earlier entry"
        seen.add(value)
