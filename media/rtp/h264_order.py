"""Whether pictures of H.264 are shown in the order they come, as calls need them.

After ITU-T H.264: sequence parameter sets (7.3.2.1.1, E.1.1) and slice headers (7.3.3). Pure.
"""

from __future__ import annotations

from collections.abc import Sequence

from media.rtp.h264 import IDR, SPS, Bits, SequenceParameters, kind_of

MOST_LOOKED = 15  # pictures, where the parameter set does not tell
SLICES = (1, 2, IDR)  # NAL units that begin with a slice header
_BASELINE, _MAIN, _HIGH = 66, 77, 100
_BY_OUTPUT_ORDER = 2  # pic_order_cnt_type: pictures are shown as they come
_EXTENDED_SHAPE = 255
_MOST_READ = 16  # bytes of a slice, in front


def profile_of(sps: bytes) -> str:
    """Return the profile as a VideoTarget names it, "" for one that is not for calls.

    Pictures of two fields are for none of them, either. Raises ValueError for a broken set.
    """
    if not SequenceParameters(sps).progressive:
        return ""
    if sps[1] == _BASELINE:
        return "CB" if sps[2] & 0x40 else "B"
    return {_MAIN: "M", _HIGH: "H"}.get(sps[1], "")


def shows_in_order(sps: bytes) -> bool | None:
    """Tell whether pictures are shown as they come; None where the parameter set does not say.

    Raises ValueError for a broken set.
    """
    parameters = SequenceParameters(sps)
    if sps[1] == _BASELINE or parameters.order == _BY_OUTPUT_ORDER:
        return True
    try:
        reordered = _pictures_reordered(parameters.bits)
    except ValueError:  # it may be cut off: then the pictures tell
        return None
    return None if reordered is None else reordered == 0


def is_b_slice(unit: bytes) -> bool:
    """Tell whether a NAL unit is of a picture that may refer to later ones."""
    if kind_of(unit) not in SLICES:
        return False
    bits = Bits(unit[1 : 1 + _MOST_READ].replace(b"\0\0\3", b"\0\0"))
    try:
        bits.exponential()  # the first macroblock
        return bits.exponential() % 5 == 1
    except ValueError:
        return False


class PictureOrder:
    """Finds out whether a stream passes as it is: `passes` is None until that is known."""

    def __init__(self) -> None:
        self.profile = ""
        self.passes: bool | None = None
        self._said: bool | None = None
        self._looked = 0

    def see(self, units: Sequence[bytes], *, keyframe: bool, in_order: bool) -> None:
        """Look at the NAL units of a picture, and whether it is shown at the time it comes."""
        for unit in units:
            if kind_of(unit) == SPS:
                self._see_parameters(unit)
        slices = [unit for unit in units if kind_of(unit) in SLICES]
        if not slices or self.passes is False:
            return
        self._looked += 1
        begins = any(kind_of(unit) == IDR for unit in slices)
        if not in_order or is_b_slice(slices[0]) or (keyframe and not begins):
            self.passes = False  # also where nobody could begin at what is called a keyframe
        elif self.profile and self.passes is None:
            self.passes = self._said or (True if self._looked >= MOST_LOOKED else None)

    def _see_parameters(self, sps: bytes) -> None:
        try:
            self.profile, self._said = profile_of(sps), shows_in_order(sps)
        except (ValueError, IndexError):
            self.profile, self._said = "", False
        if not self.profile or self._said is False:
            self.passes = False


def _pictures_reordered(bits: Bits) -> int | None:
    """Return max_num_reorder_frames, from behind the picture size on; None if it is not there."""
    if not bits.read(1):
        return None
    if bits.read(1) and bits.read(8) == _EXTENDED_SHAPE:  # the shape of pixels
        bits.read(32)
    if bits.read(1):
        bits.read(1)  # overscan
    if bits.read(1):  # the kind of signal
        bits.read(4)
        if bits.read(1):
            bits.read(24)
    if bits.read(1):  # where chroma lies
        bits.exponential()
        bits.exponential()
    if bits.read(1):  # timing
        bits.read(65)
    if _skip_buffering(bits) | _skip_buffering(bits):
        bits.read(1)  # low delay
    bits.read(1)  # picture structures are told
    if not bits.read(1):
        return None
    bits.read(1)
    for _ in range(4):
        bits.exponential()
    return bits.exponential()


def _skip_buffering(bits: Bits) -> bool:
    """Go behind what is said of buffers (E.1.2); tell whether it is there."""
    if not bits.read(1):
        return False
    count = bits.exponential() + 1
    bits.read(8)
    for _ in range(min(count, 32)):
        bits.exponential()
        bits.exponential()
        bits.read(1)
    bits.read(20)
    return True
