"""Real sources outside: cameras that speak RTSP, servers of RTMP and HTTP, and files.

Each runs while its block does. Pictures are ffmpeg's or GStreamer's test pattern, sound is a tone.
"""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.support.ffmpeg import QUIET
from tests.support.ports import free_port
from tests.support.programs import lacking, need

PYTHON = "/usr/bin/python3"  # of the system: Debian's binding to GStreamer is for this one only
SCRIPT = Path(__file__).with_name("rtsp_camera.py")
SECONDS = 30.0  # of a machine that has much else to do
RATE = 15

PICTURE = ("-f", "lavfi", "-i", f"testsrc2=size=320x240:rate={RATE}")
SOUND = ("-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000")
SHORT = ("-g", str(RATE))  # seconds between keyframes: one
VIDEO = {
    "h264": ("-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency", *SHORT),
    "h264 reordered": ("-c:v", "libx264", "-preset", "veryfast", "-bf", "2", *SHORT),
    "mpeg4": ("-c:v", "mpeg4", *SHORT),
    "vp8": ("-c:v", "libvpx", "-deadline", "realtime", "-cpu-used", "8", *SHORT),
    "": ("-vn",),
}
AUDIO = {
    "aac": ("-c:a", "aac"),
    "mp3": ("-c:a", "libmp3lame"),
    "opus": ("-c:a", "libopus", "-ac", "2"),
    "pcma": ("-c:a", "pcm_alaw", "-ar", "8000", "-ac", "1"),
    "": ("-an",),
}
LIVE_PICTURE = (
    f"videotestsrc is-live=true ! video/x-raw,width=320,height=240,framerate={RATE}/1"
    f" ! openh264enc gop-size={RATE} ! h264parse ! rtph264pay name=pay0 pt=96 mtu=1472"
)
LIVE_SOUND = (
    "audiotestsrc is-live=true freq=440 ! audioresample ! audio/x-raw,rate=8000,channels=1"
    " ! alawenc ! rtppcmapay name=pay1 pt=8"
)
_PAYLOADERS = {
    "h264": "h264parse ! rtph264pay mtu=1472",
    "h264 reordered": "h264parse ! rtph264pay mtu=1472",
    "mpeg4": "mpeg4videoparse ! rtpmp4vpay",
    "aac": "aacparse ! rtpmp4gpay",
    "mp3": "mpegaudioparse ! rtpmpapay",
    "opus": "rtpopuspay",
    "pcma": "rtppcmapay",
}


@dataclass
class Source:
    """A source that runs: where it is, and its process."""

    url: str
    process: subprocess.Popen[str]

    def kill(self) -> None:
        """End it as a power cut does."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()


def media_file(
    file: Path,
    video: str = "h264",
    audio: str = "aac",
    seconds: float = 10.0,
    inputs: tuple[str, ...] = (*PICTURE, *SOUND),
    more: tuple[str, ...] = (),
) -> Path:
    """Write a file of test pictures and a tone; its ending says the container."""
    command = [need("ffmpeg"), *QUIET, "-y", *inputs]
    command += ["-pix_fmt", "yuv420p", *VIDEO[video], *AUDIO[audio], *more]
    subprocess.run([*command, "-t", str(seconds), str(file)], check=True, timeout=4 * SECONDS)
    return file


def played(file: Path, video: str = "h264", audio: str = "aac") -> str:
    """Return the pipeline of a camera that plays a file of Matroska."""
    parts = [f"filesrc location={file} ! matroskademux name=d"]
    for number, (codec, pad) in enumerate(((video, "d.video_0"), (audio, "d.audio_0"))):
        if codec:
            parts.append(f"{pad} ! queue ! {_PAYLOADERS[codec]} name=pay{number} pt={96 + number}")
    return " ".join(parts).replace("name=pay1", f"name=pay{int(bool(video))}")


@contextmanager
def rtsp_camera(
    pipeline: str = f"{LIVE_PICTURE} {LIVE_SOUND}", credentials: tuple[str, str] | None = None
) -> Iterator[Source]:
    """Run a camera; its address has the credentials in it."""
    _need_rtsp()
    command = [PYTHON, str(SCRIPT), pipeline, *(credentials or ())]
    who = "{}:{}@".format(*credentials) if credentials else ""
    with _running(command, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        assert port, "no camera"
        yield Source(f"rtsp://{who}127.0.0.1:{port}/live", process)


@contextmanager
def rtmp_camera(
    video: str = "h264", audio: str = "aac", port: int = 0, seconds: float = 600.0
) -> Iterator[Source]:
    """Run an ffmpeg that waits for somebody who plays what it has: one, and once."""
    port = port or free_port()
    url = f"rtmp://127.0.0.1:{port}/live/camera"
    command = [need("ffmpeg"), *QUIET, "-re", *PICTURE, "-re", *SOUND, "-t", str(seconds)]
    command += ["-pix_fmt", "yuv420p", *VIDEO[video], *AUDIO[audio], "-f", "flv", "-listen", "1"]
    with _running([*command, url]) as process:
        _wait_for_port(port, process)
        yield Source(url, process)


@contextmanager
def publisher(url: str, video: str = "h264", audio: str = "aac") -> Iterator[Source]:
    """Run an ffmpeg that publishes to a server of RTMP."""
    command = [need("ffmpeg"), *QUIET, "-re", *PICTURE, "-re", *SOUND, "-pix_fmt", "yuv420p"]
    with _running([*command, *VIDEO[video], *AUDIO[audio], "-f", "flv", url]) as process:
        yield Source(url, process)


@contextmanager
def nginx(folder: Path) -> Iterator[tuple[int, int]]:
    """Run an nginx that serves RTMP (application "live") and the files of a folder by HTTP.

    Yields both ports. Below /private, credentials are wanted; joe's password is "secret".
    """
    modules = Path("/usr/lib/nginx/modules/ngx_rtmp_module.so")
    if not modules.exists():
        lacking("nginx with its module for RTMP")
    rtmp, http = free_port(), free_port()
    (folder / "users").write_text("joe:{PLAIN}secret\n", "ascii")
    config = folder / "nginx.conf"
    who = "user root;" if os.geteuid() == 0 else ""  # else it may not read folders of tests
    config.write_text(
        _NGINX.format(modules=modules, folder=folder, rtmp=rtmp, http=http, who=who), "utf-8"
    )
    with _running([need("nginx"), "-c", str(config), "-e", "stderr"]) as process:
        _wait_for_port(rtmp, process)
        _wait_for_port(http, process)
        yield rtmp, http


@contextmanager
def live_playlist(folder: Path, video: str = "h264", audio: str = "aac") -> Iterator[Source]:
    """Run an ffmpeg that writes HLS into a folder, live: segments of a second, the last five."""
    playlist = folder / "live.m3u8"
    command = [need("ffmpeg"), *QUIET, "-re", *PICTURE, "-re", *SOUND, "-pix_fmt", "yuv420p"]
    command += [*VIDEO[video], *AUDIO[audio], "-f", "hls", "-hls_time", "1"]
    command += ["-hls_list_size", "5", "-hls_flags", "delete_segments", str(playlist)]
    with _running(command) as process:
        deadline = time.monotonic() + SECONDS
        while not playlist.exists() or playlist.read_text().count(".ts") < 3:
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.05)
        yield Source(playlist.name, process)


_NGINX = """\
load_module {modules};
{who}
daemon off;
pid {folder}/nginx.pid;
worker_processes 1;
error_log stderr crit;
events {{ worker_connections 64; }}
rtmp {{ server {{ listen 127.0.0.1:{rtmp}; application live {{ live on; }} }} }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    server {{
        listen 127.0.0.1:{http};
        root {folder};
        location /private/ {{ auth_basic "cameras"; auth_basic_user_file {folder}/users; }}
    }}
}}
"""


@contextmanager
def _running(
    command: list[str], stdout: int = subprocess.DEVNULL
) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=stdout, stderr=subprocess.DEVNULL, text=True
    )
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.communicate(timeout=3)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate(timeout=SECONDS)


def _wait_for_port(port: int, process: subprocess.Popen[str]) -> None:
    """Wait until somebody listens, without a connection: some take only one."""
    deadline = time.monotonic() + SECONDS
    while f":{port:04X} 00000000:0000 0A " not in Path("/proc/net/tcp").read_text():
        assert process.poll() is None, "it has ended"
        assert time.monotonic() < deadline, "it does not listen"
        time.sleep(0.02)


def _need_rtsp() -> None:
    try:
        subprocess.run([PYTHON, str(SCRIPT), "probe"], capture_output=True, check=True, timeout=30)
    except (OSError, subprocess.CalledProcessError):
        lacking("GStreamer with its RTSP server")
