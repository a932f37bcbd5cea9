"""Between the data channels of one session and UDP: a datagram a message, both ways.

Nothing waits here, and little is kept: what cannot go is dropped and counted.
"""

from __future__ import annotations

import errno
from collections import Counter
from collections.abc import Callable

from aiortc import RTCDataChannel
from aiortc.exceptions import InvalidStateError

from media.channels.chunks import Chunks, Unsendable
from media.channels.formats import Aside, to_datagram, to_message
from media.contract.datagrams import ChannelRelay, RelayStats
from media.udp.datagram_port import DatagramPort
from media.udp.sending_socket import SendingSocket
from media.webrtc.aiortc_channels import messages_unsent
from media.webrtc.bridge import MediaLoop

UNSENT_BYTES = 262_144  # datagrams are dropped while more than this has not left
UNSENT_MESSAGES = 4_096  # or as many messages: small ones take more room than their bytes


class UdpRelay:
    """Begins with `set`. `first` returns the channel that takes what is fed, if any is open.

    `close_channel` is called back by the loop. Messages that a port brought are handed to SCTP by
    the handful, in one call of the loop.
    """

    def __init__(
        self,
        loop: MediaLoop,
        first: Callable[[], RTCDataChannel | None],
        close_channel: Callable[[str], None],
    ) -> None:
        self._loop = loop
        self._first = first
        self._close_channel = close_channel
        self._wanted: ChannelRelay
        self._feed: DatagramPort | None = None
        self._way = SendingSocket()
        self._chunks = Chunks()
        self._waiting: list[tuple[bytes | str, int]] = []  # and how long their datagrams are
        self._waiting_bytes = 0
        self._closed = False
        self._counts: Counter[str] = Counter()

    @property
    def stats(self) -> RelayStats:
        return RelayStats(**(self._counts + Counter(malformed=self._chunks.lost)))

    def set(self, wanted: ChannelRelay, feed: DatagramPort | None) -> None:
        """Go by this from now on; `feed` is the port that it names."""
        if self._feed is not None:
            self._feed.remove(self._take_datagram)
        self._wanted, self._feed = wanted, feed
        if feed is not None:
            feed.add(self._take_datagram)

    def forget(self, channel: str) -> None:
        """Drop the parts of messages that came on a channel; it has closed."""
        self._chunks.forget(channel)

    def close(self) -> None:
        """Relay no more."""
        self._closed = True
        if self._feed is not None:
            self._feed.remove(self._take_datagram)
            self._feed = None
        self._waiting.clear()
        self._way.close()

    # From UDP, in the task of the port.

    def _take_datagram(self, datagram: bytes, _: float) -> None:
        channel = self._first()
        if channel is None:
            self._counts["nowhere"] += 1
        elif self._is_full(channel):
            self._counts["held_up"] += 1
        else:
            message = to_message(self._wanted.format, datagram)
            if isinstance(message, Unsendable):
                self._counts[message.value] += 1
                return
            self._waiting.append((message, len(datagram)))
            self._waiting_bytes += max(len(message), len(datagram))
            if len(self._waiting) == 1:
                self._loop.soon(self._send_waiting)

    def _is_full(self, channel: RTCDataChannel) -> bool:
        return (
            channel.bufferedAmount + self._waiting_bytes > UNSENT_BYTES
            or messages_unsent(channel) + len(self._waiting) >= UNSENT_MESSAGES
        )

    def _send_waiting(self) -> None:
        """Hand over what waits; on the loop."""
        waiting, self._waiting, self._waiting_bytes = self._waiting, [], 0
        channel = self._first()
        for message, size in waiting:
            self._send(channel, message, size)

    def _send(self, channel: RTCDataChannel | None, message: bytes | str, size: int) -> None:
        try:
            if channel is None:
                raise InvalidStateError
            channel.send(message)
        except InvalidStateError:
            self._counts["nowhere"] += 1
        except ValueError:  # more than the other side takes
            self._counts["too_large"] += 1
        else:
            self._counts["messages_out"] += 1
            self._counts["bytes_out"] += size

    # From the other side, on the loop.

    def take_message(self, channel: str, message: str | bytes) -> None:
        """Send on what came on a channel."""
        if self._closed:
            return
        found = to_datagram(self._wanted.format, message, channel, self._chunks)
        if isinstance(found, Unsendable):
            self._counts[found.value] += 1
        elif isinstance(found, bytes):
            self._redirect(found)
        elif found is Aside.CLOSE:
            self._loop.soon(self._close_channel, channel)

    def _redirect(self, datagram: bytes) -> None:
        if self._wanted.redirect is None:
            self._counts["nowhere"] += 1
            return
        try:
            self._way.send(datagram, self._wanted.redirect)
        except OSError as error:
            self._counts["too_large" if error.errno == errno.EMSGSIZE else "unsent"] += 1
        else:
            self._counts["messages_in"] += 1
            self._counts["bytes_in"] += len(datagram)
