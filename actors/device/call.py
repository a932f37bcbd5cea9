"""A media connection of a device: a call, with the program's packets on UDP at one end of it.

Whoever is called keeps the offer until its program answers. From then on both directions are alike:
the sockets are used before anything is said, what flows is wired once both sides have said what
they send and take, and all of it is free before the end is told.

Beside the media goes a data channel that carries nothing, labelled as PeerJS does it: the caller
opens it, and where it closes the call has ended. Browsers notice that at once, and the end of a
connection not always (fact sheet section 5).
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

import trio

from actors.core import Message, Refused, Timer
from actors.device import medium
from actors.device.connection import DeviceConnection, Proceed
from actors.device.events import Called, CallReady, DeviceEvent, StreamShown
from actors.device.medium import MediumWanted
from actors.device.messages import AnswerCall, AskKeyframe, CallPeer, CallShown, ShowCall
from actors.device.offers import MediaOffer, read_answer, write_answer, write_media_offer
from actors.device.services import ConnectionSpec
from actors.device.udp_side import UdpSide
from actors.words.device_refusals import NotACall, NotRedirected
from media.contract.datagrams import Network
from media.contract.errors import MediaError, UnknownSource
from media.contract.plans import Address, ChannelWanted, Remote
from media.contract.session import (
    ChannelClosed,
    ChannelOpened,
    Event,
    Reachable,
    SessionStats,
    SessionWanted,
    State,
    StateChanged,
    Track,
    TracksChanged,
    TrackWanted,
)

AUXILIARY = "undefined"
"""The label of the data channel beside the media."""

HANG_UP_SECONDS = 1.0  # for the other side to hear that the channel closes; the session does, too


@dataclass(frozen=True, slots=True)
class AnswerDue(Message):
    """The timer of a call that its program has not answered."""


@dataclass(frozen=True, slots=True)
class ConnectDue(Message):
    """The timer of a call that was answered to us, and has no way to the other side yet."""


class MediaCall(DeviceConnection):
    """Made with the `offer` of who calls, or with what is `wanted` where we call."""

    kind = "media_connection"
    accepts = (
        *DeviceConnection.accepts, AnswerCall, AskKeyframe, ShowCall, AnswerDue, ConnectDue,
    )  # fmt: skip

    def __init__(
        self, spec: ConnectionSpec, offer: MediaOffer | None, wanted: CallPeer | None
    ) -> None:
        super().__init__(spec, incoming=offer is not None)
        self._offer = offer  # until it is answered
        self._wanted = wanted.media if wanted is not None else ()
        said = offer or wanted
        self._metadata = said.metadata if said is not None else ""
        self._udp = UdpSide(self)
        self._due: Timer | None = None
        self._tracks: tuple[Track, ...] = ()
        self._channel: str | None = None  # the auxiliary one, while it is open
        self._answered = False
        self._ready = False  # both descriptions are there, and told
        self._reachable = False
        self._streams_shown = False

    # --- how it comes about

    def news(self) -> DeviceEvent:
        return Called(self.spec.id)

    async def begin(self) -> None:
        await self._udp.claim(medium.by_kind(self._wanted))

    async def proceed(self) -> None:
        if not self.incoming:
            await self._call()
        elif self._answered:
            await self._give_answer()
        else:
            seconds = self.spec.services.limits().answer_seconds
            self._due = self.ctx.tell_self_after(seconds, AnswerDue())

    async def hear(self, kind: str, payload: bytes, address: str | None) -> None:
        answer = read_answer(payload) if kind == "ANSWER" and not self.incoming else None
        if answer is None or self.session is None or self._answered:
            return
        self._answered = True
        await self.session.accept_answer(answer.sdp, address)
        seconds = self.spec.services.limits().connect_seconds
        self._due = self.ctx.tell_self_after(seconds, ConnectDue())
        if await self._flows():
            self._be_ready()

    async def _call(self) -> None:
        limits = self.spec.services.limits()
        tracks = medium.tracks_offered(self._udp.media)
        # A person may have to take it first; for what comes then there is a timer.
        wanted = self._session_wanted(tracks, limits.answer_seconds, data=True)
        session = await self.open_session(wanted)
        await session.open_channel(ChannelWanted(AUXILIARY, ordered=False))
        sdp = (await session.create_offer()).sdp
        offer = MediaOffer(sdp, self.spec.their_id, self._metadata)
        if not await self.signal("OFFER", write_media_offer(offer)):
            self.fail("the other side cannot be reached")

    async def _give_answer(self) -> None:
        offer, self._offer = self._offer, None
        if offer is None:
            return
        seconds = self.spec.services.limits().connect_seconds
        tracks = medium.tracks_answered(self._udp.media)
        session = await self.open_session(self._session_wanted(tracks, seconds))
        sdp = (await session.accept_offer(offer.sdp)).sdp
        if not await self._flows():
            return
        if await self.signal("ANSWER", write_answer(self.spec.their_id, "media", sdp)):
            self._be_ready()
        else:
            self.fail("the other side cannot be reached")

    def _session_wanted(
        self, tracks: tuple[TrackWanted, ...], connect_seconds: float, *, data: bool = False
    ) -> SessionWanted:
        return SessionWanted(
            tracks,
            data=data,
            ice_servers=self.spec.ice_servers,
            connect_seconds=connect_seconds,
            silence_seconds=self.spec.services.limits().silence_seconds,
        )

    async def _flows(self) -> bool:
        """Have media flow as it was negotiated; False ends the call."""
        try:
            failure = await self._udp.connect(self._tracks)
        except Refused:
            self.fail("a UDP socket is gone")
            return False
        if failure is not None:
            self.fail(f"media cannot be passed on: {failure.why}")
        return failure is None

    # --- what happens

    def notice(self, event: Event) -> None:
        if isinstance(event, TracksChanged):
            self._tracks = event.tracks  # before the step that has negotiated them returns

    async def happen(self, event: Event) -> None:
        match event:
            case Reachable():
                self._reachable = True
                self._show_streams()
            case StateChanged(state=State.CONNECTED):
                self.open = True
                self._cancel_due()
            case ChannelOpened(channel=channel, wanted=wanted) if wanted.label == AUXILIARY:
                self._channel = channel
            case ChannelClosed(channel=channel) if channel == self._channel:
                self._channel = None
                self.ctx.stop("the other side hung up")

    def _be_ready(self) -> None:
        self._ready = True
        self.show(CallReady())
        self._show_streams()

    def _show_streams(self) -> None:
        """Show what goes either way, once there is a way."""
        if self._streams_shown or not (self._ready and self._reachable):
            return
        self._streams_shown = True
        for kind, track in self._udp.tracks.items():
            wanted = self._udp.media.get(kind)
            socket = wanted.socket if wanted is not None and track.sink is not None else None
            self.show(StreamShown(kind, socket or ""))

    # --- what it is asked

    async def answer(self, message: Message) -> object:
        match message:
            case AnswerCall(media):
                await self._take_answer(media)
            case AskKeyframe(redirect):
                await self._ask_keyframe(redirect)
            case ShowCall():
                return CallShown(self.spec.remote, self._metadata, self.open, await self._ssrcs())
            case AnswerDue() if not self._answered:
                self.fail("the call was not answered in time")
            case ConnectDue() if not self.open:
                self.fail("no way to the other side was found in time")
        return None

    async def _take_answer(self, media: tuple[MediumWanted, ...]) -> None:
        if not self.incoming or self._answered:
            raise NotACall("it is answered, or not for us to answer")
        await self._udp.claim(medium.by_kind(media))
        self._answered = True
        self._cancel_due()
        self.ctx.tell_self_after(0.0, Proceed())

    async def _ask_keyframe(self, address: Address) -> None:
        try:
            kind = self._udp.kind_at(Remote(address).rtp)
        except ValueError:
            raise NotRedirected from None
        track = self._udp.tracks.get(kind or "")
        if track is None or track.source is None:
            raise NotRedirected
        if track.kind == "video":  # every packet of sound can be begun with
            try:
                await self.spec.services.engine.request_keyframe(track.source)
            except UnknownSource:
                raise NotRedirected from None

    async def _ssrcs(self) -> tuple[tuple[str, int], ...]:
        """Return the SSRCs of what is sent to the other side, by socket."""
        if self.session is None:
            return ()
        sinks: dict[str, int] = {}
        with suppress(MediaError):  # it has ended meanwhile
            sinks = {sink.id: sink.ssrc for sink in (await self.session.stats()).sinks}
        sent = ((it.socket, self._udp.tracks.get(kind)) for kind, it in self._udp.media.items())
        return tuple(
            (socket, sinks[track.sink])
            for socket, track in sent
            if socket is not None and track is not None and track.sink in sinks
        )

    async def allow_redirects(self, allow: tuple[Network, ...]) -> None:
        try:
            await self._udp.keep_within(allow)
        except Refused:  # rather no call than one that sends where it must not
            self.fail("a UDP socket does not answer")

    # --- how it ends

    async def lose_socket(self, id: str) -> None:
        self._udp.forget(id)

    async def hang_up(self, reason: str) -> None:
        channel, self._channel = self._channel, None
        if self.session is not None and channel is not None:
            with trio.move_on_after(HANG_UP_SECONDS), suppress(MediaError):
                await self.session.close_channel(channel)
        self.ctx.stop(reason)

    async def finish(self) -> None:
        await self._udp.close_ports()

    def snapshot(self) -> Mapping[str, object]:
        return {**super().snapshot(), "answered": self._answered, "redirects": self._udp.ports}

    async def measure(self, stats: SessionStats) -> Mapping[str, object]:
        return {"media": await self._udp.measure(stats)}

    def _cancel_due(self) -> None:
        if self._due is not None:
            self._due.cancel()
            self._due = None
