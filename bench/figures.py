"""What a load program finds out, and the table of it."""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median

Figures = dict[str, float]
"""One run's figures by name; the name ends with the unit."""


def figures_of(latencies: array[float], seconds: float, cpu: float, thing: str) -> Figures:
    """Sum up a run over `seconds` that took the server `cpu` seconds."""
    ordered = sorted(latencies)
    count = len(ordered)
    if not count:
        raise RuntimeError("nothing was answered")
    return {
        f"{thing}/s": count / seconds,
        f"CPU µs/{thing}": cpu / count * 1e6,
        "p50 ms": ordered[count // 2] * 1e3,
        "p99 ms": ordered[count * 99 // 100] * 1e3,
    }


@dataclass(frozen=True)
class Row:
    """One figure of one work: Quintet's in every run, and its peer's in the same runs."""

    work: str
    figure: str
    quintet: list[float]
    peer: list[float]

    @property
    def ratio(self) -> float | None:
        """The median of Quintet's over the peer's, run by run."""
        pairs = zip(self.quintet, self.peer, strict=False)
        return median(one / other for one, other in pairs) if self.peer else None


def rows_of(work: str, quintet: list[Figures], peer: list[Figures]) -> list[Row]:
    """Collect the runs of one work, figure by figure."""
    return [
        Row(work, name, [run[name] for run in quintet], [run[name] for run in peer])
        for name in quintet[0]
    ]


def table(rows: list[Row], peer: str = "PeerServer") -> str:
    """Print medians, with the range of Quintet's runs, as a Markdown table."""
    lines = [("work", "figure", "Quintet", "range", peer, "ratio")]
    for row in rows:
        ratio = row.ratio
        lines.append(
            (
                row.work,
                row.figure,
                _number(median(row.quintet)),
                f"{_number(min(row.quintet))} – {_number(max(row.quintet))}",
                _number(median(row.peer)) if row.peer else "",
                "" if ratio is None else f"{ratio:.2f}",
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(6)]
    head, *rest = (_line(line, widths) for line in lines)
    return "\n".join([head, _line(["-" * width for width in widths], widths), *rest])


def _line(cells: Sequence[str], widths: list[int]) -> str:
    padded = (cell.ljust(width) for cell, width in zip(cells, widths, strict=True))
    return f"| {' | '.join(padded)} |"


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
