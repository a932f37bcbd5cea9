"""How a check of the settings says what is wrong, and checks that several sections need."""

from __future__ import annotations

import os
import ssl
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


def certificate_problems(cert: Path | None, key: Path | None) -> Found:
    """Find what keeps `tls_certfile` and `tls_keyfile` of one table from being used together."""
    if cert is None and key is None:
        return
    if cert is None or key is None:
        lone, other = ("tls_keyfile", "tls_certfile")[:: 1 if cert is None else -1]
        yield (lone,), f"needs {other} beside it"
        return
    found = [*unreadable(("tls_certfile",), cert), *unreadable(("tls_keyfile",), key)]
    yield from found
    if not found:
        try:  # an encrypted key would ask on the terminal: an empty passphrase fails instead
            ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, lambda: "")
        except (ssl.SSLError, OSError, ValueError):
            yield (
                ("tls_certfile",),
                "and tls_keyfile are not a certificate and its unencrypted key",
            )
