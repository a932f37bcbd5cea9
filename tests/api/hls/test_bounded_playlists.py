"""Playlists that name no more bytes than they may."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.hls.playlists import BadPlaylist, bounded

HEAD = """#EXTM3U
#EXT-X-VERSION:3
#EXT-X-TARGETDURATION:2
#EXT-X-MEDIA-SEQUENCE:7
"""
SEGMENTS = """#EXTINF:2.000000,
s7.ts
#EXT-X-DISCONTINUITY
#EXTINF:2.000000,
s8.ts
#EXTINF:1.500000,
s9.ts
"""


def of_ten(_name: str) -> int:
    return 10


def test_what_is_small_enough_stays_as_it_is() -> None:
    found = bounded(HEAD + SEGMENTS, of_ten, 30)
    assert (found.text, found.dropped, found.bytes) == (HEAD + SEGMENTS, (), 30)


def test_the_oldest_go_and_the_numbers_of_the_others_stay() -> None:
    found = bounded(HEAD + SEGMENTS, of_ten, 29)
    assert (found.dropped, found.bytes) == (("s7.ts",), 20)
    assert found.text.splitlines() == [
        "#EXTM3U", "#EXT-X-VERSION:3", "#EXT-X-TARGETDURATION:2", "#EXT-X-MEDIA-SEQUENCE:8",
        "#EXT-X-DISCONTINUITY", "#EXTINF:2.000000,", "s8.ts", "#EXTINF:1.500000,", "s9.ts",
    ]  # fmt: skip
    found = bounded(HEAD + SEGMENTS, of_ten, 10)
    assert "#EXT-X-DISCONTINUITY-SEQUENCE:1" in found.text.splitlines()
    assert "#EXT-X-DISCONTINUITY" not in found.text.splitlines()


def test_the_newest_stays_however_large() -> None:
    assert bounded(HEAD + SEGMENTS, of_ten, 1).text.splitlines()[-1] == "s9.ts"


def test_what_is_said_once_stays() -> None:
    text = f'{HEAD}#EXT-X-MAP:URI="init.mp4"\n{SEGMENTS}#EXT-X-ENDLIST\n'
    found = bounded(text, of_ten, 10).text.splitlines()
    assert '#EXT-X-MAP:URI="init.mp4"' in found
    assert found[-1] == "#EXT-X-ENDLIST"


@pytest.mark.parametrize(
    "text", ["", "hello", HEAD + "/etc/passwd\n", HEAD + "http://x/y.ts\n", "s1.ts\n#EXTM3U\n"]
)
def test_what_is_no_playlist_of_ours_is_not_served(text: str) -> None:
    with pytest.raises(BadPlaylist):
        bounded(text, of_ten, 1)


@given(st.lists(st.integers(0, 100), min_size=1, max_size=20), st.integers(1, 500))
def test_no_playlist_names_more_than_the_bound_but_for_one(sizes: list[int], most: int) -> None:
    names = {f"s{number}.ts": size for number, size in enumerate(sizes)}
    text = HEAD + "".join(f"#EXTINF:2,\n{name}\n" for name in names)
    found = bounded(text, names.__getitem__, most)
    kept = [line for line in found.text.splitlines() if line in names]
    assert (*found.dropped, *kept) == tuple(names)
    assert found.bytes == sum(names[name] for name in kept)
    assert found.bytes <= most or len(kept) == 1
    assert f"#EXT-X-MEDIA-SEQUENCE:{7 + len(found.dropped)}" in found.text.splitlines()
