"""One incoming stream: its packets put in order of account, its gaps asked for, all handed on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Protocol

from media.contract.codec import Codec
from media.contract.stats import SourceCounts, SourceStats
from media.rtp import rtcp
from media.rtp.bitrate_limits import UNLIMITED, BitrateLimits
from media.rtp.bitrate_meter import BitrateMeter
from media.rtp.keyframe_requests import KeyframeRequests
from media.rtp.keyframes import keyframe_marker
from media.rtp.missing_packets import MissingPackets
from media.rtp.recent_loss import RecentLoss
from media.rtp.reception import Reception
from media.rtp.rtp_packet import RtpPacket, parse_packet
from media.rtp.sender_clock import Clock, SenderClock
from media.rtp.sequence import CYCLE, SequenceWindow
from media.rtp.timeline import Timeline
from media.rtp.upstream import Upstream

KEYFRAME_PATIENCE = 1.0  # seconds after which a leg that still waits for a keyframe asks again
SILENCE_SECONDS = 0.2  # after which another SSRC may follow, where none was announced


class Leg(Protocol):
    """What a source sees of those it hands packets to."""

    waits: bool  # for a keyframe

    def forward(self, packet: RtpPacket) -> None: ...
    def skip(self, packet: RtpPacket) -> None: ...
    def take_report(self, ssrc: int, ntp: int, timestamp: int, arrival: float) -> None: ...
    def source_restarted(self) -> None: ...
    def source_closed(self, source: RtpSource) -> None: ...


class RtpSource:
    """One incoming stream, fed by a connection, a UDP port or a test. Nothing here waits.

    `ssrc` None stands for one that is not announced: the first one that comes is taken, and another
    one when that falls silent. `clock` and every `arrival` are in seconds of time.monotonic.
    Lost packets of video are asked for. `sender` is shared by streams that are to stay in step;
    `report` takes what a receiver report says of this stream, once a second; `watch` each first
    packet of a keyframe, before the legs do; `ticked` is called with every tick, for what a sender
    is told of all its streams together. `most` is how many bits a second it may send.
    """

    def __init__(
        self,
        id: str,
        kind: str,
        codec: Codec,
        ssrc: int | None,
        upstream: Upstream,
        clock: Clock = time.monotonic,
        *,
        sender: SenderClock | None = None,
        report: Callable[[rtcp.ReportBlock], None] | None = None,
        ticked: Callable[[float], None] | None = None,
        watch: Callable[[RtpSource, RtpPacket], None] | None = None,
        most: int = UNLIMITED,
    ) -> None:
        self.id = id
        self.kind = kind
        self.codec = codec
        self.ssrc = ssrc
        self.closed = False
        self.counts = SourceCounts()
        self.last_arrival = 0.0  # of media; who probes for bandwidth sends padding without it
        self._upstream = upstream
        self._clock = clock
        self._announced = ssrc is not None
        self._payload_type = codec.payload_type
        self._retransmits = kind == "video"
        self._send_report = report
        self._ticked = ticked
        self._watch = watch
        self._legs: tuple[Leg, ...] = ()
        self._mark = keyframe_marker(codec.name.lower())
        self._window = SequenceWindow()
        self._missing = MissingPackets()
        self._keyframes = KeyframeRequests()
        self._limits = BitrateLimits(most)
        self._reception = Reception(codec.clock_rate)
        self._timeline = Timeline(codec.clock_rate, sender or SenderClock())
        self._bitrate = BitrateMeter()
        self._loss = RecentLoss()
        self._loss.note(0, 0, clock())

    @property
    def newest(self) -> int:
        """The wide number of the packet that was sent last, of those that came."""
        return self._window.highest

    @property
    def has_keyframes(self) -> bool:
        """Whether a receiver can only begin at a keyframe."""
        return self._mark is not None

    @property
    def bitrate(self) -> float:
        """Payload in bits per second, as measured last."""
        return self._bitrate.bits_per_second

    # What comes from the sender.

    def feed(self, packet: bytes, arrival: float) -> None:
        """Take one plain (decrypted) RTP packet; what is none of this stream is only counted."""
        parsed = parse_packet(packet, arrival)
        if parsed is None:
            self.counts.malformed += 1
        elif self.closed:
            return
        elif parsed.payload_type != self._payload_type:
            self.counts.foreign += 1
        elif parsed.ssrc != self.ssrc:
            self._take_other_ssrc(parsed)
        else:
            self._take(parsed)

    def feed_rtcp(self, packet: bytes, arrival: float) -> None:
        """Take compound RTCP from the sender; what is not of this stream is left aside."""
        messages = rtcp.parse_rtcp(packet)
        if messages is None:
            self.counts.malformed += 1
        else:
            self.take_rtcp(messages, arrival)

    def take_rtcp(self, messages: Iterable[rtcp.Rtcp], arrival: float) -> None:
        """Take what `feed_rtcp` does, where others have use for it, too."""
        for message in messages:
            if isinstance(message, rtcp.SenderReport) and message.ssrc == self.ssrc:
                self._timeline.observe_report(message.ntp, message.timestamp, arrival)
                self._reception.observe_report(message.ntp, arrival)
                for leg in self._legs:
                    leg.take_report(message.ssrc, message.ntp, message.timestamp, arrival)

    def close(self) -> None:
        """End the stream; its legs wait for another one."""
        self.closed = True
        for leg in self._legs:
            leg.source_closed(self)
        self._legs = ()

    # What its legs and their router ask.

    def add_leg(self, leg: Leg) -> None:
        """Hand packets to `leg` too, from the next one on."""
        self._legs = (*self._legs, leg)

    def remove_leg(self, leg: Leg) -> None:
        """Hand no more packets to `leg`; nothing if it got none."""
        self._legs = tuple(other for other in self._legs if other is not leg)

    def replace_leg(self, leg: Leg, by: Leg) -> None:
        """Hand packets to another leg in place of `leg`, from the next one on."""
        self._legs = tuple(by if other is leg else other for other in self._legs)

    def request_keyframe(self, leg: str = "") -> None:
        """Ask the sender for a keyframe: now, or as soon as it may be asked again.

        For the receiver of the leg of this id, if it is one's wish.
        """
        now = self._clock()
        if self._mark is None or self.ssrc is None or not self._limits.may_ask(leg, now):
            return
        if self._keyframes.ask(now):
            self._ask_for_keyframe(self.ssrc)

    def limit_bitrate(self, leg: str, bits_per_second: int, now: float) -> None:
        """Note what the leg of this id can take."""
        self._tell_limit(self._limits.set(leg, bits_per_second, now))

    def forget_limit(self, leg: str) -> None:
        """Leave out what the leg of this id could take."""
        self._limits.forget(leg)

    def capture_time(self, packet: RtpPacket) -> float:
        """Return when a packet of this stream was captured, in seconds of our clock."""
        return self._timeline.capture_time(packet.timestamp, packet.arrival)

    def time_of_report(self, ntp: int) -> float:
        """Return the time of our clock at the `ntp` of a report that this source was told."""
        return self._timeline.time_of_report(ntp)

    def tick(self, now: float) -> None:
        """Ask again for what did not come; to be called some fifty times a second."""
        if self._ticked is not None:
            self._ticked(now)
        if self._missing:
            again, given_up = self._missing.due(now)
            if again:
                self._ask_for_packets(again)
            if given_up and self._mark is not None:
                self.request_keyframe()
        if self._keyframes.due(now) and self.ssrc is not None:
            self._ask_for_keyframe(self.ssrc)
        elif now - self._keyframes.asked_at >= KEYFRAME_PATIENCE and self._is_awaited():
            self.request_keyframe()

    def beat(self, now: float) -> None:
        """Measure, and report to the sender; to be called once a second."""
        self._bitrate.sample(self.counts.octets, now)
        lost = self._window.lost
        self._loss.note(self.counts.packets + lost, lost, now)
        self._tell_limit(self._limits.due(now))
        if self._send_report is not None and self.ssrc is not None and self._window.highest:
            self._send_report(
                self._reception.report(
                    self.ssrc, self._window.highest - CYCLE, self._window.lost, now
                )
            )

    def stats(self) -> SourceStats:
        """Return what happened to this stream so far."""
        return SourceStats(
            id=self.id,
            kind=self.kind,
            codec=self.codec.name,
            ssrc=self.ssrc,
            legs=len(self._legs),
            lost=self._window.lost,
            fraction_lost=self._loss.fraction(self._clock()),
            refused=self._window.refused,
            jitter=self._reception.jitter,
            bitrate=self._bitrate.bits_per_second,
            counts=replace(self.counts),
        )

    # How a packet goes.

    def _take(self, packet: RtpPacket) -> None:
        window = self._window
        newest, restarts = window.highest, window.restarts
        number = window.accept(packet.sequence)
        if not number:
            return
        packet.sequence = number
        if window.restarts != restarts:
            self._begin_anew(packet)
        elif number > newest:
            if number - newest > 1 and newest:
                self._open_gap(newest + 1, number, packet.arrival)
            self._reception.observe(packet.timestamp, packet.arrival)
        elif self._missing and self._missing.fill(number):
            self.counts.recovered += 1
        self._hand_on(packet)

    def _hand_on(self, packet: RtpPacket) -> None:
        counts = self.counts
        counts.packets += 1
        counts.octets += len(packet.payload)
        if not packet.payload:
            for leg in self._legs:
                leg.skip(packet)
            return
        self.last_arrival = packet.arrival
        if self._mark is not None:
            self._mark(packet)
            if packet.keyframe:
                counts.keyframes += 1
                self._keyframes.answered()
                if self._watch is not None:
                    self._watch(self, packet)
        for leg in self._legs:
            leg.forward(packet)

    def _take_other_ssrc(self, packet: RtpPacket) -> None:
        """Take the first one that was not announced, or its successor once it fell silent."""
        if self._announced:
            self.counts.foreign += 1
        elif self.ssrc is None:
            self.ssrc = packet.ssrc
            self._take(packet)
            if self._is_awaited():
                self.request_keyframe()
        elif packet.arrival - self._reception.arrival >= SILENCE_SECONDS:
            self.ssrc = packet.ssrc
            packet.sequence = self._window.restart(packet.sequence)
            self._begin_anew(packet)
            self._hand_on(packet)
        else:
            self.counts.foreign += 1

    def _begin_anew(self, packet: RtpPacket) -> None:
        """Go on with a sender that counts and times from elsewhere, from `packet` on."""
        self._missing.forget()
        self._timeline.forget()
        self._reception.forget()
        self._reception.observe(packet.timestamp, packet.arrival)
        for leg in self._legs:
            leg.source_restarted()

    def _open_gap(self, first: int, after: int, now: float) -> None:
        if not self._retransmits:
            return
        wanted = self._missing.open_gap(first, after, now)
        if wanted:
            self._ask_for_packets(wanted)
        else:
            self.request_keyframe()

    def _ask_for_packets(self, numbers: list[int]) -> None:
        if self.ssrc is not None:
            self.counts.nacks += len(numbers)
            self._upstream.request_packets(self.ssrc, [number & 0xFFFF for number in numbers])

    def _tell_limit(self, bits_per_second: int | None) -> None:
        if bits_per_second is not None and self.ssrc is not None:
            self._upstream.limit_bitrate(bits_per_second, self.ssrc)

    def _ask_for_keyframe(self, ssrc: int) -> None:
        self.counts.keyframe_requests += 1
        self._upstream.request_keyframe(ssrc)

    def _is_awaited(self) -> bool:
        return self._mark is not None and any(leg.waits for leg in self._legs)
