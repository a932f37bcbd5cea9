"""Plain RTP and RTCP over UDP, as a source, a sink or both."""

from __future__ import annotations

import random
import time
from contextlib import ExitStack, suppress
from ipaddress import IPv4Network, IPv6Network, ip_address

import trio

from media.contract.allow_list import AllowList
from media.contract.plans import HIGHEST_PORT, Address, Remote
from media.rtp import rtcp
from media.rtp.leg_numbers import LegNumbers
from media.rtp.router import Codec, Router, RtcpUpstream, RtpSink, RtpSource, SenderClock
from media.rtp.rtp_packet import HEADER_BYTES, looks_like_rtcp
from media.rtp.rtp_sink import CNAME
from media.udp.port_range import PortRange
from media.udp.udp_port import UdpPort

SILENCE_SECONDS = 2.0  # after which somebody else may send to the port


class PlainRtp:
    """A UDP port for RTP and one for RTCP, or a single one for both (`mux`, RFC 5761).

    At most one source and one sink live on it; they are the router's under the ids they are given,
    and leave it with `close`. Start `run` in a task. `address` is what to bind to; raises
    NoFreePort, or OSError if it is not ours.
    """

    def __init__(
        self, router: Router, ports: PortRange, address: str, *, mux: bool = False
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
        self._remote: Remote | None = None
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
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._rtp.receive, self._take_rtp)
            if self._rtcp is not self._rtp:
                nursery.start_soon(self._rtcp.receive, self._take_rtcp)

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
    ) -> RtpSource:
        """Make what comes from now on a source. Give streams of one sender the same `clock`.

        The first one who sends the payload type of `codec` has the port until falling silent, but
        must be of the host `only_from` if it is given, and of one of the networks `allow`. RTCP for
        the sender goes to all of `feedback`, if given. Raises IdTaken, RouterFull.
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
        return source

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

    def send(
        self,
        sink_id: str,
        kind: str,
        codec: Codec,
        remote: Remote,
        *,
        ssrc: int | None = None,
        reports: bool = True,
    ) -> RtpSink:
        """Make a sink of what is sent to `remote`, with RTCP if there are to be `reports`.

        Raises IdTaken, RouterFull.
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
        self.sink, self._remote, self._reports = sink, remote, reports
        return sink

    def stop_sending(self) -> None:
        """Have no sink any more, and tell the receiver that this was the end."""
        if self.sink is not None:
            self._router.remove_sink(self.sink.id)
            if self.sink.counts.packets:
                self._say_goodbye(self.sink.ssrc)
            self.sink = self._remote = None

    def redirect(self, remote: Remote, *, reports: bool = True) -> None:
        """Send elsewhere from now on."""
        self._remote, self._reports = remote, reports

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
        if self._rtcp is self._rtp and looks_like_rtcp(data):
            self._take_rtcp(data, sender, arrival)
        elif self.source is not None:
            if sender == self._sender or self._accepts(data, sender, arrival):
                self._heard = arrival
                self.source.feed(data, arrival)
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
        if data[1] & 0x7F != self.source.codec.payload_type:
            self.source.counts.foreign += 1  # so that who set the wrong one can see it
            return False
        if arrival - self._heard < SILENCE_SECONDS or arrival < self._since:
            return False
        self._sender, self._sender_rtcp = sender, None
        return True

    def _take_rtcp(self, data: bytes, sender: Address, arrival: float) -> None:
        if not self._allowed.allows(sender[0]):
            self.strangers += 1
            return
        known = False
        if self.source is not None and self._sender is not None and sender[0] == self._sender[0]:
            known = True
            self._sender_rtcp = sender
            self.source.feed_rtcp(data, arrival)
        if self.sink is not None and self._is_sent_to(sender[0]):
            known = True
            self.sink.feed_rtcp(data, arrival)
        if not known:
            self.strangers += 1

    def _is_sent_to(self, host: str) -> bool:
        """Tell whether RTP or RTCP goes to this host."""
        remote = self._remote
        to = () if remote is None else (remote.rtp, remote.rtcp or remote.rtp)
        return any(host == address[0] for address in to)

    # What goes.

    def _send_rtp(self, packet: bytes) -> None:
        if self._remote is not None and len(packet) > HEADER_BYTES:  # an empty one fills a gap
            self._rtp.send(packet, self._remote.rtp)  # of WebRTC's own

    def _send_rtcp(self, packet: bytes) -> None:
        if self._remote is not None and self._reports:
            self._send_control(packet, self._remote.rtp, self._remote.rtcp)

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
