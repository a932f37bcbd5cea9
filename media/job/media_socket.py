"""The streams of a job as its process has them: packets numbered, sent, and told apart.

Nothing here waits: where the socket has no room, a packet is dropped and counted. Its number is
used up, so that the server sees that one is missing.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass

from media.contract.jobs import WorkEvent
from media.job.control import PACKET_BYTES, PAYLOAD_TYPE, Garbage
from media.job.mark import NOTHING, InputMark
from media.job.paced_requests import PacedRequests
from media.job.work import Work
from media.rtp import rtcp
from media.rtp.rtp_packet import HEADER_BYTES, MARKER, looks_like_rtcp, write_packet

CNAME = "job"
READS = 64  # packets in one turn, before it is time to look at what is due
TURN_SECONDS = 0.01  # after which it is time, too: pictures may take long to decode


@dataclass(slots=True)
class OutputNumbers:
    """How far one output got."""

    ssrc: int
    sequence: int
    packets: int = 0
    octets: int = 0


class MediaSocket:
    """See media.job.work.Outside. `tell_server` and `wake` must not wait."""

    def __init__(
        self,
        bound: socket.socket,
        mark: InputMark,
        tell_server: Callable[[WorkEvent], None],
        wake: Callable[[], None] = lambda: None,
    ) -> None:
        bound.setblocking(False)
        self.wake = wake
        self._socket = bound
        self._mark = mark
        self._tell_server = tell_server
        self._inputs: dict[int, str] = {}
        self._ssrcs: dict[str, int] = {}  # of inputs
        self._outputs: dict[str, OutputNumbers] = {}
        self._names: dict[int, str] = {}  # of outputs
        self._asked = PacedRequests()  # of inputs
        self.clock_ahead = 0.0
        self.packets_in = self.packets_out = self.dropped = 0

    def change(self, inputs: dict[str, int], outputs: dict[str, int]) -> None:
        """Have these streams from now on; those that were there go on."""
        self._ssrcs = dict(inputs)
        self._inputs = {ssrc: name for name, ssrc in inputs.items()}
        before = {name: it for name, it in self._outputs.items() if it.ssrc == outputs.get(name)}
        self._outputs = {
            name: before.get(name) or OutputNumbers(ssrc, random.getrandbits(15))
            for name, ssrc in outputs.items()
        }
        self._names = {ssrc: name for name, ssrc in outputs.items()}
        self._asked.keep_only(set(inputs))

    # What a work may do.

    def send(self, name: str, payload: bytes, timestamp: int, *, marker: bool) -> bool:
        stream = self._outputs.get(name)
        if stream is None:
            return False
        stream.sequence += 1
        mark = MARKER if marker else 0
        packet = write_packet(PAYLOAD_TYPE, mark, stream.sequence, timestamp, stream.ssrc, payload)
        if not self._put(packet):
            return False
        stream.packets += 1
        stream.octets += len(payload)
        self.packets_out += 1
        return True

    def clock(self, name: str, timestamp: int, moment: float) -> None:
        stream = self._outputs.get(name)
        if stream is not None:
            ntp = int((moment + self.clock_ahead) * (1 << 32)) & (1 << 64) - 1
            report = rtcp.SenderReport(stream.ssrc, ntp, timestamp, stream.packets, stream.octets)
            self._put(rtcp.write_sender_report(report, CNAME))

    def request_keyframe(self, input: str) -> None:
        if input in self._ssrcs and self._asked.ask(input, time.monotonic()):
            self._put(rtcp.write_pli(0, self._ssrcs[input]))

    def mark(self, input: str) -> None:
        self._mark.set(self._ssrcs.get(input, NOTHING))

    def tell(self, event: WorkEvent) -> None:
        self._tell_server(event)

    # What the loop does.

    @property
    def next_due(self) -> float:
        """When `pass_requests` is to be called next."""
        return self._asked.next_due

    def pass_requests(self, now: float) -> None:
        """Pass on the requests for keyframes that had come too soon."""
        for name in self._asked.due(now):
            self._put(rtcp.write_pli(0, self._ssrcs[name]))

    def receive(self, work: Work | None) -> bool:
        """Hand on what is there, at most READS packets; False at the end of the socket.

        Raises Garbage. What is of no stream of ours, any more or yet, is dropped.
        """
        goes_on = self._receive(work)
        self._mark.set(NOTHING)
        return goes_on

    def _receive(self, work: Work | None) -> bool:
        until = time.monotonic() + TURN_SECONDS
        for _ in range(READS):
            try:
                packet = self._socket.recv(PACKET_BYTES + 1)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not packet:
                return False
            if packet[0] >> 6 != 2 or (len(packet) < HEADER_BYTES and not looks_like_rtcp(packet)):
                raise Garbage("no packet")
            if len(packet) > PACKET_BYTES:
                raise Garbage("a packet that is too long")
            if looks_like_rtcp(packet):
                self._take_rtcp(packet, work)
                continue
            self.packets_in += 1
            ssrc = int.from_bytes(packet[8:12])
            name = self._inputs.get(ssrc)
            if name is None or work is None:
                self.dropped += 1
            else:
                self._mark.set(ssrc)
                arrival = time.monotonic()
                work.take(name, packet, arrival)
                if arrival > until:
                    break
        return True

    def _take_rtcp(self, packet: bytes, work: Work | None) -> None:
        messages = rtcp.parse_rtcp(packet)
        if messages is None:
            raise Garbage("no RTCP")
        for message in messages:
            if work is None:
                continue
            match message:
                case rtcp.SenderReport(ssrc=ssrc) if ssrc in self._inputs:
                    moment = message.ntp / (1 << 32) - self.clock_ahead
                    work.take_report(self._inputs[ssrc], message.timestamp, moment)
                case rtcp.KeyframeRequest(ssrc=ssrc) if ssrc in self._names:
                    work.keyframe_wanted(self._names[ssrc])

    def _put(self, packet: bytes) -> bool:
        try:
            self._socket.send(packet)
        except OSError:  # full, or the server is gone: the control socket tells which
            self.dropped += 1
            return False
        return True
