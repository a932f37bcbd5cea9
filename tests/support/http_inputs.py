"""HTTP and local files as input, as tests open them; playlists for them."""

from __future__ import annotations

import pytest

from media.contract.streaming import OutsideAddress, OutsideTrouble
from media.outside.errors import NotReachable
from media.outside.http_files import OutsideFiles

LOOPBACK = ("127.0.0.1/32",)
HEAD = "#EXTM3U\n#EXT-X-VERSION:4\n#EXT-X-TARGETDURATION:1\n"
END = "#EXT-X-ENDLIST\n"


def files_at(
    url: str, *, networks: tuple[str, ...] = LOOPBACK, folder: str = "", seconds: float = 5.0
) -> OutsideFiles:
    return OutsideFiles(
        OutsideAddress(url, networks, folder), open_seconds=seconds, read_seconds=seconds
    )


def played(url: str, folder: str = "") -> int:
    """Return how many pictures a URL has."""
    with files_at(url, folder=folder) as files, files.open_input() as container:
        return sum(len(packet.decode()) for packet in container.demux(video=0))


def refused(url: str, folder: str = "", seconds: float = 5.0) -> OutsideTrouble:
    """Open and read until it fails, and return why."""
    with files_at(url, folder=folder, seconds=seconds) as files:
        with pytest.raises(NotReachable) as error:
            with files.open_input() as container:
                for _ in container.demux():
                    pass
        assert files.trouble is error.value
        assert "127.0.0" not in error.value.detail
        return error.value.reason


def playlist(*entries: str) -> bytes:
    return (HEAD + "".join(f"#EXTINF:0.8,\n{each}\n" for each in entries) + END).encode()
