"""What codecs cost on this machine: as the file has it, or as the first process finds out."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import structlog
import trio

from media.contract.errors import MediaError
from media.worker.costs import plausible
from media.worker.kept_costs import cpu_model, read_costs, write_costs
from media.worker.pool import ProcessPool

log = structlog.get_logger("media.jobs")


async def measured_costs(pool: ProcessPool, file: Path | None, version: str) -> Mapping[str, float]:
    """Return what the file has for this CPU and version, else measure and keep it there.

    Where that gives nothing that can be, it is logged, and nothing is returned.
    """
    cpu = await trio.to_thread.run_sync(cpu_model)
    costs: dict[str, float] = {}
    if file is not None:
        costs = dict(await trio.to_thread.run_sync(read_costs, file, cpu, version))
    if costs:
        return costs
    try:
        costs = dict(await pool.measure())
    except MediaError:
        costs = {}
    if not plausible(costs):
        log.warning("jobs.not_measured")
        return {}
    rounded = {name: round(cost, 4) for name, cost in costs.items()}
    log.info("jobs.measured", encoder=pool.encoder, **rounded)
    if file is not None:
        save: Callable[[], None] = partial(write_costs, file, cpu, version, costs)
        try:
            await trio.to_thread.run_sync(save)
        except OSError as error:
            log.warning("jobs.not_kept", errno=error.errno)
    return costs
