"""A real telephone: Debian's baresip, on a loopback address of its own, steered by a socket.

It sends a tone as its microphone and a test picture as its camera, and writes what it hears to a
file. Nothing here waits without a deadline.
"""

from __future__ import annotations

import json
import os
import socket
import struct
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np

from tests.support.programs import need

PATIENCE = 30.0
LOOK_SECONDS = 0.05
WAV_HEAD = 44  # bytes; of lengths, they say nothing until the end
SOUND = (
    "g711.so", "g722.so", "opus.so", "aubridge.so", "ausine.so", "sndfile.so", "uuid.so",
    "account.so",
)  # fmt: skip
PICTURE = ("vp8.so", "fakevideo.so")
HOSTS = tuple(f"127.0.77.{number}" for number in range(1, 101))
CLAIM = 4443  # UDP port that is held as long as a telephone has the address
_turns = count(os.getpid())

Document = dict[str, Any]


class Baresip:
    """One telephone. `events` are what it told, as `{"type": "CALL_ESTABLISHED", …}`."""

    def __init__(self, folder: Path, host: str, hertz: int) -> None:
        self.folder = folder
        self.host = host
        self.hertz = hertz
        self.events: list[Document] = []
        self._rest = b""
        self._asked = 0
        self._control: socket.socket | None = None

    @property
    def uri(self) -> str:
        return f"sip:phone@{self.host}"

    def command(self, name: str, params: str = "") -> Document:
        """Have it do something; return its answer."""
        self._asked += 1
        token = str(self._asked)
        wanted = json.dumps({"command": name, "params": params, "token": token}).encode()
        assert self._control is not None
        self._control.sendall(b"%d:%s," % (len(wanted), wanted))
        return self._until(lambda it: it.get("token") == token, f"an answer to {name}")

    def dial(self, uri: str) -> None:
        assert self.command("dial", uri)["ok"]

    def hang_up(self) -> None:
        assert self.command("hangup")["ok"]

    def until(self, event: str) -> Document:
        """Wait for an event of this type, one that has come already also counts."""
        for told in self.events:
            if told.get("type") == event:
                return told
        return self._until(lambda it: it.get("type") == event, event)

    def heard(self) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return what came so far, as samples of one channel from -1 to 1; see `rate`."""
        samples, _ = self._sound()
        return samples

    @property
    def rate(self) -> int:
        """Hz of what is heard."""
        return self._sound()[1]

    def log(self) -> str:
        return (self.folder / "log").read_text("utf-8", "replace")

    def until_logged(self, text: str) -> None:
        """Wait until its log has this."""
        deadline = time.monotonic() + PATIENCE
        while text not in self.log():
            assert time.monotonic() < deadline, f"not logged: {text}\n{self.log()[-2000:]}"
            time.sleep(LOOK_SECONDS)

    # --- inside

    def connect(self) -> None:
        """Reach its control port; for `telephone`."""
        deadline = time.monotonic() + PATIENCE
        while True:
            try:
                self._control = socket.create_connection((self.host, 4444), 1)
            except OSError:
                assert time.monotonic() < deadline, f"does not start: {self.log()}"
                time.sleep(LOOK_SECONDS)
            else:
                return

    def close(self) -> None:
        if self._control is not None:
            self._control.close()

    def _until(self, suits: Callable[[Document], bool], what: str) -> Document:
        deadline = time.monotonic() + PATIENCE
        while True:
            for told in self._read(deadline, what):
                self.events.append(told)
            for told in self.events:
                if suits(told):
                    return told

    def _read(self, deadline: float, what: str) -> Iterator[Document]:
        """Return what it tells next, of which each is a netstring of JSON."""
        assert self._control is not None
        left = deadline - time.monotonic()
        assert left > 0, f"did not come: {what}; {self.events}\n{self.log()[-2000:]}"
        self._control.settimeout(left)
        with suppress(TimeoutError):
            data = self._control.recv(65536)
            assert data, f"ended without {what}: {self.log()[-2000:]}"
            self._rest += data
        while b":" in self._rest:
            length, _, rest = self._rest.partition(b":")
            size = int(length)
            if len(rest) <= size:
                return
            self._rest = rest[size + 1 :]
            yield json.loads(rest[:size])

    def _sound(self) -> tuple[np.ndarray[Any, np.dtype[np.float64]], int]:
        files = sorted(self.folder.glob("dump-*-dec.wav"))
        if not files:
            return np.zeros(0), 8000
        data = files[-1].read_bytes()
        if len(data) <= WAV_HEAD:
            return np.zeros(0), 8000
        channels, rate = struct.unpack("<HI", data[22:28])
        samples = np.frombuffer(data[WAV_HEAD : len(data) // 2 * 2], "<i2") / 32768
        return samples[: len(samples) // channels * channels].reshape(-1, channels)[:, 0], rate


@contextmanager
def telephone(
    folder: Path,
    hertz: int,
    *,
    codec: str = "pcmu",
    video: bool = False,
    account: str = "",
    transport: str = "",
    certificate: Path | None = None,
    stranger: bool = False,
    more: str = "",
) -> Iterator[Baresip]:
    """Run a telephone while the block runs; it takes every call at once.

    `codec` is baresip's name, as "G722/16000/1"; `account` has more parameters of its account
    (";auth_user=…"), `more` more lines of its configuration. `transport`: "", "tcp", "tls", the
    last with a `certificate` of HOSTS, which has its key in the same file and is what it trusts.
    A `stranger` has an address that needs a password.
    """
    program = need("baresip")
    folder.mkdir(parents=True, exist_ok=True)
    if certificate is not None:
        more += f"\nsip_certificate {certificate}\nsip_cafile {certificate}"
    suffix = f";transport={transport}" if transport else ""
    with _own_host() as number, (folder / "log").open("wb") as log:
        host = HOSTS[number].replace(".77.", ".79.") if stranger else HOSTS[number]
        phone = Baresip(folder, host, hertz)
        (folder / "config").write_text(_config(phone, 20_000 + 100 * number, video, more))
        (folder / "accounts").write_text(
            f"<{phone.uri}{suffix}>;regint=0;answermode=auto;audio_codecs={codec}{account}\n"
        )
        (folder / "contacts").touch()
        process = subprocess.Popen(
            [program, "-f", str(folder), "-v"],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
        try:
            phone.connect()
            yield phone
        finally:
            phone.close()
            process.terminate()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(timeout=60)


@contextmanager
def _own_host() -> Iterator[int]:
    """Hold the number of one of HOSTS that no telephone has, of this run of tests or another."""
    for _ in HOSTS:
        number = next(_turns) % len(HOSTS)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as claim:
            try:
                claim.bind((HOSTS[number], CLAIM))
            except OSError:
                continue
            yield number
            return
    raise AssertionError("every address has a telephone")


def _config(phone: Baresip, port: int, video: bool, more: str) -> str:
    """Return its configuration; `port` is the first of a hundred for RTP."""
    modules = "\n".join(f"module {name}" for name in (*SOUND, *(PICTURE if video else ())))
    return f"""sip_listen {phone.host}:5060
net_interface {phone.host}
ctrl_tcp_listen {phone.host}:4444
audio_source ausine,{phone.hertz}
audio_player aubridge,nil
audio_alert aubridge,alert
ausrc_srate 48000
auplay_srate 48000
ausrc_channels 2
auplay_channels 2
audio_level no
video_source fakevideo,nil
video_display fakevideo,nil
video_size 320x240
video_fps 15
rtp_ports {port}-{port + 99}
snd_path {phone.folder}
module_path /usr/lib/baresip/modules
{modules}
module_app menu.so
module_app ctrl_tcp.so
{more}
"""
