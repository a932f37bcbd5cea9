"""docs/metrics.md has every metric there is; its alerts and the dashboard ask for no other."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.core import Metric

from api.operator.settings import OperatorSettings
from scripts.metrics_page import PAGE, everything, families_of_a_server, page_with, table

TEXT = PAGE.read_text("utf-8")
ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| ([^|]+) \|$", re.MULTILINE)
SAMPLE = re.compile(r"\b(?:quintet|process)_\w+")
ALERT = re.compile(r"^ +expr: (?:>\n)?((?:.+\n)+?)(?= +(?:for|- alert)|```)", re.MULTILINE)
BY = re.compile(r"\bby \(([^)]*)\)|\{([^}]*)\}")
LABELS = {label for row in re.findall(r"^\| (`.+?) \|", TEXT, re.MULTILINE)
          for label in re.findall(r"`(\w+)`", row)}  # fmt: skip
WITHOUT_BOUND = {"id"}
DASHBOARD = json.loads((PAGE.parent / "grafana.json").read_text("utf-8"))


@pytest.fixture
async def found(tmp_path: Path) -> list[Metric]:
    return await families_of_a_server(tmp_path)


def samples_of_the_page() -> dict[str, set[str]]:
    """Return the names of all samples, with their labels."""
    samples: dict[str, set[str]] = {}
    for name, kind, labels, _ in ROW.findall(TEXT):
        of_the_row = set(re.findall(r"`(\w+)`", labels))
        if kind != "histogram":
            samples[name] = of_the_row
            continue
        samples[f"{name}_bucket"] = of_the_row | {"le"}
        samples[f"{name}_count"] = samples[f"{name}_sum"] = of_the_row
    return samples


async def test_the_table_is_that_of_the_code(found: list[Metric]) -> None:
    """`python scripts/metrics_page.py` writes it anew."""
    assert page_with(table(found), TEXT) == TEXT


async def test_every_metric_says_what_it_is_and_has_labels_with_an_end(
    found: list[Metric],
) -> None:
    assert len({family.name for family in found}) == len(found)
    for family in found:
        assert len(family.documentation) > 6, family.name
        labels = set(getattr(family, "_labelnames", ()))
        assert labels <= LABELS, family.name
        of_streams = family.name.startswith(("quintet_media_source_", "quintet_media_leg_"))
        assert bool(labels & WITHOUT_BOUND) == of_streams, family.name


def test_single_streams_are_measured_only_where_that_is_wanted(tmp_path: Path) -> None:
    assert not everything(tmp_path).section(OperatorSettings).stream_metrics


def expressions() -> list[str]:
    """Return what the alerts and the dashboard ask Prometheus for."""
    alerts = ALERT.findall(TEXT)
    panels: list[dict[str, Any]] = DASHBOARD["panels"]
    return alerts + [target["expr"] for panel in panels for target in panel["targets"]]


@pytest.mark.parametrize("expression", expressions())
def test_alerts_and_the_dashboard_ask_for_what_there_is(expression: str) -> None:
    samples = samples_of_the_page()
    named = set(SAMPLE.findall(expression))
    assert named
    assert named <= samples.keys()
    labels = set.intersection(*(samples[name] for name in named))
    for grouped, chosen in BY.findall(expression):
        asked = re.findall(r"\w+(?=\s*=)", chosen) or re.findall(r"\w+", grouped)
        assert set(asked) <= labels | {"job"}, expression


def test_there_are_as_many_expressions_as_alerts_and_targets() -> None:
    assert len(expressions()) == TEXT.count("- alert:") + json.dumps(DASHBOARD).count('"expr"')
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
