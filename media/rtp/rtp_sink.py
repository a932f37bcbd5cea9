"""One outgoing leg: the packets of whatever source it is attached to, as one unbroken stream.

How it works. A receiver must see one stream whose numbers, times and pictures go on without a seam,
while its source may change, pause, lose packets or begin anew. So a packet is rendered for each leg
anew, under the offsets of a `Segment`.
- In: a leg that is attached waits for a keyframe (`WaitingLeg` asks for one), and goes on with the
  source it had until then. With it `enter` begins a segment, whose offsets `Splice` works out.
- On: `forward` adds the offsets and sends at once. A late packet belongs to the segment that its
  number falls into. One without content is left out (`skip`), by a segment one number further on.
- Again: packets are kept with their segments, not as bytes (`PacketCache`). A NACK renders one more
  time: the same bytes, as SRTP demands of the same number, or wrapped as RTX.
- Back: NACKs are answered here; requests for keyframes and limits of bitrate go to the source,
  which weighs those of all its legs. `beat` reports how RTP times relate to our clock, one for all
  legs, so that sound and picture of different sources can be played together.
"""

from __future__ import annotations

import random
import time
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from media.contract.codec import Codec
from media.contract.errors import CodecMismatch
from media.contract.stats import LegState, SinkCounts, SinkStats
from media.rtp import rtcp
from media.rtp.bitrate_limits import UNLIMITED, ReceiverLimit
from media.rtp.bitrate_meter import BitrateMeter
from media.rtp.codec_fit import suits, told
from media.rtp.leg_numbers import LegNumbers
from media.rtp.packet_cache import SIZE, PacketCache
from media.rtp.receiver import ReceiverReports
from media.rtp.rtp_packet import (
    HEADER,
    HEADER_BYTES,
    HEADER_WITH_TIME,
    SEND_TIME_MASK,
    SEND_TIME_UNITS,
    VERSION,
    WITH_EXTENSION,
    RtpPacket,
    mid_extension,
    timed_extension,
)
from media.rtp.rtp_source import RtpSource
from media.rtp.sender_clock import Clock, ntp_time
from media.rtp.splice import Segment, without
from media.rtp.vp8 import renumber
from media.rtp.waiting_leg import WaitingLeg

SEGMENTS_KEPT = 64  # of one source, for packets that come late

CNAME = f"{random.getrandbits(64):016x}"
"""One for all legs: they all tell times of the same clock (RFC 7022)."""


class RtpSink:
    """To a subscriber's connection or a UDP port. Nothing here waits.

    `send` and `send_rtcp` get whole plain packets, to be encrypted and sent at once; an OSError
    says that the way is full or gone: the packet is dropped and counted, and sent again should the
    receiver ask. `mid` is the id and value of a header extension, `send_time` the id of the one
    with the time of sending (abs-send-time), 0 for none: without it a receiver takes every hiccup
    of an encoder for a path that fills up. Until `send_again_as` says
    otherwise, retransmissions are the same packet again: encrypted twice, they must not differ in
    a single byte. `clock` and every `arrival` are in seconds of time.monotonic. `numbers` are those
    of the leg that was there before under the same SSRC, if there was one.
    """

    waits = False

    def __init__(
        self,
        id: str,
        kind: str,
        codec: Codec,
        ssrc: int,
        send: Callable[[bytes], None],
        send_rtcp: Callable[[bytes], None],
        *,
        mid: tuple[int, str] | None = None,
        send_time: int = 0,
        clock: Clock = time.monotonic,
        numbers: LegNumbers | None = None,
    ) -> None:
        self.id = id
        self.kind = kind
        self.codec = codec
        self.ssrc = ssrc
        self.source: RtpSource | None = None
        self.counts = SinkCounts()
        self._send = send
        self._send_rtcp = send_rtcp
        self._clock = clock
        self._numbers = numbers or LegNumbers()
        self.send_again_as(None)
        self._timed = bool(send_time)
        if send_time:
            self._time_head, self._extension = timed_extension(send_time, mid)
        else:
            self._extension = mid_extension(*mid) if mid else b""
        fixed = HEADER_WITH_TIME.size if send_time else HEADER_BYTES
        self._header_bytes = fixed + len(self._extension)
        self._first_byte = VERSION << 6 | (WITH_EXTENSION if mid or send_time else 0)
        self._payload_type = codec.payload_type
        self._paused = False
        self._flowing: RtpSource | None = None
        self._waiting: WaitingLeg | None = None
        self._splice = self._numbers.splice
        self._segment = Segment(0, 0, 0)
        self._earlier: deque[Segment] = deque(maxlen=SEGMENTS_KEPT)
        self._newest = 0  # wide number of the source's
        self._last: RtpPacket | None = None
        self._cache = PacketCache()
        self._slots = self._cache.slots
        self._receiver = ReceiverReports()
        self._limit = ReceiverLimit()
        self._bitrate = BitrateMeter()

    @property
    def state(self) -> LegState:
        """What the leg does."""
        if self._paused:
            return LegState.PAUSED
        if self._flowing is not None:
            return LegState.FLOWING
        return LegState.WAITING if self.source is not None else LegState.IDLE

    # What its router asks.

    def attach(self, source: RtpSource) -> None:
        """Carry `source` from its next keyframe on, and what it carries now until then.

        Raises CodecMismatch.
        """
        if source.kind != self.kind or not suits(source.codec, self.codec):
            raise CodecMismatch(f"{told(source.codec)} to a sink of {told(self.codec)}")
        if source is self.source:
            return
        self._stop_waiting()
        self.source = source
        if source is not self._flowing and not self._paused:
            self._wait(source)

    def detach(self) -> None:
        """Carry nothing, at once."""
        self._stop_waiting()
        self._stop_flowing()
        self.source = None

    def pause(self) -> None:
        """Send nothing, at once, and stay attached."""
        self._paused = True
        self._stop_waiting()
        self._stop_flowing()

    def resume(self) -> None:
        """Send again, from the next keyframe on."""
        if self._paused:
            self._paused = False
            if self.source is not None:
                self._wait(self.source)

    def close(self) -> None:
        """End the leg, without a word to the receiver."""
        self.detach()

    def send_again_as(self, rtx: tuple[int, int] | None) -> None:
        """Send retransmissions under this payload type and SSRC, or as they were, from now on."""
        self._rtx = self._numbers.retransmissions(*rtx) if rtx is not None else None

    # What a source hands it.

    def enter(self, packet: RtpPacket, source: RtpSource) -> None:
        """Begin with `source` at this packet."""
        self._stop_flowing()
        self._waiting = None
        self._flowing = source
        self._segment = self._splice.begin(
            packet, source.capture_time(packet), self.codec.clock_rate
        )
        self._earlier.clear()
        self._newest = packet.sequence - 1
        self._last = packet
        self.counts.switches += 1
        self.forward(packet)
        self._report(packet.arrival)

    def forward(self, packet: RtpPacket) -> None:
        """Send a packet on."""
        number = packet.sequence
        segment = self._segment
        if number > self._newest:
            self._newest = number
            self._last = packet
        else:
            earlier = self._segment_of(number)
            if earlier is None:
                self.counts.late += 1
                return
            segment = earlier
        out = number + segment.sequence
        if self._timed and packet.sent < 0:
            packet.sent = int(self._clock() * SEND_TIME_UNITS) & SEND_TIME_MASK
        if out > self._newest + self._segment.sequence - SIZE:
            self._slots[out % SIZE] = (out, packet, segment)
        try:
            self._send(self._render(packet, segment, packet.sent))
        except OSError:
            self.counts.dropped += 1
            return
        counts = self.counts
        counts.packets += 1
        counts.octets += len(packet.payload)

    def skip(self, packet: RtpPacket) -> None:
        """Leave out a packet that has nothing in it, and close the gap.

        One that comes late left a gap behind, and goes out empty to fill it.
        """
        if packet.sequence <= self._newest:
            self.forward(packet)
            return
        self._newest = packet.sequence
        self._earlier.append(self._segment)
        self._segment = without(packet.sequence, self._segment)

    def take_report(self, ssrc: int, ntp: int, timestamp: int, arrival: float) -> None:
        """Leave the sender's reports aside; the leg writes its own."""

    def source_restarted(self) -> None:
        """Wait for the source to come to a keyframe again."""
        source = self._flowing
        self._stop_flowing()
        if source is not None and source is self.source:
            self._wait(source)

    def source_closed(self, source: RtpSource) -> None:
        """Let go of `source`."""
        if source is self._flowing:
            self._stop_flowing()
        if source is self.source:
            self._stop_waiting()
            self.source = None

    # What its receiver says.

    def feed_rtcp(self, packet: bytes, arrival: float) -> None:
        """Take compound RTCP from the receiver; what is not about this leg is left aside."""
        messages = rtcp.parse_rtcp(packet)
        if messages is None:
            self.counts.malformed += 1
        else:
            self.take_rtcp(messages, arrival)

    def take_rtcp(self, messages: Iterable[rtcp.Rtcp], arrival: float) -> None:
        """Take what `feed_rtcp` does, where others have use for it, too."""
        for message in messages:
            match message:
                case rtcp.SenderReport(blocks=blocks) | rtcp.ReceiverReport(blocks=blocks):
                    for block in blocks:
                        if block.ssrc == self.ssrc:
                            self._receiver.take_report(block, arrival)
                case rtcp.Nack(ssrc=self.ssrc, lost=lost):
                    self._send_again(lost, arrival)
                case rtcp.KeyframeRequest(ssrc=self.ssrc, number=number):
                    self._relay_keyframe_request(number)
                case rtcp.BitrateLimit(ssrcs=ssrcs, bits_per_second=limit):
                    if self.ssrc in ssrcs and self._flowing is not None:
                        self._receiver.limit = limit = min(limit, UNLIMITED)
                        flowing = self._bitrate.bits_per_second
                        least = self._limit.binding(limit, flowing, arrival)
                        self._flowing.limit_bitrate(self.id, least, arrival)

    def beat(self, now: float) -> None:
        """Measure, and report to the receiver; to be called once a second."""
        self._bitrate.sample(self.counts.octets, now)
        self._report(now)

    def stats(self) -> SinkStats:
        """Return what happened to this leg so far."""
        return SinkStats(
            id=self.id,
            kind=self.kind,
            codec=self.codec.name,
            ssrc=self.ssrc,
            source=self.source.id if self.source is not None else None,
            state=self.state,
            bitrate=self._bitrate.bits_per_second,
            counts=replace(self.counts),
            receiver=self._receiver.stats(self.codec.clock_rate, self._clock()),
        )

    # How it does that.

    def _render(self, packet: RtpPacket, segment: Segment, sent: int) -> bytes:
        """Return the packet as it leaves; always the same bytes for the same arguments."""
        payload = packet.payload
        if packet.picture is not None and (segment.picture or segment.layers):
            payload = renumber(payload, packet.picture, segment.picture, segment.layers)
        second = packet.marker | self._payload_type
        sequence = packet.sequence + segment.sequence & 0xFFFF
        timestamp = packet.timestamp + segment.timestamp & 0xFFFFFFFF
        if self._timed:
            header: bytes = HEADER_WITH_TIME.pack(
                self._first_byte,
                second,
                sequence,
                timestamp,
                self.ssrc,
                self._time_head | sent,
            )
        else:
            header = HEADER.pack(self._first_byte, second, sequence, timestamp, self.ssrc)
        return header + self._extension + payload

    def _segment_of(self, number: int) -> Segment | None:
        """Find the segment that a late packet of the source belongs to."""
        if number >= self._segment.first:
            return self._segment
        for segment in reversed(self._earlier):
            if number >= segment.first:
                return segment
        return None

    def _wait(self, source: RtpSource) -> None:
        self._waiting = WaitingLeg(self, source)
        source.add_leg(self._waiting)
        source.request_keyframe()

    def _stop_waiting(self) -> None:
        if self._waiting is not None:
            self._waiting.source.remove_leg(self._waiting)
            self._waiting = None

    def _stop_flowing(self) -> None:
        source, last = self._flowing, self._last
        if source is None or last is None:
            return
        self._splice.end(self._segment, self._newest, last, source.capture_time(last))
        source.remove_leg(self)
        source.forget_limit(self.id)
        self._flowing = self._last = self._receiver.limit = None
        self._limit = ReceiverLimit()

    def _newest_sent(self) -> int:
        if self._flowing is None:
            return self._splice.sequence - 1
        return self._newest + self._segment.sequence

    def _send_again(self, lost: Sequence[int], now: float) -> None:
        newest = self._newest_sent()
        self.counts.nacks += len(lost)
        for sequence in lost:
            number = newest - (newest - sequence & 0xFFFF)
            found = self._cache.take_again(number, newest, now)
            if found is None:
                continue
            packet, segment = found
            if self._rtx is None:
                data = self._render(packet, segment, packet.sent)
            else:
                sent = int(self._clock() * SEND_TIME_UNITS) & SEND_TIME_MASK
                data = self._render(packet, segment, sent)
                data = self._rtx.wrap(data, self._header_bytes)
            try:
                self._send(data)
            except OSError:
                self.counts.dropped += 1
            else:
                self.counts.retransmitted += 1

    def _relay_keyframe_request(self, number: int | None) -> None:
        """Relay a PLI, or a FIR that is no repetition."""
        if number is not None and number == self._receiver.fir_number:
            return
        self._receiver.fir_number = number
        self.counts.keyframe_requests += 1
        if self._flowing is not None:
            self._flowing.request_keyframe(self.id)

    def _report(self, now: float) -> None:
        """Tell the receiver how RTP times relate to our clock, the same one for all legs."""
        source, last = self._flowing, self._last
        if source is None or last is None or not self.counts.packets:
            return
        since = now - source.capture_time(last)
        report = rtcp.SenderReport(
            self.ssrc,
            ntp_time(now),
            last.timestamp + self._segment.timestamp + round(since * self.codec.clock_rate),
            self.counts.packets,
            self.counts.octets,
        )
        try:
            self._send_rtcp(rtcp.write_sender_report(report, CNAME))
        except OSError:
            self.counts.dropped += 1
