"""The whole configuration as one immutable value."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, TypeVar, cast

from pydantic import PrivateAttr, create_model

from api.dialects import built
from api.settings.changes import Changes, changes, merged
from api.settings.fields import DEFAULTS, Many, Section
from api.settings.sections import (
    EMBEDDED_LISTENERS,
    IceSettings,
    JobSettings,
    LimitSettings,
    ListenerSettings,
    LogSettings,
    RecordingSettings,
    ServerSettings,
    SipSettings,
    StoreSettings,
    StreamingSettings,
    StreamSettings,
)

if TYPE_CHECKING:
    from api.dialect import Dialect

DialectSection = TypeVar("DialectSection", bound=Section)


class Settings(Section, defer_build=True):
    """Every section; `settings_of` makes one, of a class that has the dialects' sections as well.

    Those are had by their class: `settings.section(SomeSettings)`.
    """

    _names: ClassVar[dict[type[Section], str]] = {}  # of the sections of dialects

    server: ServerSettings = DEFAULTS
    listeners: Many[ListenerSettings] = EMBEDDED_LISTENERS
    log: LogSettings = DEFAULTS
    store: StoreSettings = DEFAULTS
    limits: LimitSettings = DEFAULTS
    ice: IceSettings = DEFAULTS
    streams: StreamSettings = DEFAULTS
    recording: RecordingSettings = DEFAULTS
    jobs: JobSettings = DEFAULTS
    streaming: StreamingSettings = DEFAULTS
    sip: SipSettings = DEFAULTS

    _file: Path | None = PrivateAttr(default=None)
    _old_names: dict[str, str] = PrivateAttr(default_factory=dict)

    @property
    def file(self) -> Path | None:
        """The file these settings were read from; None for the embedded defaults."""
        return self._file

    @property
    def old_names(self) -> dict[str, str]:
        """The old names that the file has for keys, and what those are called now."""
        return self._old_names

    def section(self, kind: type[DialectSection]) -> DialectSection:
        """Return the section of a dialect, by its class."""
        return cast("DialectSection", getattr(self, self._names[kind]))

    def reloadable_diff(self, new: Settings) -> Changes:
        """Say which keys differ in `new`, and whether a running server can take them over."""
        return changes(self, new)

    def with_reloadable(self, new: Settings) -> Settings:
        """Return these settings with those of `new` that a running server can take over."""
        return merged(self, new)


def settings_model() -> type[Settings]:
    """Return the model of the whole file: the sections above and those of the built dialects."""
    return _with_dialects(built())


@cache
def _with_dialects(dialects: tuple[Dialect, ...]) -> type[Settings]:
    sections: dict[str, Any] = {each.name: (each.section, DEFAULTS) for each in dialects}
    model = create_model("Settings", __base__=Settings, **sections)
    model._names = {each.section: each.name for each in dialects}
    return model
