"""Tables and figures for people at a terminal. Pure.

Names come from strangers: what could move a cursor is written out, never sent.
"""

from __future__ import annotations

from collections.abc import Sequence
from unicodedata import combining, east_asian_width

_NARROWEST = 8  # columns that a cut cell keeps
_JOINERS = "\u200c\u200d"  # inside words of some scripts, and between emoji
_GAP = "  "


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], width: int = 0) -> list[str]:
    """Return the lines of a table, its titles first; the columns of numbers are to the right.

    Where the lines would be longer than `width` (0: never), the longest cells are cut; those of the
    last column never, for ids stand there.
    """
    texts = [[printed(cell) for cell in row] for row in (titles, *rows)]
    columns = list(zip(*texts, strict=True))
    widths = [max(map(columns_of, column)) for column in columns]
    while width and sum(widths) + len(_GAP) * (len(widths) - 1) > width:
        widest = max(range(len(widths) - 1), key=widths.__getitem__, default=-1)
        if widest < 0 or widths[widest] <= _NARROWEST:
            break
        widths[widest] -= 1
    right = [all(map(_is_number, column[1:])) and len(column) > 1 for column in columns]
    return [
        _GAP.join(
            _padded(cut(cell, room), room, to_right=to_right) if at < len(row) - 1 else cell
            for at, (cell, room, to_right) in enumerate(zip(row, widths, right, strict=True))
        ).rstrip()
        for row in texts
    ]


def facts(pairs: Sequence[tuple[str, str]]) -> list[str]:
    """Return a line for each name and value."""
    width = max((columns_of(name) for name, _ in pairs), default=0)
    return [f"{_padded(name, width)}{_GAP}{printed(value)}".rstrip() for name, value in pairs]


def printed(text: str) -> str:
    """Write out what is not printable, but for joiners."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or char in _JOINERS else char.encode("unicode_escape").decode()
        for char in text
    )


def columns_of(text: str) -> int:
    """Return how many columns of a terminal a text takes."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def cut(text: str, width: int) -> str:
    """Shorten a text to so many columns; an ellipsis shows that."""
    if columns_of(text) <= width:
        return text
    kept, left = "", width - 1
    for char in text:
        left -= _columns(char)
        if left < 0:
            break
        kept += char
    return kept.rstrip(_JOINERS) + "…"


def lasting(seconds: float) -> str:
    """Return a duration in its two largest units, such as "3h 4m"."""
    left, parts = max(0, int(seconds)), list[tuple[int, str]]()
    for unit, length in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        number, left = divmod(left, length)
        if number or parts:
            parts.append((number, unit))
    return " ".join(f"{number}{unit}" for number, unit in parts[:2] if number) or "0s"


def bit_rate(bits: float) -> str:
    """Return a rate in bits per second."""
    if bits < 1000:
        return f"{bits:.0f} bit/s"
    if bits < 1_000_000:
        return f"{bits / 1000:.0f} kbit/s"
    return f"{bits / 1_000_000:.1f} Mbit/s"


def share(fraction: float) -> str:
    """Return a part of a whole in percent."""
    return f"{fraction * 100:.1f} %"


def milliseconds(seconds: float) -> str:
    """Return a short time."""
    return f"{seconds * 1000:.0f} ms"


def size(count: float) -> str:
    """Return a number of bytes."""
    for unit in ("B", "KiB", "MiB"):
        if count < 1024:
            return f"{count:.0f} {unit}"
        count /= 1024
    return f"{count:.1f} GiB"


def _padded(text: str, width: int, *, to_right: bool = False) -> str:
    space = " " * (width - columns_of(text))
    return space + text if to_right else text + space


def _columns(char: str) -> int:
    if combining(char) or char in _JOINERS or "\ufe00" <= char <= "\ufe0f":
        return 0
    return 2 if east_asian_width(char) in "WF" else 1


def _is_number(text: str) -> bool:
    return not text or text.replace(".", "", 1).isdigit()
