"""FFmpeg writes, the uploader brings it to nginx, and FFmpeg plays it from there meanwhile."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
import trio

from media.contract.streaming import OutsideTrouble, TargetFlows, TargetLost
from media.outside.places import Places
from media.outside.upload_target import open_client
from media.outside.uploader import Uploader
from tests.support.ffmpeg import AT_ONCE, PICTURE, QUIET, SOUND
from tests.support.media_file import errors_in
from tests.support.nginx_dav import serving_uploads
from tests.support.programs import need
from tests.support.segment_writer import SegmentWriter

pytestmark = pytest.mark.slow

HERE = Places(("127.0.0.1/32",))
LENGTH = 5  # seconds of media
WINDOW = 4  # of DASH, which is played when it has ended: what FFmpeg plays of a live one is luck
HLS = "-f hls -hls_time 1 -hls_list_size 4 -hls_flags temp_file+delete_segments"
WRITES = {
    "ts.m3u8": HLS,
    "fmp4.m3u8": f"{HLS} -hls_segment_type fmp4",
    "live.mpd": f"-f dash -seg_duration 1 -window_size {WINDOW} -extra_window_size 4",
}


async def written(folder: Path, playlist: str) -> None:
    """Write media in real time."""
    command = [need("ffmpeg"), *QUIET, *PICTURE, *SOUND, "-t", str(LENGTH)]
    command += ["-c:v", "libx264", *AT_ONCE, "-pix_fmt", "yuv420p", "-g", "15", "-c:a", "aac"]
    command += [*WRITES[playlist].split(), str(folder / playlist)]
    await trio.run_process(command, capture_stdout=True, capture_stderr=True)


async def played(url: str) -> subprocess.CompletedProcess[bytes]:
    """Play what is at an address from its beginning to its end, and decode it."""
    options = ["-live_start_index", "0"] if url.endswith(".m3u8") else []
    command = [need("ffmpeg"), *QUIET, *options, "-i", url, "-map", "0:v", "-map", "0:a"]
    command += ["-fps_mode", "passthrough", "-f", "framemd5", "-"]
    return await trio.run_process(command, capture_stdout=True, capture_stderr=True, check=False)


@pytest.mark.parametrize("playlist", list(WRITES))
async def test_what_was_uploaded_plays_without_errors(tmp_path: Path, playlist: str) -> None:
    folder = tmp_path / "private"
    folder.mkdir()
    told: list[TargetFlows | TargetLost] = []
    live = playlist.endswith(".m3u8")
    flows, ended, players = trio.Event(), trio.Event(), list[subprocess.CompletedProcess[bytes]]()

    def hear(event: TargetFlows | TargetLost) -> None:
        told.append(event)
        flows.set()

    with serving_uploads(tmp_path) as (base, root):
        url = f"{base}/some/where/{playlist}"

        async def play(begin: trio.Event) -> None:
            await begin.wait()
            players.append(await played(url))

        with trio.fail_after(30):
            async with open_client(HERE) as client, trio.open_nursery() as nursery:
                nursery.start_soon(play, flows if live else ended)
                uploader = Uploader(folder, playlist, url, "PUT", 1.0, client, hear)
                async with trio.open_nursery() as uploading:
                    uploading.start_soon(uploader.run)
                    await written(folder, playlist)
                    uploader.stop()
                ended.set()
        assert told == [TargetFlows()]
        assert uploader.segments_dropped == 0
        place = root / "some/where"
        assert (place / playlist).read_bytes() == (folder / playlist).read_bytes()
        assert errors_in(place / playlist) == ""
    [player] = players
    assert player.stderr.decode() == ""
    assert player.returncode == 0
    lines = [line for line in player.stdout.decode().splitlines() if not line.startswith("#")]
    frames = sum(line.startswith("0,") for line in lines)
    assert frames == 15 * (LENGTH if live else WINDOW)
    assert any(line.startswith("1,") for line in lines)


async def test_nginx_that_takes_no_uploads_says_so(tmp_path: Path) -> None:
    SegmentWriter(tmp_path).add()
    told: list[TargetFlows | TargetLost] = []
    with serving_uploads(tmp_path) as (base, _), trio.fail_after(30):
        async with open_client(HERE) as client:
            url = f"{base}/closed/live.m3u8"
            await Uploader(tmp_path, "live.m3u8", url, "PUT", 1.0, client, told.append).run()
    detail = "the target does not take this method (HTTP 405)"
    assert told == [TargetLost(OutsideTrouble.REFUSED, detail, over=True)]
