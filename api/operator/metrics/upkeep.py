"""Metrics of what needs somebody's hand sooner or later: database, disks, certificates."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import suppress
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, HistogramMetricFamily, Metric

from actors.store.tally import STORE_SECONDS, StoreTally
from api.operator.metrics.families import cumulated

DAY = 86_400.0


def free_bytes(folders: Mapping[str, Path]) -> dict[str, int]:
    """Return how many bytes are left to us on the disk of each folder, there or not yet.

    Blocks for as long as the disk does.
    """
    left: dict[str, int] = {}
    for name, folder in folders.items():
        with suppress(OSError):
            there = next(each for each in (folder, *folder.parents) if each.exists())
            disk = os.statvfs(there)
            left[name] = disk.f_bavail * disk.f_frsize
    return left


class UpkeepMetrics:
    """How the database answers, what is left on disks, how long certificates are good."""

    def __init__(
        self, tally: StoreTally, left: Mapping[str, int], certificates: Mapping[str, float]
    ) -> None:
        self._tally = tally
        self._left = left
        self._certificates = certificates

    def metrics(self) -> Iterator[Metric]:
        """Give the database, disks, certificates."""
        seconds = HistogramMetricFamily(
            "quintet_store_seconds", "Time the database took, with the wait for it", labels=["what"]
        )
        for what, buckets in self._tally.buckets.items():
            seconds.add_metric([what], cumulated(STORE_SECONDS, buckets), self._tally.seconds[what])
        yield seconds
        disk = GaugeMetricFamily(
            "quintet_disk_free_bytes", "Bytes left on the disk of a folder", labels=["folder"]
        )
        for folder, count in self._left.items():
            disk.add_metric([folder], count)
        yield disk
        days = GaugeMetricFamily(
            "quintet_certificate_days",
            "Days until the certificate in use ends",
            labels=["listener"],
        )
        for listener, end in sorted(self._certificates.items()):
            days.add_metric([listener], (end - time.time()) / DAY)
        yield days
