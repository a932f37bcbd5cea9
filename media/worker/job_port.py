"""A job as the router sees it: a sink for each input, a source for each output.

Packets go through one socket, as they are, and are told apart by their SSRC. To write never waits:
where the process does not keep up, a packet is dropped, counted, and made up for by a keyframe.
"""

from __future__ import annotations

import random
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

import trio

from media.contract.codec import Codec
from media.contract.errors import UnknownSink, UnknownSource
from media.contract.jobs import (
    AudioTarget,
    JobInput,
    JobWanted,
    VideoTarget,
    names_sent,
    sink_of,
    source_of,
)
from media.job.control import PACKET_BYTES, Garbage
from media.rtp import rtcp
from media.rtp.codec_fit import suits
from media.rtp.router import Router, RtpSink, RtpSource
from media.rtp.rtp_packet import HEADER_BYTES, looks_like_rtcp
from media.rtp.sender_clock import OurClock
from media.worker.job_codecs import codec_sent, codec_taken

READS = 64  # packets, before others get their turn
MOST_SSRC = (1 << 32) - 1
KEYFRAME_SECONDS = 1.0  # between two that one input is asked for because of us

Target = VideoTarget | AudioTarget


class JobUpstream:
    """What the process is asked for: keyframes. Nothing is lost on the way that could come again,
    and how much it sends was said to it."""

    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send

    def request_keyframe(self, ssrc: int) -> None:
        with suppress(OSError):
            self._send(rtcp.write_pli(0, ssrc))

    def request_packets(self, ssrc: int, lost: Sequence[int]) -> None: ...

    def limit_bitrate(self, bits_per_second: int, ssrc: int) -> None: ...


class InputLeg:
    """The sink of one input, and what is owed to it: a keyframe, after packets were dropped."""

    def __init__(self, job_id: str, taken: JobInput, ssrc: int, bound: socket.socket) -> None:
        self.taken = taken
        self._socket = bound
        self._torn = False
        self._asked_at = -KEYFRAME_SECONDS
        self.sink = RtpSink(
            sink_of(job_id, taken.id),
            taken.kind,
            codec_taken(taken),
            ssrc,
            self._send,
            self._send_rtcp,
        )

    def ask(self, now: float) -> bool:
        """Tell whether the sender may be asked for a keyframe again."""
        if now - self._asked_at < KEYFRAME_SECONDS:
            return False
        self._asked_at = now
        return True

    def _send(self, packet: bytes) -> None:
        try:
            self._socket.send(packet)
        except OSError:
            self._torn = True
            raise
        if self._torn:
            self._mend()

    def _send_rtcp(self, packet: bytes) -> None:
        self._socket.send(packet)

    def _mend(self) -> None:
        """Ask for a keyframe, now that there is room for one."""
        source = self.sink.source
        if source is not None and self.ask(time.monotonic()):
            self._torn = False
            source.request_keyframe(self.sink.id)


class JobPort:
    """The streams of one job. Start `run` in a task, which ends with the process."""

    def __init__(self, router: Router, job_id: str, bound: socket.socket) -> None:
        self._router = router
        self._id = job_id
        self._socket = bound
        self._clock = OurClock()
        self._upstream = JobUpstream(self._send)
        self._inputs: dict[str, InputLeg] = {}
        self._outputs: dict[str, RtpSource] = {}
        self._by_ssrc: dict[int, RtpSource] = {}
        self._last_ssrc = random.randrange(MOST_SSRC)
        self.unknown = 0  # packets of outputs that are no more
        self.gone = 0  # packets dropped by sinks that are no more

    @property
    def dropped(self) -> int:
        """How many packets the process had no room for."""
        return self.gone + sum(leg.sink.counts.dropped for leg in self._inputs.values())

    @property
    def inputs(self) -> dict[str, int]:
        """The SSRCs by id of input."""
        return {name: leg.sink.ssrc for name, leg in self._inputs.items()}

    @property
    def outputs(self) -> dict[str, int]:
        """The SSRCs by name of what is sent."""
        return {name: source.ssrc or 0 for name, source in self._outputs.items()}

    def change(self, wanted: JobWanted) -> None:
        """Have the sinks and sources for this; what is the same stays, attached as it is.

        Raises RouterFull, IdTaken, and ValueError for a target that cannot be; then all is as it
        was.
        """
        inputs = {it.id: it for it in wanted.inputs}
        outputs = names_sent(wanted)
        for target in outputs.values():
            codec_sent(target)
        legs, sources = self._new(
            [it for it in inputs.values() if it.id not in self._inputs],
            {name: it for name, it in outputs.items() if name not in self._outputs},
        )
        for name, leg in list(self._inputs.items()):
            if not _same_stream(leg.taken, inputs.get(name)):
                self._remove_input(name)
        for name, source in list(self._outputs.items()):
            if not _same_codec(source.codec, outputs.get(name)):
                self._remove_output(name)
        self._inputs |= legs
        self._outputs |= sources
        # Of what is another stream under the same id: its place has just been freed.
        legs, sources = self._new(
            [it for it in inputs.values() if it.id not in self._inputs],
            {name: it for name, it in outputs.items() if name not in self._outputs},
        )
        self._inputs |= legs
        self._outputs |= sources
        self._by_ssrc = {source.ssrc or 0: source for source in self._outputs.values()}

    def close(self) -> None:
        """Leave the router; fine if it has been done."""
        for name in list(self._inputs):
            self._remove_input(name)
        for name in list(self._outputs):
            self._remove_output(name)
        self._by_ssrc.clear()

    async def run(self) -> None:
        """Take what comes, until the process is gone. Raises Garbage."""
        with suppress(trio.ClosedResourceError):
            while self.receive():
                await trio.lowlevel.wait_readable(self._socket)

    def receive(self) -> bool:
        """Take what is there, at most READS packets; False when no more will come."""
        arrival = time.monotonic()
        for _ in range(READS):
            try:
                packet = self._socket.recv(PACKET_BYTES + 1)
            except BlockingIOError:
                return True
            except OSError:
                return False
            if not packet:
                return False
            if looks_like_rtcp(packet):
                self._take_rtcp(packet, arrival)
                continue
            if not HEADER_BYTES <= len(packet) <= PACKET_BYTES or packet[0] >> 6 != 2:
                raise Garbage("no packet")
            source = self._by_ssrc.get(int.from_bytes(packet[8:12]))
            if source is None:
                self.unknown += 1
            else:
                source.feed(packet, arrival)
        return True

    def _take_rtcp(self, packet: bytes, arrival: float) -> None:
        messages = rtcp.parse_rtcp(packet)
        if messages is None:
            raise Garbage("no RTCP")
        for message in messages:
            match message:
                case rtcp.SenderReport(ssrc=ssrc) if ssrc in self._by_ssrc:
                    self._by_ssrc[ssrc].take_rtcp((message,), arrival)
                case rtcp.KeyframeRequest(ssrc=ssrc):
                    for leg in self._inputs.values():
                        if leg.sink.ssrc == ssrc and leg.ask(arrival):
                            leg.sink.take_rtcp((message,), arrival)

    def _new(
        self, inputs: Sequence[JobInput], outputs: dict[str, Target]
    ) -> tuple[dict[str, InputLeg], dict[str, RtpSource]]:
        """Add sinks and sources to the router: all of them, or none."""
        legs: dict[str, InputLeg] = {}
        sources: dict[str, RtpSource] = {}
        done = False
        try:
            for taken in inputs:
                leg = InputLeg(self._id, taken, self._free_ssrc(), self._socket)
                self._router.add_sink(leg.sink)
                legs[taken.id] = leg
            for name, target in outputs.items():
                source = self._source(name, target)
                self._router.add_source(source)
                sources[name] = source
            done = True
        finally:
            if not done:
                for leg in legs.values():
                    self._router.remove_sink(leg.sink.id)
                for source in sources.values():
                    self._router.remove_source(source.id)
        return legs, sources

    def _source(self, name: str, target: Target) -> RtpSource:
        return RtpSource(
            source_of(self._id, name),
            "video" if isinstance(target, VideoTarget) else "audio",
            codec_sent(target),
            self._free_ssrc(),
            self._upstream,
            sender=self._clock,
        )

    def _free_ssrc(self) -> int:
        """Return one that no other stream of this job has or had."""
        self._last_ssrc = self._last_ssrc % MOST_SSRC + 1
        return self._last_ssrc

    def _remove_input(self, name: str) -> None:
        leg = self._inputs.pop(name)
        self.gone += leg.sink.counts.dropped
        with suppress(UnknownSink):  # a bug in it has ended it before
            self._router.remove_sink(leg.sink.id)

    def _remove_output(self, name: str) -> None:
        source = self._outputs.pop(name)
        with suppress(UnknownSource):
            self._router.remove_source(source.id)

    def _send(self, packet: bytes) -> None:
        self._socket.send(packet)


def _same_stream(one: JobInput, other: JobInput | None) -> bool:
    """Tell whether packets go on as they were."""
    return other is not None and (one.kind, codec_taken(one)) == (other.kind, codec_taken(other))


def _same_codec(carried: Codec, target: Target | None) -> bool:
    """Tell whether who takes a source can go on; another size or bitrate is in its packets."""
    if target is None:
        return False
    codec = codec_sent(target)
    return suits(carried, codec) and suits(codec, carried)
