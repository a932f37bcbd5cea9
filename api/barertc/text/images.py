"""Pictures that people show in a chat: what was uploaded becomes a small clean one inside of HTML.

JPEG and PNG are decoded and encoded again: turned upright as their EXIF data says, at most
`longest_side` pixels wide or high. A GIF stays as it is, since people show animations. All lose
their metadata before anything decodes them, so no decoder of Exif data or colour profiles is ever
at work. What a file costs is known before it is decoded; a refusal has words for the person who
sent it. Runs in a thread: `accept` may take seconds.
"""

from __future__ import annotations

import base64
import io
import re
from dataclasses import dataclass

from PIL import Image

from api.barertc.text.markdown import escape
from api.http.image_files import ImageFile, NotAnImageFile, read_image_file

_EXTENSION = re.compile(r"\.(jpe?g|png|gif)\Z", re.IGNORECASE)
_TYPES = {"JPEG": "image/jpeg", "PNG": "image/png", "GIF": "image/gif"}
_BEYOND_PILLOW = 89_478_485  # pixels from which on Pillow itself warns
_UPRIGHT = {  # what to do with a picture that lies as Exif says
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_BAND = 1_000_000  # pixels
_QUALITY = 85
_UNSUPPORTED = "Unsupported image type, should be a jpeg, GIF or png."
_UNREADABLE = "This image could not be read: the file is damaged or is no jpeg, GIF or png."
_DAMAGE = (
    OSError, ValueError, SyntaxError, IndexError, KeyError, TypeError, EOFError, ZeroDivisionError,
    OverflowError, MemoryError, Image.DecompressionBombError, Image.DecompressionBombWarning,
)  # fmt: skip
"""What decoders raise on crafted files."""


class ImageRefused(Exception):
    """A picture is not shown; the text says why, in words for its sender."""


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What an upload may have, and what is made of it. Sizes in bytes and pixels."""

    bytes: int = 31_457_280  # a message of 40 MiB in base64
    pixels: int = 25_000_000
    scan_pixels: int = 600_000_000  # of a JPEG: its pixels times the passes over them
    frames: int = 1000
    frame_pixels: int = 250_000_000  # of a GIF: of all frames together
    shown_bytes: int = 8_388_608  # of what is sent on to everybody; clients upload no more
    longest_side: int = 1280  # barertc.max_image_width
    preview_side: int = 360  # barertc.preview_image_width


@dataclass(frozen=True, slots=True)
class ChatImage:
    """A picture as it is sent on; `html` is the text of the message that shows it."""

    content_type: str
    data: bytes
    width: int
    height: int
    html: str


def check_file_name(name: str) -> None:
    """Refuse a file by the end of its name, before its content is read. Raises ImageRefused."""
    if _EXTENSION.search(name) is None:
        raise ImageRefused(_UNSUPPORTED)


def accept(name: str, content: bytes | bytearray, limits: ImageLimits) -> ChatImage:
    """Make an uploaded file ready to be shown. To be called in a thread. Raises ImageRefused.

    What the file is decides, not which of the endings its name has.
    """
    check_file_name(name)
    if len(content) > limits.bytes:
        raise ImageRefused(f"This image is too large: at most {limits.bytes:,} bytes are taken.")
    try:
        file = read_image_file(bytes(content))
        _check_work(file, limits)
        picture, size = _cleaned(file, limits)
    except _DAMAGE as error:  # NotAnImageFile is a ValueError
        raise ImageRefused(_UNREADABLE) from error
    if len(picture) > limits.shown_bytes:
        raise ImageRefused(
            f"This image is too large: at most {limits.shown_bytes:,} bytes are taken."
        )
    type_ = _TYPES[file.kind]
    html = _html(name, type_, picture, _scaled(size, limits.preview_side))
    return ChatImage(type_, picture, *size, html=html)


def _check_work(file: ImageFile, limits: ImageLimits) -> None:
    pixels = file.width * file.height
    most = min(limits.pixels, _BEYOND_PILLOW)
    if pixels > most:
        raise ImageRefused(f"This image is too large: at most {most:,} pixels are taken.")
    if pixels * file.scans > limits.scan_pixels:
        raise ImageRefused("This image is too complex: please save it as a simple jpeg.")
    if file.frames > limits.frames or file.frame_pixels > limits.frame_pixels:
        raise ImageRefused("This animation is too long or too large.")


def _cleaned(file: ImageFile, limits: ImageLimits) -> tuple[bytes, tuple[int, int]]:
    """Return the file to send on, and the picture's size."""
    with Image.open(io.BytesIO(file.clean), formats=(file.kind,)) as image:
        if (image.width, image.height) != (file.width, file.height):
            raise NotAnImageFile("says two sizes")
        longest = limits.longest_side
        if file.kind == "JPEG":
            image.draft(None, (longest, longest))  # decodes a half, fourth or eighth where enough
        image.load()  # of a GIF the first frame: whether it is a picture at all
        if file.kind == "GIF":
            return file.clean, image.size
        upright = _in_full_colours(image, file.kind)
    if max(upright.size) > longest:
        size = _scaled((upright.width, upright.height), longest)
        upright = upright.resize(size, Image.Resampling.LANCZOS)
    if file.orientation in _UPRIGHT:
        upright = upright.transpose(_UPRIGHT[file.orientation])
    upright.info.clear()  # what savers would write back as it came
    out = io.BytesIO()
    if file.kind == "JPEG":
        upright.save(out, "JPEG", quality=_QUALITY)
    else:
        upright.save(out, "PNG")
    return out.getvalue(), (upright.width, upright.height)


def _in_full_colours(image: Image.Image, kind: str) -> Image.Image:
    """Return a picture in a mode that can be scaled well and that browsers show.

    Band by band: while Pillow converts, the interpreter cannot turn to others.
    """
    mode = "L" if image.mode in ("1", "L") or image.mode.startswith("I") else "RGB"
    if kind == "PNG" and (image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info):
        mode = "RGBA"
    if image.mode == mode:
        return image
    whole = Image.new(mode, image.size)
    lines = max(1, _BAND // image.width)
    for top in range(0, image.height, lines):
        band = image.crop((0, top, image.width, min(top + lines, image.height)))
        if band.mode.startswith("I"):  # 16 bits of grey: the upper eight are shown
            band = band.convert("I").point(lambda value: value / 256).convert("L")
        whole.paste(band.convert(mode), (0, top))
    return whole


def _scaled(size: tuple[int, int], longest: int) -> tuple[int, int]:
    """Return a size of the same shape whose longer side is `longest`."""
    larger = max(size)
    width, height = (max(1, round(side * longest / larger)) for side in size)
    return width, height


def _html(name: str, type_: str, picture: bytes, shown: tuple[int, int]) -> str:
    """Return the text of the message: clients show it as it is (fact sheet section 2.3)."""
    width, height = shown
    return (
        f'<img src="data:{type_};base64,{base64.b64encode(picture).decode()}"'
        f' width="{width}" height="{height}"'
        ' onclick="setModalImage(this.src)" style="cursor: pointer"'
        f' alt="{escape(name)}">'
    )
