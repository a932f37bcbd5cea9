"""What is shown of a muxer's HLS playlists: tables, and every order of good and bad luck."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.outside.hls_playlist import HlsPlaylists, read_playlist
from media.outside.listing import MAX_LISTING_BYTES, BadListing
from tests.support.examples import examples

WINDOW = 4
OF_FFMPEG = """\
#EXTM3U
#EXT-X-VERSION:7
#EXT-X-TARGETDURATION:1
#EXT-X-MEDIA-SEQUENCE:7
#EXT-X-INDEPENDENT-SEGMENTS
#EXT-X-MAP:URI="init.mp4"
#EXTINF:1.000000,
#EXT-X-PROGRAM-DATE-TIME:2026-11-30T02:36:42.942+0000
live7.m4s
#EXTINF:0.500000,
#EXT-X-PROGRAM-DATE-TIME:2026-11-30T02:36:43.942+0000
live8.m4s
#EXT-X-ENDLIST
"""


def written(first: int, last: int, *, breaks: frozenset[int] = frozenset()) -> bytes:
    """Return what a muxer writes when segments `first` to `last` are in its window."""
    lines = ["#EXTM3U", "#EXT-X-VERSION:6", "#EXT-X-TARGETDURATION:2"]
    lines.append(f"#EXT-X-MEDIA-SEQUENCE:{first}")
    for number in range(first, last + 1):
        lines += ["#EXT-X-DISCONTINUITY"] * (number in breaks)
        lines += ["#EXTINF:2.000,", name(number)]
    return "\n".join([*lines, ""]).encode()


def name(number: int) -> str:
    return f"live{number}.ts"


def names(*numbers: int) -> set[str]:
    return set(map(name, numbers))


def show(
    playlists: HlsPlaylists, data: bytes, taken: set[str], dropped: set[str], *, ended: bool = False
) -> list[str]:
    """Return the lines that are shown, but for those that never change."""
    shown = playlists.shown(playlists.read(data), taken, dropped, ended=ended)
    return shown.data.decode().splitlines()[3:] if shown else []


def test_playlist_of_ffmpeg_is_read() -> None:
    playlist = read_playlist(OF_FFMPEG.encode())
    assert playlist.segments == ("live7.m4s", "live8.m4s")
    assert playlist.headers == ("init.mp4",)
    assert playlist.seconds == 1.5
    assert playlist.ended
    assert [entry.number for entry in playlist.entries] == [7, 8]


def test_playlist_is_shown_as_it_is_when_all_is_there() -> None:
    playlists = HlsPlaylists()
    playlist = playlists.read(written(3, 6))
    shown = playlists.shown(playlist, names(3, 4, 5, 6), set(), ended=False)
    assert shown is not None
    assert shown.data == written(3, 6)
    assert shown.names == names(3, 4, 5, 6)
    assert shown.complete


def test_end_is_said_only_when_nothing_follows_and_all_is_there() -> None:
    data = OF_FFMPEG.encode()
    both, init = {"live7.m4s", "live8.m4s"}, {"init.mp4"}
    assert "#EXT-X-ENDLIST" not in show(HlsPlaylists(), data, both | init, set())
    assert "#EXT-X-ENDLIST" not in show(
        HlsPlaylists(), data, {"live7.m4s"} | init, set(), ended=True
    )
    assert show(HlsPlaylists(), data, both | init, set(), ended=True)[-1] == "#EXT-X-ENDLIST"
    assert show(HlsPlaylists(), written(1, 1), names(1), set(), ended=True)[-1] == "#EXT-X-ENDLIST"


def test_nothing_is_shown_before_what_segments_begin_with() -> None:
    assert show(HlsPlaylists(), OF_FFMPEG.encode(), {"live7.m4s", "live8.m4s"}, set()) == []


def test_beginning_is_said_though_the_first_segment_is_missing() -> None:
    lines = show(HlsPlaylists(), OF_FFMPEG.encode(), {"live8.m4s", "init.mp4"}, {"live7.m4s"})
    assert '#EXT-X-MAP:URI="init.mp4"' in lines
    assert lines[-1] == "live8.m4s"


def test_playlist_ends_before_what_is_on_its_way() -> None:
    assert show(HlsPlaylists(), written(1, 4), names(1, 2, 4), set())[-1] == name(2)
    assert show(HlsPlaylists(), written(1, 4), names(2, 3, 4), set()) == []


def test_missing_segment_leaves_a_discontinuity_and_no_number() -> None:
    playlists = HlsPlaylists()
    first = show(playlists, written(1, 4), names(1, 2, 4), {name(3)})
    assert first == [
        "#EXT-X-MEDIA-SEQUENCE:1",
        *("#EXTINF:2.000,", name(1), "#EXTINF:2.000,", name(2)),
        *("#EXT-X-DISCONTINUITY", "#EXTINF:2.000,", name(4)),
    ]
    # The third number is that of segment 4 from now on.
    second = show(playlists, written(4, 7), names(4, 5, 6, 7), set())
    assert second[:2] == ["#EXT-X-MEDIA-SEQUENCE:3", "#EXT-X-DISCONTINUITY"]
    third = show(playlists, written(5, 8), names(5, 6, 7, 8), set())
    assert third[:3] == [
        "#EXT-X-MEDIA-SEQUENCE:4",
        "#EXT-X-DISCONTINUITY-SEQUENCE:1",
        "#EXTINF:2.000,",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "#EXTM3U8\nlive1.ts",
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:x\n",
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:-1\n",
        "#EXTM3U\nlive1.ts\n",
        "#EXTM3U\n#EXTINF:nan,\nlive1.ts\n",
        "#EXTM3U\n#EXTINF:-1,\nlive1.ts\n",
        "#EXTM3U\n#EXTINF:1,\nhttp://10.0.0.1/live1.ts\n",
        "#EXTM3U\n#EXTINF:1,\n../live1.ts\n",
        "#EXTM3U\n#EXTINF:1,\n.hidden\n",
        "#EXTM3U\n#EXTINF:1,\nlive1.ts\n#EXTINF:1,\nlive1.ts\n",
        "#EXTM3U\n#EXT-X-KEY:METHOD=AES-128\n",
        '#EXTM3U\n#EXT-X-MAP:URI="/etc/passwd"\n',
        "#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:" + "9" * 5000 + "\n",
        "#EXTM3U\n" + "#\n" * MAX_LISTING_BYTES,
    ],
    ids=lambda text: text[:40].encode("unicode_escape").decode(),
)
def test_what_is_no_playlist_is_refused(text: str) -> None:
    with pytest.raises(BadListing):
        read_playlist(text.encode())


def test_numbers_that_go_back_are_refused() -> None:
    playlists = HlsPlaylists()
    playlists.read(written(5, 8))
    with pytest.raises(BadListing):
        playlists.read(written(4, 7))


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_any_bytes_are_a_playlist_or_refused(data: bytes) -> None:
    for text in (data, b"#EXTM3U\n" + data):
        with suppress(BadListing):
            read_playlist(text)


@dataclass
class Viewer:
    """A player that remembers what each playlist said of each segment (RFC 8216, 6.2.2)."""

    numbers: dict[str, int] = field(default_factory=dict)
    discontinuities: dict[str, int] = field(default_factory=dict)
    first: int = -1

    def watch(self, data: bytes) -> list[str]:
        number = discontinuity = 0
        seen = []
        for line in data.decode().splitlines():
            if line.startswith("#EXT-X-MEDIA-SEQUENCE:"):
                number = int(line.partition(":")[2])
                assert number >= self.first, "its numbers go back"
                self.first = number
            elif line.startswith("#EXT-X-DISCONTINUITY-SEQUENCE:"):
                discontinuity = int(line.partition(":")[2])
            elif line == "#EXT-X-DISCONTINUITY":
                discontinuity += 1
            elif not line.startswith("#"):
                assert self.numbers.setdefault(line, number) == number
                assert self.discontinuities.setdefault(line, discontinuity) == discontinuity
                seen.append(line)
                number += 1
        return seen


# For each segment: how it ends, after how many more segments, and whether the muxer begins anew.
LUCK = st.lists(
    st.tuples(st.sampled_from(["taken", "dropped"]), st.integers(0, WINDOW + 1), st.booleans()),
    min_size=1,
    max_size=30,
)


@settings(max_examples=examples(300))
@given(LUCK, st.sets(st.integers(0, 30)))
def test_segments_keep_their_numbers_whatever_is_missing(
    luck: list[tuple[str, int, bool]], unseen: set[int]
) -> None:
    playlists, viewer = HlsPlaylists(), Viewer()
    breaks = frozenset(number for number, (_, _, anew) in enumerate(luck) if anew)
    fate: dict[str, set[str]] = {"taken": set(), "dropped": set()}
    for newest in range(len(luck) + WINDOW + 2):
        for number, (end, after, _) in enumerate(luck):
            if number + after == newest:
                fate[end].add(name(number))
        if newest in unseen:
            continue  # the next playlist was there before this one was looked at
        last = min(newest, len(luck) - 1)
        data = written(max(0, last - WINDOW + 1), last, breaks=breaks)
        shown = playlists.shown(playlists.read(data), fate["taken"], fate["dropped"], ended=False)
        if shown is None:
            continue
        seen = viewer.watch(shown.data)
        assert set(seen) == shown.names <= fate["taken"]
        played = [int(each[4:-3]) for each in seen]
        assert played == sorted(played)
        for before, behind in pairwise(played):
            broken = viewer.discontinuities[name(behind)] > viewer.discontinuities[name(before)]
            assert broken == (behind in breaks or behind - before > 1)
