"""Other sides for the engine: unchanged aiortc connections that encode and decode for real."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from fractions import Fraction

import av
import trio
from aiortc import (
    MediaStreamTrack,
    RTCConfiguration,
    RTCPeerConnection,
    RTCRtpReceiver,
    RTCSessionDescription,
)
from aiortc.mediastreams import MediaStreamError

from media.contract.engine import MediaEngine
from media.contract.session import Direction, MediaSession, SessionWanted, State, TrackWanted
from media.webrtc.bridge import MediaLoop
from tests.support.paths import lead
from tests.support.sessions import Told

WIDTH, HEIGHT, FRAMES_PER_SECOND = 160, 120, 20
CONNECT_SECONDS = 30.0  # for what the other side says is done already
ENCODE_SECONDS = 0.4  # for one frame, on a busy machine
STEP_SECONDS = 30


class Picture(MediaStreamTrack):
    """Video of one grey level, with a bar that moves."""

    kind = "video"

    def __init__(self, grey: int) -> None:
        super().__init__()
        self._grey = grey
        self._count = 0
        self._start = time.monotonic()

    async def recv(self) -> av.VideoFrame:
        due = self._start + self._count / FRAMES_PER_SECOND
        await asyncio.sleep(max(0, due - time.monotonic()))
        frame = av.VideoFrame(WIDTH, HEIGHT, "yuv420p")
        luma = bytearray([self._grey]) * (frame.planes[0].line_size * HEIGHT)
        start = self._count % HEIGHT * frame.planes[0].line_size
        luma[start : start + WIDTH] = bytes([255 - self._grey]) * WIDTH
        frame.planes[0].update(bytes(luma))
        for plane in frame.planes[1:]:
            plane.update(bytes([128]) * plane.buffer_size)
        frame.pts, frame.time_base = self._count * 90_000 // FRAMES_PER_SECOND, Fraction(1, 90_000)
        self._count += 1
        return frame


class Hum(MediaStreamTrack):
    """Audio that is not silence."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._count = 0
        self._start = time.monotonic()

    async def recv(self) -> av.AudioFrame:
        await asyncio.sleep(max(0, self._start + self._count * 0.02 - time.monotonic()))
        frame = av.AudioFrame("s16", "mono", 960)
        frame.planes[0].update(random.Random(self._count).randbytes(1920))
        frame.sample_rate, frame.time_base = 48_000, Fraction(1, 48_000)
        frame.pts = self._count * 960
        self._count += 1
        return frame


@dataclass
class Seen:
    """What one receiver decoded, and what came to it before."""

    frames: int = 0
    first: float = 0.0  # time.monotonic() of the first frame
    grey: int = -1  # of the last one
    longest_gap: float = 0.0
    largest: int = 0  # payload of a packet, in bytes
    sequence: list[int] = field(default_factory=list)
    _last: float = 0.0

    def note(self, frame: object) -> None:
        now = time.monotonic()
        self.first = self.first or now
        self.longest_gap = max(self.longest_gap, now - (self._last or now))
        self._last = now
        self.frames += 1
        if isinstance(frame, av.VideoFrame):
            plane = frame.planes[0]
            row = bytes(plane)[:: plane.line_size][: frame.height]
            self.grey = sorted(row)[len(row) // 2]

    @property
    def missing(self) -> int:
        """How many sequence numbers never came, between the first and the last."""
        if not self.sequence:
            return 0
        first = self.sequence[0]
        numbers = {(number - first + 0x8000) % 0x10000 - 0x8000 for number in self.sequence}
        return max(numbers) - min(numbers) + 1 - len(numbers)


class Client:
    """One aiortc connection, driven from Trio."""

    def __init__(self, loop: MediaLoop, session: MediaSession, told: Told) -> None:
        self.loop = loop
        self.session = session
        self.told = told
        self.seen = {"audio": Seen(), "video": Seen()}
        self.loses: Callable[[bytes], bool] = lambda packet: False
        self.pc: RTCPeerConnection
        self._readers: list[asyncio.Task[None]] = []

    async def run(self, step, *args):
        return await self.loop.call(step, *args, within=STEP_SECONDS)

    async def negotiate(self) -> None:
        """Offer to the session, and wait until connected."""
        offer = await self.run(self._offer)
        answer = await self.session.accept_offer(offer)
        await self.run(self._accept, answer.sdp)
        await self.told.state(State.CONNECTED)

    async def frames(self, kind: str, count: int, within: float = 60) -> Seen:
        """Wait until so many frames were decoded."""
        seen = self.seen[kind]
        with trio.fail_after(within):
            while seen.frames < count:
                await trio.sleep(0.01)
        return seen

    async def close(self) -> None:
        await self.run(self._close)
        await self.session.close()

    async def _offer(self) -> str:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        return self.pc.localDescription.sdp

    async def _accept(self, answer: str) -> None:
        await self.pc.setRemoteDescription(RTCSessionDescription(answer, "answer"))
        # Loss happens before decryption: what was decrypted once is not taken again.
        connection = self.pc.getTransceivers()[0].receiver.transport.transport._connection
        receive = connection.data_received

        def receive_some(data: bytes, component: int) -> None:
            is_rtp = 128 <= data[0] <= 191 and not 192 <= data[1] <= 223
            if not (is_rtp and self.loses(data)):
                receive(data, component)

        connection.data_received = receive_some

    async def _make(self, tracks: list[MediaStreamTrack], takes: list[str], codecs) -> None:
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.pc.on("track", self._on_track)
        for track in tracks:
            self.pc.addTransceiver(track, "sendonly")
        for kind in takes:
            self.pc.addTransceiver(kind, "recvonly")
        for transceiver in self.pc.getTransceivers():
            known = RTCRtpReceiver.getCapabilities(transceiver.kind).codecs
            transceiver.setCodecPreferences([c for c in known if c.name.lower() in codecs])

    def _on_track(self, track: MediaStreamTrack) -> None:
        seen = self.seen[track.kind]
        receiver = next(r for r in self.pc.getReceivers() if r.track is track)
        take = receiver._handle_rtp_packet

        async def taking(packet, arrival_time_ms):
            seen.sequence.append(packet.sequence_number)
            seen.largest = max(seen.largest, len(packet.payload))
            await take(packet, arrival_time_ms)

        receiver._handle_rtp_packet = taking
        self._readers.append(asyncio.ensure_future(_read(track, seen)))

    async def _close(self) -> None:
        # aiortc cannot be stopped while it encodes: trio_asyncio lets a thread end its work, and
        # the cancellation is lost with it.
        with suppress(TimeoutError):
            async with asyncio.timeout(CONNECT_SECONDS):  # it would begin to encode behind this
                while self.pc.connectionState == "connecting":
                    await asyncio.sleep(0.02)
        for sender in self.pc.getSenders():
            sender.replaceTrack(None)
        await asyncio.sleep(ENCODE_SECONDS)
        await self.pc.close()
        for reader in self._readers:
            reader.cancel()
        await asyncio.gather(*self._readers, return_exceptions=True)


async def _read(track: MediaStreamTrack, seen: Seen) -> None:
    try:
        while True:
            seen.note(await track.recv())
    except MediaStreamError:
        return


async def publisher(
    loop: MediaLoop, engine: MediaEngine, name: str, codecs=("opus", "vp8"), grey: int = 60
) -> Client:
    """Connect a client that sends audio and video."""
    wanted = SessionWanted(
        (TrackWanted("audio", Direction.RECEIVE), TrackWanted("video", Direction.RECEIVE))
    )
    client = await _client(loop, engine, name, wanted)
    await client.run(client._make, [Hum(), Picture(grey)], [], codecs)
    await client.negotiate()
    return client


async def subscriber(
    loop: MediaLoop, engine: MediaEngine, name: str, codecs=("opus", "vp8")
) -> Client:
    """Connect a client that takes audio and video; attach what it is to get."""
    wanted = SessionWanted(
        (TrackWanted("audio", Direction.SEND), TrackWanted("video", Direction.SEND))
    )
    client = await _client(loop, engine, name, wanted)
    await client.run(client._make, [], ["audio", "video"], codecs)
    await client.negotiate()
    return client


async def attach(engine: MediaEngine, source: Client, sink: Client) -> None:
    for kind in ("audio", "video"):
        await lead(engine, source.told.source(kind), sink.told.sink(kind))


async def _client(loop: MediaLoop, engine: MediaEngine, name: str, wanted: SessionWanted) -> Client:
    told = Told()
    return Client(loop, await engine.open_session(name, wanted, told), told)
