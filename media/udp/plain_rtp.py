"""Plain RTP and RTCP over UDP, as a source, a sink or both."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from ipaddress import IPv4Network, IPv6Network, ip_address

import trio

from media.contract.allow_list import AllowList
from media.contract.plans import HIGHEST_PORT, Address, Remote
from media.rtp import rtcp
from media.rtp.leg_numbers import LegNumbers
from media.rtp.router import Codec, Router, RtcpUpstream, RtpSink, RtpSource, SenderClock
from media.rtp.rtp_packet import HEADER_BYTES, MARKER, looks_like_rtcp, parse_packet, write_packet
from media.rtp.rtp_sink import CNAME
from media.rtp.telephone_events import KeyPressed, KeyReader
from media.udp.latch import Latch
from media.udp.port_range import PortRange
from media.udp.udp_port import UdpPort

SILENCE_SECONDS = 2.0  # after which somebody else may send to the port
COMFORT_NOISE = 13  # the payload type (RFC 3389) of what tells that nothing is said
KEYS_SECONDS = 0.1  # between looks for a key whose end got lost

KeySink = Callable[[KeyPressed], None]


def no_keys(_: KeyPressed) -> None:
    """Take what nobody wants to hear of."""


class PlainRtp:
    """A UDP port for RTP and one for RTCP, or a single one for both (`mux`, RFC 5761).

    At most one source and one sink live on it; they are the router's under the ids they are given,
    and leave it with `close`. Start `run` in a task. `address` is what to bind to; raises
    NoFreePort, or OSError if it is not ours. `pressed` hears of keys; it must not raise.
    """

    def __init__(
        self,
        router: Router,
        ports: PortRange,
        address: str,
        *,
        mux: bool = False,
        pressed: KeySink = no_keys,
    ) -> None:
        self._router = router
        if mux:
            self._rtp = self._rtcp = UdpPort(ports.bind(address))
        else:
            self._rtp, self._rtcp = (UdpPort(bound) for bound in ports.bind_pair(address))
        self.source: RtpSource | None = None
        self.sink: RtpSink | None = None
        self.strangers = 0  # packets of others than the one who sends, or is sent to
        self._upstream = RtcpUpstream(self._send_upstream, random.getrandbits(32), CNAME)
        self._pressed = pressed
        self._keys: KeyReader | None = None
        self._keys_type: int | None = None  # the payload type in which keys come
        self._keys_began = trio.Event()
        self._remote: Remote | None = None
        self._latch: Latch | None = None  # where `remote` is to be found, if it may move
        self._reports = True
        self._named: int | None = None  # the SSRC of the latest sink, which may come again
        self._numbers = LegNumbers()
        self._only_from: str | None = None
        self._allowed = AllowList(None)
        self._feedback: tuple[Address, ...] | None = None
        self._since = 0.0  # when the source came; what is older is not of it
        self._sender: Address | None = None
        self._sender_rtcp: Address | None = None
        self._heard = float("-inf")

    @property
    def address(self) -> Address:
        """Where RTP is taken."""
        return self._rtp.address

    @property
    def rtcp_address(self) -> Address:
        """Where RTCP is taken; the same with `mux`."""
        return self._rtcp.address

    async def run(self) -> None:
        """Take packets until `close`."""
        async with trio.open_nursery() as around:
            around.start_soon(self._end_keys)
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._rtp.receive, self._take_rtp)
                if self._rtcp is not self._rtp:
                    nursery.start_soon(self._rtcp.receive, self._take_rtcp)
            around.cancel_scope.cancel()

    def receive(
        self,
        source_id: str,
        kind: str,
        codec: Codec,
        *,
        only_from: str | None = None,
        clock: SenderClock | None = None,
        feedback: tuple[Address, ...] | None = None,
        allow: tuple[IPv4Network | IPv6Network, ...] | None = None,
        digits: int | None = None,
    ) -> RtpSource:
        """Make what comes from now on a source. Give streams of one sender the same `clock`.

        The first one who sends the payload type of `codec` has the port until falling silent, but
        must be of the host `only_from` if it is given, and of one of the networks `allow`. RTCP for
        the sender goes to all of `feedback`, if given. Where the port sends symmetrically, silence
        lets nobody in: see media.udp.latch. Of `digits` see `read_keys`. Raises IdTaken,
        RouterFull.
        """
        if self.source is not None:
            raise ValueError("the port has a source already")
        host = None if only_from is None else str(ip_address(only_from))
        source = RtpSource(
            source_id,
            kind,
            codec,
            None,
            self._upstream,
            sender=clock,
            report=self._upstream.report,
        )
        self._router.add_source(source)
        self._rtp.drop_waiting()  # of some of it, the kernel did not note when it came
        self.source, self._only_from, self._allowed = source, host, AllowList(allow)
        self._feedback, self._since = feedback, time.monotonic()
        self.read_keys(digits)
        return source

    def read_keys(self, payload_type: int | None) -> None:
        """Take what comes in this payload type as keys (RFC 4733), None: nothing.

        Neither these packets nor comfort noise are media: to who takes the source nothing is
        missing where they were.
        """
        if self.source is None or payload_type == self._keys_type:
            return
        self._keys_type = payload_type
        known = payload_type is not None
        self._keys = KeyReader(self.source.codec.clock_rate) if known else None

    def redirect_feedback(self, feedback: tuple[Address, ...] | None) -> None:
        """Say what there is to say to the sender elsewhere from now on; see `receive`."""
        self._feedback = feedback

    def stop_receiving(self) -> None:
        """Have no source any more; what comes belongs to nobody until there is another one."""
        if self.source is not None:
            self._router.remove_source(self.source.id)
            self.source = self._sender = self._sender_rtcp = None
            self._allowed = AllowList(None)
            self._heard = float("-inf")
            self._keys = self._keys_type = None

    def send(
        self,
        sink_id: str,
        kind: str,
        codec: Codec,
        remote: Remote,
        *,
        ssrc: int | None = None,
        reports: bool = True,
        symmetric: bool = False,
        also_from: str | None = None,
    ) -> RtpSink:
        """Make a sink of what is sent to `remote`, with RTCP if there are to be `reports`.

        With `symmetric`, it goes to where what the port receives comes from; see media.udp.latch,
        of `also_from`, too. Raises IdTaken,
        RouterFull.
        """
        if self.sink is not None:
            raise ValueError("the port has a sink already")
        if ssrc is None or ssrc != self._named:
            self._named = random.getrandbits(32) if ssrc is None else ssrc
            self._numbers = LegNumbers()
        sink = RtpSink(
            sink_id,
            kind,
            codec,
            self._named,
            self._send_rtp,
            self._send_rtcp,
            numbers=self._numbers,
        )
        self._router.add_sink(sink)
        self.sink, self._latch = sink, None
        self.redirect(remote, reports=reports, symmetric=symmetric, also_from=also_from)
        return sink

    def stop_sending(self) -> None:
        """Have no sink any more, and tell the receiver that this was the end."""
        if self.sink is not None:
            self._router.remove_sink(self.sink.id)
            if self.sink.counts.packets:
                self._say_goodbye(self.sink.ssrc)
            self.sink = self._remote = self._latch = None

    def redirect(
        self,
        remote: Remote,
        *,
        reports: bool = True,
        symmetric: bool = False,
        also_from: str | None = None,
    ) -> None:
        """Send elsewhere from now on."""
        before, self._remote, self._reports = self._latch, remote, reports
        if not symmetric:
            self._latch = None
        elif before is None:
            self._latch = Latch(remote, also=also_from)
            if self._sender is not None and time.monotonic() - self._heard < SILENCE_SECONDS:
                self._latch.hear(self._sender, self._heard)
        elif before.remote != remote:
            left, since = before.holder or before.left, time.monotonic()
            self._latch = Latch(remote, also=also_from, left=left, since=since)
        else:
            before.also = also_from

    def close(self) -> None:
        """Tell the receiver that this is the end, leave the router and free the ports."""
        if self._rtp.closed:
            return
        with ExitStack() as ending:  # backwards, and all of it whatever one raises
            ending.callback(self._rtcp.close)
            ending.callback(self._rtp.close)
            ending.callback(self.stop_sending)
            ending.callback(self.stop_receiving)

    # What comes.

    def _take_rtp(self, data: bytes, sender: Address, arrival: float) -> None:
        if looks_like_rtcp(data):  # also where it has a port of its own: not all go by that
            self._take_rtcp(data, sender, arrival)
        elif self.source is not None:
            if sender == self._sender or self._accepts(data, sender, arrival):
                self._heard = arrival
                if self._latch is not None:
                    self._latch.hear(sender, arrival)
                self.source.feed(self._media(data, self.source, arrival), arrival)
            else:
                self.strangers += 1

    def _accepts(self, data: bytes, sender: Address, arrival: float) -> bool:
        """Let somebody have the port that nobody else has."""
        if self.source is None or len(data) < HEADER_BYTES or data[0] >> 6 != 2:
            return False
        if self._only_from not in (None, sender[0]):
            return False
        if not self._allowed.allows(sender[0]):
            return False
        if data[1] & 0x7F not in (self.source.codec.payload_type, self._keys_type):
            self.source.counts.foreign += 1  # so that who set the wrong one can see it
            return False
        if arrival < self._since or not self._has_room_for(sender, arrival):
            return False
        self._sender, self._sender_rtcp = sender, None
        return True

    def _has_room_for(self, sender: Address, arrival: float) -> bool:
        latch, silent = self._latch, arrival - self._heard >= SILENCE_SECONDS
        if latch is None or (latch.holder is None and not latch.moves):
            return silent
        return latch.admits(sender)

    def _media(self, data: bytes, source: RtpSource, arrival: float) -> bytes:
        """Return a packet as it came; an empty one, which fills its place, for what is no media."""
        kind, media = data[1] & 0x7F if len(data) > 1 else -1, source.codec.payload_type
        noise = kind == COMFORT_NOISE and source.kind == "audio"
        if kind == media or not (noise or kind == self._keys_type):
            return data
        packet = parse_packet(data, arrival)
        if packet is None:
            return data
        timestamp = packet.timestamp
        if kind == self._keys_type and self._keys is not None:
            begins = bool(packet.marker & MARKER)
            self._tell(
                self._keys.take(packet.payload, timestamp, packet.ssrc, arrival, begins=begins)
            )
            if self._keys.due < float("inf"):
                self._keys_began.set()
            timestamp += int.from_bytes(packet.payload[2:4])  # it has the time when the key began
        return write_packet(media, 0, packet.sequence, timestamp, packet.ssrc, b"")

    async def _end_keys(self) -> None:
        """Tell of keys whose end got lost."""
        while True:
            await self._keys_began.wait()
            self._keys_began = trio.Event()
            while self._keys is not None and self._keys.due < float("inf"):
                await trio.sleep(KEYS_SECONDS)
                if self._keys is not None:
                    self._tell(self._keys.tick(time.monotonic()))

    def _tell(self, pressed: list[KeyPressed]) -> None:
        for each in pressed:
            self._pressed(each)

    def _take_rtcp(self, data: bytes, sender: Address, arrival: float) -> None:
        if not self._allowed.allows(sender[0]):
            self.strangers += 1
            return
        known = False
        if self.source is not None and self._sender is not None and sender[0] == self._sender[0]:
            known = True
            self._sender_rtcp = sender
            if self._latch is not None:
                self._latch.hear_rtcp(sender)
            self.source.feed_rtcp(data, arrival)
        if self.sink is not None and self._is_sent_to(sender[0]):
            known = True
            self.sink.feed_rtcp(data, arrival)
        if not known:
            self.strangers += 1

    def _is_sent_to(self, host: str) -> bool:
        """Tell whether RTP or RTCP goes to this host."""
        remote, latch = self._remote, self._latch
        if remote is None:
            return False
        to = (remote.rtp, remote.rtcp or remote.rtp, remote.rtp if latch is None else latch.rtp)
        return any(host == address[0] for address in to)

    # What goes.

    def _send_rtp(self, packet: bytes) -> None:
        if self._remote is not None and len(packet) > HEADER_BYTES:  # an empty one fills a gap
            to = self._remote.rtp if self._latch is None else self._latch.rtp  # of WebRTC's own
            self._rtp.send(packet, to)

    def _send_rtcp(self, packet: bytes) -> None:
        if self._remote is not None and self._reports:
            to = self._remote if self._latch is None else self._latch
            self._send_control(packet, to.rtp, to.rtcp)

    def _send_upstream(self, packet: bytes) -> None:
        if self._feedback is not None:
            for address in self._feedback:
                with suppress(OSError):  # one that cannot be reached costs the others nothing
                    self._rtcp.send(packet, address)
        elif self._sender is not None:
            self._send_control(packet, self._sender, self._sender_rtcp)

    def _send_control(self, packet: bytes, rtp: Address, known: Address | None) -> None:
        """Send RTCP to where it is known to go, or by the rule of RFC 3550, section 11."""
        host, port = rtp
        if known is not None or self._rtcp is self._rtp:
            self._rtcp.send(packet, known or rtp)
        elif port < HIGHEST_PORT:
            self._rtcp.send(packet, (host, port + 1))

    def _say_goodbye(self, ssrc: int) -> None:
        try:
            self._send_rtcp(rtcp.write_receiver_report(ssrc, (), CNAME) + rtcp.write_bye(ssrc))
        except OSError:
            return  # nobody is there to hear it
