"""`python scripts/metrics_page.py`: write the table of docs/metrics.md, as a server gives it."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path
from tempfile import TemporaryDirectory

import trio
from prometheus_client.core import Metric

from api.dialects import built
from api.operator.metrics.scrape import MetricsLook
from api.operator.overview.overview import Overview
from api.process.composition import CurrentSettings, open_services
from api.process.mounting import Dialects
from api.process.store import prepare_store
from api.settings import Settings, settings_of

PAGE = Path(__file__).parents[1] / "docs" / "metrics.md"
BEGIN, END = "<!-- made by scripts/metrics_page.py -->\n", "<!-- end -->\n"


def everything(data_dir: Path) -> Settings:
    """Return settings by which all there is is served, telephones too."""
    return settings_of(
        {
            "server": {"data_dir": str(data_dir)},
            "listeners": [{"bind": "127.0.0.1:0", "dialects": [each.name for each in built()]}],
            "sip": {"bind": ["udp:127.0.0.1:0"]},
        }
    )


async def families_of_a_server(data_dir: Path) -> list[Metric]:
    """Return the families of a server that has just been opened."""
    settings = everything(data_dir)
    async with open_services(CurrentSettings(settings)) as services:
        Dialects(settings.listeners[0].dialects, services).mounts(settings.listeners[0])
        return await MetricsLook(services, Overview(services.directory)).families()


def table(found: Iterable[Metric]) -> str:
    """Return the families as rows of Markdown."""
    rows = ["| metric | type | labels | what it is |", "|---|---|---|---|"]
    for family in sorted(found, key=lambda each: each.name):
        name = family.name + ("_total" if family.type == "counter" else "")
        labels = ", ".join(f"`{label}`" for label in getattr(family, "_labelnames", ()))
        rows.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |")
    return "\n".join(rows) + "\n"


def page_with(rows: str, page: str) -> str:
    """Return the page with another table."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise ValueError(f"{PAGE} has no place for the table")
    return before + begin + rows + end + after


def main() -> None:
    """Write the page anew."""
    with TemporaryDirectory() as folder:
        data_dir = Path(folder)
        prepare_store(everything(data_dir))
        rows = table(trio.run(families_of_a_server, data_dir))
    PAGE.write_text(page_with(rows, PAGE.read_text("utf-8")), "utf-8")


if __name__ == "__main__":
    sys.exit(main())
