"""The keys that tokens are signed with: a file of private JWKs in `data_dir`, the newest first.

`quintet secrets --rotate-auvious-key` puts a new one on top; the server takes it over on SIGHUP.
From then on the former key signs nothing, and verifies until the last token it signed has ended.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import structlog
from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from api.process.private_files import replace_private
from api.process.secret_store import DataDirError, changing

FILE = "auvious_keys.json"
KEY_BITS = 2048
MOST_KEYS = 16

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class SigningKey:
    """One RSA key; times in seconds since 1970.

    `token_seconds` is the longest life of a token it has signed, `retired_at` when a server stopped
    signing with it.
    """

    jwk: RSAKey
    id: str
    token_seconds: int = 0
    retired_at: int | None = None

    def verifies(self, now: float) -> bool:
        """Tell whether tokens signed with it may still be good."""
        return self.retired_at is None or now < self.retired_at + self.token_seconds

    def public(self) -> dict[str, Any]:
        """Return the public half as an entry of a JWKS (RFC 7517)."""
        return {**self.jwk.as_dict(private=False), "kid": self.id, "use": "sig", "alg": "RS256"}


class KeyRing:
    """The keys of one running server; without clients (`needed` false) it has none.

    `token_seconds` is the life of the tokens that it signs. Raises DataDirError where the file
    cannot be used.
    """

    def __init__(
        self,
        data_dir: Path,
        token_seconds: int,
        clock: Callable[[], float] = time.time,
        *,
        needed: bool = True,
    ) -> None:
        self._dir = data_dir
        self._token_seconds = token_seconds
        self._clock = clock
        self._keys = _take_over(data_dir, clock(), token_seconds) if needed else []

    @property
    def current(self) -> SigningKey:
        """The key that signs."""
        return self._keys[0]

    def find(self, key_id: object) -> SigningKey | None:
        """Return the key of this id if it still verifies."""
        for key in self._keys:
            if key.id == key_id:
                return key if key.verifies(self._clock()) else None
        return None

    def public(self) -> list[dict[str, Any]]:
        """Return the public halves of those that verify, the signing one first."""
        return [key.public() for key in self._keys if key.verifies(self._clock())]

    def reload(self) -> None:
        """Read the file again; one that cannot be used is logged and changes nothing."""
        if not self._keys:
            return
        former = self.current.id
        try:
            self._keys = _take_over(self._dir, self._clock(), self._token_seconds)
        except DataDirError as error:
            log.error("auvious.keys_rejected", reason=str(error))
            return
        if self.current.id != former:
            log.info("auvious.keys_rotated", current=self.current.id, former=former)


def rotate(data_dir: Path) -> str:
    """Put a new key on top of the file and return its id. Raises DataDirError."""
    with _changing(data_dir) as file:
        key = _make()
        _write(file, [key, *_read(file)][:MOST_KEYS])
    return key.id


def _take_over(data_dir: Path, now: float, token_seconds: int) -> list[SigningKey]:
    """Read the keys, sign with the first from now on and retire the others; forget what is over."""
    with _changing(data_dir) as file:
        found = _read(file) or [_make()]
        first = replace(
            found[0], token_seconds=max(found[0].token_seconds, token_seconds), retired_at=None
        )
        others = [
            key if key.retired_at is not None else replace(key, retired_at=int(now) + 1)
            for key in found[1:]
        ]
        keys = [first, *(key for key in others if key.verifies(now))]
        if keys != found:
            _write(file, keys)
    return keys


@contextmanager
def _changing(data_dir: Path) -> Iterator[Path]:
    """Hold the file against other processes while the block runs."""
    with changing(data_dir, "keys"):
        yield data_dir / FILE


def _read(file: Path) -> list[SigningKey]:
    try:
        with file.open("rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            found = [_parse(entry) for entry in _entries(json.load(opened))]
    except FileNotFoundError:
        return []
    except (ValueError, TypeError, LookupError, ArithmeticError, AttributeError, RecursionError,
            JoseError):  # fmt: skip
        # Never replaced: tokens in use may depend on it.
        raise DataDirError(f"{file} is damaged: repair it, or move it away") from None
    if mode & 0o077:
        log.warning("secrets.exposed", file=str(file), mode=oct(mode & 0o777))
    return found


def _entries(whole: Any) -> list[Any]:
    entries = whole["keys"]
    if not isinstance(entries, list) or not entries:  # a file that we wrote has some
        raise ValueError("without keys")
    return entries


def _parse(entry: dict[str, Any]) -> SigningKey:
    jwk = RSAKey.import_key(entry["jwk"])
    if not jwk.is_private:
        raise ValueError("not a private key")
    retired_at = entry["retired_at"]
    jwk.ensure_kid()
    return SigningKey(
        jwk,
        str(jwk.kid),
        int(entry["token_seconds"]),
        None if retired_at is None else int(retired_at),
    )


def _write(file: Path, keys: Sequence[SigningKey]) -> None:
    entries = [
        {
            "jwk": key.jwk.as_dict(private=True),
            "token_seconds": key.token_seconds,
            "retired_at": key.retired_at,
        }
        for key in keys
    ]
    replace_private(file, json.dumps({"keys": entries}, indent=1) + "\n")


def _make() -> SigningKey:
    jwk = RSAKey.generate_key(KEY_BITS, private=True, auto_kid=True)
    return SigningKey(jwk, str(jwk.kid))
