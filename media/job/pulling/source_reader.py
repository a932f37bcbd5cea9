"""A thread that opens a source and reads it, once: the loop of the process must never wait."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from threading import Thread
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet

from media.contract.jobs import IngestWanted
from media.contract.streaming import OutsideTrouble, SourceFound
from media.job.pulling.packet_queue import PacketQueue, PulledPacket
from media.job.pulling.pulled_source import PulledSource, not_reachable
from media.job.pulling.pulled_streams import PulledStreams, pulled, streams_of
from media.outside.errors import NotReachable

MOST_LOOKED = 256  # packets of a source, until it is known what it has


class SourceReader:
    """What it sets is for the loop to read, which `wake` tells.

    `found` and `streams` are there once the source is open, packets come in `queue`. `lost` says
    why it has ended; `over`, that it ended for good. `waiting_since` is when it began to wait for
    the source, None while it does not.
    """

    def __init__(self, wanted: IngestWanted, wake: Callable[[], None]) -> None:
        self.began = time.monotonic()
        self.found: SourceFound | None = None
        self.streams = PulledStreams()
        self.lost: NotReachable | None = None
        self.over = False
        self.queue = PacketQueue(wake, paced=False)
        self.waiting_since: float | None = None
        self._wake = wake
        self._source = PulledSource(wanted)
        self._given_up: OutsideTrouble | None = None
        self._thread = Thread(target=self._run, name="source", daemon=True)
        self._thread.start()

    @property
    def patience(self) -> int:
        """For how many times the seconds to read nothing may come."""
        return self._source.patience

    @property
    def alive(self) -> bool:
        """Whether its thread still does something."""
        return self._thread.is_alive()

    def close(self, reason: OutsideTrouble) -> None:
        """Have it end soon, with this reason. Does not wait."""
        self._given_up = self._given_up or reason
        self.queue.close()
        self._source.close()

    def join(self, seconds: float) -> bool:
        """Wait for its thread; tell whether it has ended."""
        self._thread.join(seconds)
        return not self._thread.is_alive()

    def _run(self) -> None:
        try:
            self._read()
        except NotReachable as error:
            lost = error
        except (av.FFmpegError, OSError, ValueError) as error:  # PyAV raises ValueErrors, too
            lost = self._source.trouble(error, opened=True)
        else:
            lost = not_reachable(OutsideTrouble.ENDED)
            trouble = self._source.trouble(lost, opened=True)
            lost, self.over = trouble, self._source.ends and trouble is lost
        finally:
            self._source.end()
        if self._given_up is not None:
            lost, self.over = not_reachable(self._given_up), False
        self.lost = lost
        self._wake()

    def _read(self) -> None:
        with self._source.open() as container:
            streams = streams_of(container)
            if not streams.by_kind:
                raise not_reachable(OutsideTrouble.UNREADABLE)
            self.waiting_since = time.monotonic()
            packets = self._packets(container, streams)
            first = list(_looked_at(streams, packets))
            self.queue = PacketQueue(self._wake, paced=self._source.paced)
            if self._given_up is not None:
                return
            found = streams.found()
            if found.audio is None and found.video is None:
                raise not_reachable(OutsideTrouble.UNREADABLE)
            self.streams, self.found = streams, found
            self._wake()
            for packet in first:
                self._put(packet)
            for packet in packets:
                if not self._put(packet):
                    return

    def _put(self, packet: PulledPacket) -> bool:
        self.waiting_since = None
        goes_on = self.queue.put(packet)
        self.waiting_since = time.monotonic()
        return goes_on

    def _packets(self, container: InputContainer, streams: PulledStreams) -> Iterator[PulledPacket]:
        by_index = {each.stream.index: each for each in streams.by_kind.values()}
        packet: Packet[Any]
        for packet in container.demux([each.stream for each in streams.by_kind.values()]):
            if packet.size:
                self.waiting_since = time.monotonic()
                yield pulled(by_index[packet.stream_index], packet)


def _looked_at(streams: PulledStreams, packets: Iterator[PulledPacket]) -> Iterator[PulledPacket]:
    """Return the packets that have to be looked at before it is known what passes."""
    for _ in range(MOST_LOOKED):
        if streams.known:
            return
        packet = next(packets, None)
        if packet is None:
            return
        streams.by_kind[packet.kind].look(packet)
        yield packet
