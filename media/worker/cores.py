"""How many cores this process may use: what it is bound to, and what its control group allows."""

from __future__ import annotations

import os
from pathlib import Path

GROUPS = Path("/sys/fs/cgroup")
OWN_GROUP = Path("/proc/self/cgroup")


def usable_cores() -> float:
    """Return the cores; not whole ones where a quota says so. Reads a few small files."""
    bound = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    try:
        groups = OWN_GROUP.read_text()
    except OSError:
        groups = ""
    return min([float(bound or 1), *(_quotas(groups, GROUPS))])


def quota_v2(text: str) -> float | None:
    """Read `cpu.max`, "200000 100000"; None for no quota, or what cannot be read."""
    quota, _, period = text.strip().partition(" ")
    return _cores(quota, period or "100000")


def quota_v1(quota: str, period: str) -> float | None:
    """Read `cpu.cfs_quota_us` and `cpu.cfs_period_us`; a quota of -1 is none."""
    return _cores(quota.strip(), period.strip())


def group_paths(text: str) -> dict[str, str]:
    """Read `/proc/self/cgroup`: the path of our group by controller, "" for those of version 2."""
    paths: dict[str, str] = {}
    for line in text.splitlines():
        _, _, rest = line.partition(":")
        controllers, found, path = rest.partition(":")
        if found:
            paths |= dict.fromkeys(controllers.split(","), path)
    return paths


def _quotas(groups: str, root: Path) -> list[float]:
    """Return the quotas of our group and those above it."""
    paths = group_paths(groups)
    found = []
    for folder in _upwards(root, paths.get("", "/")):
        found.append(quota_v2(_text(folder / "cpu.max")))
    for folder in _upwards(root / "cpu", paths.get("cpu", "/")):
        quota, period = (_text(folder / f"cpu.cfs_{it}_us") for it in ("quota", "period"))
        found.append(quota_v1(quota, period))
    return [quota for quota in found if quota is not None]


def _upwards(root: Path, path: str) -> list[Path]:
    inner = root.joinpath(*Path(path).parts[1:])
    return [it for it in (inner, *inner.parents) if it == root or root in it.parents]


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:
        return ""


def _cores(quota: str, period: str) -> float | None:
    try:
        cores = int(quota) / int(period)
    except (ValueError, ZeroDivisionError):
        return None
    return cores if cores > 0 else None
