"""Whose a file is once it was replaced."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from api.process import private_files
from api.process.private_files import replace_private

ME, SERVICE, OTHER = (0, 0), (101, 102), (201, 202)


class Owners:
    """Owners of files that a test chooses, and those that were asked of the system."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, user: int, owners: dict[Path, object]):
        self.given: list[tuple[int, int]] = []
        self._owners = owners
        monkeypatch.setattr(os, "geteuid", lambda: user)
        monkeypatch.setattr(os, "fchown", lambda _, *owner: self.given.append(owner))
        monkeypatch.setattr(private_files, "owner_of", self.owner_of)

    def owner_of(self, path: Path) -> object:
        if path not in self._owners:
            raise FileNotFoundError
        return self._owners[path]


@pytest.mark.parametrize(
    ("folder", "before", "after"),
    [
        (SERVICE, None, SERVICE),
        (SERVICE, SERVICE, SERVICE),
        (SERVICE, ME, SERVICE),  # that root took away once
        (ME, SERVICE, SERVICE),  # a volume that is root's, as containers have them
        (ME, None, ME),
    ],
)
def test_what_root_writes_belongs_to_the_service(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    folder: tuple[int, int],
    before: tuple[int, int] | None,
    after: tuple[int, int],
) -> None:
    file = tmp_path / "secrets.toml"
    known: dict[Path, object] = {tmp_path: folder} | ({file: before} if before else {})
    owners = Owners(monkeypatch, 0, known)
    replace_private(file, "x")
    assert owners.given == [after]
    assert file.read_text() == "x"


def test_who_is_not_root_takes_nothing_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "secrets.toml"
    file.write_text("theirs")
    owners = Owners(monkeypatch, OTHER[0], {tmp_path: SERVICE, file: SERVICE})
    with pytest.raises(PermissionError):
        replace_private(file, "mine")
    assert (file.read_text(), owners.given) == ("theirs", [])
    Owners(monkeypatch, SERVICE[0], {tmp_path: ME, file: SERVICE})
    replace_private(file, "own")
    assert file.read_text() == "own"
