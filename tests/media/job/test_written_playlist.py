"""The playlist of HLS that is written here, as text."""

from __future__ import annotations

import re

from hypothesis import given
from hypothesis import strategies as st

from media.job.sending.hls_playlist import HlsPlaylist, HlsSegment

FIRST = 100


def segment(number: int, seconds: float = 2.0, *, breaks: bool = False, begin: float = 0.0):
    return HlsSegment(f"live-{number}.ts", seconds, begin, breaks)


def test_a_playlist_is_as_the_standard_writes_it() -> None:
    playlist = HlsPlaylist(3, 2.0, FIRST)
    playlist.add(segment(100, 2.04, begin=1_700_000_000.25))
    playlist.add(segment(101, 1.5, breaks=True, begin=1_700_000_010.0))
    assert playlist.text().splitlines() == [
        "#EXTM3U",
        "#EXT-X-VERSION:6",
        "#EXT-X-TARGETDURATION:2",
        "#EXT-X-MEDIA-SEQUENCE:100",
        "#EXT-X-DISCONTINUITY-SEQUENCE:0",
        "#EXT-X-INDEPENDENT-SEGMENTS",
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:20.250Z",
        "#EXTINF:2.040,",
        "live-100.ts",
        "#EXT-X-DISCONTINUITY",
        "#EXT-X-PROGRAM-DATE-TIME:2023-11-14T22:13:30.000Z",
        "#EXTINF:1.500,",
        "live-101.ts",
    ]
    playlist.ended = True
    assert playlist.text().endswith("live-101.ts\n#EXT-X-ENDLIST\n")


def test_one_segment_without_a_keyframe_is_said() -> None:
    playlist = HlsPlaylist(2, 2.0, FIRST)
    playlist.add(HlsSegment("live-100.ts", 2.0, 0.0, independent=False))
    assert "INDEPENDENT" not in playlist.text()


def test_no_segment_is_longer_than_is_said() -> None:
    playlist = HlsPlaylist(2, 2.0, FIRST)
    playlist.add(segment(100, 7.6))
    assert "#EXT-X-TARGETDURATION:8\n" in playlist.text()


@given(st.integers(1, 6), st.lists(st.booleans(), max_size=40))
def test_numbers_go_on_and_what_is_still_named_or_lately_was_is_kept(
    window: int, breaks: list[bool]
) -> None:
    playlist, old = HlsPlaylist(window, 2.0, FIRST), []
    for number, breaks_here in enumerate(breaks, FIRST):
        playlist.add(segment(number, breaks=breaks_here))
        old += playlist.take_old()
        text = playlist.text()
        named = [int(found) for found in re.findall(r"live-(\d+)\.ts", text)]
        assert named == list(range(named[0], number + 1))
        assert len(named) == min(window, number + 1 - FIRST)
        assert f"#EXT-X-MEDIA-SEQUENCE:{named[0]}\n" in text
        gone = sum(breaks[: named[0] - FIRST])
        assert f"#EXT-X-DISCONTINUITY-SEQUENCE:{gone}\n" in text
        kept = number + 1 - FIRST - len(old)
        assert kept <= window + window + 1
        assert old == [f"live-{FIRST + n}.ts" for n in range(len(old))]
