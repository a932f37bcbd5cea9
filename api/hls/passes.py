"""The cookie of somebody who may watch a room: signed, and kept nowhere here.

It names the room and the role of the token that it was exchanged for. What that role may do is
looked up with each request, so it ends with the room, or with the role's leave to subscribe.
"""

from __future__ import annotations

from dataclasses import dataclass

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey

COOKIE = "quintet_hls"
PASS_SECONDS = 12 * 3600
ALGORITHM = "HS256"
PURPOSE = "hls"  # of a signature: one for something else with the same key is none
LONGEST = 4096  # of browsers: RFC 6265, section 6.1
LONGEST_ROLE = 1024  # bytes; with a longer one a browser would not keep the cookie


class BadPass(Exception):
    """It is none of ours, of another room, or its time is over."""


@dataclass(frozen=True, slots=True)
class ViewerPass:
    room: str
    role: str


def make_pass(room: str, role: str, key: str, now: float) -> str:
    """Return the value of a cookie; `now` in Unix seconds. Raises BadPass for a role too long."""
    if len(role.encode("utf-8", "surrogatepass")) > LONGEST_ROLE:
        raise BadPass
    claims = {"aud": PURPOSE, "room": room, "role": role, "exp": int(now) + PASS_SECONDS}
    return jwt.encode({"alg": ALGORITHM}, claims, OctKey.import_key(key), algorithms=[ALGORITHM])


def read_pass(value: str, room: str, key: str, now: float) -> ViewerPass:
    """Return what a cookie says of a viewer of this room. Raises BadPass."""
    if not value or len(value) > LONGEST:
        raise BadPass
    try:
        claims = jwt.decode(value, OctKey.import_key(key), algorithms=[ALGORITHM]).claims
    except (JoseError, ValueError):
        raise BadPass from None
    match claims:
        case {"aud": str(purpose), "room": str(of), "role": str(role), "exp": int(end)}:
            if purpose == PURPOSE and of == room and now < end:
                return ViewerPass(of, role)
    raise BadPass
