"""A data connection of a device: one data channel, which goes on over UDP."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, replace

import trio

from actors.core import Message
from actors.device.connection import DeviceConnection
from actors.device.events import Connected, DeviceEvent, Opened
from actors.device.messages import ChangeData, ConnectData, DataShown, ShowData
from actors.device.offers import (
    DataOffer,
    format_for,
    read_answer,
    write_answer,
    write_data_offer,
)
from actors.device.services import ConnectionSpec, leads_into
from actors.device.socket import SocketKind
from actors.words.device_refusals import SocketUnknown
from actors.words.refusals import Busy
from media.contract import errors
from media.contract.datagrams import ChannelRelay, Network
from media.contract.plans import ChannelWanted
from media.contract.session import (
    ChannelClosed,
    ChannelOpened,
    Event,
    MediaSession,
    SessionStats,
    SessionWanted,
    State,
    StateChanged,
)

LEAVING_SECONDS = 2.0
"""How long what was sent has to leave when the connection ends."""

FEED, REDIRECT = "feed", "redirect"  # fields that refusals name


@dataclass(frozen=True, slots=True)
class Unopened(Message):
    """The timer: the channel should be open by now."""


def data_asked_for(order: ConnectData, connection: str) -> DataOffer:
    """Return what the other side is offered, its description apart."""
    channel = replace(order.channel, label=order.channel.label or connection)
    limited = channel.max_retransmits is not None or channel.max_lifetime is not None
    return DataOffer(
        "",
        connection,
        order.metadata,
        channel.label,
        channel.ordered and not limited,
        order.serialization,
        channel if channel.negotiated else None,
    )


class DataConnection(DeviceConnection):
    """Of `offer`, what the other side offers, and `wanted`, what our program does, one is there."""

    kind = "data_connection"
    accepts = (*DeviceConnection.accepts, ChangeData, ShowData, Unopened)

    def __init__(
        self, spec: ConnectionSpec, offer: DataOffer | None, wanted: ConnectData | None = None
    ) -> None:
        super().__init__(spec, incoming=offer is not None)
        self._wanted = wanted
        if offer is not None:
            self._offer, format_, channel = offer, offer.format, offer.negotiated
        elif wanted is not None:
            self._offer, format_ = data_asked_for(wanted, spec.their_id), wanted.format
            channel = replace(wanted.channel, label=self._offer.label)
        else:
            raise ValueError("somebody has to begin")
        self._channel_wanted: ChannelWanted | None = channel
        self._relay = ChannelRelay(format_)
        self._channel: str | None = None  # the one that counts; its end is that of the connection
        self._answered = False
        self._channel_gone = trio.Event()

    def news(self) -> DeviceEvent:
        return Connected(self.spec.id)

    def snapshot(self) -> Mapping[str, object]:
        return {
            **super().snapshot(),
            "format": self._relay.format.value,
            "feed": self._relay.feed,
            "redirected": self._relay.redirect is not None,
        }

    async def measure(self, stats: SessionStats) -> Mapping[str, object]:
        relay = {} if stats.relay is None else asdict(stats.relay)
        return {"buffered": stats.buffered_bytes, "relay": relay}

    # --- how it comes about

    async def begin(self) -> None:
        wanted = self._wanted
        if wanted is None:
            return
        self.check_redirect(wanted.redirect, REDIRECT)
        if wanted.feed is not None:
            await self.use_socket(wanted.feed, SocketKind.DATA, FEED)
        self._relay = replace(self._relay, feed=wanted.feed, redirect=wanted.redirect)

    async def proceed(self) -> None:
        limits = self.spec.services.limits()
        session = await self.open_session(
            SessionWanted(
                data=True,
                rejects_rest=True,
                ice_servers=self.spec.ice_servers,
                connect_seconds=limits.connect_seconds,
                silence_seconds=limits.silence_seconds,
            )
        )
        await session.relay(self._relay)
        if self._channel_wanted is not None:
            try:
                self._channel = await session.open_channel(self._channel_wanted)
            except ValueError:
                self.fail("a channel of that id cannot be")
                return
        offer, self._offer = self._offer, replace(self._offer, sdp="")  # long, and used once
        if self.incoming:
            answer = await session.accept_offer(offer.sdp)
            payload = write_answer(offer.connection, "data", answer.sdp)
            reached = await self.signal("ANSWER", payload)
        else:
            description = await session.create_offer()
            payload = write_data_offer(replace(offer, sdp=description.sdp))
            reached = await self.signal("OFFER", payload)
        if not reached:
            self.fail("the other side cannot be reached")

    async def hear(self, kind: str, payload: bytes, address: str | None) -> None:
        if kind != "ANSWER" or self.incoming or self._answered or self.session is None:
            return
        answer = read_answer(payload)
        if answer is not None:
            self._answered = True
            format_ = format_for(self._relay.format, answer.takes_text)
            await self._go_on(replace(self._relay, format=format_))
            await self.session.accept_answer(answer.sdp, address)

    async def happen(self, event: Event) -> None:
        match event:
            case StateChanged(state=State.CONNECTED):
                self.ctx.tell_self_after(self.spec.services.limits().connect_seconds, Unopened())
            case ChannelOpened(channel=channel):
                self._channel = self._channel or channel
                if channel == self._channel and not self.open:
                    self.open = True
                    self.show(Opened())
            case ChannelClosed(channel=channel) if channel == self._channel:
                self.ctx.stop("the channel was closed")

    # --- what it is asked

    async def answer(self, message: Message) -> object:
        match message:
            case ChangeData():
                return await self._change(message)
            case ShowData():
                return await self._show()
            case Unopened() if not self.open:
                self.fail("no channel was opened")
        return None

    async def allow_redirects(self, allow: tuple[Network, ...]) -> None:
        redirect = self._relay.redirect
        if redirect is not None and not leads_into(allow, redirect):
            await self._go_on(replace(self._relay, redirect=None))

    async def lose_socket(self, id: str) -> None:
        if id == self._relay.feed:
            await self._go_on(replace(self._relay, feed=None))

    async def _change(self, order: ChangeData) -> str | None:
        self.check_redirect(order.redirect, REDIRECT)
        former = self._relay.feed
        feed = former if order.feed is None else order.feed
        if feed is not None and feed != former:
            try:
                await self.use_socket(feed, SocketKind.DATA, FEED)
            except Busy:  # it goes on as it was, and the socket may answer yet
                await self.release_socket(feed, keep=True)
                raise
        redirect = self._relay.redirect if order.redirect is None else order.redirect
        try:
            await self._go_on(replace(self._relay, feed=feed, redirect=redirect))
        except errors.UnknownPort:
            if feed is not None and feed != former:
                await self.release_socket(feed)
            raise SocketUnknown(FEED) from None
        if former is not None and former != feed:
            await self.release_socket(former)
        return feed

    async def _go_on(self, relay: ChannelRelay) -> None:
        if self.session is not None:
            await self.session.relay(relay)
        self._relay = relay

    async def _show(self) -> DataShown:
        stats: SessionStats | None = None
        if self.session is not None:
            with suppress(errors.MediaError):  # it has just ended
                stats = await self.session.stats()
        offer = self._offer
        return DataShown(
            remote=self.spec.remote,
            label=offer.label,
            metadata=offer.metadata,
            serialization=offer.serialization,
            reliable=offer.reliable,
            open=self.open,
            buffered=stats.buffered_bytes if stats is not None else 0,
            feed=self._relay.feed,
            redirect=self._relay.redirect,
            relay=stats.relay if stats is not None else None,
        )

    # --- its end

    def notice(self, event: Event) -> None:
        ended = isinstance(event, StateChanged) and event.state in (State.FAILED, State.CLOSED)
        closed = isinstance(event, ChannelClosed) and event.channel == self._channel
        if ended or closed:
            self._channel_gone.set()

    async def finish(self) -> None:
        """Close the channel once what was sent has left; the other side sees it close at once."""
        if self._channel_gone.is_set() or not self.open:
            return
        if self.session is not None and self._channel is not None:
            with trio.move_on_after(LEAVING_SECONDS):
                await _close(self.session, self._channel, self._channel_gone)


async def _close(session: MediaSession, channel: str, gone: trio.Event) -> None:
    """Close a channel, and wait until it is closed."""
    try:
        await session.close_channel(channel)
    except errors.MediaError:
        return  # it is closed already
    await gone.wait()
