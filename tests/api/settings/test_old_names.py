"""Keys that have moved are read under their former names, which is said once."""

from __future__ import annotations

from pathlib import Path

import pytest

from api.owt.settings import OwtSettings
from api.settings import ConfigError, Settings, load_settings
from api.settings.old_names import moved_keys, old_names_hints

OLD = """
[owt]
sessions_per_participant = 7
connect_seconds = 3.5
recordings_per_room = 2
"""
NAMED = {".".join(old): ".".join(new) for old, new in moved_keys().items()}


def load(folder: Path, text: str) -> Settings:
    file = folder / "config.toml"
    file.write_text(text)
    return load_settings(file)


def test_a_file_with_the_old_names_means_what_it_meant(tmp_path: Path) -> None:
    settings = load(tmp_path, OLD)
    assert (settings.streams.per_member, settings.streams.connect_seconds) == (7, 3.5)
    assert settings.recording.per_room == 2
    assert settings.old_names == NAMED
    [hint] = old_names_hints(settings.old_names)
    assert all(f"{old} is {new} now" in hint for old, new in NAMED.items())


def test_other_keys_of_the_sections_stay_as_they_are(tmp_path: Path) -> None:
    text = OLD + "left_seconds = 4.0\n[recording]\nmax_seconds = 60\n[streams]\n"
    settings = load(tmp_path, text)
    assert (settings.section(OwtSettings).left_seconds, settings.recording.max_seconds) == (4.0, 60)
    assert settings.recording.per_room == 2


def test_the_new_names_are_no_matter_for_a_warning(tmp_path: Path) -> None:
    text = "[streams]\nper_member = 7\nconnect_seconds = 3.5\n[recording]\nper_room = 2\n"
    settings = load(tmp_path, text)
    assert (settings.streams.per_member, settings.recording.per_room) == (7, 2)
    assert settings.old_names == {}
    assert list(old_names_hints(settings.old_names)) == []
    assert load_settings(None).old_names == {}


@pytest.mark.parametrize(
    ("text", "key", "message", "line"),
    [
        ("[owt]\nconnect_seconds = 0", "owt.connect_seconds", "must be greater than 0", 2),
        ("[owt]\nrecordings_per_room = []", "owt.recordings_per_room", "must be a valid", 2),
        (
            "[owt]\nconnect_seconds = 1\n[streams]\nconnect_seconds = 2",
            "owt.connect_seconds",
            "is the old name of streams.connect_seconds, which is set, too",
            2,
        ),
        ("streams = 3\n[owt]\nconnect_seconds = 1", "streams", "must be a table", 1),
        ("owt = 3", "owt", "must be a table", 1),
    ],
)
def test_what_is_wrong_is_told_under_the_name_in_the_file(
    tmp_path: Path, text: str, key: str, message: str, line: int
) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)
    problem = next(it for it in caught.value.problems if it.key == key)
    assert problem.message.startswith(message)
    assert problem.line == line
