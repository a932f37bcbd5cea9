"""Profiles and levels of H.264 that we encode, and how descriptions name them.

After ITU-T H.264 (table A-1) and RFC 6184 (8.1). Pure: whoever says what a source carries may ask
here, with no encoder at hand.
"""

from __future__ import annotations

from math import ceil
from typing import NamedTuple

from media.contract.jobs import VideoTarget

PROFILES = {
    "CB": ("baseline", "42e0"),
    "B": ("baseline", "4200"),  # what only it has beyond the constrained one, no encoder makes
    "M": ("main", "4d00"),
    "H": ("high", "6400"),
}
"""By its name in a target: the encoder's word, and the beginning of profile-level-id."""

_DEFAULT = "CB"  # what every browser decodes


class _Level(NamedTuple):
    """What a decoder of this level takes: macroblocks a second and a picture, kbit/s."""

    number: int
    rate: int
    blocks: int
    bitrate: int


_LEVELS = (
    _Level(10, 1485, 99, 64),
    _Level(11, 3000, 396, 192),
    _Level(12, 6000, 396, 384),
    _Level(13, 11_880, 396, 768),
    _Level(20, 11_880, 396, 2000),
    _Level(21, 19_800, 792, 4000),
    _Level(22, 20_250, 1620, 4000),
    _Level(30, 40_500, 1620, 10_000),
    _Level(31, 108_000, 3600, 14_000),
    _Level(32, 216_000, 5120, 20_000),
    _Level(40, 245_760, 8192, 20_000),
    _Level(41, 245_760, 8192, 50_000),
    _Level(42, 522_240, 8704, 50_000),
    _Level(50, 589_824, 22_080, 135_000),
    _Level(51, 983_040, 36_864, 240_000),
    _Level(52, 2_073_600, 36_864, 240_000),
    _Level(60, 4_177_920, 139_264, 240_000),
    _Level(61, 8_355_840, 139_264, 480_000),
    _Level(62, 16_711_680, 139_264, 800_000),
)


def level_of(width: int, height: int, framerate: float, bitrate: int) -> int:
    """Return the lowest level for a picture, ten times its name: 31 is level 3.1.

    Sizes in pixels, `bitrate` in kbit/s. What no level takes gets the highest one.
    """
    across, down = ceil(width / 16), ceil(height / 16)
    blocks = across * down
    for level in _LEVELS:
        fits = blocks <= level.blocks and max(across, down) ** 2 <= 8 * level.blocks
        if fits and blocks * framerate <= level.rate and bitrate <= level.bitrate:
            return level.number
    return _LEVELS[-1].number


def encoder_profile(target: VideoTarget) -> str:
    """Return the encoder's word for a target's profile. Raises KeyError for one nobody knows."""
    return PROFILES[target.profile or _DEFAULT][0]


def fmtp_of(target: VideoTarget) -> str:
    """Return the parameters of what is encoded for a target, as in a session description.

    Empty for a codec without any. Raises KeyError for a profile nobody knows.
    """
    if target.codec != "h264":
        return ""
    level = level_of(target.width, target.height, target.framerate, target.bitrate)
    beginning = PROFILES[target.profile or _DEFAULT][1]
    return f"level-asymmetry-allowed=1;packetization-mode=1;profile-level-id={beginning}{level:02x}"
