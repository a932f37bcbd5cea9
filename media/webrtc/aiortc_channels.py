"""What is private of aiortc's data channels: how much they hold, and how their end comes."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from aiortc import RTCDataChannel, RTCSctpTransport


def messages_unsent(channel: RTCDataChannel) -> int:
    """Return how many messages of all channels of the connection wait to leave."""
    sctp: Any = channel.transport
    return len(sctp._data_channel_queue)


def lose_what_comes_too_late(sctp: RTCSctpTransport) -> None:
    """Have SCTP send nothing, rather than fail, once DTLS below it has ended.

    aiortc flushes its channels in tasks that nobody awaits. When the other side closes while one
    waits for its turn, its error would be a stray one.
    """
    private: Any = sctp
    send = private._send_chunk

    async def send_or_lose(chunk: object) -> None:
        with suppress(ConnectionError):
            await send(chunk)

    private._send_chunk = send_or_lose
