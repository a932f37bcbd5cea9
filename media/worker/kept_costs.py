"""What codecs cost on this machine, kept in a file from one start of the server to the next.

They hold for a model of CPU and a version of the server. A file that cannot be read is none.
"""

from __future__ import annotations

import platform
from collections.abc import Mapping
from pathlib import Path

import msgspec

from media.worker.costs import plausible

CPU_INFO = Path("/proc/cpuinfo")
MOST_BYTES = 65_536


class KeptCosts(msgspec.Struct, frozen=True):
    """The content of the file, JSON."""

    cpu: str
    version: str
    costs: dict[str, float]


def read_costs(file: Path, cpu: str, version: str) -> Mapping[str, float]:
    """Return the costs that hold for this CPU and version; none where they are not kept."""
    try:
        with file.open("rb") as opened:
            kept = msgspec.json.decode(opened.read(MOST_BYTES), type=KeptCosts)
    except (OSError, msgspec.DecodeError):
        return {}
    fits = (kept.cpu, kept.version) == (cpu, version) and plausible(kept.costs)
    return kept.costs if fits else {}


def write_costs(file: Path, cpu: str, version: str, costs: Mapping[str, float]) -> None:
    """Keep costs, whole or not at all. Raises OSError."""
    rounded = {name: round(cost, 6) for name, cost in sorted(costs.items())}
    new = file.with_name(f"{file.name}.new")
    new.write_bytes(msgspec.json.format(msgspec.json.encode(KeptCosts(cpu, version, rounded))))
    new.replace(file)


def cpu_model() -> str:
    """Return the name of the CPU, as far as the system tells."""
    try:
        for line in CPU_INFO.read_text().splitlines():
            name, _, value = line.partition(":")
            if name.strip() in ("model name", "Model", "cpu model"):
                return value.strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()
