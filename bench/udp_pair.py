"""The peer of `bench.skyway`: two aiortc connections of one asyncio process, UDP at either end.

It does what the gateway does with two peers that are connected to each other, and no more: a
datagram becomes a message of a data channel, and a message of the other end a datagram.
"""

from __future__ import annotations

import asyncio  # noqa: TID251 - aiortc in a process of its own, without Trio
import multiprocessing
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing.connection import Connection

from aiortc import RTCConfiguration, RTCDataChannel, RTCPeerConnection

from bench.servers import Server

HERE = "127.0.0.1"
READY_SECONDS = 20.0
UNSENT_BYTES = 262_144  # as the gateway
BUFFER_BYTES = 1 << 20

Address = tuple[str, int]


@contextmanager
def udp_pair(to: Address) -> Iterator[tuple[Server, Address]]:
    """Run the pair in a process; yield it, and where it takes what it sends to `to`."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_main, args=(theirs, to))
    process.start()
    try:
        if not ours.poll(READY_SECONDS):
            raise TimeoutError("the pair of aiortc did not connect")
        yield Server(process, 0), (HERE, ours.recv())
    finally:
        process.kill()
        process.join()


def _main(control: Connection, to: Address) -> None:
    asyncio.run(_run(control, to))


async def _run(control: Connection, to: Address) -> None:
    one, other = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    channel = one.createDataChannel("bench")
    opened = asyncio.Event()
    channel.on("open", opened.set)
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        lambda: Feed(channel), local_addr=(HERE, 0)
    )

    own = transport.get_extra_info("socket")
    for buffer in (socket.SO_RCVBUF, socket.SO_SNDBUF):
        own.setsockopt(socket.SOL_SOCKET, buffer, BUFFER_BYTES)  # as the gateway's

    @other.on("datachannel")
    def taken(theirs: RTCDataChannel) -> None:
        theirs.on("message", lambda message: transport.sendto(message, to))

    await one.setLocalDescription(await one.createOffer())
    await other.setRemoteDescription(one.localDescription)
    await other.setLocalDescription(await other.createAnswer())
    await one.setRemoteDescription(other.localDescription)
    await opened.wait()
    control.send(transport.get_extra_info("sockname")[1])
    await asyncio.Event().wait()


class Feed(asyncio.DatagramProtocol):
    """Sends on what comes."""

    def __init__(self, channel: RTCDataChannel) -> None:
        self._channel = channel

    def datagram_received(self, data: bytes, addr: Address) -> None:
        if self._channel.bufferedAmount <= UNSENT_BYTES:
            self._channel.send(data)
