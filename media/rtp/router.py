"""Packets from sources to sinks: who gets whose. Pure: nothing here waits, or knows a socket.

All that others need of the data plane is named here.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from weakref import ReferenceType, ref

from media.contract.codec import Codec
from media.contract.errors import IdTaken, RouterFull, UnknownSink, UnknownSource
from media.contract.stats import RouterStats, Totals
from media.rtp.layers import Layers
from media.rtp.packet_tap import PacketTap, TapLeg
from media.rtp.rtp_sink import RtpSink
from media.rtp.rtp_source import RtpSource
from media.rtp.sender_clock import Clock, SenderClock
from media.rtp.totals import add_sink, add_source
from media.rtp.upstream import RtcpUpstream, Upstream

__all__ = [
    "TICK_SECONDS",
    "Codec",
    "Layers",
    "PacketTap",
    "Router",
    "RtcpUpstream",
    "RtpSink",
    "RtpSource",
    "SenderClock",
    "Upstream",
]

TICK_SECONDS = 0.02
BEAT_SECONDS = 1.0
LIMIT = 4096


class Router:
    """All sources, sinks and taps of one engine, by id; sinks and taps share their ids.

    The owner calls `tick` every TICK_SECONDS, with the time of the `clock` (time.monotonic), in
    which all arrivals are given. What is removed here is closed. Raises UnknownSource, UnknownSink,
    IdTaken, and RouterFull beyond `limit` sources, or sinks and taps.
    """

    def __init__(self, clock: Clock = time.monotonic, *, limit: int = LIMIT) -> None:
        self._clock = clock
        self._limit = limit
        self._sources: dict[str, RtpSource] = {}
        self._layers: dict[str, Layers] = {}
        self._sinks: dict[str, RtpSink] = {}
        self._taps: dict[str, TapLeg] = {}
        # Weak, so that what was removed is gone at once, with the connection behind it.
        self._beats: deque[tuple[float, ReferenceType[RtpSource | RtpSink]]] = deque()
        self._past = Totals()  # of those that were removed
        self.at_work = ""  # the id of what `tick` is, or was last, busy with

    @property
    def empty(self) -> bool:
        """Whether there is nothing to keep up to date."""
        return not (self._sources or self._sinks or self._taps)

    def add_source(self, source: RtpSource) -> None:
        """Take in a source; sinks can be attached to it."""
        if source.id in self._sources:
            raise IdTaken(source.id)
        if len(self._sources) >= self._limit:
            raise RouterFull(f"{self._limit} sources")
        self._sources[source.id] = source
        self._beats.append((self._clock() + BEAT_SECONDS, ref(source)))

    def add_layers(self, layers: Layers) -> None:
        """Take in a simulcast: its id is that of a source, whichever layer is handed on."""
        if layers.id in self._sources or layers.id in self._layers:
            raise IdTaken(layers.id)
        if len(self._sources) + len(layers.sources) > self._limit:
            raise RouterFull(f"{self._limit} sources")
        for source in layers:
            self.add_source(source)
        self._layers[layers.id] = layers
        layers.switch = self._switch

    def remove_source(self, source_id: str) -> None:
        """Close a source, or all layers of one; its sinks stay, attached to nothing."""
        layers = self._layers.pop(source_id, None)
        if layers is not None:
            layers.switch = _nothing
            for source in layers:
                self.remove_source(source.id)
            return
        source = self._source(source_id)
        del self._sources[source_id]
        source.close()
        sinks: list[RtpSink | TapLeg] = [*self._sinks.values(), *self._taps.values()]
        for sink in sinks:
            if sink.source is source:  # a paused one, of which the source does not know
                sink.source_closed(source)
        add_source(self._past, source.stats())

    def add_sink(self, sink: RtpSink) -> None:
        """Take in a sink; it can be attached to a source."""
        self._make_room(sink.id)
        self._sinks[sink.id] = sink
        self._beats.append((self._clock() + BEAT_SECONDS, ref(sink)))

    def remove_sink(self, sink_id: str) -> None:
        """Close a sink."""
        sink = self._sinks.pop(sink_id, None)
        if sink is None:
            raise UnknownSink(sink_id)
        sink.close()
        add_sink(self._past, sink.stats())

    def add_tap(self, tap: PacketTap) -> None:
        """Take in a tap; it is attached like a sink."""
        self._make_room(tap.id)
        self._taps[tap.id] = TapLeg(tap)

    def remove_tap(self, tap_id: str) -> None:
        """Detach a tap for good."""
        tap = self._taps.pop(tap_id, None)
        if tap is None:
            raise UnknownSink(tap_id)
        tap.detach()

    def attach(self, source_id: str, sink_id: str) -> None:
        """Let a sink or tap carry this source, in place of the one it carries.

        Video goes over to it at the next keyframe, which is asked for; detach it before, to have
        nothing of the old source until then. Raises CodecMismatch.
        """
        self._sink(sink_id).attach(self._source(source_id))

    def detach(self, sink_id: str) -> None:
        """Let a sink or tap carry nothing, at once."""
        self._sink(sink_id).detach()

    def pause(self, sink_id: str) -> None:
        """Let a sink or tap carry nothing for a while; it may be attached meanwhile."""
        self._sink(sink_id).pause()

    def resume(self, sink_id: str) -> None:
        """End a pause; video goes on at the next keyframe, which is asked for."""
        self._sink(sink_id).resume()

    def codec_of(self, source_id: str) -> Codec:
        """Return what a source carries."""
        return self._source(source_id).codec

    def feed_rtcp(self, stream_ids: Iterable[str], packet: bytes, arrival: float) -> None:
        """Take RTCP that says something about some sources and sinks, those that are there."""
        for stream_id in stream_ids:
            streams: list[RtpSource | RtpSink] = [*self._layers.get(stream_id, ())]
            streams += [it[stream_id] for it in (self._sources, self._sinks) if stream_id in it]
            for stream in streams:
                stream.feed_rtcp(packet, arrival)

    def request_keyframe(self, source_id: str) -> None:
        """Ask the sender of this source for a keyframe, at most one every 300 ms."""
        self._source(source_id).request_keyframe()

    def tick(self, now: float) -> None:
        """Do what is due: ask senders again, report, measure.

        Should one of them raise, `at_work` is its id: end it, the next tick goes on without it.
        """
        for source in tuple(self._sources.values()):
            self.at_work = source.id
            source.tick(now)
        for layers in tuple(self._layers.values()):
            self.at_work = layers.id
            layers.tick(now)
        while self._beats and self._beats[0][0] <= now:
            beating = self._beats.popleft()[1]()
            if beating is not None and self._holds(beating):
                self.at_work = beating.id
                beating.beat(now)
                self._beats.append((now + BEAT_SECONDS, ref(beating)))

    def stats(self) -> RouterStats:
        """Return what happened to every source and sink so far, and to all there ever were."""
        totals = replace(self._past)
        sources = tuple(source.stats() for source in self._sources.values())
        sinks = tuple(sink.stats() for sink in self._sinks.values())
        for source in sources:
            add_source(totals, source)
        for sink in sinks:
            add_sink(totals, sink)
        return RouterStats(sources, sinks, len(self._taps), totals)

    def _switch(self, before: RtpSource, after: RtpSource) -> None:
        """Have all that takes a layer take another one of the same codec."""
        takers: list[RtpSink | TapLeg] = [*self._sinks.values(), *self._taps.values()]
        for sink in takers:
            if sink.source is before:
                sink.attach(after)

    def _make_room(self, sink_id: str) -> None:
        if sink_id in self._sinks or sink_id in self._taps:
            raise IdTaken(sink_id)
        if len(self._sinks) + len(self._taps) >= self._limit:
            raise RouterFull(f"{self._limit} sinks and taps")

    def _source(self, source_id: str) -> RtpSource:
        layers = self._layers.get(source_id)
        if layers is not None:
            return layers.current
        try:
            return self._sources[source_id]
        except KeyError:
            raise UnknownSource(source_id) from None

    def _sink(self, sink_id: str) -> RtpSink | TapLeg:
        sink = self._sinks.get(sink_id) or self._taps.get(sink_id)
        if sink is None:
            raise UnknownSink(sink_id)
        return sink

    def _holds(self, thing: RtpSource | RtpSink) -> bool:
        return self._sources.get(thing.id) is thing or self._sinks.get(thing.id) is thing


def _nothing(before: RtpSource, after: RtpSource) -> None:
    """Stand in for a router that knows the layers no more."""
