"""`python -m bench.skyway`: what goes through peers of the SkyWay gateway, and what it costs.

Data: UDP → data channel → UDP between two peers of one gateway, beside two connections of aiortc
in one process that do the same (`bench.udp_pair`). Media: RTP from a device to WebRTC and from
WebRTC to a device, each a gateway of its own, beside plugins of Janus where that is installed:
`streaming` for the one direction, `rtp_forward` of its videoroom for the other.
"""

from __future__ import annotations

import argparse
import socket
import sys
import threading
import time
from array import array
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from bench import janus
from bench.figures import Figures, Row, figures_of, rows_of, table
from bench.forwarding import LOADS, Load, Publisher
from bench.servers import Server, quintet
from bench.udp_pair import Address, udp_pair
from tests.support.device_program import Program, ProgramPeer, Socket

HERE = "127.0.0.1"
CONFIG = """
[server]
data_dir = "data"
shutdown_grace = 5.0
[[listeners]]
bind = "127.0.0.1:{port}"
dialects = ["skyway", "peerjs", "operator"]
root = "peerjs"
"""
VP8_TYPE = 96
WARM_UP_SECONDS = 1.0
LOST_SECONDS = 0.5  # after which what is under way counts as lost
DRAIN_SECONDS = 2.0
RECEIVE_BYTES = 4 << 20
READ_BYTES = 65_536
LEAST_SHARE = 0.95
now = time.perf_counter


@dataclass(frozen=True)
class DataLoad:
    """So many messages under way in the closed loop, so many a second in the open one."""

    name: str
    size: int
    window: int
    rate: int


DATA_LOADS = (
    DataLoad("64 B", 64, 32, 1000),
    DataLoad("1 KiB", 1024, 32, 1000),
    DataLoad("60 KiB", 60 << 10, 3, 50),
)


class Exchange:
    """Sends numbered datagrams to `feed`, and takes them where they come out again."""

    def __init__(self, own: socket.socket, feed: Address, size: int) -> None:
        self._own = own
        self._feed = feed
        self._rest = bytes(size - 8)
        self._sent_at = array("d")
        self.lost = 0

    def closed_loop(self, seconds: float, window: int) -> array[float]:
        """Keep so many under way; return how long each was."""
        latencies = array("d")
        end = now() + seconds
        self._own.settimeout(LOST_SECONDS)
        for _ in range(window):
            self._send()
        while now() < end:
            try:
                latencies.append(self._take())
                self._send()
            except TimeoutError:
                self.lost += window
                for _ in range(window):
                    self._send()
        self._drain()
        return latencies

    def open_loop(self, seconds: float, rate: int) -> array[float]:
        """Send so many a second, whatever becomes of them; return how long each was under way."""
        latencies = array("d")
        start, total, sent = now(), int(rate * seconds), 0
        while len(latencies) < total:
            due = start + sent / rate if sent < total else start + seconds + DRAIN_SECONDS
            wait = due - now()
            if wait <= 0:
                if sent == total:
                    break
                self._send()
                sent += 1
                continue
            self._own.settimeout(wait)
            try:
                latencies.append(self._take())
            except TimeoutError:
                continue
        self.lost += total - len(latencies)
        return latencies

    def _send(self) -> None:
        number = len(self._sent_at)
        self._sent_at.append(now())
        self._own.sendto(number.to_bytes(8) + self._rest, self._feed)

    def _take(self) -> float:
        data = self._own.recv(READ_BYTES)
        return now() - self._sent_at[int.from_bytes(data[:8])]

    def _drain(self) -> None:
        """Take what is under way still."""
        self._own.settimeout(LOST_SECONDS)
        try:
            while True:
                self._own.recv(READ_BYTES)
        except TimeoutError:
            return


@contextmanager
def gateway(own: socket.socket) -> Iterator[tuple[Server, Address]]:
    """Run a gateway with two peers that are connected; what comes out goes to `own`."""
    with quintet(CONFIG) as server, Program(f"http://{HERE}:{server.port}/") as program:
        robot, arm = program.peer("robot"), program.peer("arm")
        feed = program.data_socket()
        path = robot.connect(arm.id, params={"data_id": feed.id}, options={"serialization": "NONE"})
        theirs = arm.connected()
        program.wait_for(path, "OPEN")
        program.ask("PUT", theirs, 200, {"redirect_params": _redirect(own)})
        yield server, feed.address


@contextmanager
def pair(own: socket.socket) -> Iterator[tuple[Server, Address]]:
    """Run the peer of the gateway."""
    with udp_pair(own.getsockname()) as found:
        yield found


def data_figures(start: Callable[..., object], load: DataLoad, seconds: float) -> Figures:
    """Measure one run of both loops on a fresh server."""
    with ExitStack() as stack:
        own = stack.enter_context(_own_socket())
        server, feed = stack.enter_context(start(own))
        exchange = Exchange(own, feed, load.size)
        exchange.closed_loop(WARM_UP_SECONDS, load.window)
        found: Figures = {}
        for name, run in (
            ("closed", lambda: exchange.closed_loop(seconds, load.window)),
            ("open", lambda: exchange.open_loop(seconds, load.rate)),
        ):
            exchange.lost = 0
            cpu, began = server.cpu_seconds(), now()
            latencies = run()
            spent = server.cpu_seconds() - cpu
            figures = figures_of(latencies, min(seconds, now() - began), spent, "msg")
            if exchange.lost:
                said = (
                    f"{start.__name__}, {name} loop: {exchange.lost} lost beside {len(latencies)}"
                )
                print(said, file=sys.stderr, flush=True)
            found |= {f"{name} loop, {key}": value for key, value in figures.items()}
        return found


# --- media


@contextmanager
def call() -> Iterator[tuple[Server, Server, Address, Counter]]:
    """Have a peer of one gateway call a peer of another; yield both, the socket, what comes out."""
    with ExitStack() as stack:
        first = stack.enter_context(quintet(CONFIG))
        more = f'[skyway]\nsilence_seconds = 60.0\nbroker_url = "ws://{HERE}:{first.port}"\n'
        more += 'remote_allow = ["127.0.0.0/8"]\n'  # both are here
        second = stack.enter_context(quintet(CONFIG + more))
        one, other = (
            stack.enter_context(Program(f"http://{HERE}:{it.port}/")) for it in (first, second)
        )
        camera, screen = one.peer("camera"), other.peer("screen")
        sends, takes = one.media_socket(video=True), other.media_socket(video=True)
        out = Counter(stack.enter_context(_own_socket()))
        path = camera.call(screen.id, _picture(sends))
        answered = _answer(screen, takes, out)
        for program, side in ((one, path), (other, answered)):
            while not program.ask("GET", f"{side}/status", 200)["open"]:
                time.sleep(0.05)
        stack.callback(out.stop)
        yield first, second, sends.address, out


class Counter:
    """Counts the packets that come to a socket, in a thread."""

    def __init__(self, own: socket.socket) -> None:
        self.packets = 0
        self._own = own
        self._ending = False
        self.redirect = _redirect(own)
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._ending = True
        self._thread.join()

    def _count(self) -> None:
        self._own.settimeout(0.2)
        while not self._ending:
            try:
                self._own.recv(READ_BYTES)
            except TimeoutError:
                continue
            self.packets += 1


def media_figures(load: Load, seconds: float) -> tuple[Figures, Figures]:
    """Measure both directions, a gateway each.

    While the one that sends is measured, the other one stands still, as a viewer of Janus does.
    """
    with ExitStack() as stack:
        first, second, to, out = stack.enter_context(call())
        publisher = Publisher(None, to)
        stack.callback(publisher.close)
        publisher.send(load, WARM_UP_SECONDS)
        to_device = _run(second, publisher, load, seconds, out)
        stack.enter_context(second.standing_still())
        to_webrtc = _run(first, publisher, load, seconds)
        return to_webrtc, to_device


def janus_figures(load: Load, seconds: float) -> tuple[Figures, Figures]:
    """Measure the plugins of Janus for both directions."""
    found = []
    for start, counted in ((janus.streaming, False), (janus.forwarding, True)):
        with ExitStack() as stack:
            own = stack.enter_context(_own_socket())
            out = Counter(own)
            stack.callback(out.stop)
            server, port = stack.enter_context(start(own.getsockname()[1]))
            publisher = Publisher(None, (HERE, port))
            stack.callback(publisher.close)
            publisher.send(load, WARM_UP_SECONDS)
            found.append(_run(server, publisher, load, seconds, out if counted else None))
    return found[0], found[1]


def _run(
    server: Server, publisher: Publisher, load: Load, seconds: float, out: Counter | None = None
) -> Figures:
    """Send the load; return what it cost a server. What comes out is counted, if anywhere."""
    before, cpu = out.packets if out is not None else 0, server.cpu_seconds()
    publisher.send(load, seconds)
    time.sleep(0.1)
    spent, sent = server.cpu_seconds() - cpu, load.sent(seconds)
    if out is not None and out.packets - before < sent * LEAST_SHARE:
        print(f"only {out.packets - before} of {sent} came out", file=sys.stderr, flush=True)
    return {"CPU µs/packet": spent / sent * 1e6}


# --- all of it


def measure_data(rounds: int, seconds: float) -> list[Row]:
    """Measure the gateway and its peer in turn, every time afresh."""
    rows: list[Row] = []
    for load in DATA_LOADS:
        ours: list[Figures] = []
        theirs: list[Figures] = []
        for number in range(rounds):
            print(f"data, {load.name}: {number + 1} of {rounds}", file=sys.stderr, flush=True)
            ours.append(data_figures(gateway, load, seconds))
            theirs.append(data_figures(pair, load, seconds))
        rows += rows_of(f"data, {load.name}", ours, theirs)
    return rows


def measure_media(rounds: int, seconds: float) -> list[Row]:
    """Measure two gateways, and Janus if it is there, in turn."""
    rows: list[Row] = []
    for load in LOADS:
        ours: list[tuple[Figures, Figures]] = []
        theirs: list[tuple[Figures, Figures]] = []
        for number in range(rounds):
            print(f"{load.name}: {number + 1} of {rounds}", file=sys.stderr, flush=True)
            ours.append(media_figures(load, seconds))
            if janus.is_installed():
                theirs.append(janus_figures(load, seconds))
        for at, name in enumerate(("device → WebRTC", "WebRTC → device")):
            of_way = [run[at] for run in ours], [run[at] for run in theirs]
            rows += rows_of(f"{name}, {load.name}", *of_way)
    return rows


def _redirect(own: socket.socket) -> dict[str, object]:
    return {"ip_v4": HERE, "port": own.getsockname()[1]}


@contextmanager
def _own_socket() -> Iterator[socket.socket]:
    with socket.socket(type=socket.SOCK_DGRAM) as own:
        own.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        own.bind((HERE, 0))
        yield own


def _picture(socket_: Socket) -> dict[str, object]:
    sent = {
        "band_width": 0, "codec": "VP8", "media_id": socket_.id, "payload_type": VP8_TYPE,
    }  # fmt: skip
    return {"video": True, "audio": False, "videoReceiveEnabled": True, "video_params": sent}


def _answer(peer: ProgramPeer, takes: Socket, out: Counter) -> str:
    path = peer.called()
    body = {"constraints": _picture(takes), "redirect_params": {"video": out.redirect}}
    peer.program.ask("POST", f"{path}/answer", 202, body)
    return path


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.skyway", description=__doc__)
    parser.add_argument("parts", nargs="*", metavar="PART", help="data or media; both")
    parser.add_argument("--rounds", type=int, default=3, help="runs of each work (3)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of each run (4)")
    options = parser.parse_args()
    parts = {"data": (measure_data, "aiortc"), "media": (measure_media, "Janus")}
    if wrong := set(options.parts) - parts.keys():
        parser.error(f"no such part: {', '.join(sorted(wrong))}")
    for name in options.parts or parts:
        measure, peer = parts[name]
        print(table(measure(options.rounds, options.seconds), peer) + "\n", flush=True)


if __name__ == "__main__":
    main()
