"""What a dialect is to the server: one `Dialect`, made in the `dialect.py` of its folder.

Every command loads that file, for the dialect's section of the settings. So it imports neither a
web framework nor actors; `open` imports what needs them, and so do the commands when they run.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from pathlib import Path

    from actors.store.messages import Document
    from api.http.mounts import DialectOpener
    from api.process.secret_store import Secrets
    from api.settings import Settings
    from api.settings.fields import Section
    from api.settings.findings import Found

    Keeping = Callable[[Iterable[Document]], None]
    MovingIn = Callable[[Path, Keeping], None]


def _no_options(_parser: ArgumentParser) -> None:
    """Leave a command without options of its own."""


def _no_problems(_settings: Settings) -> Found:
    return iter(())


def _no_hints(_settings: Settings) -> Iterator[str]:
    return iter(())


def _no_secrets(_settings: Settings, _store: Secrets) -> Mapping[str, str]:
    return {}


def _nothing_to_move(_data_dir: Path, _keep: Keeping) -> None:
    """Have kept nothing elsewhere, in any version."""


@dataclass(frozen=True, slots=True)
class DialectCommand:
    """A command of `quintet`.

    `run(settings, options)` returns the exit code; the first line of its docstring is the help.
    One that does not need the configuration (`reads_config` false) is given the defaults, and works
    while the file is wrong.
    """

    name: str
    run: Callable[[Settings, Namespace], int]
    add_options: Callable[[ArgumentParser], None] = _no_options
    reads_config: bool = True


@dataclass(frozen=True, slots=True)
class SecretsOption:
    """A flag of `quintet secrets`, such as "--rotate-key", that does something else than list them.

    `run(settings)` returns the exit code.
    """

    flag: str
    help: str
    run: Callable[[Settings], int]


@dataclass(frozen=True, slots=True)
class RoomNames:
    """How people call the rooms of a realm, and how the server does.

    `full(settings, name)` returns the server's name for one of theirs; it raises ValueError, in
    words for the operator, for one that no room can have. `shown(full)` returns theirs.
    """

    realm: str
    full: Callable[[Settings, str], str]
    shown: Callable[[str], str] = str


@dataclass(frozen=True, slots=True)
class Dialect:
    """One published API that the server speaks.

    `name` is also that of its section in the configuration file, whose keys `section` declares; a
    running server takes over those that `reloadable` names. `problems` are found in settings of all
    sections; a look at a single value that is wrong ends it, by Unknown. `hints` are warnings of
    `quintet check-config`.
    `secrets` returns the dialect's secrets in use, by name, and generates those that are missing.
    `prefixes` are of the paths that it serves on every listener, whatever is configured (a prefix
    ends at a path segment), and `base_key` is the key of its section that says below which path it
    stands as the root of a listener, "" where it has none.
    `moved_keys` are old names of keys in its section, which are still read: the section and key
    that each is now. `move_in` is called before a start: it hands what a former version kept in
    files of `data_dir` to the store, by the function it is given, and renames the files; it may be
    killed, and is then called again. `open` starts the dialect, once per process.
    Only where some dialect `needs_media` does the server carry media, else `services.media` refuses
    all; only where one `needs_store` is there a store, and `move_in` of any is called. Where
    it has `room_names`, the operator may close rooms by them that nobody is in.
    """

    name: str
    open: DialectOpener
    section: type[Section]
    prefixes: tuple[str, ...] = ()
    base_key: str = ""
    needs_media: bool = False
    needs_store: bool = False
    reloadable: tuple[str, ...] = ()
    problems: Callable[[Settings], Found] = _no_problems
    hints: Callable[[Settings], Iterator[str]] = _no_hints
    secrets: Callable[[Settings, Secrets], Mapping[str, str]] = _no_secrets
    secrets_options: tuple[SecretsOption, ...] = ()
    commands: tuple[DialectCommand, ...] = ()
    move_in: MovingIn = _nothing_to_move
    room_names: RoomNames | None = None
    moved_keys: Mapping[str, tuple[str, str]] = field(default_factory=dict, hash=False)
