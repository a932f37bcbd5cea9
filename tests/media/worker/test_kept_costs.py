"""Measured costs are kept for a CPU and a version, and a broken file is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from media.worker.kept_costs import cpu_model, read_costs, write_costs


def test_costs_are_kept_for_a_cpu_and_a_version(tmp_path: Path):
    file = tmp_path / "jobs.json"
    write_costs(file, "a cpu", "1", {"scale": 0.25})
    assert read_costs(file, "a cpu", "1") == {"scale": 0.25}
    assert read_costs(file, "another", "1") == {}
    assert read_costs(file, "a cpu", "2") == {}
    assert [it.name for it in tmp_path.iterdir()] == ["jobs.json"]


@pytest.mark.parametrize(
    "text",
    ["", "{", "[]", '{"cpu": "a cpu", "version": "1", "costs": {"scale": -1}}', "x" * 100_000],
)
def test_a_file_that_makes_no_sense_is_none(tmp_path: Path, text: str):
    file = tmp_path / "jobs.json"
    file.write_text(text)
    assert read_costs(file, "a cpu", "1") == {}


def test_a_cpu_has_a_name():
    assert cpu_model()
