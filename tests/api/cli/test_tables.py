"""Tables for a terminal: aligned, cut to its width, and never moving its cursor."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.cli.tables import bit_rate, columns_of, cut, facts, lasting, share, size, table

FAMILY = "👨\u200d👩\u200d👧"


def test_columns_are_aligned_and_numbers_stand_to_the_right() -> None:
    assert table(("ROOM", "PEOPLE", "ID"), [("tea", "2", "x"), ("会議", "12", "y")]) == [
        "ROOM  PEOPLE  ID",
        "tea        2  x",
        "会議      12  y",
    ]
    assert facts([("rooms", "3"), ("config", "a\nb")]) == ["rooms   3", r"config  a\nb"]


def test_long_cells_are_cut_but_for_ids() -> None:
    lines = table(("ROOM", "ID"), [("a long name of a room", "i" * 30), ("b", "j")], 44)
    assert lines == ["ROOM          ID", f"a long name…  {'i' * 30}", "b             j"]
    assert table(("ROOM", "ID"), [("a" * 20, "i" * 90)], 30)[1] == f"aaaaaaa…  {'i' * 90}"


def test_escape_sequences_are_written_out_and_joiners_stay() -> None:
    (_, line) = table(("NAME", "ID"), [(f"\x1b[2J\u202e{FAMILY}", "\x9b1m")])
    assert line == rf"\x1b[2J\u202e{FAMILY}  \x9b1m"


def test_a_cut_counts_columns_of_the_terminal() -> None:
    assert cut("会議室の名前", 7) == "会議室…"
    assert columns_of("e\u0301") == 1


@given(st.lists(st.tuples(st.text(), st.text(), st.text(max_size=5))), st.integers(0, 100))
def test_any_text_makes_printable_lines_of_one_row_each(
    rows: list[tuple[str, str, str]], width: int
) -> None:
    lines = table(("A", "B", "C"), rows, width)
    assert len(lines) == len(rows) + 1
    assert all(line.replace("\u200c", "").replace("\u200d", "").isprintable() for line in lines)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (-3, "0s"), (59.9, "59s"), (60, "1m"), (3605, "1h"), (11_045, "3h 4m"),
     (86_400 * 3 + 7200, "3d 2h")],
)  # fmt: skip
def test_durations_have_two_units(seconds: float, text: str) -> None:
    assert lasting(seconds) == text


def test_figures_have_units() -> None:
    assert [bit_rate(each) for each in (0, 999, 64_000, 2_540_000)] == [
        "0 bit/s", "999 bit/s", "64 kbit/s", "2.5 Mbit/s",
    ]  # fmt: skip
    assert [size(each) for each in (0, 1023, 2048, 5 << 20, 3 << 30)] == [
        "0 B", "1023 B", "2 KiB", "5 MiB", "3.0 GiB",
    ]  # fmt: skip
    assert share(0.0123) == "1.2 %"
