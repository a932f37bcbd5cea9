"""The VP8 payload descriptor (RFC 7741): where a picture is numbered, and renumbering it."""

from __future__ import annotations

from dataclasses import dataclass

PICTURE_IDS = 1 << 15
SHORT_PICTURE_IDS = 1 << 7


@dataclass(slots=True)
class Vp8Picture:
    """The numbers in a descriptor, and where they stand in the payload.

    `number` is the picture id, `width` its size in bytes (0: none is there); `layer` is TL0PICIDX,
    None if it is not there. The source widens `number`, so that it only grows.
    """

    number: int
    width: int
    layer: int | None
    starts_frame: bool
    header_bytes: int


def read_picture(payload: bytes) -> Vp8Picture | None:
    """Read the descriptor at the start of a VP8 payload; None if it is cut short."""
    size = len(payload)
    if size < 2:
        return None
    first = payload[0]
    starts_frame = first & 0x17 == 0x10  # first packet (S) of partition 0
    if not first & 0x80:
        return Vp8Picture(0, 0, None, starts_frame, 1)
    has = payload[1]
    at, number, width, layer = 2, 0, 0, None
    if has & 0x80:
        width = 2 if size > at and payload[at] & 0x80 else 1
        number = int.from_bytes(payload[at : at + width]) & (PICTURE_IDS - 1 if width == 2 else 127)
        at += width
    if has & 0x40:
        layer = payload[at] if size > at else None
        at += 1
    if has & 0x30:
        at += 1
    if size <= at:
        return None
    return Vp8Picture(number, width, layer, starts_frame, at)


def starts_keyframe(payload: bytes, picture: Vp8Picture) -> bool:
    """Tell whether this packet is the first one of a keyframe."""
    return picture.starts_frame and not payload[picture.header_bytes] & 0x01


def renumber(payload: bytes, picture: Vp8Picture, by: int, layers_by: int) -> bytes:
    """Return the payload with its picture id and TL0PICIDX moved.

    A picture id is written in two bytes, so that it never has to wrap sooner than its source's.
    """
    if not picture.width and picture.layer is None:
        return payload
    start = payload[:2]
    if picture.width:
        start += (0x8000 | (picture.number + by) & (PICTURE_IDS - 1)).to_bytes(2)
    at = 2 + picture.width
    if picture.layer is not None:
        start += bytes([(picture.layer + layers_by) & 0xFF])
        at += 1
    return start + payload[at:]


class PictureNumbers:
    """Widens the picture ids of one source, which are 7 or 15 bits wide, to numbers that grow."""

    def __init__(self) -> None:
        self._latest = 0
        self._width = 0

    def widen(self, picture: Vp8Picture) -> None:
        """Replace the picture's id by its wide number."""
        if not picture.width:
            return
        if not self._width:
            self._latest = PICTURE_IDS + picture.number
        # Some senders use one byte up to 127 and two from there on: the shorter field wraps at its
        # own width only among its like.
        modulus = SHORT_PICTURE_IDS if picture.width == self._width == 1 else PICTURE_IDS
        half = modulus // 2
        number = self._latest + (picture.number - self._latest + half) % modulus - half
        if number >= self._latest:
            self._latest, self._width = number, picture.width
        picture.number = number
