"""The signature that OWT uses everywhere: base64 of the lower-case hex of an HMAC-SHA256."""

from __future__ import annotations

import base64
import binascii
import hmac
from hashlib import sha256

import msgspec


def sign(key: str, text: str) -> str:
    """Return 88 characters. Key and text are taken as UTF-8; a key in base64 is not decoded."""
    digest = hmac.new(_bytes(key), _bytes(text), sha256).hexdigest()
    return base64.b64encode(digest.encode()).decode()


def signed_by(key: str, text: str, signature: str) -> bool:
    """Tell in constant time whether `signature` is that of `text`."""
    return hmac.compare_digest(_bytes(sign(key, text)), _bytes(signature))


def sealed(document: dict[str, object]) -> str:
    """Return a JSON document in base64, as tokens and tickets are handed out."""
    return base64.b64encode(msgspec.json.encode(document)).decode()


def unsealed(text: str) -> dict[str, object] | None:
    """Return the document of `sealed`, or None for anything else."""
    try:
        found = msgspec.json.decode(base64.b64decode(_bytes(text), validate=True))
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
