"""Ids and tokens of Spreed sessions: made and checked with one secret, nothing stored.

All are opaque to clients. `Id` is public to the people in a room, `Sid` and `Token` are secrets of
the session, the attestation (`A`) lets others look the session up for some minutes.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from api.http.credentials import constant_time_equal

TOKEN_SECONDS = 30 * 86400
ATTESTATION_SECONDS = 300
ATTESTATION_REFRESH = 180
ID_BYTES = 24  # 32 characters


@dataclass(frozen=True, slots=True)
class SpreedSession:
    """A session's two names; `id` follows from `sid`, which only its owner knows."""

    id: str
    sid: str


class Signer:
    """Make and check everything that carries a signature of this server."""

    def __init__(self, secret: str, clock: Callable[[], float] = time.time) -> None:
        self._secret = secret.encode()
        self._clock = clock
        self._attestation = lru_cache(maxsize=8192)(self._attest)
        self._period = 0  # that those which are remembered are of

    def new_session(self) -> SpreedSession:
        return self.session_of(secrets.token_urlsafe(24))

    def session_of(self, sid: str) -> SpreedSession:
        return SpreedSession(_text(self._mac("id", sid)[:ID_BYTES]), sid)

    def owns(self, session_id: str, sid: str) -> bool:
        """Tell in constant time whether `sid` is the secret behind this id."""
        return bool(sid) and constant_time_equal(self.session_of(sid).id, session_id)

    def suserid(self, user: str) -> str:
        """Return the user's signed name: base64 of an HMAC-SHA256, "" for no user."""
        return base64.b64encode(self._mac("user", user)).decode() if user else ""

    # --- Token: comes back as ?t= and resumes the session

    def resume_token(self, session: SpreedSession, user: str) -> str:
        return self._seal("token", [session.sid, user, int(self._clock())])

    def resume(self, token: str) -> tuple[SpreedSession, str] | None:
        """Return session and user of a token, or None when it is not ours or over 30 days old."""
        match self._open("token", token):
            case [str(sid), str(user), int(made)] if self._clock() - made <= TOKEN_SECONDS:
                return self.session_of(sid), user
        return None

    # --- A: the attestation that goes with everything a session sends

    def attest(self, session_id: str) -> str:
        """Return the attestation of a session, remembered as long as it is made the same."""
        period = int(self._clock()) // ATTESTATION_REFRESH
        if period != self._period:
            self._period = period
            self._attestation.cache_clear()  # else those who have gone would fill it
        return self._attestation(session_id, period)

    def attested(self, attestation: str) -> str | None:
        """Return the session id of an attestation, or None when it is not ours or too old."""
        match self._open("attestation", attestation):
            case [str(session_id), int(made)] if self._clock() - made <= ATTESTATION_SECONDS:
                return session_id
        return None

    def _attest(self, session_id: str, period: int) -> str:
        return self._seal("attestation", [session_id, period * ATTESTATION_REFRESH])

    # --- contacts: two users who agreed to see each other's sessions

    def contact_token(self, asked: str, asking: str) -> str:
        return self._seal("contact", [asked, asking])

    def contact(self, token: str) -> tuple[str, str] | None:
        """Return (asked, asking) user of a contact token, or None when it is not ours."""
        match self._open("contact", token):
            case [str(asked), str(asking)]:
                return asked, asking
        return None

    # --- the seal itself

    def _seal(self, purpose: str, content: list[object]) -> str:
        body = _text(msgspec.json.encode(content))
        return f"{body}.{_text(self._mac(purpose, body))}"

    def _open(self, purpose: str, sealed: str) -> object:
        body, _, mac = sealed.partition(".")
        if not constant_time_equal(_text(self._mac(purpose, body)), mac):
            return None
        return msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)))

    def _mac(self, purpose: str, text: str) -> bytes:
        message = f"{purpose}:{text}".encode("utf-8", "surrogatepass")
        return hmac.digest(self._secret, message, hashlib.sha256)


def _text(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
