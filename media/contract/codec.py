"""A codec as two sides agreed on it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum


@dataclass(frozen=True, slots=True)
class Codec:
    """What a source carries, or a sink expects.

    `name` is lower case ("vp8", "h264", "opus", "pcmu", …), `clock_rate` is in Hz, and `fmtp` is
    written as in a session description ("packetization-mode=1;profile-level-id=42e01f").
    """

    name: str
    clock_rate: int
    payload_type: int
    channels: int = 1
    fmtp: str = ""

    def parameters(self) -> dict[str, str]:
        """Return `fmtp` by lower-case name; a parameter without a value has an empty one."""
        pairs = (part.partition("=") for part in self.fmtp.split(";") if part.strip())
        return {name.strip().lower(): value.strip() for name, _, value in pairs}


class H264Profile(IntEnum):
    """A family of profiles, each of which holds the ones above it."""

    UNKNOWN = 0
    BASELINE = 1  # also the constrained one
    MAIN = 2
    HIGH = 3  # also the constrained one


def h264_profile(fmtp: str) -> H264Profile:
    """Return the family that parameters name by profile-level-id (RFC 6184, section 8.1)."""
    named = Codec("h264", 90_000, 0, fmtp=fmtp).parameters().get("profile-level-id", "")
    try:
        profile, constraints = bytes.fromhex(named)[:2]
    except ValueError:
        return H264Profile.UNKNOWN
    if profile == 0x4D:
        return H264Profile.BASELINE if constraints & 0x80 else H264Profile.MAIN
    known = {0x42: H264Profile.BASELINE, 0x58: H264Profile.BASELINE, 0x64: H264Profile.HIGH}
    return known.get(profile, H264Profile.UNKNOWN)
