"""What is shown of a muxer's DASH manifests."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.outside.dash_manifest import DashManifests, read_manifest
from media.outside.listing import MAX_LISTING_BYTES, BadListing, ShownListing
from tests.support.examples import examples
from tests.support.segment_writer import manifest as written

INITS = {"init-0.m4s", "init-1.m4s"}


def picture(*numbers: int) -> set[str]:
    return {f"chunk-0-{number:05d}.m4s" for number in numbers}


def sound(*numbers: int) -> set[str]:
    return {f"chunk-1-{number:05d}.m4s" for number in numbers}


def both(*numbers: int) -> set[str]:
    return picture(*numbers) | sound(*numbers)


def show(
    data: bytes, taken: set[str], dropped: set[str], *, ended: bool = False
) -> ShownListing | None:
    manifests = DashManifests()
    return manifests.shown(manifests.read(data), taken | INITS, dropped, ended=ended)


def named(shown: ShownListing | None) -> set[str]:
    """Return the segments that a player finds in what is shown."""
    if shown is None:
        return set()
    manifest = read_manifest(shown.data)
    assert shown.names == {*manifest.segments, *manifest.headers}
    return set(manifest.segments)


def test_manifest_of_ffmpeg_is_read() -> None:
    manifest = read_manifest(written(8, 12))
    assert set(manifest.segments) == both(8, 9, 10, 11, 12)
    assert set(manifest.headers) == INITS
    assert manifest.seconds == pytest.approx(5.0)
    assert not manifest.ended
    assert read_manifest(written(1, 2, ended=True)).ended


def test_manifest_is_shown_as_it_is_when_all_is_there() -> None:
    shown = show(written(8, 12), both(8, 9, 10, 11, 12), set())
    assert shown is not None
    assert shown.data == written(8, 12)
    assert shown.complete


@pytest.mark.parametrize(
    ("taken", "dropped", "seen"),
    [
        (both(1, 2, 3), set(), both(1, 2, 3)),
        (both(1, 2, 3, 4) | picture(5), set(), both(1, 2, 3, 4) | picture(5)),
        (both(2, 3, 4, 5), set(), set()),
        (both(1, 2, 4, 5), both(3), both(4, 5)),
        (both(1, 2, 4, 5) | picture(3), sound(3), both(4, 5)),
        (both(1, 2, 3, 4), both(5), both(1, 2, 3, 4)),
        (both(3, 4, 5), both(1, 2), both(3, 4, 5)),
        (both(1, 2, 3) | sound(4) | picture(5), picture(4), set()),
        (set(), both(1, 2, 3, 4, 5), set()),
    ],
    ids=[
        "the_rest_may_come", "sound_may_come", "all_may_come", "a_hole", "a_hole_of_sound",
        "the_newest_missing", "the_oldest_missing", "picture_after_a_hole_first", "nothing",
    ],
)  # fmt: skip
def test_manifest_names_what_is_there_in_a_row(
    taken: set[str], dropped: set[str], seen: set[str]
) -> None:
    assert named(show(written(1, 5), taken, dropped)) == seen


def test_segments_keep_their_numbers_and_times() -> None:
    shown = show(written(1, 5), both(1, 2, 4, 5), both(3))
    assert shown is not None
    before = {
        (each.name, each.number, each.begin)
        for one in read_manifest(written(1, 5)).representations
        for each in one.entries
    }
    assert {
        (each.name, each.number, each.begin)
        for one in read_manifest(shown.data).representations
        for each in one.entries
    } <= before
    assert 'frameRate="15/1"' in shown.data.decode()


def test_nothing_is_shown_before_what_segments_begin_with() -> None:
    manifests = DashManifests()
    listing = manifests.read(written(1, 2))
    assert manifests.shown(listing, both(1, 2) | {"init-0.m4s"}, set(), ended=False) is None


def test_end_is_shown_when_nothing_follows_and_all_is_there() -> None:
    last = written(1, 3, ended=True)
    assert show(last, both(1, 2, 3), set()) is None
    assert show(last, both(1, 2), set(), ended=True) is None
    shown = show(last, both(1, 2, 3), set(), ended=True)
    assert shown is not None
    assert shown.data == last
    assert named(show(last, both(1, 3), both(2), ended=True)) == both(3)


def test_end_is_said_of_what_a_killed_process_has_left() -> None:
    shown = show(written(1, 3), both(1, 2, 3), set(), ended=True)
    assert shown is not None
    root = ElementTree.fromstring(shown.data)
    assert root.attrib == {"type": "static", "mediaPresentationDuration": "PT4.000S"}


def test_segments_may_be_called_by_their_times() -> None:
    by_time = written(2, 3).replace(b"$Number%05d$", b"$Time$")
    assert read_manifest(by_time).segments == (
        "chunk-0-30720.m4s", "chunk-0-46080.m4s", "chunk-1-94976.m4s", "chunk-1-142976.m4s",
    )  # fmt: skip


def test_nothing_is_shown_before_each_stream_has_a_segment() -> None:
    # FFmpeg writes such a manifest first.
    empty = written(1, 1).replace(b'<S t="15360" d="15360" r="0" />', b"")
    assert set(read_manifest(empty).segments) == sound(1)
    assert show(empty, sound(1), set()) is None


@pytest.mark.parametrize(
    ("first", "last"), [(1, 4), (2, 5)], ids=["picture_begins_later", "sound_begins_later"]
)
def test_streams_of_a_whole_manifest_need_not_begin_together(first: int, last: int) -> None:
    data = written(1, 4).replace(b't="15360"', f't="{first * 15360}"'.encode())
    data = data.replace(b'startNumber="1"', f'startNumber="{last - 3}"'.encode(), 1)
    shown = show(data, both(1, 2, 3, 4, 5), set())
    assert shown is not None
    assert shown.data == data


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("<MPD", "<!DOCTYPE MPD [<!ENTITY a 'b'>]><MPD"),
        ("</MPD>", ""),
        ("</MPD>", "</MPD>" + " " * MAX_LISTING_BYTES),
        ('encoding="utf-8"', 'encoding="nothing"'),
        ("mpd:2011", "mpd:2012"),
        ("<S ", "<S r='-1' t='0' d='1'/><S "),
        ("<S ", "<S r='99999' t='0' d='1'/><S "),
        ("<S ", "<S t='0' d='0'/><S "),
        ("SegmentTimeline", "SegmentList"),
        ("chunk-$Rep", "../chunk-$Rep"),
        ("init-$Rep", "http://10.0.0.1/$Rep"),
        ("$Number%05d$", ""),
        ('timescale="48000"', 'timescale="0"'),
        ('startNumber="1"', 'startNumber="x"'),
    ],
    ids=str,
)
def test_what_is_no_manifest_is_refused(old: str, new: str) -> None:
    text = written(1, 5).decode()
    with pytest.raises(BadListing):
        read_manifest(text.replace(old, new).encode())


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_a_manifest_or_refused(data: bytes) -> None:
    with pytest.raises(BadListing):
        read_manifest(data)


FATES = st.lists(st.sampled_from(["taken", "dropped", "open"]), min_size=5, max_size=5)


@settings(max_examples=examples(300))
@given(FATES, FATES, st.booleans())
def test_manifest_never_names_what_is_missing(
    of_picture: list[str], of_sound: list[str], ended: bool
) -> None:
    fate: dict[str, set[str]] = {"taken": set(), "dropped": set(), "open": set()}
    for number in range(5):
        fate[of_picture[number]] |= picture(number + 1)
        fate[of_sound[number]] |= sound(number + 1)
    shown = show(written(1, 5), fate["taken"], fate["dropped"], ended=ended)
    seen = named(shown)
    assert seen <= fate["taken"]
    if shown is not None:
        assert seen & picture(1, 2, 3, 4, 5)
        assert seen & sound(1, 2, 3, 4, 5)
        assert shown.complete == (not fate["open"])
        last = read_manifest(shown.data)
        assert last.ended == (ended and not fate["open"])
        begins = [one.entries[0].begin for one in last.representations]
        assert abs(begins[0] - begins[1]) < 0.1
