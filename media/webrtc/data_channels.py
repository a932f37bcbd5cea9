"""The data channels of one session: opened, listened to, written to with backpressure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import trio
from aiortc import RTCDataChannel
from aiortc.exceptions import InvalidStateError

from media.contract.datagrams import ChannelRelay, RelayStats
from media.contract.errors import TooMuch, UnknownChannel
from media.contract.plans import ChannelWanted
from media.contract.session import ChannelClosed, ChannelOpened, Event, MessageReceived
from media.udp.datagram_port import DatagramPort
from media.webrtc.bridge import MediaLoop
from media.webrtc.containment import contained
from media.webrtc.udp_relay import UNSENT_BYTES, UdpRelay

MAX_CHANNELS = 64
SEND_SECONDS = 5.0  # to hand a message to SCTP: it does not wait for the network


@dataclass(slots=True)
class _Channel:
    id: str
    wanted: ChannelWanted
    channel: RTCDataChannel
    theirs: bool
    opened: bool = False
    room: trio.Event = field(default_factory=trio.Event)  # set when there is some again


class DataChannels:
    """All channels of one session. `tell` takes its events, in order, and never waits."""

    def __init__(self, session: str, loop: MediaLoop, tell: Callable[[Event], None]) -> None:
        self._session = session
        self._loop = loop
        self._tell = tell
        self._channels: dict[str, _Channel] = {}
        self._opened: dict[str, _Channel] = {}  # in the order of opening
        self._relay: UdpRelay | None = None
        self._count = 0

    def __len__(self) -> int:
        return len(self._channels)

    @property
    def buffered(self) -> int:
        """Bytes that were sent and have not left."""
        return sum(entry.channel.bufferedAmount for entry in self._channels.values())

    @property
    def relayed(self) -> RelayStats | None:
        """What went over UDP; None where nothing ever was to."""
        return None if self._relay is None else self._relay.stats

    def check_room(self) -> None:
        """Raise TooMuch at the limit of channels."""
        if len(self._channels) >= MAX_CHANNELS:
            raise TooMuch("the session has as many data channels as it may")

    def add(self, channel: RTCDataChannel, wanted: ChannelWanted) -> str:
        """Take in a channel of ours and return its id. Called on the loop."""
        return self._add(channel, wanted, theirs=False).id

    def add_theirs(self, channel: RTCDataChannel) -> None:
        """Take in a channel of theirs, or close it at the limit. Called on the loop."""
        if len(self._channels) >= MAX_CHANNELS:
            channel.close()
            return
        wanted = ChannelWanted(
            label=channel.label,
            protocol=channel.protocol,
            ordered=channel.ordered,
            max_retransmits=channel.maxRetransmits,
            max_lifetime=channel.maxPacketLifeTime,
            id=channel.id,
        )
        self._add(channel, wanted, theirs=True)

    async def send(self, id: str, data: str | bytes) -> None:
        """Send a message once there is room. Raises UnknownChannel and TooMuch."""
        entry = self._open(id)
        while entry.channel.bufferedAmount > UNSENT_BYTES:
            if entry.room.is_set():
                entry.room = trio.Event()  # one for all who wait
            await entry.room.wait()
            self._open(id)
        await self._loop.call(self._send, entry, data, within=SEND_SECONDS)

    async def close(self, id: str) -> None:
        """Close a channel once everything was sent. Raises UnknownChannel."""
        if id not in self._channels:
            raise UnknownChannel("no open data channel has that id")
        await self._loop.call(self._close, self._channels[id], within=SEND_SECONDS)

    def relay(self, wanted: ChannelRelay, feed: DatagramPort | None) -> None:
        """Have messages go on over UDP instead of being told; `feed` is the port it names."""
        if self._relay is None:
            self._relay = UdpRelay(self._loop, self._first, self._close_now)
        self._relay.set(wanted, feed)

    def end(self) -> None:
        """Take all channels as closed, and relay no more: the session is closed."""
        if self._relay is not None:
            self._relay.close()
        self.forget()

    def forget(self) -> None:
        """Take all channels as closed."""
        for entry in list(self._channels.values()):
            self._on_close(entry)

    def _add(self, channel: RTCDataChannel, wanted: ChannelWanted, *, theirs: bool) -> _Channel:
        self._count += 1
        entry = _Channel(f"{self._session}/data/{self._count}", wanted, channel, theirs)
        self._channels[entry.id] = entry
        channel.bufferedAmountLowThreshold = UNSENT_BYTES
        channel.on("open", lambda: self._on_open(entry))
        channel.on("close", lambda: self._on_close(entry))
        channel.on("message", lambda data: self._on_message(entry, data))
        channel.on("bufferedamountlow", lambda: entry.room.set())
        if channel.readyState == "open":
            self._on_open(entry)
        return entry

    def _open(self, id: str) -> _Channel:
        entry = self._channels.get(id)
        if entry is None or not entry.opened:
            raise UnknownChannel("no open data channel has that id")
        return entry

    async def _send(self, entry: _Channel, data: str | bytes) -> None:
        try:
            entry.channel.send(data)
        except InvalidStateError:
            raise UnknownChannel("the data channel is closing") from None
        except ValueError:
            raise TooMuch("the other side takes no messages of that size") from None

    async def _close(self, entry: _Channel) -> None:
        entry.channel.close()

    def _close_now(self, id: str) -> None:
        if id in self._channels:
            self._channels[id].channel.close()

    def _first(self) -> RTCDataChannel | None:
        """Return the channel that opened before all others that are open."""
        for entry in self._opened.values():
            if entry.channel.readyState == "open":
                return entry.channel
        return None

    def _on_open(self, entry: _Channel) -> None:
        if not entry.opened:
            entry.opened = True
            self._opened[entry.id] = entry
            self._tell(ChannelOpened(self._session, entry.id, entry.wanted, entry.theirs))

    def _on_close(self, entry: _Channel) -> None:
        if self._channels.pop(entry.id, None) is not None:
            self._opened.pop(entry.id, None)
            if self._relay is not None:
                self._relay.forget(entry.id)
            entry.room.set()
            self._tell(ChannelClosed(self._session, entry.id))

    def _on_message(self, entry: _Channel, data: str | bytes) -> None:
        if self._relay is not None:
            take, what = self._relay.take_message, "a message was not relayed"
            contained(self._loop.stray, what, take, entry.id, data)  # we are inside of aiortc
        else:
            self._tell(MessageReceived(self._session, entry.id, data))
