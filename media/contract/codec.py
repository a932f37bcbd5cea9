"""A codec as two sides agreed on it, and whether one side's packets suit the other."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

# What can be forwarded: baseline, constrained baseline, main, constrained high and high, each in
# either packetization, best known first. The level counts for nothing here.
H264_CONFIGURATIONS = tuple(
    f"level-asymmetry-allowed=1;packetization-mode={mode};profile-level-id={profile}"
    for mode in (1, 0)
    for profile in ("42001f", "42e01f", "4d001f", "640c1f", "64001f")
)


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


def told(codec: Codec) -> str:
    """Name a codec with what of it decides whether another one suits it; for people."""
    if codec.name.lower() != "h264":
        return codec.name
    profile = h264_profile(codec.fmtp).name.lower()
    return f"h264 (profile {profile}, packetization mode {_packetization_mode(codec)})"


def suits(source: Codec, sink: Codec) -> bool:
    """Tell whether packets of `source` can reach `sink` with no change but to their headers."""
    if (source.name.lower(), source.clock_rate) != (sink.name.lower(), sink.clock_rate):
        return False
    match source.name.lower():
        case "opus":
            return True  # every decoder takes mono and stereo, whatever was announced
        case "h264":
            # Fragments (mode 1) are Greek to a receiver of single units (mode 0), not the other
            # way round. RFC 6184, section 6. Who decodes a profile decodes the simpler ones, too.
            simple_enough = h264_profile(source.fmtp) <= h264_profile(sink.fmtp)
            known = H264Profile.UNKNOWN not in (h264_profile(source.fmtp), h264_profile(sink.fmtp))
            return _packetization_mode(source) <= _packetization_mode(sink) and (
                simple_enough or not known
            )
        case _:
            return source.channels == sink.channels


def _packetization_mode(codec: Codec) -> int:
    mode = codec.parameters().get("packetization-mode", "0")
    return int(mode) if mode in ("0", "1", "2") else 0
