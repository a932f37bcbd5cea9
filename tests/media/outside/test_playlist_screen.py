"""What a playlist may name, however it comes in pieces."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from media.contract.streaming import OutsideTrouble
from media.outside.errors import NotReachable
from media.outside.playlist_screen import (
    MAX_KEPT_BYTES,
    MAX_LINE,
    MAX_PLAYLIST_BYTES,
    PlaylistScreen,
)

GOOD = (
    b"#EXTM3U\r\n#EXT-X-TITLE:file:///etc/hostname\n#EXTINF:2,caf\xe9 file:/a\n0.ts?a:b\n\n"
    b'#EXT-X-KEY:METHOD=AES-128,URI="https://a/b",IV=0x1\n'
    b'#EXT-X-DATERANGE:ID="a",X-ASSET-URI="data:b"\n'
    b"./a:b/0.ts\n/b/1.ts\nHTTP://a/2.ts\n//a/3.ts\nsegment,1.ts\n\xe2\x82\xac.ts\nlast"
)


def screened(data: bytes, *cuts: int) -> int:
    """Return the size of a playlist that passes; raises NotReachable for others."""
    screen = PlaylistScreen()
    edges = [0, *sorted(cuts), len(data)]
    for a, b in pairwise(edges):
        if a != b:
            screen.feed(data[a:b])
    screen.feed(b"")
    return screen.size


@given(st.lists(st.integers(0, len(GOOD)), max_size=20))
def test_what_leads_to_http_passes(cuts: list[int]) -> None:
    assert screened(GOOD, *cuts) == len(GOOD)


@pytest.mark.parametrize(
    "line",
    [
        b"file:///etc/hostname",
        b"  FILE:/etc/hostname",
        b"data:text/plain,a",
        b"concat:a|b",
        b"subfile,,start,0,end,1,,:/etc/hostname",
        b"crypto+http://a/b",
        b"crypto:/etc/hostname",
        b"unix:/run/a",
        b"rtmp://a/b",
        b"httpproxy://a/b",
        b'#EXT-X-MAP:URI="file:///etc/hostname"',
        b'#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="a", URI="pipe:0",NAME="b"',
        b'#EXT-X-KEY:METHOD=AES-128,URI="data:;base64,AAAA"',
    ],
)
@given(st.data())
def test_what_leads_elsewhere_does_not(line: bytes, data: st.DataObject) -> None:
    text = GOOD[: GOOD.rindex(b"last")] + line + data.draw(st.sampled_from([b"", b"\n", b"\r\nx"]))
    cuts = data.draw(st.lists(st.integers(0, len(text)), max_size=9))
    with pytest.raises(NotReachable) as refused:
        screened(text, *cuts)
    assert refused.value.reason is OutsideTrouble.NOT_ALLOWED


@pytest.mark.parametrize(
    "text",
    [
        b"#EXTM3U\n" + b"#\n" * (MAX_PLAYLIST_BYTES // 2),
        b"#EXTM3U\n" + b"#" * (MAX_LINE * 2),
        b"#EXTM3U\ncaf\xe9.ts\n",
    ],
    ids=["long", "long_line", "not_utf8"],
)
def test_what_cannot_be_read(text: bytes) -> None:
    with pytest.raises(NotReachable) as refused:
        screened(text, *range(0, len(text), 4096))
    assert refused.value.reason is OutsideTrouble.UNREADABLE


@given(st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=5))
def test_what_is_no_playlist_passes(data: bytes, cuts: list[int]) -> None:
    assert screened(b"\x47" + data, *cuts) == 0


def test_many_names_below_a_long_address_are_too_much() -> None:
    """FFmpeg keeps the whole address of each."""
    text = b"#EXTM3U\n" + b"#EXTINF:1,\na\n" * 10_000
    PlaylistScreen(1000).feed(text)
    with pytest.raises(NotReachable) as refused:
        PlaylistScreen(MAX_KEPT_BYTES // 10_000).feed(text)
    assert refused.value.reason is OutsideTrouble.UNREADABLE
