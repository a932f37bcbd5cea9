"""What a receiver makes of a leg's packets, by aiortc's port of the estimator of browsers."""

from __future__ import annotations

import heapq
import random
from itertools import count

import pytest
from aiortc import rtp as theirs
from aiortc.rate import RemoteBitrateEstimator
from aiortc.rtcrtpparameters import RTCRtpHeaderExtensionParameters, RTCRtpParameters

from media.rtp import rtcp
from media.webrtc.aiortc_sections import SEND_TIME_EXTENSION
from tests.support.rtp import Sender, Time, a_sink, a_source, rtp, vp8

FRAMES_PER_SECOND = 15
WAY_SECONDS = 0.025
TIRING_FRAMES = 30  # of an encoder that takes longer for each, and then catches up
TIRING_SECONDS = 0.002
PACKET_BYTES = 1100
EXTENSIONS = theirs.HeaderExtensionsMap()
EXTENSIONS.configure(
    RTCRtpParameters(
        headerExtensions=[RTCRtpHeaderExtensionParameters(id=3, uri=SEND_TIME_EXTENSION)]
    )
)


class Path:
    """A leg and its receiver, with a path between of a certain delay, loss and rate, in no time."""

    def __init__(
        self, *, loss: float = 0.0, rate: float = 0.0, send_time: int = 3, rtx: bool = True
    ):
        self.time = Time()
        self.reports: list[bytes] = []
        self.sender = Sender()
        self.source = a_source(sender=self.sender, time=self.time)
        self.sink = a_sink(
            receiver=self,  # type: ignore[arg-type]
            time=self.time,
            send_time=send_time,
            rtx=(97, 78) if rtx else None,
            first_sequence=0,
        )
        self.sink.attach(self.source)
        self.estimates: list[int] = []
        self._loss, self._rate = loss, rate
        self._free = 0.0  # when the path has sent what it was given
        self._events: list[tuple[float, int, bytes]] = []
        self._order = count()
        self._random = random.Random(1)
        self._estimator = RemoteBitrateEstimator()
        self._highest = -1
        self._number = 0

    def send(self, packet: bytes) -> None:
        """Carry a packet; a rate of 0 stands for a path that takes everything at once."""
        if self._random.random() < self._loss:
            return
        self._free = max(self.time.now, self._free)
        if self._rate:
            self._free += len(packet) * 8 / self._rate
        heapq.heappush(self._events, (self._free + WAY_SECONDS, next(self._order), packet))

    def play(self, seconds: float, kbit: int) -> None:
        """Send pictures at a rate, and have the receiver talk back."""
        for frame in range(int(seconds * FRAMES_PER_SECOND)):
            begin = self.time.now
            late = frame % TIRING_FRAMES * TIRING_SECONDS
            for part in range(max(1, round(kbit * 125 / PACKET_BYTES / FRAMES_PER_SECOND))):
                self._until(begin + late + part * 0.001)
                self._feed()
            self._until(begin + 1 / FRAMES_PER_SECOND)

    def _feed(self) -> None:
        number, self._number = self._number, self._number + 1
        payload = vp8(number, bytes(PACKET_BYTES - 7), keyframe=number == 0)
        timestamp = int(self.time.now * FRAMES_PER_SECOND) * 90_000 // FRAMES_PER_SECOND
        self.source.feed(rtp(number, timestamp, payload), self.time.now)

    def _until(self, moment: float) -> None:
        while self._events and self._events[0][0] <= moment:
            self.time.now, _, packet = heapq.heappop(self._events)
            self._receive(packet)
        second = int(moment) > int(self.time.now)
        self.time.now = moment
        if second:
            self.sink.beat(moment)

    def _receive(self, packet: bytes) -> None:
        if packet[:1] == b"\0":  # what the receiver said, come to us
            self.sink.feed_rtcp(packet[1:], self.time.now)
            return
        read = theirs.RtpPacket.parse(packet, EXTENSIONS)
        told = read.extensions.abs_send_time
        if told is None:  # then RTP times are all there is to go by
            told = int(read.timestamp / 90_000 * (1 << 18)) & 0xFFFFFF
        found = self._estimator.add(int(self.time.now * 1000), told, len(read.payload), 77)
        if found is not None:
            self.estimates.append(found[0])
            self._say(rtcp.write_remb(1, (77,), found[0]))
        if read.ssrc == 77:
            lost = range(self._highest + 1, read.sequence_number)
            if lost and self._highest >= 0:
                self._say(rtcp.write_nack(1, 77, lost))
            self._highest = max(self._highest, read.sequence_number)

    def _say(self, packet: bytes) -> None:
        event = (self.time.now + WAY_SECONDS, next(self._order), b"\0" + packet)
        heapq.heappush(self._events, event)


@pytest.mark.parametrize("kbit", [264, 528, 1700])
@pytest.mark.parametrize("loss", [0.0, 0.02, 0.05])
def test_no_estimate_falls_below_what_a_free_path_carries(kbit: int, loss: float) -> None:
    path = Path(loss=loss)
    path.play(45, kbit)
    assert path.sink.counts.retransmitted > 5 or not loss
    assert min(path.estimates[3:]) > kbit * 1000 * 0.9


def test_without_a_time_of_sending_an_encoder_that_tires_passes_for_a_full_path() -> None:
    plain, timed = Path(send_time=0), Path()
    for path in (plain, timed):
        path.play(45, 264)
    assert min(plain.estimates[3:]) < 264_000 * 0.9 < min(timed.estimates[3:])


def test_old_packets_with_old_times_pass_for_a_full_path() -> None:
    old, new = Path(loss=0.02, rtx=False), Path(loss=0.02)
    for path in (old, new):
        path.play(45, 528)
    assert min(old.estimates[3:]) < 528_000 * 0.9 < min(new.estimates[3:])


def test_a_quiet_picture_may_become_a_busy_one_at_once() -> None:
    path = Path()
    path.play(15, 200)
    path.sender.limits.clear()
    path.play(20, 1700)
    assert min(path.estimates[-30:]) < 2_500_000
    assert path.sender.limits
    assert min(path.sender.limits) > 1_700_000


@pytest.mark.parametrize("before", [200, 480])
def test_a_path_that_fills_up_does_limit_the_sender(before: int) -> None:
    path = Path(rate=600_000)
    path.play(15, before)
    path.sender.limits.clear()
    path.play(4, 1700)
    assert path.sender.limits[-1] < 700_000
