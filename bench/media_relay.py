"""aiortc's MediaRelay as the peer of `bench.forwarding`: decode once, encode for every subscriber.

A process publishes 720p30 VP8 that was encoded beforehand, one with the server decodes it and hands
its pictures to the legs, and one holds subscribers that are connected and then stopped.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 - aiortc in processes of its own, without Trio
import multiprocessing
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from multiprocessing.connection import Connection
from typing import Any

import av
from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.codecs import vpx
from aiortc.contrib.media import MediaRelay

CONNECT_SECONDS = 15.0
FRAMES = 30  # a second
BITRATE = 2_640_000  # 300 packets of 1,100 bytes a second
CLIP_FRAMES = 60
WARM_UP_SECONDS = 1.0


@dataclass(frozen=True)
class Count:
    """What the server took and sent since it was started, and its CPU seconds."""

    taken: int
    forwarded: int
    cpu: float


def measure(legs: int, seconds: float) -> tuple[Count, int]:
    """Return what the server did in so many seconds, and how many packets were sent to it."""
    with _process(_serve) as server, _process(_publish) as publisher:
        _introduce(publisher, server, "publish")
        with _process(_subscribe, legs) as subscribers:
            for _ in range(legs):
                _introduce(subscribers, server, "subscribe")
            for end in (subscribers, publisher):
                _receive(end)  # connected
            subscribers.send("stop")
            time.sleep(WARM_UP_SECONDS)
            sent, before = _ask(publisher), _ask(server)
            time.sleep(seconds)
            after, sent = _ask(server), _ask(publisher) - sent
    taken, forwarded = after.taken - before.taken, after.forwarded - before.forwarded
    return Count(taken, forwarded, after.cpu - before.cpu), sent


@contextmanager
def _process(target: Callable[..., None], *arguments: Any) -> Iterator[Connection]:
    """Run a program of this file; yield the control of it."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=target, args=(theirs, *arguments))
    process.start()
    try:
        yield ours
    finally:
        process.kill()
        process.join()


def _receive(control: Connection) -> Any:
    if not control.poll(CONNECT_SECONDS):
        raise TimeoutError("a process of the MediaRelay bench does not answer")
    return control.recv()


def _ask(control: Connection) -> Any:
    control.send(("count", ""))
    return _receive(control)


def _introduce(end: Connection, server: Connection, what: str) -> None:
    """Carry the offer of one end to the server, and the answer back."""
    server.send((what, _receive(end)))
    end.send(_receive(server))


def _serve(control: Connection) -> None:
    # The legs are to leave at the rate of what comes in, for figures per packet to compare.
    vpx.DEFAULT_BITRATE = vpx.MAX_BITRATE = BITRATE
    asyncio.run(_relay(control))


async def _relay(control: Connection) -> None:
    relay, publisher = MediaRelay(), _connection()
    legs: list[RTCPeerConnection] = []
    while True:
        what, sdp = await asyncio.to_thread(control.recv)
        if what == "count":
            taken = await _total(publisher, "packetsReceived")
            forwarded = sum([await _total(leg, "packetsSent") for leg in legs])
            control.send(Count(taken, forwarded, time.process_time()))
        elif what == "publish":
            control.send(await _answer(publisher, sdp))
        else:
            leg = _connection()
            leg.addTrack(relay.subscribe(publisher.getReceivers()[0].track))
            legs.append(leg)
            control.send(await _answer(leg, sdp))


async def _total(connection: RTCPeerConnection, name: str) -> int:
    kind = "inbound-rtp" if name == "packetsReceived" else "outbound-rtp"
    report = await connection.getStats()
    return sum(getattr(each, name) for each in report.values() if each.type == kind)


async def _answer(connection: RTCPeerConnection, sdp: str) -> str:
    await connection.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
    await connection.setLocalDescription(await connection.createAnswer())
    return str(connection.localDescription.sdp)


def _publish(control: Connection) -> None:
    clip = _clip()

    async def run() -> None:
        connection = _connection()
        connection.addTrack(Clip(clip))
        await _connect(connection, control)
        control.send("connected")
        while await asyncio.to_thread(control.recv):
            control.send(await _total(connection, "packetsSent"))

    asyncio.run(run())


def _subscribe(control: Connection, count: int) -> None:
    async def run() -> None:
        connections = [_connection() for _ in range(count)]
        for connection in connections:
            connection.addTransceiver("video", direction="recvonly")
            await _connect(connection, control)
        control.send("connected")
        await asyncio.to_thread(control.recv)
        os.kill(os.getpid(), signal.SIGSTOP)

    asyncio.run(run())


def _connection() -> RTCPeerConnection:
    return RTCPeerConnection(RTCConfiguration(iceServers=[]))


async def _connect(connection: RTCPeerConnection, control: Connection) -> None:
    """Offer by way of the parent process, and wait for the connection."""
    connected = asyncio.Event()

    @connection.on("connectionstatechange")
    def changed() -> None:
        if connection.connectionState == "connected":
            connected.set()

    await connection.setLocalDescription(await connection.createOffer())
    control.send(connection.localDescription.sdp)
    answer = await asyncio.to_thread(control.recv)
    await connection.setRemoteDescription(RTCSessionDescription(answer, "answer"))
    await asyncio.wait_for(connected.wait(), CONNECT_SECONDS)


class Clip(MediaStreamTrack):
    """Encoded pictures over and over, in real time."""

    kind = "video"

    def __init__(self, clip: list[bytes]) -> None:
        super().__init__()
        self._clip = clip
        self._number = 0
        self._start = 0.0

    async def recv(self) -> av.Packet:
        self._start = self._start or time.monotonic()
        due = self._start + self._number / FRAMES
        await asyncio.sleep(max(0.0, due - time.monotonic()))
        packet = av.Packet(self._clip[self._number % len(self._clip)])
        packet.pts, packet.time_base = self._number, Fraction(1, FRAMES)
        self._number += 1
        return packet


def _clip() -> list[bytes]:
    """Encode two seconds of a moving test picture, with a keyframe at their start."""
    encoder = av.CodecContext.create("libvpx", "w")
    encoder.width, encoder.height, encoder.pix_fmt = 1280, 720, "yuv420p"
    encoder.time_base, encoder.framerate = Fraction(1, FRAMES), Fraction(FRAMES)
    encoder.bit_rate, encoder.gop_size = BITRATE, CLIP_FRAMES
    encoder.qmin, encoder.qmax = 2, 56
    encoder.options = {"deadline": "realtime", "cpu-used": "-6", "lag-in-frames": "0"}
    encoder.options |= dict.fromkeys(("minrate", "maxrate", "bufsize"), str(BITRATE))
    source = av.open("testsrc2=size=1280x720:rate=30", format="lavfi")
    packets: list[av.Packet] = []
    for number, picture in zip(range(CLIP_FRAMES), source.decode(video=0), strict=False):
        frame = picture.reformat(format="yuv420p")
        frame.pts, frame.time_base = number, Fraction(1, FRAMES)
        frame.pict_type = av.video.frame.PictureType.NONE  # else each is a keyframe
        packets += encoder.encode(frame)
    return [bytes(each) for each in packets + encoder.encode(None)]
