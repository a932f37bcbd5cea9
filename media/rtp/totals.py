"""Sums over all sources and legs of a router."""

from __future__ import annotations

from media.contract.stats import SinkStats, SourceStats, Totals


def add_source(totals: Totals, source: SourceStats) -> None:
    """Count in one incoming stream."""
    totals.packets_in += source.counts.packets
    totals.octets_in += source.counts.octets
    totals.lost_in += source.lost
    totals.recovered_in += source.counts.recovered
    totals.malformed += source.counts.malformed
    totals.foreign += source.counts.foreign
    totals.nacks_sent += source.counts.nacks
    totals.keyframe_requests_sent += source.counts.keyframe_requests


def add_sink(totals: Totals, sink: SinkStats) -> None:
    """Count in one outgoing leg."""
    totals.packets_out += sink.counts.packets
    totals.octets_out += sink.counts.octets
    totals.dropped_out += sink.counts.dropped
    totals.malformed += sink.counts.malformed
    totals.retransmitted_out += sink.counts.retransmitted
    totals.nacks_received += sink.counts.nacks
    totals.keyframe_requests_received += sink.counts.keyframe_requests
