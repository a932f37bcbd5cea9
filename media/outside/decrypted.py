"""A file of a playlist that is encrypted as a whole (RFC 8216, section 4.3.2.4: AES-128)."""

from __future__ import annotations

from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CBC
from cryptography.hazmat.primitives.padding import PKCS7

BLOCK_BITS = 128


class Readable(Protocol):
    """What FFmpeg reads from: b"" at the end."""

    name: str

    def read(self, size: int) -> bytes: ...

    def close(self) -> None: ...


class Decrypted:
    """Reads a file decrypted. `key` and `iv` are hexadecimal; raises ValueError for other ones."""

    def __init__(self, file: Readable, key: str, iv: str) -> None:
        self.name = file.name
        self._file = file
        self._cipher = Cipher(AES(bytes.fromhex(key)), CBC(bytes.fromhex(iv))).decryptor()
        self._padding = PKCS7(BLOCK_BITS).unpadder()
        self._ended = False
        self._plain = b""

    def read(self, size: int) -> bytes:
        """Return at most `size` bytes, b"" at the end; what ends too early ends there."""
        while not self._plain and not self._ended:
            data = self._file.read(size)
            self._ended = not data
            try:
                self._plain = self._padding.update(self._cipher.update(data))
                if self._ended:
                    self._plain += self._padding.update(self._cipher.finalize())
                    self._plain += self._padding.finalize()
            except ValueError:  # cut off, or another key
                self._ended = True
        given, self._plain = self._plain[:size], self._plain[size:]
        return given

    def close(self) -> None:
        self._file.close()
