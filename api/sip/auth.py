"""Digest credentials, as a client and as a server (RFC 7616, RFC 8760).

MD5 and SHA-256 with qop "auth". Nonces of ours verify themselves; a count is taken once.
"""

from __future__ import annotations

import hmac
import re
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import Enum
from hashlib import md5, sha256

ALGORITHMS = ("SHA-256", "MD5")  # best first, RFC 8760, section 2.4
NONCE_SECONDS = 300.0
MOST_NONCES = 4096  # of which a count is remembered
LONGEST_HEADER = 4096
_PAIR = re.compile(
    r'\s*([A-Za-z0-9!#$%&*+.^_`|~-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s",]*))\s*(,|$)'
)
_NONCE_BYTES = 8 + 8 + 16  # bytes: time, chance, code


@dataclass(frozen=True, slots=True)
class Credentials:
    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Challenge:
    realm: str
    nonce: str
    algorithm: str = "MD5"
    qop: bool = True  # whether "auth" is among the offered
    opaque: str | None = None
    stale: bool = False


def pairs(value: str) -> dict[str, str] | None:
    """Return the parameters of a Digest header by lower-case name; None if it is none."""
    scheme, _, rest = value.strip()[:LONGEST_HEADER].partition(" ")
    if scheme.lower() != "digest":
        return None
    found: dict[str, str] = {}
    at = 0
    while at < len(rest):
        pair = _PAIR.match(rest, at)
        if pair is None or pair[1].lower() in found:
            return None
        quoted = pair[2]
        found[pair[1].lower()] = pair[3] if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
        at = pair.end()
    return found


def challenges(values: Sequence[str]) -> list[Challenge]:
    """Return those that can be met, best algorithm first; one a header (RFC 3261, 20.44)."""
    found = []
    for value in values:
        named = pairs(value)
        if named is None or "nonce" not in named:
            continue
        algorithm = named.get("algorithm", "MD5").upper()
        offered = [word.strip().lower() for word in named.get("qop", "").split(",")]
        if algorithm not in ALGORITHMS or ("qop" in named and "auth" not in offered):
            continue
        found.append(
            Challenge(
                named.get("realm", ""),
                named["nonce"],
                algorithm,
                "auth" in offered,
                named.get("opaque"),
                named.get("stale", "").lower() == "true",
            )
        )
    return sorted(found, key=lambda challenge: ALGORITHMS.index(challenge.algorithm))


def digest(
    algorithm: str, who: Credentials, realm: str, method: str, uri: str, nonce: str,
    count: str = "", cnonce: str = "",
) -> str:  # fmt: skip
    """Return the response of RFC 7616, section 3.4.1; without `count`, that of RFC 2069."""
    hashed = sha256 if algorithm == "SHA-256" else md5

    def of(text: str) -> str:
        return hashed(text.encode()).hexdigest()

    secret = of(f"{who.username}:{realm}:{who.password}")
    asked = of(f"{method}:{uri}")
    middle = f"{nonce}:{count}:{cnonce}:auth" if count else nonce
    return of(f"{secret}:{middle}:{asked}")


def authorization(
    who: Credentials, challenge: Challenge, method: str, uri: str, cnonce: str = "", count: int = 1
) -> str:
    """Return the value of Authorization or Proxy-Authorization that meets a challenge."""
    cnonce = cnonce or secrets.token_urlsafe(16)
    counted = f"{count:08x}" if challenge.qop else ""
    answer = digest(
        challenge.algorithm, who, challenge.realm, method, uri, challenge.nonce, counted, cnonce
    )
    said = [
        f'username="{_escaped(who.username)}"',
        f'realm="{_escaped(challenge.realm)}"',
        f'nonce="{_escaped(challenge.nonce)}"',
        f'uri="{_escaped(uri)}"',
        f'response="{answer}"',
        f"algorithm={challenge.algorithm}",
    ]
    if challenge.qop:
        said += [f'cnonce="{cnonce}"', "qop=auth", f"nc={counted}"]
    if challenge.opaque is not None:
        said.append(f'opaque="{_escaped(challenge.opaque)}"')
    return "Digest " + ", ".join(said)


def _escaped(text: str) -> str:
    kept = "".join(sign for sign in text if sign not in "\r\n\0")
    return kept.replace("\\", "\\\\").replace('"', '\\"')


class DigestVerdict(Enum):
    NONE = "none"  # no credentials for our realm
    RIGHT = "right"
    WRONG = "wrong"
    STALE = "stale"  # they were right, but of an old nonce, or told before


class DigestServer:
    """Asks for credentials and checks them; `password` returns that of a user, None for nobody.

    What is remembered is bounded: where the oldest count has to be forgotten, so are all nonces
    as old as its own, which are answered as stale from then on. `algorithms` are those
    that are asked for.
    """

    def __init__(
        self, realm: str, password: Callable[[str], str | None], most: int = MOST_NONCES,
        seconds: float = NONCE_SECONDS, algorithms: Sequence[str] = ALGORITHMS,
    ) -> None:  # fmt: skip
        self.realm = realm
        self._algorithms = algorithms
        self._password = password
        self._most = most
        self._seconds = seconds
        self._key = secrets.token_bytes(32)
        self._counts: OrderedDict[str, int] = OrderedDict()
        self._forgotten = -1  # milliseconds: nonces as old as this are stale

    def challenge(self, now: float, stale: bool = False, host: str = "") -> list[str]:
        """Return the values of WWW-Authenticate, one for each algorithm; the best is the last.

        RFC 8760 has it first. But telephones that know MD5 alone, of which there are many, often
        look at the first one only. The nonce is good for that `host` only.
        """
        nonce = self._nonce(now, host)
        rest = ", stale=true" if stale else ""
        return [
            f'Digest realm="{self.realm}", nonce="{nonce}", algorithm={algorithm}, qop="auth"{rest}'
            for algorithm in reversed(self._algorithms)
        ]

    def check(
        self, values: Sequence[str], method: str, now: float, host: str = ""
    ) -> tuple[DigestVerdict, str]:
        """Judge the values of Authorization; with the verdict comes the user, where it is right.

        WRONG is only what answers a nonce that this host was sent: who makes up the address of
        somebody else has none, and cannot have him taken for one who guesses.
        """
        for value in values[:4]:
            named = pairs(value)
            if named is not None and named.get("realm") == self.realm:
                return self._judge(named, method, now, host)
        return DigestVerdict.NONE, ""

    def _judge(
        self, named: dict[str, str], method: str, now: float, host: str
    ) -> tuple[DigestVerdict, str]:
        user, nonce, count = (named.get(key, "") for key in ("username", "nonce", "nc"))
        issued = self._issued(nonce, host)
        if (
            issued is None
            or issued <= self._forgotten
            or now * 1000 - issued > self._seconds * 1000
        ):
            return DigestVerdict.STALE, ""
        algorithm = named.get("algorithm", "MD5").upper()
        if (
            algorithm not in self._algorithms
            or named.get("qop", "").lower() != "auth"
            or not re.fullmatch(r"[0-9a-fA-F]{8}", count)
        ):
            return DigestVerdict.WRONG, ""
        password = self._password(user)
        wanted = digest(
            algorithm, Credentials(user, password or ""), self.realm, method,
            named.get("uri", ""), nonce, count, named.get("cnonce", ""),
        )  # fmt: skip
        told = named.get("response", "").lower().encode()
        if not hmac.compare_digest(wanted.encode(), told) or password is None:
            return DigestVerdict.WRONG, ""
        if int(count, 16) <= self._counts.get(nonce, 0):
            return DigestVerdict.STALE, ""
        self._count(nonce, int(count, 16))
        return DigestVerdict.RIGHT, user

    def _count(self, nonce: str, count: int) -> None:
        self._counts[nonce] = count
        while len(self._counts) > self._most:
            oldest, _ = self._counts.popitem(last=False)
            self._forgotten = max(self._forgotten, _time_of(urlsafe_b64decode(oldest)))

    def _nonce(self, now: float, host: str) -> str:
        said = int(now * 1000).to_bytes(8, "big", signed=True) + secrets.token_bytes(8)
        return urlsafe_b64encode(said + self._code(said, host)).decode()

    def _code(self, said: bytes, host: str) -> bytes:
        return hmac.digest(self._key, said + host.encode(), "sha256")[:16]

    def _issued(self, nonce: str, host: str) -> int | None:
        """Return when a nonce was issued, in milliseconds; None for one that is not ours."""
        try:
            raw = urlsafe_b64decode(nonce.encode())
        except ValueError:
            return None
        if len(raw) != _NONCE_BYTES or not hmac.compare_digest(
            self._code(raw[:16], host), raw[16:]
        ):
            return None
        # One nonce may be written in several ways, each with a count of its own.
        if urlsafe_b64encode(raw).decode() != nonce:
            return None
        return _time_of(raw)


def _time_of(nonce: bytes) -> int:
    return int.from_bytes(nonce[:8], "big", signed=True)
