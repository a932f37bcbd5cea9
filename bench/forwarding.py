"""`python -m bench.forwarding`: CPU per forwarded SRTP packet, at 1, 4 and 40 legs.

A load process sends one encrypted stream over UDP. A server process takes it as the server does,
decrypts it, hands it to the router, and encrypts and sends it for every leg under keys of its own.
Where it goes nobody reads: what the receivers cost is not measured. Beside it stands the floor, a
loop that does nothing but encrypt and send packets of the same size, and, measured in turn, Janus
where it is installed, and aiortc's MediaRelay with few legs, as it encodes for each.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from statistics import median
from typing import Any

import trio
from pylibsrtp import Policy, Session

from bench import janus, media_relay
from media.contract.plans import Address
from media.rtp.router import TICK_SECONDS, Codec, Router, RtcpUpstream, RtpSink, RtpSource
from media.rtp.transport_feedback import TransportFeedback
from media.udp.port_range import PortRange
from media.udp.udp_port import UdpPort

LEGS = (1, 4, 40)
RELAY_LEGS = (1, 2)  # more would not keep up
PAYLOAD_BYTES = 1100
NUMBERS_ID = 5  # of the header extension that feedback goes by
VIDEO = Codec("vp8", 90_000, 96)
PROFILE = Policy.SRTP_PROFILE_AEAD_AES_128_GCM
KEY_BYTES = 28
FLOOR_PACKETS = 20_000


@dataclass(frozen=True)
class Load:
    """What the publisher sends: bursts, each a frame of so many packets."""

    name: str
    frames: int  # a second
    packets: int  # a frame

    def sent(self, seconds: float) -> int:
        return int(seconds * self.frames) * self.packets


LOADS = (
    Load("720p30 VP8, 300 packets/s", frames=30, packets=10),
    Load("2,000 packets/s", frames=100, packets=20),
)


@dataclass(frozen=True)
class Run:
    """What one run came to."""

    sent: int
    taken: int
    forwarded: int
    cpu: float


def session(key: bytes, ssrc_type: int) -> Session:
    policy = Policy(key=key, ssrc_type=ssrc_type, srtp_profile=PROFILE)
    policy.allow_repeat_tx = True
    policy.window_size = 1024
    return Session(policy)


class Forwarding:
    """The server: one source that arrives on a UDP port, and legs that leave by another."""

    def __init__(self, legs: int, key: bytes, to: Address) -> None:
        self.router = Router()
        self.taken = UdpPort(PortRange(0, 0).bind("127.0.0.1"))
        self._out = UdpPort(PortRange(0, 0).bind("127.0.0.1"))
        self._to = to
        self._decrypt = session(key, Policy.SSRC_ANY_INBOUND)
        self._back = session(os.urandom(KEY_BYTES), Policy.SSRC_ANY_OUTBOUND)
        self._feedback = TransportFeedback(self._say, "bench")
        self._feedback.set(NUMBERS_ID, 2)
        upstream = RtcpUpstream(self._say, 2, "bench")
        ticked = self._feedback.tick
        self._source = RtpSource("camera", "video", VIDEO, 1, upstream, ticked=ticked)
        self.router.add_source(self._source)
        for number in range(legs):
            send = self._leg(session(os.urandom(KEY_BYTES), Policy.SSRC_ANY_OUTBOUND))
            sink = RtpSink(
                f"{number}", "video", VIDEO, 1000 + number, send, len, mid=(4, "0"), send_time=3
            )
            self.router.add_sink(sink)
            self.router.attach("camera", sink.id)

    def _leg(self, encrypt: Session) -> Callable[[bytes], None]:
        protect, send, to = encrypt.protect, self._out.send, self._to
        return lambda packet: send(protect(packet), to)

    def take(self, data: bytes, sender: Address, arrival: float) -> None:
        packet = self._decrypt.unprotect(data)
        self._feedback.take(packet, arrival)
        self._source.feed(packet, arrival)

    def _say(self, packet: bytes) -> None:
        self._out.send(self._back.protect_rtcp(packet), self._to)

    def counts(self) -> tuple[int, int]:
        totals = self.router.stats().totals
        return totals.packets_in, totals.packets_out + totals.dropped_out

    async def tick(self) -> None:
        while True:
            await trio.sleep(TICK_SECONDS)
            self.router.tick(time.monotonic())


def serve(control: Connection, legs: int, key: bytes, to: Address) -> None:
    """Forward until told to stop; tell the port first, and what it cost last."""

    async def run() -> None:
        forwarding = Forwarding(legs, key, to)
        control.send(forwarding.taken.address)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(forwarding.taken.receive, forwarding.take)
            nursery.start_soon(forwarding.tick)
            await trio.lowlevel.wait_readable(control.fileno())
            control.recv()  # the warm-up is over
            before, cpu = forwarding.counts(), time.process_time()
            await trio.lowlevel.wait_readable(control.fileno())
            control.recv()
            cpu = time.process_time() - cpu
            taken, forwarded = forwarding.counts()
            control.send((taken - before[0], forwarded - before[1], cpu))
            nursery.cancel_scope.cancel()

    trio.run(run)


class Publisher:
    """Sends frames of packets, the first one a keyframe; encrypted if there is a key."""

    def __init__(self, key: bytes | None, to: Address) -> None:
        self._encrypt = session(key, Policy.SSRC_ANY_OUTBOUND) if key else None
        self._socket = socket.socket(type=socket.SOCK_DGRAM)
        self._to = to
        self._sequence = 0

    def send(self, load: Load, seconds: float) -> None:
        """Send in real time; a frame that is late is sent at once."""
        start = time.monotonic()
        for frame in range(int(seconds * load.frames)):
            time.sleep(max(0.0, start + frame / load.frames - time.monotonic()))
            for part in range(load.packets):
                packet = self._packet(frame, part)
                data = self._encrypt.protect(packet) if self._encrypt else packet
                self._socket.sendto(data, self._to)

    def close(self) -> None:
        self._socket.close()

    def _packet(self, frame: int, part: int) -> bytes:
        keyframe = self._sequence == 0
        self._sequence += 1
        number = (self._sequence & 0xFFFF).to_bytes(2)
        head = bytes([0x90, 96]) + number + (frame * 3000).to_bytes(4) + (1).to_bytes(4)
        head += bytes.fromhex("bede0001") + bytes([NUMBERS_ID << 4 | 1]) + number + bytes(1)
        picture = bytes([0x90 if part == 0 else 0x80, 0x80]) + (0x8000 | frame & 0x7FFF).to_bytes(2)
        return head + picture + bytes([not keyframe]) + bytes(PAYLOAD_BYTES - 5)


def measure(load: Load, legs: int, seconds: float) -> Run:
    """Run a server and a publisher beside each other."""
    nobody = PortRange(0, 0).bind("127.0.0.1")
    key = os.urandom(KEY_BYTES)
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    address: Any = nobody.getsockname()
    server = context.Process(target=serve, args=(theirs, legs, key, address))
    server.start()
    publisher = Publisher(key, ours.recv())
    try:
        publisher.send(load, 0.5)
        ours.send("begin")
        publisher.send(load, seconds)
        ours.send("end")
        found = Run(load.sent(seconds), *ours.recv())
    finally:
        publisher.close()
        server.join(10)
        server.kill()
        nobody.close()
    return found


def measure_janus(load: Load, legs: int, seconds: float) -> Run:
    """Run Janus and a publisher beside each other, with subscribers that stand still."""
    with (
        janus.janus() as server,
        janus.publisher(server.port) as port,
        janus.subscribers(legs, server.port),
    ):
        publisher = Publisher(None, ("127.0.0.1", port))
        try:
            publisher.send(load, 0.5)
            before = server.cpu_seconds()
            publisher.send(load, seconds)
            sent = load.sent(seconds)
            return Run(sent, sent, sent * legs, server.cpu_seconds() - before)
        finally:
            publisher.close()


def measure_relay(_: Load, legs: int, seconds: float) -> Run:
    """Run MediaRelay, its publisher and its subscribers; what is sent is real video."""
    count, sent = media_relay.measure(legs, seconds)
    return Run(sent, count.taken, count.forwarded, count.cpu)


def floor() -> float:
    """Return CPU µs to encrypt and send one packet, and nothing else."""
    encrypt = session(os.urandom(KEY_BYTES), Policy.SSRC_ANY_OUTBOUND)
    nobody, out = (PortRange(0, 0).bind("127.0.0.1") for _ in range(2))
    to = nobody.getsockname()
    tail = bytes(8 + 8 + PAYLOAD_BYTES)  # with a mid
    before = time.process_time()
    for number in range(FLOOR_PACKETS):
        out.sendto(encrypt.protect(b"\x80\x60" + (number & 0xFFFF).to_bytes(2) + tail), to)
    spent = time.process_time() - before
    nobody.close()
    out.close()
    return spent / FLOOR_PACKETS * 1e6


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.forwarding", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run (3)")
    options = parser.parse_args()
    bare = median(floor() for _ in range(options.rounds))
    print(f"Floor, to encrypt and send one packet: {bare:.1f} µs\n")
    print("| load | legs | server | CPU µs/packet | range | per extra packet | taken |")
    print("|---|---|---|---|---|---|---|")
    servers: dict[str, Callable[[Load, int, float], Run]] = {"Quintet": measure}
    if janus.is_installed():
        servers["Janus videoroom"] = measure_janus
    for load in LOADS:
        compare(load, LEGS, servers, options)
    compare(LOADS[0], RELAY_LEGS, {"Quintet": measure, "MediaRelay": measure_relay}, options)


def compare(
    load: Load,
    legs: tuple[int, ...],
    servers: dict[str, Callable[[Load, int, float], Run]],
    options: argparse.Namespace,
) -> None:
    """Measure the servers in turn, and print a row of the table for each number of legs."""
    alone: dict[str, float] = {}
    for count in legs:
        runs: dict[str, list[Run]] = {name: [] for name in servers}
        for _ in range(options.rounds):
            for name, run in servers.items():
                runs[name].append(run(load, count, options.seconds))
        for name, found in runs.items():
            cost = median(run.cpu / run.taken for run in found) * 1e6
            extra = (cost - alone.setdefault(name, cost)) / max(1, count - 1)
            print(row(load, count, name, found, extra), flush=True)


def row(load: Load, legs: int, name: str, runs: list[Run], extra: float) -> str:
    """Return one line of the table; there is no extra packet where there is one leg."""
    costs = [run.cpu / run.forwarded * 1e6 for run in runs]
    taken = median(run.taken / run.sent for run in runs)
    cells = [load.name, f"{legs}", name, f"{median(costs):.1f}"]
    cells += [f"{min(costs):.1f} – {max(costs):.1f}", f"{extra:.1f}" if legs > 1 else ""]
    return f"| {' | '.join([*cells, f'{taken:.0%}'])} |"


if __name__ == "__main__":
    main()
