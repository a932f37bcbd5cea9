"""Programs of devices that send and hear RTP, and calls on the real engine."""

from __future__ import annotations

import os
import socket as sockets
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest
import trio

from actors.device.events import CallReady, Closed
from actors.device.medium import MediumWanted
from media.contract.plans import Address
from media.rtp import rtcp
from tests.support.device_calls import Calls
from tests.support.rtp import Got, read, rtp, vp8

HOST = "127.0.0.1"
TURNS = 0.02  # seconds between packets


class Ear:
    """A UDP socket of a program: it takes what is sent to it, and can send from there."""

    def __init__(self, host: str) -> None:
        family = trio.socket.AF_INET6 if ":" in host else trio.socket.AF_INET
        self.socket = trio.socket.socket(family, trio.socket.SOCK_DGRAM)
        self.address: Address = (host, 0)
        self.seen: list[bytes] = []

    async def take(self) -> None:
        while True:
            self.seen.append((await self.socket.recvfrom(65_535))[0])

    async def send(self, data: bytes, to: Address) -> None:
        await self.socket.sendto(data, to)

    @property
    def packets(self) -> list[Got]:
        return [read(data) for data in self.seen]

    def said(self, kind: type[Any]) -> list[Any]:
        """Return the RTCP of a kind."""
        return [it for data in self.seen for it in rtcp.parse_rtcp(data) or [] if type(it) is kind]


@asynccontextmanager
async def ears(count: int, host: str = HOST) -> AsyncIterator[list[Ear]]:
    some = [Ear(host) for _ in range(count)]
    try:
        async with trio.open_nursery() as nursery:
            for ear in some:
                await ear.socket.bind(ear.address)
                ear.address = ear.socket.getsockname()[:2]
                nursery.start_soon(ear.take)
            yield some
            nursery.cancel_scope.cancel()
    finally:
        for ear in some:
            ear.socket.close()


async def until(condition: Callable[[], object], seconds: float = 30) -> None:
    with trio.fail_after(seconds):
        while not condition():
            await trio.sleep(0.005)


class Camera:
    """Sends one stream to a media socket, in turns, from the picture `first` on."""

    def __init__(
        self, to: Address, payload_type: int, make: Callable[[int], bytes], first: int = 0
    ) -> None:
        self.to = to
        self.payload_type = payload_type
        self.make = make
        self.ssrc = int.from_bytes(os.urandom(4))
        self.sent: list[bytes] = []
        self.first = first

    async def run(self, ear: Ear) -> None:
        number = self.first
        while True:
            payload = self.make(number)
            self.sent.append(payload)
            packet = rtp(
                1000 + number,
                number * 3000,
                payload,
                payload_type=self.payload_type,
                ssrc=self.ssrc,
                marker=True,
            )
            await ear.send(packet, self.to)
            number += 1
            await trio.sleep(TURNS)


def picture(number: int) -> bytes:
    """Make a VP8 picture, each tenth of which is a keyframe."""
    return vp8(number, b"picture %d" % number, keyframe=number % 10 == 0)


def nal(number: int) -> bytes:
    """Make a picture of H.264: an IDR in a single NAL unit, as a STAP-A with its sets before."""
    if number % 10 == 0:
        sps, pps, idr = b"\x67\x42\xe0\x1f", b"\x68\xce\x3c\x80", b"\x65\x88%d" % number
        return b"\x78" + b"".join(len(it).to_bytes(2) + it for it in (sps, pps, idr))
    return b"\x41\x9a%d" % number


def sound(number: int) -> bytes:
    return b"sound %d" % number


def body(payload: bytes, codec: str) -> bytes:
    """Return what of a payload stays as it is: all, but for the picture numbers of VP8."""
    return payload[payload.index(b"picture") :] if codec == "vp8" else payload


@asynccontextmanager
async def running(*pairs: Any) -> AsyncIterator[None]:
    """Have cameras send, each from the ear behind it, until the end of the block."""
    async with trio.open_nursery() as nursery:
        for camera, ear in zip(pairs[::2], pairs[1::2], strict=True):
            nursery.start_soon(camera.run, ear)
        yield
        nursery.cancel_scope.cancel()


async def both_open(calls: Calls, one: Any, other: Any) -> None:
    """Wait until media can flow, which is after keys were agreed on (DTLS)."""
    for id_ in ("mc-ann", "mc-ben"):
        await calls.until(id_, CallReady)
    with trio.fail_after(30):
        while not ((await calls.show(one)).open and (await calls.show(other)).open):
            await trio.sleep(0.01)


@asynccontextmanager
async def in_call(
    calls: Calls, ann: tuple[MediumWanted, ...], ben: tuple[MediumWanted, ...]
) -> AsyncIterator[tuple[Any, Any]]:
    """Have ann call ben; the call has ended on both sides behind the block."""
    one, other = await calls.call(*ann)
    await calls.answer(other, *ben)
    await both_open(calls, one, other)
    yield one, other
    calls.end(one)
    await calls.ended("mc-ann", "mc-ben")
    assert calls.shown.of("mc-ann")[-1] == calls.shown.of("mc-ben")[-1] == Closed()


@contextmanager
def taken(*addresses: Address) -> Iterator[None]:
    """Check that ports are taken, and free behind the block."""

    def bind(address: Address) -> None:
        with sockets.socket(sockets.AF_INET, sockets.SOCK_DGRAM) as one:
            one.bind(address)

    for address in addresses:
        with pytest.raises(OSError, match="in use"):
            bind(address)
    yield
    for address in addresses:
        bind(address)


def open_descriptors() -> int:
    return len(list(Path("/proc/self/fd").iterdir()))
