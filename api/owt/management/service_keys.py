"""The keys of services at rest: sealed with a key of `secrets.toml`, shown by the API as hex."""

from __future__ import annotations

import secrets
from hashlib import sha256

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

NONCE_BYTES = 12


class KeyLost(Exception):
    """A sealed key cannot be read: `secrets.toml` is not that of the database."""


class KeyCipher:
    """Seals and opens the keys of services. `secret` is any text that nobody else knows."""

    def __init__(self, secret: str) -> None:
        self._cipher = AESGCM(sha256(secret.encode()).digest())

    def seal(self, service: str, key: str) -> str:
        """Return the sealed key as hex; good for this service only."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return (nonce + self._cipher.encrypt(nonce, key.encode(), service.encode())).hex()

    def open(self, service: str, sealed: str) -> str:
        """Return the key. Raises KeyLost."""
        try:
            data = bytes.fromhex(sealed)
            nonce, text = data[:NONCE_BYTES], data[NONCE_BYTES:]
            return self._cipher.decrypt(nonce, text, service.encode()).decode()
        except (ValueError, InvalidTag):
            raise KeyLost from None
