"""What needs somebody's hand: days of certificates, disks, the database."""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from prometheus_client.core import Metric

from actors.store.tally import StoreTally
from api.operator.metrics.scrape import MetricsLook
from api.operator.metrics.upkeep import DAY, UpkeepMetrics, free_bytes
from api.operator.overview.overview import Overview
from api.process.certificates import certificate_end
from api.process.composition import CurrentSettings, open_services
from api.process.store import prepare_store
from api.settings import settings_of
from tests.support.tls import pem_file


def samples(metrics: UpkeepMetrics) -> dict[tuple[str, ...], float]:
    found: list[Metric] = list(metrics.metrics())
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in found
        for sample in family.samples
    }


def test_the_end_of_a_certificate_is_that_of_its_file(tmp_path: Path) -> None:
    certificate = key = pem_file(tmp_path, "127.0.0.1")
    tls = {"tls_certfile": str(certificate), "tls_keyfile": str(key)}
    listeners = settings_of(
        {"listeners": [{"bind": "127.0.0.1:0"}, {"bind": "127.0.0.1:1"} | tls]}
    ).listeners
    assert certificate_end(listeners[0].tls_certfile) is None
    end = certificate_end(listeners[1].tls_certfile)
    assert end is not None
    assert end > time.time()
    certificate.write_text("no certificate any more")
    assert certificate_end(listeners[1].tls_certfile) is None
    days = samples(UpkeepMetrics(StoreTally(), {}, {"127.0.0.1:1": time.time() + 10 * DAY}))
    assert days["quintet_certificate_days", "127.0.0.1:1"] == pytest.approx(10, abs=0.01)


async def test_the_certificate_of_telephones_is_told_by_their_secure_addresses(
    tmp_path: Path,
) -> None:
    file = str(pem_file(tmp_path, "127.0.0.1"))
    sip = {
        "bind": ["udp:127.0.0.1:0", "tls:127.0.0.1:0"], "tls_certfile": file, "tls_keyfile": file,
    }  # fmt: skip
    settings = settings_of({"server": {"data_dir": str(tmp_path)}, "sip": sip})
    prepare_store(settings)
    async with open_services(CurrentSettings(settings)) as services:
        families = await MetricsLook(services, Overview(services.directory)).families()
        days = {
            sample.labels["listener"]: sample.value
            for family in families
            for sample in family.samples
            if sample.name == "quintet_certificate_days"
        }
    assert days == {"tls:127.0.0.1:0": pytest.approx(1, abs=0.01)}


def test_disks_are_those_of_folders_that_need_not_be_there_yet(tmp_path: Path) -> None:
    left = free_bytes({"data": tmp_path, "recordings": tmp_path / "not" / "yet"})
    assert left.keys() == {"data", "recordings"}
    assert all(count > 0 for count in left.values())
    shown = samples(UpkeepMetrics(StoreTally(), left, {}))
    assert shown["quintet_disk_free_bytes", "data"] == left["data"]


def test_reads_and_writes_are_counted_by_their_seconds() -> None:
    tally = StoreTally()
    for seconds in (0.0005, 0.02, 30.0):
        tally.add("writes", seconds)
    shown = samples(UpkeepMetrics(tally, {}, {}))
    assert shown["quintet_store_seconds_bucket", "writes", "0.001"] == 1
    assert shown["quintet_store_seconds_bucket", "writes", "0.025"] == 2
    assert shown["quintet_store_seconds_bucket", "writes", "+Inf"] == 3
    assert shown["quintet_store_seconds_sum", "writes"] == pytest.approx(30.0205)
    assert shown["quintet_store_seconds_count", "reads"] == 0
