"""Buddy pictures: whatever comes in, only small clean pictures go out."""

from __future__ import annotations

import base64
import io
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps

from api.http.fair_work import FairWork, line_limits
from api.settings import LimitSettings
from api.spreed.pictures import NotAPicture, Pictures, size_of_flags, with_kept_picture
from tests.support.examples import examples
from tests.support.pictures import progressive_jpeg

MEGABYTE = 1024 * 1024
HERE = "192.0.2.1"


def data_url(data: bytes, kind: str = "image/png") -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode()}"


def picture(format_: str = "PNG", size: tuple[int, int] = (90, 60), color: str = "red") -> bytes:
    out = io.BytesIO()
    Image.new("RGB", size, color).save(out, format_)
    return out.getvalue()


def pictures(store: int = MEGABYTE, pixels: int = MEGABYTE) -> Pictures:
    limits = line_limits(LimitSettings(), places=2)
    return Pictures(pixels, store, MEGABYTE, FairWork(lambda: limits))


def image_of(name: str | None) -> str:
    assert name is not None
    assert name.startswith("img:")
    return name.removeprefix("img:").split("/")[0]


@pytest.mark.parametrize(
    ("format_", "kind", "file"),
    [
        ("PNG", "image/png", "picture.png"),
        ("JPEG", "image/jpeg", "picture.jpg"),
        ("GIF", "image/gif", "picture.gif"),
        ("WEBP", "image/webp", "picture.webp"),
    ],
)
async def test_each_format_becomes_a_square_of_the_size_asked_for(
    format_: str, kind: str, file: str
) -> None:
    kept = pictures()
    name = await kept.accept("ann", data_url(picture(format_), kind), HERE)
    assert name is not None
    assert name.endswith(f"/{file}")
    for asked, side in [(46, 46), (1, 16), (100_000, 512), (None, 60)]:
        sized = await kept.sized(image_of(name), asked, HERE)
        assert sized is not None
        assert sized.content_type == kind
        with Image.open(io.BytesIO(sized.data)) as image:
            assert (image.format, image.size) == (format_, (side, side))


async def test_the_crop_is_taken_from_the_centre() -> None:
    wide = Image.new("RGB", (90, 30), "blue")
    wide.paste("red", (30, 0, 60, 30))
    out = io.BytesIO()
    wide.save(out, "PNG")
    kept = pictures()
    sized = await kept.sized(
        image_of(await kept.accept("ann", data_url(out.getvalue()), HERE)), 20, HERE
    )
    assert sized is not None
    with Image.open(io.BytesIO(sized.data)) as image:
        assert image.convert("RGB").getcolors() == [(400, (255, 0, 0))]


async def test_metadata_and_what_follows_the_picture_are_lost() -> None:
    kept = pictures()
    upload = picture("JPEG") + b"<script>alert(1)</script>"
    name = await kept.accept("ann", data_url(upload, "image/jpeg"), HERE)
    sized = await kept.sized(image_of(name), None, HERE)
    assert sized is not None
    assert b"script" not in sized.data


@pytest.mark.parametrize(
    ("kind", "extra"),
    [
        ("PNG", {"icc_profile": b"<script>" * 9}),
        ("JPEG", {"icc_profile": b"<script>" * 9, "comment": b"<script>"}),
        ("GIF", {"comment": b"<script>"}),
        ("WEBP", {"icc_profile": b"<script>" * 9, "xmp": b"<script>"}),
    ],
)
async def test_profiles_and_comments_of_the_upload_are_lost(
    kind: str, extra: dict[str, bytes]
) -> None:
    out = io.BytesIO()
    Image.new("RGB", (40, 40), "red").save(out, kind, **extra)
    kept = pictures()
    name = await kept.accept("ann", data_url(out.getvalue(), f"image/{kind.lower()}"), HERE)
    for size in (None, 20):
        sized = await kept.sized(image_of(name), size, HERE)
        assert sized is not None
        assert b"script" not in sized.data
        with Image.open(io.BytesIO(sized.data)) as image:
            assert not {"icc_profile", "comment", "xmp"} & image.info.keys()


async def test_a_session_keeps_its_image_id_and_equal_data_its_change_id() -> None:
    kept = pictures()
    first = await kept.accept("ann", data_url(picture()), HERE)
    again = await kept.accept("ann", data_url(picture()), HERE)
    other = await kept.accept("ann", data_url(picture(color="blue")), HERE)
    assert first == again
    assert other != first
    assert image_of(other) == image_of(first)
    assert image_of(await kept.accept("bob", data_url(picture()), HERE)) != image_of(first)


async def test_a_picture_goes_with_its_session() -> None:
    kept = pictures()
    image = image_of(await kept.accept("ann", data_url(picture()), HERE))
    kept.forget("ann")
    kept.forget("ann")
    assert await kept.sized(image, 46, HERE) is None


async def test_the_store_is_bounded_by_bytes_and_drops_the_least_recently_used() -> None:
    size = len((await _kept_alone()).data)
    kept = pictures(store=2 * size)
    names = [image_of(await kept.accept(session, data_url(picture()), HERE)) for session in "abc"]
    assert [await kept.sized(name, None, HERE) is not None for name in names] == [False, True, True]


async def _kept_alone():  # type: ignore[no-untyped-def]
    kept = pictures()
    return await kept.sized(image_of(await kept.accept("x", data_url(picture()), HERE)), None, HERE)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://example.org/a.png",
        "img:made/up/picture.png",
        "data:,",
        "data:image/png,plain",
        "data:image/png;base64,",
        "data:image/png;base64,not base64!",
        "data:image/png;base32,AAAA",
    ],
)
async def test_what_is_no_upload_stays_as_it_is(url: str) -> None:
    assert await pictures().accept("ann", url, HERE) is None


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"<script>alert(1)</script>", "text/html"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "image/svg+xml"),
        (b"no picture", "image/png"),
        (picture()[:40], "image/png"),
        (picture("BMP"), "image/png"),
        (picture(size=(2000, 2000)), "image/png"),
    ],
)
async def test_what_is_no_picture_of_ours_is_refused(data: bytes, kind: str) -> None:
    with pytest.raises(NotAPicture):
        await pictures().accept("ann", data_url(data, kind), HERE)


@settings(max_examples=examples(40), deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(["PNG", "JPEG", "GIF", "WEBP"]), st.data())
async def test_a_damaged_picture_is_refused_or_read_and_nothing_else(
    format_: str, data: st.DataObject
) -> None:
    damaged = bytearray(picture(format_))
    for _ in range(data.draw(st.integers(1, 5))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    kept = pictures()
    try:
        name = await kept.accept("ann", data_url(bytes(damaged)), HERE)
    except NotAPicture:
        return
    assert await kept.sized(image_of(name), 46, HERE) is not None


async def test_a_status_shows_the_pictures_name_in_place_of_the_picture() -> None:
    kept = pictures()
    status = json.dumps({"displayName": "Ann", "buddyPicture": data_url(picture())}).encode()
    shown = json.loads(await with_kept_picture(kept, "ann", status, HERE))
    assert shown["displayName"] == "Ann"
    assert await kept.sized(image_of(shown["buddyPicture"]), 46, HERE) is not None


@pytest.mark.parametrize(
    ("value", "shown"),
    [(7, 7), (None, None), ({}, {}), ("http://x", "http://x"), (data_url(b"x"), "")],
)
async def test_other_values_stay_and_broken_pictures_go(value: object, shown: object) -> None:
    status = json.dumps({"buddyPicture": value}).encode()
    assert (
        json.loads(await with_kept_picture(pictures(), "ann", status, HERE))["buddyPicture"]
        == shown
    )


@pytest.mark.parametrize(
    ("flags", "size"),
    [("s46", 46), ("s0", 0), ("", None), ("s", None), ("x46", None), ("s9999999", None)],
)
def test_the_size_is_read_out_of_the_flags(flags: str, size: int | None) -> None:
    assert size_of_flags(flags) == size


@pytest.mark.parametrize(
    ("side", "scans", "taken"),
    [(512, 24, True), (512, 100, False), (64, 499, True), (64, 501, False)],
)
async def test_passes_over_a_picture_are_limited(side: int, scans: int, taken: bool) -> None:
    upload = data_url(progressive_jpeg(side, scans - 1), "image/jpeg")
    kept = pictures(pixels=512 * 512)
    if taken:
        assert await kept.accept("ann", upload, HERE) is not None
    else:
        with pytest.raises(NotAPicture):
            await kept.accept("ann", upload, HERE)


async def test_a_side_is_limited_however_thin_the_picture_is() -> None:
    with pytest.raises(NotAPicture):
        await pictures().accept("ann", data_url(picture(size=(16_385, 1))), HERE)


@pytest.mark.parametrize("orientation", range(1, 9))
async def test_a_picture_is_turned_upright(orientation: int) -> None:
    lying = Image.new("RGB", (1200, 900), "blue")
    lying.paste("red", (0, 0, 600, 450))
    exif = Image.Exif()
    exif[0x0112] = orientation
    out = io.BytesIO()
    lying.save(out, "JPEG", exif=exif)
    kept = pictures(pixels=4 * MEGABYTE)
    name = await kept.accept("ann", data_url(out.getvalue(), "image/jpeg"), HERE)
    sized = await kept.sized(image_of(name), None, HERE)
    assert sized is not None
    lying.getexif()[0x0112] = orientation
    upright = ImageOps.exif_transpose(lying).resize((4, 4))
    with Image.open(io.BytesIO(sized.data)) as image:
        small = image.resize((4, 4))
    for x, y in ((0, 0), (3, 0), (0, 3), (3, 3)):
        found, expected = (each.getpixel((x, y)) for each in (small, upright))
        assert max(abs(a - b) for a, b in zip(found, expected, strict=True)) < 40
