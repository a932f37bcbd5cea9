"""Addresses of RTMP and RTSP servers: what FFmpeg is given, and what it says of where it goes."""

from __future__ import annotations

import pytest

from media.outside.errors import NotReachable
from media.outside.gate_address import read_address, rtmp_app


@pytest.mark.parametrize(
    ("url", "through", "connected"),
    [
        ("rtsp://Cam.example/a?b=c", "rtsp://127.0.0.1:7/a?b=c", ("cam.example", 554, False)),
        ("RTSPS://u:p%40@cam/", "rtsp://u:p%40@127.0.0.1:7/", ("cam", 322, True)),
        (
            "rtsp://u:p@q@[2001:db8::1]:8554",
            "rtsp://u:p@q@127.0.0.1:7",
            ("2001:db8::1", 8554, False),
        ),
        ("rtmp://h/live/key?x=/y#z", "rtmp://127.0.0.1:7/live/key?x=/y#z", ("h", 1935, False)),
        ("rtmps://h:444/live/key", "rtmp://127.0.0.1:7/live/key", ("h", 444, True)),
    ],
)
def test_ffmpeg_gets_the_same_address_by_another_way(
    url: str, through: str, connected: tuple[str, int, bool]
) -> None:
    address = read_address(url)
    assert address.through(7) == through
    assert (address.host, address.port, address.secured) == connected


@pytest.mark.parametrize(
    "url",
    ["http://h/a", "rtmpt://h/a", "rtsp:///a", "rtsp://h:99999/", "rtsp://[::1/", "rtsp://h/a b",
     "rtsp://h/\r\na", "//h/a", "", "rtsp://h/" + "a" * 5000],
)  # fmt: skip
def test_other_addresses_are_refused(url: str) -> None:
    with pytest.raises(NotReachable) as refused:
        read_address(url)
    assert "h/" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "tcurl"),
    [
        ("rtmp://u:p@h/live/key", "rtmp://h:1935/live"),
        ("rtmps://h/live/key?a=b", "rtmps://h:443/live"),
        ("rtmp://[::1]:99/live/here/key", "rtmp://[::1]:99/live/here"),
    ],
)
def test_a_server_of_rtmp_is_told_its_own_name(url: str, tcurl: str) -> None:
    options = read_address(url).options()
    assert options == {"protocol_whitelist": "rtmp,tcp", "rtmp_tcurl": tcurl}


@pytest.mark.parametrize(
    ("rest", "app"),
    [
        ("", ""),
        ("/live", "live"),
        ("/live/key", "live"),
        ("/live/here/key", "live/here"),
        ("/live/here/key/more", "live/here"),
        ("/live/mp4:a/b", "live"),
        ("/live/a/b:c", "live/a"),
        ("/live/key?a=/b", "live/key?a="),
        ("/ondemand/a/b", "ondemand"),
        ("/a/b?slist=c", "a/b"),
    ],
)
def test_the_application_of_rtmp_is_what_ffmpeg_takes_for_it(rest: str, app: str) -> None:
    assert rtmp_app(rest) == app
