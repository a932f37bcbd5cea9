"""What is asked for below the path of a room."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.hls.addresses import Watched, asked_for, is_segment, kind_of, path_of_room, path_of_view


@pytest.mark.parametrize(
    ("rest", "found"),
    [
        ("common/", Watched("common", "")),
        ("common", Watched("common", "", slash=False)),
        ("common/index.m3u8", Watched("common", "index.m3u8")),
        ("common/s12.ts", Watched("common", "s12.ts")),
        ("a/b/", Watched("a/b", "")),
        ("a/b/init.mp4", Watched("a/b", "init.mp4")),
        ("common/other.m3u8", Watched("common/other.m3u8", "", slash=False)),
        ("common/../x.ts", Watched("common/..", "x.ts")),
        ("common/.x.ts", Watched("common/.x.ts", "", slash=False)),
        ("x.ts", Watched("x.ts", "", slash=False)),
    ],
)
def test_the_last_part_says_what_is_wanted_of_a_view(rest: str, found: Watched) -> None:
    assert asked_for(rest) == found


@pytest.mark.parametrize(
    "name",
    ["", ".ts", "..", "../x.ts", "a/b.ts", "a\\b.ts", "x.ts\n", "x.html", "x", "ä.ts", "x.ts.gz",
     "-x.ts", "index.m3u8", "x" * 65 + ".ts", "a\0.ts"],
)  # fmt: skip
def test_a_name_that_leads_elsewhere_is_no_segment(name: str) -> None:
    assert not is_segment(name)


def test_segments_have_types() -> None:
    assert is_segment("index12.ts")
    assert kind_of("index12.ts") == "video/mp2t"
    assert kind_of("init.mp4") == kind_of("x-1_2.m4s") == "video/mp4"


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=64))
def test_a_view_of_any_name_has_an_address(view: str) -> None:
    path = path_of_view("0" * 24, view)
    assert path.isascii()
    start = path_of_room("0" * 24)
    rest = unquote(path.removeprefix(start))
    assert asked_for(rest) == Watched(view, "")
    assert asked_for(f"{rest}index.m3u8") == Watched(view, "index.m3u8")
