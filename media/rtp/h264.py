"""What is needed to know of H.264: NAL units, parameter sets, the decoder's configuration.

After ITU-T H.264 (7.3.1, 7.3.2.1.1) and ISO/IEC 14496-15 (5.3.3.1).
"""

from __future__ import annotations

from collections.abc import Sequence

IDR, SPS, PPS, DELIMITER = 5, 7, 8, 9
LONGEST_SET = 1024  # bytes of a parameter set; browsers' have thirty. Two fit the room in a file
MOST_READ = 512  # bytes of one, in front: all that is looked for stands there

# Profiles whose sequence parameter set tells the chroma format.
_HIGH_PROFILES = {100, 110, 122, 244, 44, 83, 86, 118, 128, 138, 139, 134, 135}


def kind_of(nal: bytes) -> int:
    """Return the NAL unit's type."""
    return nal[0] & 0x1F


def with_lengths(nals: Sequence[bytes]) -> bytes:
    """Return NAL units each behind its 4-byte length, as mp4 and Matroska store them."""
    return b"".join(len(nal).to_bytes(4) + nal for nal in nals)


def with_start_codes(lengths: bytes) -> bytes:
    """Return what `with_lengths` made as a byte stream, which a decoder takes by itself."""
    parts: list[bytes] = []
    at = 0
    while at < len(lengths):
        end = at + 4 + int.from_bytes(lengths[at : at + 4])
        parts += (b"\0\0\0\1", lengths[at + 4 : end])
        at = end
    return b"".join(parts)


def configuration(sps: bytes, pps: bytes) -> bytes:
    """Return the AVCDecoderConfigurationRecord of one parameter set of each kind.

    Raises ValueError for sets that are too long or broken.
    """
    if max(len(sps), len(pps)) > LONGEST_SET:
        raise ValueError("a parameter set is too long")
    head = bytes((1, sps[1], sps[2], sps[3], 0xFF, 0xE1))
    record = head + len(sps).to_bytes(2) + sps + b"\x01" + len(pps).to_bytes(2) + pps
    if sps[1] in _HIGH_PROFILES:
        chroma, luma_depth, chroma_depth = SequenceParameters(sps).samples
        record += bytes((0xFC | chroma, 0xF8 | luma_depth, 0xF8 | chroma_depth, 0))
    return record


def picture_size(sps: bytes) -> tuple[int, int]:
    """Return width and height in pixels. Raises ValueError for a broken parameter set."""
    return SequenceParameters(sps).size


class SequenceParameters:
    """Reads a sequence parameter set up to the picture size; `bits` are those behind it.

    `order` is how it says in which order pictures are shown (pic_order_cnt_type); `progressive`
    tells that none consists of two fields. Raises ValueError for a broken one.
    """

    def __init__(self, sps: bytes) -> None:
        if len(sps) > LONGEST_SET:
            raise ValueError("a parameter set is too long")
        self.bits = Bits(sps[1:MOST_READ].replace(b"\0\0\3", b"\0\0"))
        profile = self.bits.read(8)
        self.bits.read(16)  # constraints, level
        self.bits.exponential()  # id
        self.samples = (1, 0, 0)  # chroma format, luma and chroma depth above 8
        if profile in _HIGH_PROFILES:
            self._read_samples()
        self.bits.exponential()  # log2 of the frame number's limit
        self._skip_picture_order()
        self.bits.exponential()  # reference frames
        self.bits.read(1)  # gaps in frame numbers
        self.size = self._read_size()

    def _read_samples(self) -> None:
        bits = self.bits
        chroma = bits.exponential()
        if chroma == 3:
            bits.read(1)  # separate colour planes
        self.samples = (chroma & 3, bits.exponential() & 7, bits.exponential() & 7)
        bits.read(1)  # lossless transform bypass
        if bits.read(1):
            for index in range(12 if chroma == 3 else 8):
                if bits.read(1):
                    self._skip_scaling_list(16 if index < 6 else 64)

    def _skip_scaling_list(self, size: int) -> None:
        last = following = 8
        for _ in range(size):
            if following:
                following = (last + self.bits.signed()) & 0xFF
            last = following or last

    def _skip_picture_order(self) -> None:
        bits = self.bits
        self.order = order = bits.exponential()
        if order == 0:
            bits.exponential()
        elif order == 1:
            bits.read(1)
            bits.signed()
            bits.signed()
            for _ in range(min(bits.exponential(), 255)):
                bits.signed()

    def _read_size(self) -> tuple[int, int]:
        bits = self.bits
        width, rows = (bits.exponential() + 1) * 16, bits.exponential() + 1
        fields = 2 - bits.read(1)  # of a frame: 2 when it may be interlaced
        height = rows * 16 * fields
        self.progressive = fields == 1
        if fields == 2:
            bits.read(1)
        bits.read(1)  # direct 8x8 inference
        if bits.read(1):
            chroma = self.samples[0]
            across = 2 if chroma in (1, 2) else 1
            down = (2 if chroma == 1 else 1) * fields
            left, right, top, bottom = (bits.exponential() for _ in range(4))
            width -= (left + right) * across
            height -= (top + bottom) * down
        if not (0 < width <= 16384 and 0 < height <= 16384):
            raise ValueError("no picture has this size")
        return width, height


class Bits:
    """The bits of a byte string, first the highest. All raise ValueError at the end."""

    def __init__(self, data: bytes) -> None:
        self._value = int.from_bytes(data)
        self._left = len(data) * 8

    def read(self, count: int) -> int:
        """Return the next bits. Raises ValueError at the end."""
        self._left -= count
        if self._left < 0:
            raise ValueError("the parameter set is cut off")
        return (self._value >> self._left) & ((1 << count) - 1)

    def exponential(self) -> int:
        """Return an unsigned Exp-Golomb number."""
        rest = self._value & ((1 << self._left) - 1)
        zeros = self._left - rest.bit_length()
        if zeros > 32:
            raise ValueError("a number is too long")
        return self.read(2 * zeros + 1) - 1

    def signed(self) -> int:
        """Return a signed Exp-Golomb number."""
        value = self.exponential()
        return (value + 1) // 2 if value & 1 else -(value // 2)
