"""Uploaded pictures: small clean ones come out, and nobody pays for a crafted file."""

from __future__ import annotations

import base64
import io
import random
import struct
import time
import zlib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from PIL.PngImagePlugin import PngInfo

from api.barertc.text import images
from api.barertc.text.images import ChatImage, ImageLimits, ImageRefused, accept, check_file_name
from api.http.image_files import NotAnImageFile, read_image_file
from tests.support.examples import examples

UNSUPPORTED = "Unsupported image type, should be a jpeg, GIF or png."
LIMITS = ImageLimits()
ORIENTATION = 0x0112
QUALITY: dict[str, dict[str, int]] = {"PNG": {}, "JPEG": {"quality": 95, "subsampling": 0}}


def encoded(image: Image.Image, format_: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, format_, **options)
    return out.getvalue()


def halves(width: int = 40, height: int = 20, mode: str = "RGB") -> Image.Image:
    """Return a picture that is red on the left and blue on the right."""
    image = Image.new("RGB", (width, height), "blue")
    image.paste("red", (0, 0, width // 2, height))
    return image.convert(mode)


def animation(frames: int = 3, size: int = 20, **options: Any) -> bytes:
    images = [
        Image.new("RGB", (size, size), (index * 80 % 256, index, 9)) for index in range(frames)
    ]
    return encoded(images[0], "GIF", save_all=True, append_images=images[1:], **options)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png_that_claims(width: int, height: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    body = zlib.compress(bytes(100))
    chunks = (chunk(b"IHDR", header), chunk(b"IDAT", body), chunk(b"IEND", b""))
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def opened(image: ChatImage) -> Image.Image:
    return Image.open(io.BytesIO(image.data))


def refusal(name: str, content: bytes, limits: ImageLimits = LIMITS) -> str:
    with pytest.raises(ImageRefused) as refused:
        accept(name, content, limits)
    return str(refused.value)


@pytest.mark.parametrize("name", ["a.jpg", "a.JPEG", "a.b.png", "a.Gif", ".png", "ä\n.gif"])
def test_names_of_pictures_are_taken(name: str) -> None:
    check_file_name(name)


@pytest.mark.parametrize(
    "name", ["", "a", "a.txt", "a.png.exe", "png", "a.webp", "a.png\n", "a.svg"]
)
def test_other_names_are_refused_in_the_words_that_clients_know(name: str) -> None:
    with pytest.raises(ImageRefused, match=UNSUPPORTED):
        check_file_name(name)
    assert refusal(name, encoded(halves(), "PNG")) == UNSUPPORTED


@pytest.mark.parametrize(
    ("size", "shown"),
    [((1, 1), (360, 360)), ((40, 20), (360, 180)), ((20, 40), (180, 360)), ((1280, 1), (360, 1))],
)
@pytest.mark.parametrize("format_", ["PNG", "JPEG", "GIF"])
def test_a_picture_becomes_html_with_its_preview_size(
    format_: str, size: tuple[int, int], shown: tuple[int, int]
) -> None:
    image = accept(f"x.{format_}", encoded(halves(*size), format_), LIMITS)
    data = base64.b64encode(image.data).decode()
    assert image.html == (
        f'<img src="data:image/{format_.lower()};base64,{data}" width="{shown[0]}"'
        f' height="{shown[1]}" onclick="setModalImage(this.src)" style="cursor: pointer"'
        f' alt="x.{format_}">'
    )
    assert image.content_type == f"image/{format_.lower()}"
    assert (image.width, image.height) == size == opened(image).size


def test_the_name_cannot_leave_its_attribute() -> None:
    image = accept('"><script>.png', encoded(halves(), "PNG"), LIMITS)
    assert 'alt="&quot;&gt;&lt;script&gt;.png">' in image.html
    assert image.html.count("<") == 1


@pytest.mark.parametrize("format_", ["PNG", "JPEG"])
@pytest.mark.parametrize(
    ("size", "expected"), [((2000, 1000), (1280, 640)), ((3, 2000), (2, 1280))]
)
def test_the_longer_side_is_made_as_long_as_allowed(
    format_: str, size: tuple[int, int], expected: tuple[int, int]
) -> None:
    image = accept("a.png", encoded(halves(*size), format_), LIMITS)
    assert opened(image).size == expected == (image.width, image.height)


def test_a_picture_is_turned_upright_and_its_metadata_goes() -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned by 90 degrees clockwise
    exif[0x010E] = "SECRET-PLACE"
    data = encoded(
        halves(), "JPEG", exif=exif, comment=b"SECRET-COMMENT", icc_profile=b"SECRET-ICC"
    )
    assert b"SECRET" in data
    image = accept("a.jpg", data, LIMITS)
    assert b"SECRET" not in image.data
    upright = opened(image)
    assert (upright.size, dict(upright.getexif())) == ((20, 40), {})
    red, _, blue = upright.convert("RGB").getpixel((10, 5))  # type: ignore[misc]
    assert red > 200 > 50 > blue


@pytest.mark.parametrize("orientation", range(10))
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("format_", ["PNG", "JPEG"])
def test_every_way_to_lie_is_set_upright(format_: str, order: str, orientation: int) -> None:
    image = halves(40, 20)
    image.paste("white", (0, 0, 10, 10))  # tells all eight apart
    entries = (
        struct.pack(order + "HHII", 0x010F, 2, 4, 0),
        struct.pack(order + "HHIHH", ORIENTATION, 3, 1, orientation, 0),
    )
    start = b"II*\0" if order == "<" else b"MM\0*"
    exif = start + struct.pack(order + "IH", 8, 2) + b"".join(entries) + bytes(4)
    data = encoded(image, format_, exif=b"Exif\0\0" + exif, **QUALITY[format_])
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    got = opened(accept("a.png", data, LIMITS))
    assert got.size == expected.size
    for x, y in ((2, 2), (2, got.height - 3), (got.width - 3, 2), (got.width - 3, got.height - 3)):
        pairs = zip(got.getpixel((x, y)), expected.getpixel((x, y)), strict=True)  # type: ignore[arg-type]
        assert all(abs(one - other) < 30 for one, other in pairs)


def test_text_in_a_png_goes() -> None:
    info = PngInfo()
    info.add_text("Comment", "SECRET")
    info.add_itxt("Place", "SECRET", zip=False)
    image = accept("a.png", encoded(halves(), "PNG", pnginfo=info, dpi=(7, 7)), LIMITS)
    assert b"SECRET" not in image.data
    assert not {"Comment", "Place", "dpi"} & set(opened(image).info)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK", "YCbCr"])
@pytest.mark.parametrize("size", [40, 2000])
def test_every_way_to_write_colours_is_shown(mode: str, size: int) -> None:
    format_ = "JPEG" if mode in ("CMYK", "YCbCr") else "PNG"
    image = halves(size, 20, "L").convert("I").point(lambda value: value * 257).convert("I;16") \
        if mode == "I;16" else halves(size, 20, mode)  # fmt: skip
    shown = opened(accept("a.png", encoded(image, format_), LIMITS)).convert("L")
    expected = halves(size, 20, "1" if mode == "1" else "L").convert("L").resize(shown.size)
    for x in (shown.width // 8, shown.width * 7 // 8):
        got, wanted = shown.getpixel((x, 10 if size == 40 else 6)), expected.getpixel((x, 6))
        assert mode == "1" or abs(got - wanted) < 12  # type: ignore[operator]


def test_what_one_can_see_through_stays_so() -> None:
    assert images._BAND < 1300 * 1000  # so that a large one has several bands
    clear = Image.new("RGBA", (2000, 10), (255, 0, 0, 0))
    large = Image.new("RGBA", (1300, 1300), (255, 0, 0, 0)).quantize()
    shown = opened(accept("a.png", encoded(large, "PNG"), LIMITS)).convert("RGBA")
    assert shown.getextrema()[3] == (0, 0)
    assert opened(accept("a.png", encoded(clear, "PNG"), LIMITS)).getpixel((5, 2))[3] == 0  # type: ignore[index]
    indexed = clear.quantize()
    image = opened(accept("a.png", encoded(indexed, "PNG"), LIMITS))
    assert image.convert("RGBA").getpixel((5, 5))[3] == 0  # type: ignore[index]


def test_the_content_decides_not_the_ending() -> None:
    assert accept("a.gif", encoded(halves(), "JPEG"), LIMITS).content_type == "image/jpeg"
    for format_ in ("WEBP", "BMP", "TIFF", "PPM"):
        assert "could not be read" in refusal("a.png", encoded(halves(), format_))
    for content in (b"", b"<svg/>", b"\x89PNG\r\n\x1a\n", b"GIF89a", b"\xff\xd8\xff", b"%PDF-1.7"):
        assert "could not be read" in refusal("a.png", content)


def test_an_animation_stays_one_and_loses_what_is_no_picture() -> None:
    data = animation(3, duration=70, loop=0, comment=b"SECRET")
    trailer = data.rindex(b";")
    tracked = data[:trailer] + b"\x21\xff\x0bXMP DataXMP\x06SECRET\0;" + b"SECRET appended"
    image = accept("a.gif", tracked, LIMITS)
    assert b"SECRET" not in image.data
    with opened(image) as got, Image.open(io.BytesIO(data)) as before:
        assert (got.n_frames, got.info["loop"], got.info["duration"]) == (3, 0, 70)  # type: ignore[attr-defined]
        for index in range(3):
            got.seek(index)
            before.seek(index)
            assert got.convert("RGB").tobytes() == before.convert("RGB").tobytes()


def test_a_gif_keeps_its_size() -> None:
    image = accept("a.gif", encoded(Image.new("P", (2000, 1000)), "GIF"), LIMITS)
    assert opened(image).size == (2000, 1000)
    assert 'width="360" height="180"' in image.html


@pytest.mark.parametrize(
    ("limits", "content", "words"),
    [
        ({"bytes": 50}, encoded(halves(), "PNG"), "at most 50 bytes"),
        ({"pixels": 799}, encoded(halves(), "PNG"), "at most 799 pixels"),
        ({"pixels": 799}, encoded(halves(), "JPEG"), "at most 799 pixels"),
        ({"pixels": 799}, encoded(halves(), "GIF"), "at most 799 pixels"),
        ({"scan_pixels": 2000}, encoded(halves(), "JPEG", progressive=True), "too complex"),
        ({"frames": 2}, animation(3), "too long"),
        ({"frame_pixels": 1100}, animation(3), "too long"),
        ({"shown_bytes": 100}, animation(3), "at most 100 bytes"),
    ],
)
def test_limits_are_kept(limits: dict[str, int], content: bytes, words: str) -> None:
    assert words in refusal("a.png", content, ImageLimits(**limits))
    accept("a.png", content, LIMITS)


@pytest.mark.parametrize("side", [10_000, 65_535, 2**31 - 1])
def test_a_bomb_is_refused_before_it_is_decoded(side: int) -> None:
    began = time.thread_time()
    assert "too large" in refusal("a.png", png_that_claims(side, side))
    assert "too large" in refusal("a.png", png_that_claims(side, side), ImageLimits(pixels=10**12))
    assert time.thread_time() - began < 0.2


def test_many_passes_over_a_large_picture_are_refused() -> None:
    flat = encoded(Image.new("RGB", (3000, 3000)), "JPEG", progressive=True)
    last = flat.rindex(b"\xff\xda")
    bomb = flat[:-2] + flat[last:-2] * 400 + b"\xff\xd9"
    assert read_image_file(bomb).scans > 400
    began = time.thread_time()
    assert "too complex" in refusal("a.jpg", bomb)
    assert time.thread_time() - began < 0.5


@pytest.mark.parametrize(
    "content",
    [
        b"\xff\xd8" + b"\xff\xe0\0\2" * 2_000_000,
        b"\xff\xd8" + b"\xff" * 8_000_000,
        b"\xff\xd8\xff\xe0\0\2" + b"\xff\0" * 4_000_000,
        b"GIF89a" + bytes(4) + b"\0\0\0" + b"\x21\xfe\0" * 2_000_000,
        b"GIF89a" + bytes(7) + b"\x21\xfe" + b"\1a" * 4_000_000,
        b"GIF89a" + bytes(4) + b"\x80\0\0" + b"," * 8_000_000,
    ],
)
def test_files_made_of_scraps_are_refused_soon(content: bytes) -> None:
    began = time.thread_time()
    assert "could not be read" in refusal("a.gif", content)
    assert time.thread_time() - began < 10  # about one second; it is linear, and in a thread


def test_a_frame_beyond_the_picture_is_refused() -> None:
    data = bytearray(animation(2))
    frame = data.index(b",\0\0\0\0\x14\0\x14\0")
    data[frame + 5 : frame + 9] = b"\xff\xff\xff\xff"  # which would make the picture that large
    assert "could not be read" in refusal("a.gif", bytes(data))


TURNED = Image.Exif()
TURNED[ORIENTATION] = 6
SEEDS = [
    encoded(halves(), "PNG", exif=TURNED, icc_profile=b"abc"),
    encoded(halves(), "JPEG", exif=TURNED, icc_profile=b"abc"),
    encoded(halves(), "PNG", save_all=True, append_images=[halves(mode="L").convert("RGB")]),
    encoded(halves(), "PNG"),
    encoded(halves(), "JPEG"),
    encoded(halves(), "JPEG", progressive=True, comment=b"hello"),
    animation(3, loop=0, duration=50, comment=b"hello"),
]


@settings(max_examples=examples(600))
@given(st.sampled_from(SEEDS), st.randoms(use_true_random=False), st.integers(0, 12))
def test_damaged_files_are_shown_or_refused_and_nothing_else(
    content: bytes, dice: random.Random, changes: int
) -> None:
    data = bytearray(content)
    for _ in range(changes):
        at = dice.randrange(len(data))
        if dice.random() < 0.3:
            del data[at : at + dice.randrange(20)]
        else:
            data[at] = dice.randrange(256)
        if not data:
            break
    try:
        image = accept("a.png", data, ImageLimits(pixels=1_000_000, frame_pixels=10_000_000))
    except ImageRefused as refused:
        assert str(refused)  # noqa: PT017
        return
    with opened(image) as shown:
        assert shown.size == (image.width, image.height)


@settings(max_examples=examples(300))
@given(
    st.sampled_from([b"\xff\xd8\xff", b"GIF89a", b"\x89PNG\r\n\x1a\n", b""]),
    st.binary(max_size=300),
)
def test_any_bytes_are_read_or_refused(start: bytes, rest: bytes) -> None:
    try:
        file = read_image_file(start + rest)
    except NotAnImageFile:
        return
    assert file.width > 0
    assert file.height > 0
