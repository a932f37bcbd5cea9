"""What Pillow does with a buddy picture: decodes, crops to a square, scales, encodes.

All of it blocks and is done in a worker thread; `pictures.py` loads this file with the first one.
"""

from __future__ import annotations

import io
import warnings

from PIL import Image, ImageOps

from api.http.image_files import read_image_file
from api.spreed.pictures import LARGEST, NAMES, SMALLEST, NotAPicture

EXIF_ORIENTATION = 0x0112
LONGEST_SIDE = 16_384  # pixels of an upload
SCANS = 24  # passes over a JPEG as large as it may be; real ones have ten. Of smaller ones more
COPIES = {"WEBP": 2}  # of all its pixels, at a time, more than others have in memory
MOST_SCANS = 500  # of any JPEG


def cleaned(upload: bytes, pixels: int) -> tuple[bytes, str]:
    """Decode the first frame, crop it to a square of at most 512 pixels and encode it again.

    Returns the bytes and the format, as Pillow calls it. An upload of more `pixels` is refused.
    Raises NotAPicture.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(upload), formats=tuple(NAMES)) as image:
                format_ = image.format or ""
                _check_work(format_, image.size, _scans(upload, format_), pixels)
                side = min(LARGEST, max(SMALLEST, min(image.size)))
                if format_ == "JPEG":
                    image.draft(None, (2 * side, 2 * side))  # a half, fourth or eighth of the work
                square = _square(image, format_, side)
                square.getexif()[EXIF_ORIENTATION] = image.getexif().get(EXIF_ORIENTATION, 1)
                ImageOps.exif_transpose(square, in_place=True)
                return _encoded(square, format_), format_
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError, Warning) as error:
        raise NotAPicture from error
    except (IndexError, KeyError, TypeError, EOFError, ZeroDivisionError, OverflowError) as error:
        raise NotAPicture from error  # what decoders raise on crafted files


def _check_work(format_: str, size: tuple[int, int], scans: int, pixels: int) -> None:
    """Refuse what would take too much memory or time. Raises NotAPicture."""
    area = size[0] * size[1]
    if max(size) > LONGEST_SIDE or area > pixels // COPIES.get(format_, 1):
        raise NotAPicture
    if scans > MOST_SCANS or area * scans > SCANS * pixels:
        raise NotAPicture


def _scans(upload: bytes, format_: str) -> int:
    """Return how many times the whole picture is gone through: a small JPEG may ask for thousands.

    Raises NotAnImageFile, which is a ValueError.
    """
    return read_image_file(upload).scans if format_ == "JPEG" else 1


def resized(data: bytes, format_: str, size: int) -> bytes:
    """Return a picture of ours with `size` pixels a side."""
    with Image.open(io.BytesIO(data), formats=(format_,)) as image:
        return _encoded(_square(image, format_, size), format_)


def _square(image: Image.Image, format_: str, side: int) -> Image.Image:
    """Crop and scale; in the colours it has where that can be done, for a copy less of it all."""
    image.load()
    scalable = image.mode in ("RGB", "RGBA", "L")
    mode = "RGB" if format_ == "JPEG" else "RGBA"
    source = image if scalable else image.convert(mode)
    return ImageOps.fit(source, (side, side), Image.Resampling.LANCZOS).convert(mode)


def _encoded(square: Image.Image, format_: str) -> bytes:
    square.info.clear()  # profiles, comments: savers would write them back as they came
    out = io.BytesIO()
    square.save(out, format_)
    return out.getvalue()
