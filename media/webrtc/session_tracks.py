"""The sources and sinks of one session, as its negotiations add and remove them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from media.contract.codec import Codec
from media.contract.session import Event, Track, TracksChanged
from media.contract.stats import SinkStats, SourceStats
from media.rtp.bitrate_limits import UNLIMITED
from media.rtp.demux import KnownStream
from media.rtp.layers import LayerUpstream
from media.rtp.leg_numbers import LegNumbers
from media.rtp.router import Layers, Router, RtcpUpstream, RtpSink, RtpSource, SenderClock
from media.rtp.rtcp import parse_rtcp
from media.rtp.rtp_packet import fits_one_byte
from media.rtp.rtp_sink import CNAME
from media.rtp.transport_feedback import TransportFeedback
from media.webrtc.descriptions import (
    RID_EXTENSIONS,
    MediaSection,
    SessionText,
    chosen_layer,
    offered_layers,
)
from media.webrtc.feedback_negotiation import numbered
from media.webrtc.peer_facts import NegotiatedSection
from media.webrtc.retransmission_format import retransmission_types


@dataclass(slots=True)
class _Ends:
    """What a section has: a source if media comes, a sink if media goes."""

    section: NegotiatedSection
    source: RtpSource | Layers | None = None
    sink: RtpSink | None = None
    rid: str | None = None  # the layer of a simulcast that is called the largest
    layers: tuple[str, ...] = ()  # all that are received, if they can be told apart
    rid_extension: int = 0

    @property
    def sources(self) -> tuple[RtpSource, ...]:
        """The source, or those of the layers."""
        if self.source is None:
            return ()
        return tuple(self.source) if isinstance(self.source, Layers) else (self.source,)


class SessionTracks:
    """Registers sources and sinks with the router.

    `send_rtp` and `send_rtcp` get plain packets; they raise OSError for what could not leave.
    Before `begin_sending`, sinks are held back: a keyframe that cannot leave would be lost.
    """

    def __init__(
        self,
        session: str,
        router: Router,
        send_rtp: Callable[[bytes], None],
        send_rtcp: Callable[[bytes], None],
    ) -> None:
        self._session = session
        self._router = router
        self._send_rtp = send_rtp
        self._send_rtcp = send_rtcp
        self._sending = False
        self._paused: set[str] = set()
        self._clock = SenderClock()
        self._feedback = TransportFeedback(send_rtcp, CNAME)
        self._ends: dict[str, _Ends] = {}
        self._numbers: dict[int, LegNumbers] = {}  # by SSRC; they outlast a leg, as the keys do
        self.retransmissions: dict[str, tuple[int, int]] = {}
        """The payload type and SSRC, by mid, of those that have a stream of their own."""

    def fact(self) -> Event:
        """Return what there is now, as an event."""
        return TracksChanged(self._session, tuple(_track(ends) for ends in self._ends.values()))

    def update(
        self, sections: list[NegotiatedSection], remote: SessionText
    ) -> tuple[KnownStream[RtpSource], ...]:
        """Take over what was negotiated; return how to tell the sources' packets apart.

        Raises RouterFull when there is no place for one; `clear` removes the others.
        """
        previous, self._ends = self._ends, {}
        for section in sections:
            ends = previous.pop(section.mid, None) or _Ends(section)
            if _is_another(section.codec, ends.section.codec):
                self._remove(ends, source=True, sink=True)
            ends.section = section
            self._ends[section.mid] = ends
        for ends in previous.values():
            self._remove(ends, source=True, sink=True)
        names = {section.ssrc for section in sections}
        self._numbers = {ssrc: it for ssrc, it in self._numbers.items() if ssrc in names}
        self._agree_on_feedback(sections, remote)
        for offered in remote.sections:
            if offered.mid in self._ends:
                self._take_layers(self._ends[offered.mid], offered)
        for ends in self._ends.values():  # all are known, so that `clear` finds what got its place
            self._fit(ends)
        self._agree_on_retransmissions(remote)
        ssrcs = {section.mid: section.ssrc() for section in remote.sections}
        return tuple(
            entry for mid, ends in self._ends.items() for entry in _entries(ends, ssrcs.get(mid))
        )

    def note_arrival(self, packet: bytes, arrival: float) -> None:
        """Note that an RTP packet came, of whichever stream: the sender wants to know when."""
        self._feedback.take(packet, arrival)

    def feed_rtcp(self, packet: bytes, arrival: float) -> bool:
        """Hand RTCP of the other side to all; each takes what is about it.

        Returns whether it was any. It is read once: a session may have many sections.
        """
        messages = parse_rtcp(packet)
        if messages is None:
            return False
        for ends in self._ends.values():
            for source in ends.sources:
                source.take_rtcp(messages, arrival)
            if ends.sink is not None:
                ends.sink.take_rtcp(messages, arrival)
        return True

    def begin_sending(self) -> None:
        """Let the sinks flow: packets can leave from now on."""
        self._sending = True
        for ends in self._ends.values():
            if ends.sink is not None and ends.sink.id not in self._paused:
                ends.sink.resume()

    def stats(self) -> tuple[tuple[SourceStats, ...], tuple[SinkStats, ...]]:
        """Return what happened to the sources and the sinks so far."""
        every = self._ends.values()
        return (
            tuple(source.stats() for ends in every for source in ends.sources),
            tuple(ends.sink.stats() for ends in every if ends.sink is not None),
        )

    def clear(self) -> None:
        """Remove all sources and sinks, even if one raises."""
        every, self._ends = self._ends.values(), {}
        with ExitStack() as removing:
            for ends in every:
                removing.callback(self._remove, ends, source=True, sink=False)
                removing.callback(self._remove, ends, source=False, sink=True)

    def pause(self, sink: str) -> None:
        """Hold a sink back."""
        self._router.pause(sink)
        self._paused.add(sink)

    def resume(self, sink: str) -> None:
        """Let a sink flow, unless none can yet."""
        self._paused.discard(sink)
        if self._sending:
            self._router.resume(sink)
        else:
            self._router.pause(sink)  # as it is; but it has to be there

    def _agree_on_feedback(self, sections: list[NegotiatedSection], remote: SessionText) -> None:
        received = {s.mid: s for s in sections if s.receives and not s.sends}
        types = {mid: section.codec.payload_type for mid, section in received.items()}
        extension, mids = numbered(remote, types)
        self._feedback.set(extension, next((received[mid].ssrc for mid in mids), 0))

    def _agree_on_retransmissions(self, remote: SessionText) -> None:
        sinks = {
            mid: (ends.sink, ends.section)
            for mid, ends in self._ends.items()
            if ends.sink is not None and ends.source is None and ends.section.kind == "video"
        }
        sent = {mid: section.codec.payload_type for mid, (_, section) in sinks.items()}
        types = retransmission_types(remote, sent)
        self.retransmissions = {mid: (types[mid], sinks[mid][1].rtx_ssrc) for mid in types}
        for mid, (sink, _) in sinks.items():
            sink.send_again_as(self.retransmissions.get(mid))

    def _fit(self, ends: _Ends) -> None:
        """Give a section the ends its direction asks for, and no others."""
        section = ends.section
        self._remove(ends, source=not section.receives, sink=not section.sends)
        if section.receives and ends.source is None:
            ends.source = self._new_layers(ends) if ends.layers else self._new_source(section)
        if section.sends and ends.sink is None:
            ends.sink = self._new_sink(section)

    def _take_layers(self, ends: _Ends, offered: MediaSection) -> None:
        """Note what is said of layers; other ones are another source."""
        ends.rid, before = chosen_layer(offered), ends.layers
        ends.rid_extension = offered.extension(RID_EXTENSIONS[0])
        layers = offered_layers(offered)
        ends.layers = layers if len(layers) > 1 else ()
        if ends.layers != before:
            self._remove(ends, source=True, sink=False)

    def _new_layers(self, ends: _Ends) -> Layers:
        section, most = ends.section, _most(ends.section)
        layers = Layers(f"{self._session}/in/{section.mid}")
        sources: dict[str, RtpSource] = {}
        for rid in ends.layers:
            upstream = LayerUpstream(
                self._send_rtcp, section.ssrc, CNAME, partial(layers.bitrate_beside, rid), most
            )
            sources[rid] = RtpSource(
                f"{layers.id}/{rid}",
                section.kind,
                section.codec,
                None,
                upstream,
                sender=self._clock,
                report=upstream.report,
                watch=layers.watch,
                ticked=self._feedback.tick,
                most=most,
            )
        layers.set(sources, ends.rid or ends.layers[0])
        self._router.add_layers(layers)
        return layers

    def _new_source(self, section: NegotiatedSection) -> RtpSource:
        upstream = RtcpUpstream(self._send_rtcp, section.ssrc, CNAME)
        source = RtpSource(
            f"{self._session}/in/{section.mid}",
            section.kind,
            section.codec,
            None,  # the demux has looked already; a browser may change it without a word
            upstream,
            sender=self._clock,
            report=upstream.report,
            ticked=self._feedback.tick,
            most=_most(section),
        )
        self._router.add_source(source)
        return source

    def _new_sink(self, section: NegotiatedSection) -> RtpSink:
        told = (section.mid_extension, section.mid)
        sink = RtpSink(
            f"{self._session}/out/{section.mid}",
            section.kind,
            section.codec,
            section.ssrc,
            self._send_rtp,
            self._send_rtcp,
            mid=told if fits_one_byte(*told) else None,
            send_time=section.send_time_extension if section.kind == "video" else 0,
            numbers=self._numbers.setdefault(section.ssrc, LegNumbers()),
        )
        self._router.add_sink(sink)
        if not self._sending:
            sink.pause()
        return sink

    def _remove(self, ends: _Ends, *, source: bool, sink: bool) -> None:
        if source and ends.source is not None:
            self._router.remove_source(ends.source.id)
            ends.source = None
        if sink and ends.sink is not None:
            self._paused.discard(ends.sink.id)
            self._router.remove_sink(ends.sink.id)
            ends.sink = None


def _entries(ends: _Ends, ssrc: int | None) -> Iterator[KnownStream[RtpSource]]:
    """Tell how to know the packets of a section."""
    section = ends.section
    known = (section.mid.encode(), section.mid_extension, section.codec.payload_type)
    if isinstance(ends.source, Layers):
        for rid, layer in ends.source.sources.items():
            yield KnownStream(layer, *known, None, rid.encode(), ends.rid_extension)
    elif ends.source is not None:
        yield KnownStream(ends.source, *known, ssrc)


def _most(section: NegotiatedSection) -> int:
    """Return how many bits a second its sender is told of in RTCP.

    A browser holds all that it sends to the lowest limit it hears of, whichever stream that is of:
    that of a sound would leave nothing for the picture, so it stands in the description alone.
    """
    limited = section.bitrate and section.kind == "video"
    return min(section.bitrate * 1000, UNLIMITED) if limited else UNLIMITED


def _is_another(codec: Codec, before: Codec) -> bool:
    """Tell whether packets are of another kind than before; Opus tells of itself what it is."""
    if codec.name == "opus":
        return replace(codec, fmtp="") != replace(before, fmtp="")
    return codec != before


def _track(ends: _Ends) -> Track:
    return Track(
        mid=ends.section.mid,
        kind=ends.section.kind,
        codec=ends.section.codec.name,
        source=ends.source.id if ends.source is not None else None,
        sink=ends.sink.id if ends.sink is not None else None,
        rid=ends.rid,
        fmtp=ends.section.codec.fmtp,
    )
