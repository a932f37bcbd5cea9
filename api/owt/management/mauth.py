"""MAuth: how a management client signs its requests (fact sheet, section 1)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass, field

from api.owt.signatures import sign, signed_by

METHOD = "HMAC_SHA256"
REALM = "http://marte3.dit.upm.es"
PREFIX = 6  # "MAuth " and "mauth_" are both that long, and both come before a name
LONGEST = 4096


class Unsigned(Exception):
    """There is no header, or it is none of MAuth."""


@dataclass(frozen=True, slots=True)
class ServiceClaim:
    """What a header says; nothing of it is true before the signature has been checked."""

    service: str
    timestamp: str
    nonce: str
    method: str
    signature: str = field(repr=False)
    username: str = ""  # in base64
    role: str = ""

    @property
    def signed_text(self) -> str:
        text = f"{self.timestamp},{self.nonce}"
        return f"{text},{self.username},{self.role}" if self.username and self.role else text

    @property
    def user(self) -> str:
        """The user for whom a token is asked, or "" where the header names none."""
        try:
            return base64.b64decode(self.username.encode(), validate=True).decode()
        except (binascii.Error, UnicodeError):
            return ""

    def signed_with(self, key: str) -> bool:
        """Tell whether `key` signed this; in constant time."""
        return self.method == METHOD and signed_by(key, self.signed_text, self.signature)


def read_header(header: str) -> ServiceClaim:
    """Read an Authorization header, with or without spaces after its commas. Raises Unsigned."""
    if len(header) > LONGEST or not header.lstrip().startswith("MAuth "):
        raise Unsigned
    found: dict[str, str] = {}
    for piece in header.split(","):
        name, _, value = piece.strip().partition("=")
        found[name[PREFIX:].strip()] = value.strip()
    claim = ServiceClaim(
        service=found.get("serviceid", ""),
        timestamp=found.get("timestamp", ""),
        nonce=found.get("cnonce", ""),
        method=found.get("signature_method", ""),
        signature=found.get("signature", ""),
        username=found.get("username", ""),
        role=found.get("role", ""),
    )
    if not (claim.service and claim.timestamp and claim.nonce and claim.signature):
        raise Unsigned
    return claim


def make_header(
    service: str, key: str, timestamp: int, nonce: str, user: str = "", role: str = ""
) -> str:
    """Return the header of a request; `timestamp` in milliseconds of the Unix time."""
    username = base64.b64encode(user.encode()).decode() if user and role else ""
    claim = ServiceClaim(service, str(timestamp), nonce, METHOD, "", username, role)
    pieces = [f"MAuth realm={REALM}", f"mauth_signature_method={METHOD}"]
    if username:
        pieces += [f"mauth_username={username}", f"mauth_role={role}"]
    pieces += [
        f"mauth_serviceid={service}",
        f"mauth_cnonce={nonce}",
        f"mauth_timestamp={timestamp}",
        f"mauth_signature={sign(key, claim.signed_text)}",
    ]
    return ",".join(pieces)
