"""How many cores there are: bound to, or by the quota of a control group, whichever is less."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from media.worker import cores
from media.worker.cores import group_paths, quota_v1, quota_v2, usable_cores


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("200000 100000\n", 2.0),
        ("50000 100000", 0.5),
        ("max 100000\n", None),
        ("150000", 1.5),
        ("", None),
        ("0 100000", None),
        ("1 0", None),
        ("nonsense here", None),
    ],
)
def test_a_quota_of_version_2(text: str, found: float | None):
    assert quota_v2(text) == found


@pytest.mark.parametrize(
    ("quota", "period", "found"),
    [("150000\n", "100000\n", 1.5), ("-1", "100000", None), ("", "", None)],
)
def test_a_quota_of_version_1(quota: str, period: str, found: float | None):
    assert quota_v1(quota, period) == found


def test_our_groups():
    text = "12:cpu,cpuacct:/a/b\n1:name=systemd:/c\n0::/d/e\nnonsense\n"
    paths = group_paths(text)
    assert (paths["cpu"], paths[""]) == ("/a/b", "/d/e")


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("cpu.max", "30000 100000"),
        ("one/cpu.max", "30000 100000"),
        ("one/two/cpu.max", "30000 100000"),
    ],
)
def test_the_least_quota_counts_of_our_group_and_those_above(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, file: str, text: str
):
    inner = tmp_path / "groups" / "one" / "two"
    inner.mkdir(parents=True)
    (tmp_path / "groups" / file).write_text(text)
    own = tmp_path / "own"
    own.write_text("0::/one/two\n")
    monkeypatch.setattr(cores, "GROUPS", tmp_path / "groups")
    monkeypatch.setattr(cores, "OWN_GROUP", own)
    assert usable_cores() == pytest.approx(0.3)


def test_without_quotas_it_is_what_we_are_bound_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(cores, "GROUPS", tmp_path / "none")
    monkeypatch.setattr(cores, "OWN_GROUP", tmp_path / "none")
    assert usable_cores() == len(os.sched_getaffinity(0))
